//! What SQL knows of follows. The projection of the log writes it.

use super::FollowCounts;
use crate::error::Result;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use takt_core::{AccountId, Timestamp, VideoId, ViewerId};
use takt_store::{Db, LIST_MAX, PerSize, args, in_list, list, per_size, record};

record! {
    /// A public video of somebody followed.
    pub struct FollowedRow {
        pub id: VideoId,
        pub published_ms: Timestamp,
    }
}

pub async fn follows(db: &Db, viewer: ViewerId, creator: AccountId) -> Result<bool> {
    let sql = "SELECT at_ms FROM follow WHERE viewer_id = $1 AND creator_id = $2";
    let row: Option<(i64,)> = db.opt(sql, args![viewer, creator]).await?;
    Ok(row.is_some())
}

static FOLLOWED: PerSize = LazyLock::new(|| {
    per_size(|size| {
        format!("SELECT creator_id FROM follow WHERE viewer_id = $1 AND creator_id IN ({})", in_list(2, size))
    })
});

/// Those of `creators` whom the viewer follows.
pub async fn followed(db: &Db, viewer: ViewerId, creators: BTreeSet<AccountId>) -> Result<Vec<AccountId>> {
    let creators: Vec<AccountId> = creators.into_iter().collect();
    let mut followed = Vec::new();
    for creators in creators.chunks(LIST_MAX) {
        let (sql, args) = list(&FOLLOWED, args![viewer], creators);
        let rows: Vec<(AccountId,)> = db.all(sql, args).await?;
        followed.extend(rows.into_iter().map(|row| row.0));
    }
    Ok(followed)
}

/// How many follow the creator, and how many the viewer follows.
pub async fn counts(db: &Db, viewer: ViewerId, creator: AccountId) -> Result<FollowCounts> {
    let sql = "SELECT (SELECT CAST(COUNT(*) AS BIGINT) FROM follow WHERE creator_id = $1), \
                      (SELECT CAST(COUNT(*) AS BIGINT) FROM follow WHERE viewer_id = $2)";
    let (followers, following): (i64, i64) = db.one(sql, args![creator, viewer]).await?;
    Ok(FollowCounts { followers, following })
}

/// Public videos of the creators a viewer follows, newest first, from before `before`.
pub async fn feed(
    db: &Db,
    viewer: ViewerId,
    before: Option<(Timestamp, VideoId)>,
    limit: usize,
) -> Result<Vec<FollowedRow>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = match before {
        None => {
            let sql = "SELECT v.id, v.published_ms FROM follow f JOIN video v ON v.account_id = f.creator_id \
                       WHERE f.viewer_id = $1 AND v.status = 'ready' AND NOT v.unlisted \
                       ORDER BY v.published_ms DESC, v.id DESC LIMIT $2";
            db.all(sql, args![viewer, limit]).await?
        }
        Some((at, id)) => {
            let sql = "SELECT v.id, v.published_ms FROM follow f JOIN video v ON v.account_id = f.creator_id \
                       WHERE f.viewer_id = $1 AND v.status = 'ready' AND NOT v.unlisted \
                       AND (v.published_ms < $2 OR (v.published_ms = $2 AND v.id < $3)) \
                       ORDER BY v.published_ms DESC, v.id DESC LIMIT $4";
            db.all(sql, args![viewer, at, id, limit]).await?
        }
    };
    Ok(rows)
}
