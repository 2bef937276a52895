//! Copies of videos: the same video uploaded again, re-encoded, slightly cropped, mirrored or cut.
//!
//! Pictures decide together with the sound: the same pictures under another sound are another video. A copy is linked
//! to the earliest of its kind and shown to its creator, and whoever has met one of them does not get the others in For
//! You; nothing is removed for being one.

pub mod store;

use crate::error::{Error, Result};
use crate::state::State;
use crate::video;
use store::CandidateRow;
use takt_analysis::{Pictures, SoundRelation};
use takt_core::VideoId;
use takt_store::Tx;

/// Known videos compared with a new one: those that share most with it.
const CANDIDATES_MAX: usize = 32;
/// Parts of hashes shared by chance; more are worth a look.
const SHARED_MIN: u32 = 2;

/// Remembers what a video looks like and links it to the earlier one it is a copy of; says whether there is one.
pub(crate) async fn look(state: &State, video: VideoId, frames: Vec<u8>) -> Result<bool> {
    let pictures = Pictures::of(&frames);
    let keys = pictures.index_keys();
    let hashes = pictures.to_bytes();
    let remembered =
        state.db.write(async |tx: &mut Tx| store::remember(tx, video, &hashes, &keys).await).await?;
    if !remembered || pictures.is_empty() {
        return Ok(false);
    }
    let original = original(state, video, pictures).await?;
    let linked = state.db.write(async |tx: &mut Tx| {
        store::link(tx, video, original).await?;
        // The feed shows nobody both.
        if original.is_some() { video::describe_soon(state, tx, video).await } else { Ok(()) }
    });
    linked.await?;
    state.jobs.wake();
    Ok(original.is_some())
}

async fn original(state: &State, video: VideoId, pictures: Pictures) -> Result<Option<VideoId>> {
    let shared = store::sharing(&state.db, &pictures.query_keys()).await?;
    let mut ranked: Vec<(u32, VideoId)> = shared
        .into_iter()
        // Ids grow with the time of birth: only earlier videos can be originals.
        .filter(|(other, count)| *other < video && *count >= SHARED_MIN)
        .map(|(other, count)| (count, other))
        .collect();
    ranked.sort_by_key(|(count, other)| (std::cmp::Reverse(*count), *other));
    ranked.truncate(CANDIDATES_MAX);
    let ids: Vec<VideoId> = ranked.into_iter().map(|(_, id)| id).collect();
    let sound = store::sound_of(&state.db, video).await?;
    let candidates: Vec<CandidateRow> = store::candidates(&state.db, &ids).await?;
    let compare = move || {
        let same = candidates.iter().filter(|row| {
            let relation = match (sound, row.sound_id) {
                (Some(own), Some(other)) if own == other => SoundRelation::Same,
                (Some(_), Some(_)) => SoundRelation::Different,
                _ => SoundRelation::Unknown,
            };
            Pictures::from_bytes(&row.hashes)
                .and_then(|other| pictures.compare(&other))
                .is_some_and(|likeness| likeness.is_same(relation))
        });
        // A copy of a copy is a copy of the original; the earliest counts.
        same.map(|row| row.duplicate_of.unwrap_or(row.video_id)).min()
    };
    let compared = tokio::task::spawn_blocking(compare).await;
    compared.map_err(|error| Error::Internal(format!("comparing videos failed: {error}")))
}

/// Forgets a deleted video; its copies stand for themselves.
pub(crate) async fn video_deleted(tx: &mut Tx, video: VideoId) -> Result<()> {
    store::forget(tx, video).await
}
