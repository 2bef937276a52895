//! SQL of uploads.

use crate::error::Result;
use takt_core::{AccountId, Timestamp, UploadId, VideoId};
use takt_store::{Args, Db, Tx, args, in_list, record};

record! {
    /// An upload; how much of it has arrived is told by its file.
    pub(super) struct UploadRow {
        pub(super) id: UploadId,
        pub(super) account_id: AccountId,
        pub(super) bytes_total: u64,
        pub(super) metadata: String,
        pub(super) expires_ms: Timestamp,
        pub(super) video_id: Option<VideoId>,
    }
}

record! {
    /// An upload past its time, and what became of its video.
    pub(super) struct ExpiredRow {
        pub(super) id: UploadId,
        pub(super) video_id: Option<VideoId>,
        pub(super) video_status: Option<String>,
    }
}

/// What is known when an upload begins.
pub(super) struct NewUpload<'a> {
    pub(super) id: UploadId,
    pub(super) account: AccountId,
    pub(super) bytes_total: u64,
    pub(super) metadata: &'a str,
    pub(super) now: Timestamp,
    pub(super) expires: Timestamp,
}

pub(super) async fn insert(db: &Db, new: NewUpload<'_>) -> Result<()> {
    let sql = "INSERT INTO upload (id, account_id, bytes_total, metadata, created_ms, expires_ms) \
               VALUES ($1, $2, $3, $4, $5, $6)";
    let bytes_total = i64::try_from(new.bytes_total).unwrap_or(i64::MAX);
    db.exec(sql, args![new.id, new.account, bytes_total, new.metadata, new.now, new.expires]).await?;
    Ok(())
}

pub(super) async fn count_open(db: &Db, account: AccountId, now: Timestamp) -> Result<u64> {
    let sql = "SELECT COUNT(*) FROM upload u WHERE u.account_id = $1 AND u.video_id IS NULL AND u.expires_ms > $2 \
               AND NOT EXISTS (SELECT 1 FROM edit_upload e WHERE e.upload_id = u.id)";
    let row: (u64,) = db.one(sql, args![account, now]).await?;
    Ok(row.0)
}

pub(super) async fn by_id(db: &Db, upload: UploadId) -> Result<Option<UploadRow>> {
    let sql = "SELECT id, account_id, bytes_total, metadata, expires_ms, video_id FROM upload WHERE id = $1";
    Ok(db.opt(sql, args![upload]).await?)
}

/// Marks the upload as used; false when another request was first.
pub(super) async fn mark_used(tx: &mut Tx, upload: UploadId, video: VideoId) -> Result<bool> {
    let sql = "UPDATE upload SET video_id = $2 WHERE id = $1 AND video_id IS NULL \
               AND NOT EXISTS (SELECT 1 FROM edit_upload e WHERE e.upload_id = $1)";
    Ok(tx.exec(sql, args![upload, video]).await? == 1)
}

/// A file that the server made, as if it had been uploaded: for a video, or for edits to name.
pub(super) async fn insert_made(tx: &mut Tx, new: NewUpload<'_>, video: Option<VideoId>) -> Result<()> {
    let sql = "INSERT INTO upload (id, account_id, bytes_total, metadata, created_ms, expires_ms, video_id) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let bytes_total = i64::try_from(new.bytes_total).unwrap_or(i64::MAX);
    tx.exec(sql, args![new.id, new.account, bytes_total, new.metadata, new.now, new.expires, video]).await?;
    Ok(())
}

/// An edit names the upload.
pub(super) async fn is_named(db: &Db, upload: UploadId) -> Result<bool> {
    let row: (i64,) = db.one("SELECT COUNT(*) FROM edit_upload WHERE upload_id = $1", args![upload]).await?;
    Ok(row.0 > 0)
}

pub(super) async fn delete(db: &Db, upload: UploadId) -> Result<()> {
    db.exec("DELETE FROM upload WHERE id = $1", args![upload]).await?;
    Ok(())
}

/// Removes the row unless a video was made of it meanwhile or an edit names it; says whether it did.
pub(super) async fn delete_unused(db: &Db, upload: UploadId) -> Result<bool> {
    let sql = "DELETE FROM upload WHERE id = $1 AND video_id IS NULL \
               AND NOT EXISTS (SELECT 1 FROM edit_upload e WHERE e.upload_id = $1)";
    Ok(db.exec(sql, args![upload]).await? == 1)
}

pub(super) async fn ids_of(db: &Db, account: AccountId) -> Result<Vec<UploadId>> {
    let rows: Vec<(UploadId,)> =
        db.all("SELECT id FROM upload WHERE account_id = $1", args![account]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// The uploads a video was made of: one, or none once it was purged.
pub(super) async fn ids_of_video(db: &Db, account: AccountId, video: VideoId) -> Result<Vec<UploadId>> {
    let sql = "SELECT id FROM upload WHERE account_id = $1 AND video_id = $2";
    let rows: Vec<(UploadId,)> = db.all(sql, args![account, video]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Uploads past their time that no edit names, in order of id from `after` on.
pub(super) async fn expired(db: &Db, now: Timestamp, after: UploadId, limit: i64) -> Result<Vec<ExpiredRow>> {
    let sql = "SELECT u.id AS id, u.video_id AS video_id, v.status AS video_status \
               FROM upload u LEFT JOIN video v ON v.id = u.video_id \
               WHERE u.expires_ms <= $1 AND u.id > $2 \
               AND NOT EXISTS (SELECT 1 FROM edit_upload e WHERE e.upload_id = u.id) ORDER BY u.id LIMIT $3";
    Ok(db.scan(sql, args![now, after, limit]).await?)
}

/// Those of `uploads` that have a row.
pub(super) async fn known(db: &Db, uploads: &[UploadId]) -> Result<Vec<UploadId>> {
    let sql = format!("SELECT id FROM upload WHERE id IN ({})", in_list(1, uploads.len()));
    let rows: Vec<(UploadId,)> = db.scan_dyn(sql, uploads.iter().copied().collect::<Args>()).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
