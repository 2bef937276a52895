//! SQL of the history of videos.

use super::Noted;
use crate::error::Result;
use takt_core::{Timestamp, VideoId};
use takt_store::{Db, Tx, args, record};

record! {
    /// One change.
    pub struct ChangeRow {
        pub at_ms: Timestamp,
        pub field: String,
        pub before: String,
        pub after: String,
    }
}

pub(super) async fn insert(tx: &mut Tx, video: VideoId, now: Timestamp, change: &Noted) -> Result<()> {
    let sql = "INSERT INTO video_change (video_id, number, at_ms, field, before, after) \
               SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4, $5 FROM video_change WHERE video_id = $1";
    let args = args![video, now, change.field, change.before.as_str(), change.after.as_str()];
    tx.exec(sql, args).await?;
    Ok(())
}

/// Removes what is older than the latest `kept`.
pub async fn trim(tx: &mut Tx, video: VideoId, kept: u32) -> Result<()> {
    let sql = "DELETE FROM video_change WHERE video_id = $1 AND number <= \
               (SELECT MAX(number) FROM video_change WHERE video_id = $1) - $2";
    tx.exec(sql, args![video, kept]).await?;
    Ok(())
}

/// Latest first.
pub async fn of(db: &Db, video: VideoId, limit: u32) -> Result<Vec<ChangeRow>> {
    let sql = "SELECT at_ms, field, before, after FROM video_change WHERE video_id = $1 ORDER BY number DESC LIMIT $2";
    Ok(db.all(sql, args![video, limit]).await?)
}

pub async fn remove_all(tx: &mut Tx, video: VideoId) -> Result<()> {
    tx.exec("DELETE FROM video_change WHERE video_id = $1", args![video]).await?;
    Ok(())
}
