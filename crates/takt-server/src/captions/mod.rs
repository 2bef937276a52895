//! Captions: what is said in a video, as timed text in one or more languages.
//!
//! (The *caption*, without an s, is the sentence under a video.) They are typed or uploaded by the video's creator, or
//! written by a program of the operator's ([`recognise`]) and then marked so until somebody edits them. Players get them
//! as WebVTT.
//!
//! Invariant: what is stored was written by [`vtt::write`] from what was understood, whoever it came from.

mod recognise;
pub mod routes;
pub mod store;
pub mod vtt;

pub(crate) use recognise::{enqueue, recognise};

use crate::error::{Error, Result};
use crate::history::{self, Noted};
use crate::state::State;
use crate::video::{self, Looker};
use axum::http::StatusCode;
use serde::Serialize;
use std::collections::HashMap;
use store::NewTrack;
use takt_core::{AccountId, Lang, Timestamp, VideoId};
use takt_store::Tx;

/// Job kinds.
pub(crate) mod kind {
    /// Has captions written for a video that has none.
    pub(crate) const RECOGNISE: &str = "captions";
}

/// Most languages of one video.
const TRACKS_MAX: u64 = 24;

/// Captions that a video has in one language.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Captions {
    pub language: Lang,
    /// A machine wrote them and nobody has looked them over.
    pub automatic: bool,
    pub updated_at: Timestamp,
    /// Where they are, as WebVTT.
    pub url: String,
}

/// Which captions these videos have.
pub(crate) async fn of_videos(state: &State, videos: &[VideoId]) -> Result<HashMap<VideoId, Vec<Captions>>> {
    let mut found: HashMap<VideoId, Vec<Captions>> = HashMap::new();
    for row in store::listed(&state.db, videos).await? {
        let url = format!("/api/v1/videos/{}/captions/{}", row.video_id, row.language.as_str());
        let captions = Captions {
            language: row.language,
            automatic: row.automatic,
            updated_at: row.updated_ms,
            // Another text has another address, so that no player keeps an old one.
            url: format!("{url}?at={}", row.updated_ms.millis()),
        };
        found.entry(row.video_id).or_default().push(captions);
    }
    Ok(found)
}

/// The file, if whoever looks may see the video.
pub(crate) async fn file(state: &State, video: VideoId, language: &Lang, looker: Looker) -> Result<String> {
    video::require_visible(state, video, looker).await?;
    let track = store::track(&state.db, video, language).await?;
    Ok(track.ok_or_else(|| Error::not_found("captions"))?.vtt)
}

/// Keeps what a creator sent, in place of what was there in this language.
pub(crate) async fn put(
    state: &State,
    account: AccountId,
    video: VideoId,
    language: &Lang,
    file: &[u8],
) -> Result<()> {
    let duration_ms = video::duration_of_own(state, account, video).await?;
    let track = vtt::parse(file, duration_ms)
        .map_err(|refusal| Error::invalid(refusal.field(), refusal.to_string()))?;
    keep(state, video, language, &track.cues, false).await?;
    Ok(())
}

/// Keeps captions; what a machine wrote only where there is nothing. Says whether they were kept.
async fn keep(
    state: &State,
    video: VideoId,
    language: &Lang,
    cues: &[vtt::Cue],
    automatic: bool,
) -> Result<bool> {
    let (vtt, plain) = (vtt::write(cues), vtt::plain(cues).to_lowercase());
    let now = state.clock.now();
    let new = NewTrack { video, language, vtt: &vtt, plain: &plain, automatic, now };
    state
        .db
        .write(async |tx: &mut Tx| {
            let before = store::track_in(tx, video, language).await?;
            let said = if before.is_some() { "changed" } else { "added" };
            let others = store::count(tx, video).await?;
            if automatic && others > 0 || before.as_ref().is_some_and(|row| row.vtt == vtt && !row.automatic)
            {
                return Ok(false);
            }
            if before.is_none() && others >= TRACKS_MAX {
                let message = format!("a video has captions in at most {TRACKS_MAX} languages");
                return Err(Error::refused(StatusCode::CONFLICT, "too_many_captions", message));
            }
            if !store::put(tx, &new).await? {
                return Err(Error::not_found("video"));
            }
            if !automatic {
                note(state, tx, video, language, said).await?;
            }
            Ok(true)
        })
        .await
}

/// Removes the captions in a language; none there is none removed.
pub(crate) async fn remove(state: &State, account: AccountId, video: VideoId, language: &Lang) -> Result<()> {
    video::require_own(state, account, video).await?;
    state
        .db
        .write(async |tx: &mut Tx| {
            if store::remove(tx, video, language).await? {
                note(state, tx, video, language, "removed").await?;
            }
            Ok(())
        })
        .await
}

/// The history says that captions changed, not what they were: texts are long, and the file can be downloaded.
async fn note(state: &State, tx: &mut Tx, video: VideoId, language: &Lang, what: &str) -> Result<()> {
    let changed = format!("{} {what}", language.as_str());
    let noted = Noted { field: "captions", before: String::new(), after: changed };
    history::note(state, tx, video, &[noted]).await
}

/// Forgets the captions of a deleted video.
pub(crate) async fn video_deleted(tx: &mut Tx, video: VideoId) -> Result<()> {
    store::remove_all(tx, video).await
}
