//! SQL of captions.

use crate::error::Result;
use std::sync::LazyLock;
use takt_core::{Lang, Timestamp, VideoId};
use takt_store::{Args, Db, PerSize, Tx, args, in_list, list, per_size, record};

record! {
    /// Which captions a video has.
    pub struct ListedRow {
        pub video_id: VideoId,
        pub language: Lang,
        pub automatic: bool,
        pub updated_ms: Timestamp,
    }

    /// The captions of a video in one language.
    pub struct TrackRow {
        pub vtt: String,
        pub automatic: bool,
    }
}

/// What is to be kept.
pub struct NewTrack<'a> {
    pub video: VideoId,
    pub language: &'a Lang,
    pub vtt: &'a str,
    /// Without times and marks, in lower case.
    pub plain: &'a str,
    pub automatic: bool,
    pub now: Timestamp,
}

static LISTED: PerSize = LazyLock::new(|| {
    per_size(|size| {
        format!(
            "SELECT video_id, language, automatic, updated_ms FROM video_captions WHERE video_id IN ({}) \
             ORDER BY video_id, language",
            in_list(1, size)
        )
    })
});

/// Which captions these videos have, at most [`takt_store::LIST_MAX`] videos and at least one, each video's by language.
pub async fn listed(db: &Db, videos: &[VideoId]) -> Result<Vec<ListedRow>> {
    let (sql, args) = list(&LISTED, Args::new(), videos);
    Ok(db.all(sql, args).await?)
}

pub async fn track(db: &Db, video: VideoId, language: &Lang) -> Result<Option<TrackRow>> {
    let sql = "SELECT vtt, automatic FROM video_captions WHERE video_id = $1 AND language = $2";
    Ok(db.opt(sql, args![video, language]).await?)
}

pub async fn track_in(tx: &mut Tx, video: VideoId, language: &Lang) -> Result<Option<TrackRow>> {
    let sql = "SELECT vtt, automatic FROM video_captions WHERE video_id = $1 AND language = $2";
    Ok(tx.opt(sql, args![video, language]).await?)
}

pub async fn count(tx: &mut Tx, video: VideoId) -> Result<u64> {
    let row: (u64,) = tx.one("SELECT COUNT(*) FROM video_captions WHERE video_id = $1", args![video]).await?;
    Ok(row.0)
}

/// Keeps the captions in place of others in the same language, unless the video is gone; says whether it did.
pub async fn put(tx: &mut Tx, new: &NewTrack<'_>) -> Result<bool> {
    let sql = "INSERT INTO video_captions (video_id, language, vtt, plain, automatic, updated_ms) \
               SELECT id, $2, $3, $4, $5, $6 FROM video WHERE id = $1 \
               ON CONFLICT (video_id, language) DO UPDATE SET vtt = excluded.vtt, plain = excluded.plain, \
               automatic = excluded.automatic, updated_ms = excluded.updated_ms";
    let args = args![new.video, new.language, new.vtt, new.plain, new.automatic, new.now];
    Ok(tx.exec(sql, args).await? == 1)
}

pub async fn remove(tx: &mut Tx, video: VideoId, language: &Lang) -> Result<bool> {
    let sql = "DELETE FROM video_captions WHERE video_id = $1 AND language = $2";
    Ok(tx.exec(sql, args![video, language]).await? == 1)
}

pub async fn remove_all(tx: &mut Tx, video: VideoId) -> Result<()> {
    tx.exec("DELETE FROM video_captions WHERE video_id = $1", args![video]).await?;
    Ok(())
}
