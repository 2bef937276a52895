//! Videos made of an edit list instead of a single upload: what the drafts need to make and to reuse videos.

use super::body::Stage;
use super::store::{self, Extras, NewRow, RenditionRow, ReuseRow};
use super::{job, kind};
use crate::error::{Error, Result};
use crate::sound::{Consent, PickedSound};
use crate::state::State;
use axum::http::StatusCode;
use takt_core::{AccountId, Caption, Lang, Timestamp, UploadId, VideoId};
use takt_store::{BlobKey, NewJob, Tx};

/// A video to be rendered.
pub(crate) struct EditedVideo<'a> {
    pub(crate) id: VideoId,
    pub(crate) account: AccountId,
    pub(crate) caption: &'a Caption,
    pub(crate) language: Option<&'a Lang>,
    pub(crate) ai_generated: bool,
    pub(crate) poster_ms: u32,
    pub(crate) sound: Option<PickedSound>,
    pub(crate) sound_consent: Consent,
    pub(crate) reuse_consent: Consent,
    pub(crate) alt_text: &'a str,
    /// Kind, and the video it is made with.
    pub(crate) lineage: Option<(&'static str, VideoId)>,
    /// When to begin.
    pub(crate) run_at: Timestamp,
}

/// Inserts the video and its `render` job.
pub(crate) async fn insert_edited(state: &State, tx: &mut Tx, new: &EditedVideo<'_>) -> Result<()> {
    let row = NewRow {
        id: new.id,
        account: new.account,
        caption: new.caption,
        language: new.language,
        ai_generated: new.ai_generated,
        poster_ms: new.poster_ms,
        source_sha256: None,
        sound_consent: new.sound_consent,
        sound: new.sound,
        now: state.clock.now(),
    };
    store::insert(tx, &row).await?;
    let extras = Extras { reuse_consent: new.reuse_consent, alt_text: new.alt_text, lineage: new.lineage };
    store::set_extras(tx, new.id, &extras).await?;
    let payload = serde_json::json!({ "video": new.id });
    let job = job(state, kind::RENDER, new.id.to_string(), payload);
    state.jobs.enqueue(tx, NewJob { priority: 100, run_at: new.run_at, ..job }, &state.clock).await?;
    Ok(())
}

/// Has a rendered video processed like an upload.
pub(crate) async fn enqueue_process(
    state: &State,
    tx: &mut Tx,
    video: VideoId,
    upload: UploadId,
) -> Result<()> {
    let payload = serde_json::json!({ "video": video, "upload": upload });
    let job = job(state, kind::PROCESS, video.to_string(), payload);
    state.jobs.enqueue(tx, NewJob { priority: 100, ..job }, &state.clock).await?;
    Ok(())
}

/// Refuses unless the account may use a part of the video now. Ask in the transaction that uses it.
pub(crate) async fn require_reuse(tx: &mut Tx, account: AccountId, video: VideoId) -> Result<()> {
    let terms = store::reuse_terms(tx, video, account).await?;
    if terms.is_some_and(|terms| allows(&terms, account)) {
        return Ok(());
    }
    let message = "the creator of this video does not let you use it; choose another";
    Err(Error::refused(StatusCode::CONFLICT, "video_consent", message))
}

/// Whether the account may use a video on these terms.
pub(super) fn allows(terms: &ReuseRow, account: AccountId) -> bool {
    terms.account_id == account
        || match terms.reuse_consent {
            Consent::Nobody => false,
            Consent::Followers => terms.follows,
            Consent::Everyone => true,
        }
}

/// Where the video's largest file is; none unless it plays.
pub(crate) async fn best_file(state: &State, video: VideoId) -> Result<Option<BlobKey>> {
    if status(state, video).await?.as_deref() != Some("ready") {
        return Ok(None);
    }
    let best = largest(store::renditions(&state.db, &[video]).await?);
    Ok(best.map(|row| BlobKey::media(video, &row.file)).transpose()?)
}

/// A video that nobody edited, as an edit of it begins.
pub(crate) struct Whole {
    pub(crate) caption: Caption,
    pub(crate) duration_ms: u32,
    pub(crate) poster_ms: u32,
    /// The library sound that is in it.
    pub(crate) sound: Option<PickedSound>,
    /// What was uploaded, for as long as that is kept; none where a withdrawn sound is still in it.
    pub(crate) source: Option<BlobKey>,
    /// The largest file that is served, and its width and height.
    pub(crate) served: (BlobKey, u32, u32),
}

/// What an edit of a video can begin with; refused until all of it is made.
pub(crate) async fn whole(state: &State, video: VideoId) -> Result<Whole> {
    let row = store::work(&state.db, video).await?.ok_or_else(|| Error::not_found("video"))?;
    let request = store::request_of(&state.db, video).await?.ok_or_else(|| Error::not_found("video"))?;
    let renditions = store::renditions(&state.db, &[video]).await?;
    let done = row.status == "ready" && row.stage == Stage::Done.as_str();
    let Some(best) = largest(renditions).filter(|_| done) else {
        let message = "this video is not made yet; edit it when all of it is";
        return Err(Error::refused(StatusCode::CONFLICT, "video_not_made", message));
    };
    Ok(Whole {
        sound: request.picked_sound().filter(|_| !row.muted),
        caption: row.caption,
        duration_ms: row.duration_ms,
        poster_ms: row.poster_ms,
        source: (!row.muted).then(|| BlobKey::source(video)),
        served: (BlobKey::media(video, &best.file)?, best.width, best.height),
    })
}

fn largest(renditions: Vec<RenditionRow>) -> Option<RenditionRow> {
    renditions.into_iter().max_by_key(|row| (u64::from(row.width) * u64::from(row.height), row.bytes))
}

/// The video's status as it is stored, if there is such a video.
pub(crate) async fn status(state: &State, video: VideoId) -> Result<Option<String>> {
    Ok(store::state_of(&state.db, video).await?.map(|row| row.status))
}

/// Something is being made of it.
pub(crate) async fn is_processing(state: &State, video: VideoId) -> Result<bool> {
    Ok(status(state, video).await?.as_deref() == Some("processing"))
}
