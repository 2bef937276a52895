//! The history of a video: what its creator changed since it was made. Nobody else sees it, and it goes with the video.

pub mod routes;
pub mod store;

use crate::error::Result;
use crate::state::State;
use crate::video;
use serde::Serialize;
use takt_core::{AccountId, Timestamp, VideoId};
use takt_store::Tx;

/// Entries kept of one video; the oldest go.
const ENTRIES_MAX: u32 = 200;

/// One change, on its way into the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Noted {
    pub(crate) field: &'static str,
    /// As it was, in words; empty where there was nothing.
    pub(crate) before: String,
    pub(crate) after: String,
}

/// One change of a video.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct VideoChanged {
    pub at: Timestamp,
    /// What was changed, by the name it has in a change; `captions` and `edit` besides.
    pub field: String,
    /// As it was; empty where there was nothing.
    pub before: String,
    /// As it was from then on.
    pub after: String,
}

/// Writes changes into the history, in the transaction that makes them.
pub(crate) async fn note(state: &State, tx: &mut Tx, video: VideoId, changes: &[Noted]) -> Result<()> {
    for change in changes {
        store::insert(tx, video, state.clock.now(), change).await?;
    }
    if changes.is_empty() { Ok(()) } else { store::trim(tx, video, ENTRIES_MAX).await }
}

/// The history of the account's video, latest first.
pub(crate) async fn of(state: &State, account: AccountId, video: VideoId) -> Result<Vec<VideoChanged>> {
    video::require_own(state, account, video).await?;
    let entry = |row: store::ChangeRow| VideoChanged {
        at: row.at_ms,
        field: row.field,
        before: row.before,
        after: row.after,
    };
    Ok(store::of(&state.db, video, ENTRIES_MAX).await?.into_iter().map(entry).collect())
}

/// Forgets the history of a deleted video.
pub(crate) async fn video_deleted(tx: &mut Tx, video: VideoId) -> Result<()> {
    store::remove_all(tx, video).await
}
