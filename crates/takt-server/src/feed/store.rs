//! SQL of the projection and of the Latest feed.

use super::projection::Delta;
use crate::error::Result;
use std::collections::HashSet;
use takt_core::{AccountId, Timestamp, VideoId, ViewerId};
use takt_store::{Args, Db, Tx, args, in_list, record};

const PROJECTION: &str = "counts";
const COUNTS_PER_STATEMENT: usize = 200;

record! {
    /// A public video and when it became one.
    pub struct LatestRow {
        pub id: VideoId,
        pub published_ms: Timestamp,
    }
}

/// Public videos, newest first, from before `cursor`.
pub async fn latest(db: &Db, cursor: Option<(Timestamp, VideoId)>, limit: usize) -> Result<Vec<LatestRow>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = match cursor {
        None => {
            let sql = "SELECT id, published_ms FROM video WHERE status = 'ready' AND NOT unlisted \
                       ORDER BY published_ms DESC, id DESC LIMIT $1";
            db.all(sql, args![limit]).await?
        }
        Some((at, id)) => {
            let sql = "SELECT id, published_ms FROM video \
                       WHERE status = 'ready' AND NOT unlisted AND (published_ms < $1 OR (published_ms = $1 AND id < $2)) \
                       ORDER BY published_ms DESC, id DESC LIMIT $3";
            db.all(sql, args![at, id, limit]).await?
        }
    };
    Ok(rows)
}

/// How far the projection is.
pub async fn projected(db: &Db) -> Result<u64> {
    let row: Option<(i64,)> =
        db.opt("SELECT position FROM projection WHERE name = $1", args![PROJECTION]).await?;
    Ok(row.map_or(0, |(position,)| position.cast_unsigned()))
}

pub async fn set_projected(tx: &mut Tx, position: u64) -> Result<()> {
    let sql = "INSERT INTO projection (name, position) VALUES ($1, $2) \
               ON CONFLICT (name) DO UPDATE SET position = excluded.position";
    tx.exec(sql, args![PROJECTION, position.cast_signed()]).await?;
    Ok(())
}

/// Adds to the counts of many videos in few statements. Of a video that is gone, nothing is counted any more.
pub async fn add_counts(tx: &mut Tx, deltas: &[(VideoId, Delta)]) -> Result<()> {
    for some in deltas.chunks(COUNTS_PER_STATEMENT) {
        let there = existing(tx, some.iter().map(|(video, _)| *video)).await?;
        let some: Vec<_> = some.iter().filter(|(video, _)| there.contains(video)).collect();
        if some.is_empty() {
            continue;
        }
        let mut args = Args::new();
        let rows = some.iter().map(|(video, delta)| {
            let first = args.push(*video);
            args.push(delta.likes);
            args.push(delta.views);
            args.push(delta.shares);
            format!("(${first}, ${}, ${}, ${})", first + 1, first + 2, first + 3)
        });
        let rows = rows.collect::<Vec<_>>().join(", ");
        let sql = format!(
            "INSERT INTO video_count (video_id, likes, views, shares) VALUES {rows} \
             ON CONFLICT (video_id) DO UPDATE SET likes = video_count.likes + excluded.likes, \
             views = video_count.views + excluded.views, shares = video_count.shares + excluded.shares"
        );
        tx.exec_dyn(sql, args).await?;
    }
    Ok(())
}

async fn existing(tx: &mut Tx, videos: impl Iterator<Item = VideoId>) -> Result<HashSet<VideoId>> {
    let mut args = Args::new();
    let count = videos.map(|video| args.push(video)).count();
    let sql = format!("SELECT id FROM video WHERE id IN ({})", in_list(1, count));
    let rows: Vec<(VideoId,)> = tx.all_dyn(sql, args).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Adds a like, unless it is there already or the video is gone.
pub async fn like(tx: &mut Tx, video: VideoId, viewer: ViewerId, at: Timestamp) -> Result<()> {
    if existing(tx, std::iter::once(video)).await?.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO video_like (video_id, viewer_id, at_ms) VALUES ($1, $2, $3) \
               ON CONFLICT (video_id, viewer_id) DO NOTHING";
    let added = tx.exec(sql, args![video, viewer, at]).await?;
    if added > 0 {
        add_counts(tx, &[(video, Delta { likes: 1, ..Delta::default() })]).await?;
    }
    Ok(())
}

pub async fn unlike(tx: &mut Tx, video: VideoId, viewer: ViewerId) -> Result<()> {
    let sql = "DELETE FROM video_like WHERE video_id = $1 AND viewer_id = $2";
    let removed = tx.exec(sql, args![video, viewer]).await?;
    if removed > 0 {
        add_counts(tx, &[(video, Delta { likes: -1, ..Delta::default() })]).await?;
    }
    Ok(())
}

/// The likes of `from` become those of `into`; what both liked counts once from now on.
pub async fn move_likes(tx: &mut Tx, from: ViewerId, into: ViewerId) -> Result<()> {
    if from == into {
        return Ok(());
    }
    let sql = "UPDATE video_count SET likes = likes - 1 WHERE video_id IN \
               (SELECT a.video_id FROM video_like a JOIN video_like b ON a.video_id = b.video_id \
                WHERE a.viewer_id = $1 AND b.viewer_id = $2)";
    tx.exec(sql, args![from, into]).await?;
    let sql = "DELETE FROM video_like WHERE viewer_id = $1 AND video_id IN \
               (SELECT video_id FROM video_like WHERE viewer_id = $2)";
    tx.exec(sql, args![from, into]).await?;
    tx.exec("UPDATE video_like SET viewer_id = $2 WHERE viewer_id = $1", args![from, into]).await?;
    Ok(())
}

pub async fn forget_likes(tx: &mut Tx, viewer: ViewerId) -> Result<()> {
    let sql = "UPDATE video_count SET likes = likes - 1 \
               WHERE video_id IN (SELECT video_id FROM video_like WHERE viewer_id = $1)";
    tx.exec(sql, args![viewer]).await?;
    tx.exec("DELETE FROM video_like WHERE viewer_id = $1", args![viewer]).await?;
    Ok(())
}

/// Adds a follow, unless it is there already or the creator is gone.
pub async fn follow(tx: &mut Tx, viewer: ViewerId, creator: AccountId, at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO follow (viewer_id, creator_id, at_ms) \
               SELECT $1, id, $3 FROM account WHERE id = $2 \
               ON CONFLICT (viewer_id, creator_id) DO NOTHING";
    tx.exec(sql, args![viewer, creator, at]).await?;
    Ok(())
}

pub async fn unfollow(tx: &mut Tx, viewer: ViewerId, creator: AccountId) -> Result<()> {
    tx.exec("DELETE FROM follow WHERE viewer_id = $1 AND creator_id = $2", args![viewer, creator]).await?;
    Ok(())
}

/// The follows of `from` become those of `into`.
pub async fn move_follows(tx: &mut Tx, from: ViewerId, into: ViewerId) -> Result<()> {
    if from == into {
        return Ok(());
    }
    let sql = "DELETE FROM follow WHERE viewer_id = $1 AND creator_id IN \
               (SELECT creator_id FROM follow WHERE viewer_id = $2)";
    tx.exec(sql, args![from, into]).await?;
    tx.exec("UPDATE follow SET viewer_id = $2 WHERE viewer_id = $1", args![from, into]).await?;
    Ok(())
}

pub async fn forget_follows(tx: &mut Tx, viewer: ViewerId) -> Result<()> {
    tx.exec("DELETE FROM follow WHERE viewer_id = $1", args![viewer]).await?;
    Ok(())
}

record! {
    /// How often something happened to a video on the way to pages.
    pub struct ReachRow {
        pub name: String,
        pub count: i64,
    }
}

/// Adds to the reach of many videos. Of a video that is gone, nothing is counted any more.
pub async fn add_reach(tx: &mut Tx, rows: &[(VideoId, &str, i64)]) -> Result<()> {
    for some in rows.chunks(COUNTS_PER_STATEMENT) {
        let there = existing(tx, some.iter().map(|(video, ..)| *video)).await?;
        let some: Vec<_> = some.iter().filter(|(video, ..)| there.contains(video)).collect();
        if some.is_empty() {
            continue;
        }
        let mut args = Args::new();
        let values = some.iter().map(|(video, name, count)| {
            let first = args.push(*video);
            args.push(*name);
            args.push(*count);
            format!("(${first}, ${}, ${})", first + 1, first + 2)
        });
        let values = values.collect::<Vec<_>>().join(", ");
        let sql = format!(
            "INSERT INTO video_reach (video_id, name, count) VALUES {values} \
             ON CONFLICT (video_id, name) DO UPDATE SET count = video_reach.count + excluded.count"
        );
        tx.exec_dyn(sql, args).await?;
    }
    Ok(())
}

pub async fn reach(db: &Db, video: VideoId) -> Result<Vec<ReachRow>> {
    let sql = "SELECT name, count FROM video_reach WHERE video_id = $1 ORDER BY name";
    Ok(db.all(sql, args![video]).await?)
}
