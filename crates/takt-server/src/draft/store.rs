//! SQL of drafts and of the edit lists of videos.

use crate::error::Result;
use takt_core::{AccountId, DraftId, JobId, Timestamp, UploadId, VideoId};
use takt_store::{Db, Tx, Value, args, record};

record! {
    /// A draft.
    pub struct DraftRow {
        pub id: DraftId,
        pub title: String,
        pub edit: serde_json::Value,
        pub revision: i64,
        pub created_ms: Timestamp,
        pub updated_ms: Timestamp,
        pub video_id: Option<VideoId>,
        pub edit_of: Option<VideoId>,
        /// The poster that video had when this began.
        pub poster_ms: Option<u32>,
    }

    /// A new edit that is to replace what a video plays.
    pub struct ReplacementRow {
        pub job_id: JobId,
        pub draft_id: DraftId,
        pub revision: i64,
        pub title: String,
        pub edit: serde_json::Value,
        pub stage: String,
        pub percent: u32,
        /// The poster the video had when an edit with another was wished for; none where it is to stay.
        pub poster_ms: Option<u32>,
        pub failure_code: Option<String>,
        pub failure_message: Option<String>,
    }

    /// What a video was made of.
    pub struct EditRow {
        pub account_id: AccountId,
        pub title: String,
        pub edit: serde_json::Value,
    }
}

/// Whose edit list names uploads.
#[derive(Debug, Clone, Copy)]
pub enum Owner {
    Draft(DraftId),
    Video(VideoId),
}

impl From<Owner> for Value {
    fn from(owner: Owner) -> Self {
        match owner {
            Owner::Draft(draft) => draft.into(),
            Owner::Video(video) => video.into(),
        }
    }
}

/// What a draft is to be.
pub struct Update<'a> {
    pub title: &'a str,
    pub edit: &'a serde_json::Value,
    /// The revision it must still have.
    pub revision: i64,
    pub now: Timestamp,
}

pub async fn insert(tx: &mut Tx, account: AccountId, row: &DraftRow) -> Result<()> {
    let sql = "INSERT INTO draft (id, account_id, title, edit, revision, created_ms, updated_ms, edit_of, \
                                  poster_ms) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let edit = row.edit.clone();
    let args = args![
        row.id,
        account,
        row.title.as_str(),
        edit,
        row.revision,
        row.created_ms,
        row.updated_ms,
        row.edit_of,
        row.poster_ms,
    ];
    tx.exec(sql, args).await?;
    Ok(())
}

pub async fn count(tx: &mut Tx, account: AccountId) -> Result<u64> {
    let row: (u64,) = tx.one("SELECT COUNT(*) FROM draft WHERE account_id = $1", args![account]).await?;
    Ok(row.0)
}

pub async fn by_id(db: &Db, account: AccountId, draft: DraftId) -> Result<Option<DraftRow>> {
    let sql = "SELECT id, title, edit, revision, created_ms, updated_ms, video_id, edit_of, poster_ms \
               FROM draft \
               WHERE id = $1 AND account_id = $2";
    Ok(db.opt(sql, args![draft, account]).await?)
}

/// Those that are not published: without a video, or with one that failed or is gone.
pub async fn list(db: &Db, account: AccountId) -> Result<Vec<DraftRow>> {
    let sql = "SELECT d.id AS id, d.title AS title, d.edit AS edit, d.revision AS revision, \
                      d.created_ms AS created_ms, d.updated_ms AS updated_ms, d.video_id AS video_id, d.edit_of AS edit_of, \
                      d.poster_ms AS poster_ms \
               FROM draft d LEFT JOIN video v ON v.id = d.video_id \
               WHERE d.account_id = $1 AND (v.id IS NULL OR v.status = 'failed') \
               ORDER BY d.updated_ms DESC, d.id DESC";
    Ok(db.all(sql, args![account]).await?)
}

pub async fn ids_of(db: &Db, account: AccountId) -> Result<Vec<DraftId>> {
    let rows: Vec<(DraftId,)> = db.all("SELECT id FROM draft WHERE account_id = $1", args![account]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Changes the draft unless it has another revision by now; says whether it did. It is then not published.
pub async fn update(tx: &mut Tx, account: AccountId, draft: DraftId, to: &Update<'_>) -> Result<bool> {
    let sql = "UPDATE draft SET title = $4, edit = $5, revision = revision + 1, updated_ms = $6, video_id = NULL \
               WHERE id = $1 AND account_id = $2 AND revision = $3";
    let args = args![draft, account, to.revision, to.title, to.edit.clone(), to.now];
    Ok(tx.exec(sql, args).await? == 1)
}

pub async fn delete(tx: &mut Tx, account: AccountId, draft: DraftId) -> Result<bool> {
    Ok(tx.exec("DELETE FROM draft WHERE id = $1 AND account_id = $2", args![draft, account]).await? == 1)
}

pub async fn delete_published(tx: &mut Tx, draft: DraftId) -> Result<()> {
    tx.exec("DELETE FROM draft WHERE id = $1", args![draft]).await?;
    Ok(())
}

pub async fn set_video(tx: &mut Tx, draft: DraftId, video: VideoId) -> Result<()> {
    tx.exec("UPDATE draft SET video_id = $2 WHERE id = $1", args![draft, video]).await?;
    Ok(())
}

pub async fn of_video(tx: &mut Tx, video: VideoId) -> Result<Vec<DraftId>> {
    let rows: Vec<(DraftId,)> = tx.all("SELECT id FROM draft WHERE video_id = $1", args![video]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Says which uploads a draft or a video names, and no others.
pub async fn name_uploads(tx: &mut Tx, owner: Owner, uploads: &[UploadId]) -> Result<()> {
    tx.exec("DELETE FROM edit_upload WHERE owner_id = $1", args![owner]).await?;
    for upload in uploads {
        let sql = "INSERT INTO edit_upload (owner_id, upload_id) VALUES ($1, $2)";
        tx.exec(sql, args![owner, *upload]).await?;
    }
    Ok(())
}

pub async fn named_uploads(tx: &mut Tx, owner: Owner) -> Result<Vec<UploadId>> {
    let rows: Vec<(UploadId,)> =
        tx.all("SELECT upload_id FROM edit_upload WHERE owner_id = $1", args![owner]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

pub async fn insert_edit(tx: &mut Tx, video: VideoId, row: &EditRow) -> Result<()> {
    let sql = "INSERT INTO video_edit (video_id, account_id, title, edit) VALUES ($1, $2, $3, $4)";
    tx.exec(sql, args![video, row.account_id, row.title.as_str(), row.edit.clone()]).await?;
    Ok(())
}

pub async fn edit_of(db: &Db, video: VideoId) -> Result<Option<EditRow>> {
    let sql = "SELECT account_id, title, edit FROM video_edit WHERE video_id = $1";
    Ok(db.opt(sql, args![video]).await?)
}

pub async fn edit_in(tx: &mut Tx, video: VideoId) -> Result<Option<EditRow>> {
    let sql = "SELECT account_id, title, edit FROM video_edit WHERE video_id = $1";
    Ok(tx.opt(sql, args![video]).await?)
}

pub async fn set_edit(tx: &mut Tx, video: VideoId, edit: &serde_json::Value) -> Result<()> {
    tx.exec("UPDATE video_edit SET edit = $2 WHERE video_id = $1", args![video, edit.clone()]).await?;
    Ok(())
}

/// As [`insert_edit`], unless the video has a list by now; says whether it had none.
pub async fn begin_edit(tx: &mut Tx, video: VideoId, row: &EditRow) -> Result<bool> {
    let sql = "INSERT INTO video_edit (video_id, account_id, title, edit) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (video_id) DO NOTHING";
    Ok(tx.exec(sql, args![video, row.account_id, row.title.as_str(), row.edit.clone()]).await? == 1)
}

/// The video is made of this list from now on, of whatever it was made before.
pub async fn put_edit(tx: &mut Tx, video: VideoId, row: &EditRow) -> Result<()> {
    let sql = "INSERT INTO video_edit (video_id, account_id, title, edit) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (video_id) DO UPDATE SET title = excluded.title, edit = excluded.edit";
    tx.exec(sql, args![video, row.account_id, row.title.as_str(), row.edit.clone()]).await?;
    Ok(())
}

const REPLACEMENT: &str = "SELECT job_id, draft_id, revision, title, edit, stage, percent, poster_ms, \
    failure_code, failure_message FROM video_replacement WHERE video_id = $1";

pub async fn replacement(db: &Db, video: VideoId) -> Result<Option<ReplacementRow>> {
    Ok(db.opt(REPLACEMENT, args![video]).await?)
}

pub async fn replacement_in(tx: &mut Tx, video: VideoId) -> Result<Option<ReplacementRow>> {
    Ok(tx.opt(REPLACEMENT, args![video]).await?)
}

/// This is what is wanted now, in place of what was.
pub async fn put_replacement(tx: &mut Tx, video: VideoId, row: &ReplacementRow) -> Result<()> {
    delete_replacement(tx, video).await?;
    let sql = "INSERT INTO video_replacement (video_id, job_id, draft_id, revision, title, edit, stage, percent, \
                                              poster_ms) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let (title, stage, edit) = (row.title.as_str(), row.stage.as_str(), row.edit.clone());
    let args =
        args![video, row.job_id, row.draft_id, row.revision, title, edit, stage, row.percent, row.poster_ms,];
    tx.exec(sql, args).await?;
    Ok(())
}

/// The percentage never falls; one that failed stays as it is.
pub async fn set_replacement_progress(db: &Db, video: VideoId, stage: &str, percent: u32) -> Result<()> {
    let sql = "UPDATE video_replacement SET stage = $2, percent = CASE WHEN percent < $3 THEN $3 ELSE percent END \
               WHERE video_id = $1 AND failure_code IS NULL";
    db.exec(sql, args![video, stage, percent]).await?;
    Ok(())
}

/// Marks what is wanted as not to be had; says whether it did. A `job` that is given fails its own wish alone.
pub async fn fail_replacement(
    tx: &mut Tx,
    video: VideoId,
    job: Option<JobId>,
    (code, message): (&str, &str),
) -> Result<bool> {
    let sql = "UPDATE video_replacement SET failure_code = $3, failure_message = $4 \
               WHERE video_id = $1 AND job_id = COALESCE($2, job_id) AND failure_code IS NULL";
    Ok(tx.exec(sql, args![video, job, code, message]).await? == 1)
}

/// Takes the wish that this job is to fulfil; false when it is another's by now.
pub async fn take_replacement(tx: &mut Tx, video: VideoId, job: JobId) -> Result<bool> {
    let sql = "DELETE FROM video_replacement WHERE video_id = $1 AND job_id = $2 AND failure_code IS NULL";
    Ok(tx.exec(sql, args![video, job]).await? == 1)
}

/// Forgets what is wanted; says whether anything was.
pub async fn delete_replacement(tx: &mut Tx, video: VideoId) -> Result<bool> {
    Ok(tx.exec("DELETE FROM video_replacement WHERE video_id = $1", args![video]).await? == 1)
}

/// The draft is done with unless it was changed since this revision; says whether it is.
pub async fn delete_revision(tx: &mut Tx, draft: DraftId, revision: i64) -> Result<bool> {
    Ok(tx.exec("DELETE FROM draft WHERE id = $1 AND revision = $2", args![draft, revision]).await? == 1)
}

pub async fn delete_edit(tx: &mut Tx, video: VideoId) -> Result<()> {
    tx.exec("DELETE FROM video_edit WHERE video_id = $1", args![video]).await?;
    Ok(())
}
