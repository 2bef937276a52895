//! SQL of what videos look like.

use crate::error::Result;
use std::collections::BTreeMap;
use takt_core::{SoundId, VideoId};
use takt_store::{Args, Db, Tx, args, in_list, record};

/// Arguments of one statement that has a list.
const LIST_MAX: usize = 256;
/// Rows inserted by one statement.
const ROWS_MAX: usize = 200;

record! {
    /// A public video to compare with.
    pub struct CandidateRow {
        pub video_id: VideoId,
        pub hashes: Vec<u8>,
        pub sound_id: Option<SoundId>,
        pub duplicate_of: Option<VideoId>,
    }
}

/// Writes down what a video looks like, in place of what was there; false when the video is gone.
pub async fn remember(tx: &mut Tx, video: VideoId, hashes: &[u8], keys: &[u32]) -> Result<bool> {
    let sql = "INSERT INTO video_picture (video_id, hashes) SELECT id, $2 FROM video WHERE id = $1 \
               ON CONFLICT (video_id) DO UPDATE SET hashes = excluded.hashes";
    if tx.exec(sql, args![video, hashes]).await? == 0 {
        return Ok(false);
    }
    tx.exec("DELETE FROM video_picture_key WHERE video_id = $1", args![video]).await?;
    for keys in keys.chunks(ROWS_MAX) {
        let mut args = Args::new();
        let rows: Vec<String> = keys
            .iter()
            .map(|key| {
                let (key, id) = (args.push(i64::from(*key)), args.push(video));
                format!("(${key}, ${id})")
            })
            .collect();
        let sql = format!("INSERT INTO video_picture_key (part, video_id) VALUES {}", rows.join(", "));
        tx.exec_dyn(sql, args).await?;
    }
    Ok(true)
}

/// How many of `keys` each known video has.
pub async fn sharing(db: &Db, keys: &[u32]) -> Result<BTreeMap<VideoId, u32>> {
    let mut shared = BTreeMap::new();
    for keys in keys.chunks(LIST_MAX) {
        let sql = format!(
            "SELECT video_id, CAST(COUNT(*) AS BIGINT) FROM video_picture_key WHERE part IN ({}) GROUP BY video_id",
            in_list(1, keys.len())
        );
        let rows: Vec<(VideoId, u32)> =
            db.scan_dyn(sql, keys.iter().map(|key| i64::from(*key)).collect()).await?;
        for (video, count) in rows {
            *shared.entry(video).or_default() += count;
        }
    }
    Ok(shared)
}

/// Those of `ids` that are public.
pub async fn candidates(db: &Db, ids: &[VideoId]) -> Result<Vec<CandidateRow>> {
    let sql = format!(
        "SELECT p.video_id AS video_id, p.hashes AS hashes, v.sound_id AS sound_id, \
                v.duplicate_of AS duplicate_of \
         FROM video_picture p JOIN video v ON v.id = p.video_id WHERE v.status = 'ready' AND p.video_id IN ({})",
        in_list(1, ids.len())
    );
    Ok(db.all_dyn(sql, ids.iter().copied().collect()).await?)
}

pub async fn sound_of(db: &Db, video: VideoId) -> Result<Option<SoundId>> {
    let row: Option<(Option<SoundId>,)> =
        db.opt("SELECT sound_id FROM video WHERE id = $1", args![video]).await?;
    Ok(row.and_then(|row| row.0))
}

pub async fn link(tx: &mut Tx, video: VideoId, original: Option<VideoId>) -> Result<()> {
    tx.exec("UPDATE video SET duplicate_of = $2 WHERE id = $1", args![video, original]).await?;
    Ok(())
}

pub async fn forget(tx: &mut Tx, video: VideoId) -> Result<()> {
    tx.exec("DELETE FROM video_picture WHERE video_id = $1", args![video]).await?;
    tx.exec("DELETE FROM video_picture_key WHERE video_id = $1", args![video]).await?;
    tx.exec("UPDATE video SET duplicate_of = NULL WHERE duplicate_of = $1", args![video]).await?;
    Ok(())
}
