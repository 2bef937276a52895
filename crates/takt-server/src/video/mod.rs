//! Videos: made of an upload, processed by jobs, shown, changed and deleted.
//!
//! Life: `processing` (seen by its creator alone) -> `ready` or `failed`. Every step of processing may be cut off by a
//! kill and is done again by the same job; see [`process`].
//!
//! Invariant: a video that is `processing` has an unfinished job, or a parked one that is about to mark it failed.

mod body;
mod change;
mod edited;
mod erase;
mod folder;
mod mute;
mod process;
mod progress;
mod renditions;
mod replace;
pub mod routes;
pub mod store;
mod update;
mod withdraw;

pub use body::{
    Counts, Creator, FailureBody, Looker, Progress, Provenance, RenditionBody, SoundBody, Stage, Status,
    VideoBody,
};
pub use body::{bodies, bodies_for};
pub use change::VideoChange;
pub use erase::{delete, delete_all};
pub use progress::ProgressHub;

pub(crate) use body::media_url;
pub(crate) use change::{change, check_alt_text};
pub(crate) use edited::{
    EditedVideo, Whole, best_file, enqueue_process, insert_edited, is_processing, require_reuse, status,
    whole,
};
pub(crate) use folder::Folder;
pub(crate) use mute::mute;
pub(crate) use process::{Ended, Reporter, fail, parse, tools, until_deleted};
pub(crate) use replace::{
    Remade, Swap, cancel_replace, drop_later, enqueue_replace, is_settled, owner_in, poster_in, remake,
    require_own_ready, swap,
};

use crate::error::{Error, Result};
use crate::sound::{self, Consent, PickedSound};
use crate::state::State;
use crate::{draft, upload};
use axum::http::StatusCode;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::io::Read as _;
use std::path::PathBuf;
use store::{NewRow, RequestRow};
use takt_core::{AccountId, Caption, Handle, Lang, SoundId, UploadId, VideoId, ViewerId};
use takt_store::{BlobKey, NewJob, Tx};

/// Job kinds. `first` work goes before what can wait.
pub(crate) mod kind {
    pub(crate) const RENDER: &str = "render";
    pub(crate) const PROCESS: &str = "process";
    /// Makes a new edit of a published video and puts it in the place of the old one.
    pub(crate) const REPLACE: &str = "replace";
    pub(crate) const RENDITIONS: &str = "renditions";
    pub(crate) const DESCRIBE: &str = "describe";
    /// Lets a withdrawal reach duets and stitches.
    pub(crate) const REUSE_REVOKE: &str = "reuse_revoke";
    pub(crate) const POSTER: &str = "poster";
    pub(crate) const ERASE: &str = "erase";
    pub(crate) const DROP_FILE: &str = "drop_file";
    pub(crate) const DROP_SOURCE: &str = "drop_source";
}

pub(crate) use erase::{drop_file, drop_source, erase};
pub(crate) use process::{fail_parked, process};
pub(crate) use renditions::renditions;
pub(crate) use update::{describe_again, poster};
pub(crate) use withdraw::withdraw;

/// Longest place a poster may be asked for at; what is past the end of the video counts as its end.
const POSTER_MS_MAX: u32 = 24 * 60 * 60 * 1000;

/// Of a caption that stands for its video in a list.
const TITLE_CHARS_MAX: usize = 80;

/// How often a job may begin at all: stores that are away and kills cost an attempt each, and with the pauses between
/// them this lasts about ten hours. Its own failures are counted by the worker, up to `processing.attempts_max`.
const ATTEMPTS_MAX: u32 = 50;

/// What to make a video of.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVideo {
    /// A complete upload of this account.
    pub upload_id: UploadId,
    pub caption: Caption,
    pub language: Option<Lang>,
    /// Say so when a machine made it.
    #[serde(default)]
    pub ai_generated: bool,
    /// Where the poster is taken, in milliseconds; 0 is the first frame.
    #[serde(default)]
    pub poster_ms: u32,
    /// The library sound that it was made to and that is in it.
    pub sound_id: Option<SoundId>,
    /// Where in that sound it begins, in milliseconds.
    #[serde(default)]
    pub sound_start_ms: u32,
    /// Who may use its own sound; everyone without it.
    pub sound_consent: Option<Consent>,
}

impl NewVideo {
    fn picked_sound(&self) -> Option<PickedSound> {
        self.sound_id.map(|id| PickedSound { id, start_ms: self.sound_start_ms.cast_signed() })
    }

    fn consent(&self) -> Consent {
        self.sound_consent.unwrap_or(Consent::Everyone)
    }
}

fn check_poster(poster_ms: u32) -> Result<()> {
    if poster_ms > POSTER_MS_MAX {
        return Err(Error::invalid("poster_ms", "must be a place in the video, in milliseconds"));
    }
    Ok(())
}

/// Makes a video of a complete upload. The same request again answers the same video.
pub(crate) async fn create(
    state: &State,
    account: AccountId,
    viewer: ViewerId,
    new: NewVideo,
) -> Result<VideoBody> {
    check_poster(new.poster_ms)?;
    if new.sound_start_ms > sound::SOUND_MS_MAX {
        return Err(Error::invalid("sound_start_ms", "must be a place in the sound, in milliseconds"));
    }
    let upload = upload::find(state, account, new.upload_id).await?;
    if let Some(video) = upload.video {
        return repeated(state, account, viewer, video, &new).await;
    }
    if upload.offset != upload.bytes_total {
        let message =
            format!("{} of {} bytes have arrived; finish the upload", upload.offset, upload.bytes_total);
        return Err(Error::refused(StatusCode::CONFLICT, "upload_incomplete", message));
    }
    let source_sha256 = sha256(upload::path(state, upload.id)).await?;
    let id = VideoId::mint(&state.clock);
    let row = NewRow {
        id,
        account,
        caption: &new.caption,
        language: new.language.as_ref(),
        ai_generated: new.ai_generated,
        poster_ms: new.poster_ms,
        source_sha256: Some(&source_sha256),
        sound_consent: new.consent(),
        sound: new.picked_sound(),
        now: state.clock.now(),
    };
    let made = state
        .db
        .write(async |tx: &mut Tx| {
            if !upload::mark_used(tx, upload.id, id).await? {
                return Ok(false);
            }
            if let Some(sound) = row.sound {
                sound::require_use(tx, account, sound.id).await?;
            }
            store::insert(tx, &row).await?;
            let payload = serde_json::json!({ "video": id, "upload": upload.id });
            let job = job(state, kind::PROCESS, id.to_string(), payload);
            state.jobs.enqueue(tx, NewJob { priority: 100, ..job }, &state.clock).await?;
            Ok::<_, Error>(true)
        })
        .await?;
    if !made {
        // Another request was first, or the upload was given up meanwhile.
        let upload = upload::find(state, account, new.upload_id).await?;
        let video = upload.video.ok_or_else(|| Error::not_found("upload"))?;
        return repeated(state, account, viewer, video, &new).await;
    }
    // Asked for before a worker of this process may begin.
    let body = own_body(state, account, viewer, id).await;
    state.jobs.wake();
    Ok(body?.just_begun())
}

async fn repeated(
    state: &State,
    account: AccountId,
    viewer: ViewerId,
    video: VideoId,
    new: &NewVideo,
) -> Result<VideoBody> {
    let same = store::request_of(&state.db, video).await?.is_some_and(|row: RequestRow| {
        row.caption == new.caption
            && row.language == new.language
            && row.ai_generated == new.ai_generated
            && row.poster_ms == new.poster_ms
            && row.sound_consent == new.consent()
            && row.picked_sound() == new.picked_sound()
    });
    if same {
        return own_body(state, account, viewer, video).await;
    }
    let message = "a video was made of this upload already; upload the file again to make another";
    Err(Error::refused(StatusCode::CONFLICT, "upload_used", message))
}

/// What becomes of a video when a job about it is given up: no status may wait for a job that will never run.
pub(crate) async fn give_up(tx: &mut Tx, kind: &str, key: &str) -> Result<Option<VideoId>> {
    match kind {
        kind::RENDER | kind::PROCESS => process::give_up(tx, key).await,
        kind::RENDITIONS => renditions::give_up(tx, key).await,
        kind::REPLACE => draft::give_up_replacement(tx, key).await.map(|()| None),
        _ => sound::give_up(tx, kind, key).await.map(|()| None),
    }
}

/// A job of this slice, to be run at once.
fn job(state: &State, kind: &'static str, key: String, payload: serde_json::Value) -> NewJob {
    NewJob { kind, key, payload, priority: 0, attempts_max: ATTEMPTS_MAX, run_at: state.clock.now() }
}

async fn own_body(state: &State, account: AccountId, viewer: ViewerId, video: VideoId) -> Result<VideoBody> {
    get(state, video, Looker { viewer: Some(viewer), account: Some(account) }).await
}

/// The video, if whoever looks may see it.
pub(crate) async fn get(state: &State, video: VideoId, looker: Looker) -> Result<VideoBody> {
    bodies_for(state, &[video], looker).await?.pop().ok_or_else(|| Error::not_found("video"))
}

/// Refuses unless the video is the account's.
pub(crate) async fn require_own(state: &State, account: AccountId, video: VideoId) -> Result<()> {
    let own = store::state_of(&state.db, video).await?.is_some_and(|row| row.account_id == account);
    if own { Ok(()) } else { Err(Error::not_found("video")) }
}

/// How long the account's video is, in milliseconds; refused while that is not known.
pub(crate) async fn duration_of_own(state: &State, account: AccountId, video: VideoId) -> Result<u32> {
    require_own(state, account, video).await?;
    let row = store::work(&state.db, video).await?.ok_or_else(|| Error::not_found("video"))?;
    if row.status == "ready" {
        return Ok(row.duration_ms);
    }
    let message = "this video is not ready; try again when it plays";
    Err(Error::refused(StatusCode::CONFLICT, "video_not_ready", message))
}

/// What a video that plays is known to be before anybody listens to it.
pub(crate) struct Spoken {
    pub(crate) duration_ms: u32,
    pub(crate) language: Option<Lang>,
}

/// See [`Spoken`]; none while it does not play.
pub(crate) async fn spoken(state: &State, video: VideoId) -> Result<Option<Spoken>> {
    let row = store::work(&state.db, video).await?.filter(|row| row.status == "ready");
    Ok(row.map(|row| Spoken { duration_ms: row.duration_ms, language: row.language }))
}

/// Likes a video the viewer may see.
pub(crate) async fn like(state: &State, video: VideoId, looker: Looker, viewer: ViewerId) -> Result<()> {
    require_visible(state, video, looker).await?;
    state.feed.like(viewer, video).await
}

/// Takes a like back.
pub(crate) async fn unlike(state: &State, video: VideoId, looker: Looker, viewer: ViewerId) -> Result<()> {
    require_visible(state, video, looker).await?;
    state.feed.unlike(viewer, video).await
}

pub(crate) async fn require_visible(state: &State, video: VideoId, looker: Looker) -> Result<()> {
    let row = store::state_of(&state.db, video).await?;
    let visible = row.is_some_and(|row| row.status == "ready" || looker.account == Some(row.account_id));
    if visible { Ok(()) } else { Err(Error::not_found("video")) }
}

/// A page of an account's videos, newest first, and where the next one begins.
pub(crate) async fn of_account(
    state: &State,
    account: AccountId,
    looker: Looker,
    before: Option<VideoId>,
    limit: usize,
) -> Result<(Vec<VideoBody>, Option<VideoId>)> {
    let page = store::Page { account, before, unpublished: looker.account == Some(account), limit };
    let ids = store::page(&state.db, &page).await?;
    let next = ids.last().copied().filter(|_| ids.len() == limit);
    Ok((bodies_for(state, &ids, looker).await?, next))
}

/// The account's video made of the file with this SHA-256, failed ones apart.
pub(crate) async fn by_source(
    state: &State,
    account: AccountId,
    viewer: ViewerId,
    sha256: &str,
) -> Result<VideoBody> {
    let video = store::by_source(&state.db, account, &sha256.to_ascii_lowercase()).await?;
    own_body(state, account, viewer, video.ok_or_else(|| Error::not_found("video"))?).await
}

/// What those sounds among `ids` that exist are called.
pub(crate) async fn sound_titles(state: &State, ids: &[SoundId]) -> Result<Vec<(SoundId, String)>> {
    let rows = store::sound_titles(&state.db, ids).await?;
    Ok(rows.into_iter().map(|(id, title, handle)| (id, sound::title(&title, handle.as_ref()))).collect())
}

/// What those public videos among `ids` that exist may be called: the caption's beginning, or the creator.
pub(crate) async fn titles(state: &State, ids: &[VideoId]) -> Result<Vec<(VideoId, String)>> {
    let rows = store::captions(&state.db, ids).await?;
    let title = |caption: &Caption, handle: &Handle| match caption
        .as_str()
        .chars()
        .take(TITLE_CHARS_MAX)
        .collect::<String>()
    {
        empty if empty.is_empty() => format!("@{handle}"),
        beginning => beginning,
    };
    Ok(rows.into_iter().map(|(id, caption, handle)| (id, title(&caption, &handle))).collect())
}

/// The first playable file of a public video.
pub(crate) async fn first_file(state: &State, video: VideoId) -> Result<Option<BlobKey>> {
    let ready = store::state_of(&state.db, video).await?.is_some_and(|row| row.status == "ready");
    if !ready {
        return Ok(None);
    }
    let first = store::renditions(&state.db, &[video]).await?.into_iter().next();
    Ok(first.map(|row| BlobKey::media(video, &row.file)).transpose()?)
}

/// The video's sound while nobody has listened to it.
pub(crate) async fn unheard_sound(state: &State, video: VideoId) -> Result<Option<SoundId>> {
    store::unheard_sound(&state.db, video).await
}

/// Every video with a sound, whatever its status.
pub(crate) async fn with_sound(tx: &mut Tx, sound: SoundId) -> Result<Vec<VideoId>> {
    store::with_sound(tx, sound).await
}

/// The terms of the sound that came of a video are these now.
pub(crate) async fn set_sound_consent(tx: &mut Tx, video: VideoId, consent: Consent) -> Result<()> {
    store::set_sound_consent(tx, video, consent).await
}

/// Has the recommender told anew what a video is.
pub(crate) async fn describe_soon(state: &State, tx: &mut Tx, video: VideoId) -> Result<()> {
    // One that waits has not looked yet; one that runs may have, so it makes way for another.
    let key = video.to_string();
    state.jobs.cancel(tx, kind::DESCRIBE, &key).await?;
    let payload = serde_json::json!({ "video": video });
    state.jobs.enqueue(tx, job(state, kind::DESCRIBE, key, payload), &state.clock).await?;
    Ok(())
}

/// SHA-256 of a file, in hexadecimal.
async fn sha256(path: PathBuf) -> Result<String> {
    let hash = move || -> std::io::Result<String> {
        let mut file = std::fs::File::open(path)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hex::encode(hash.finalize())),
                count => hash.update(&buffer[..count]),
            }
        }
    };
    let hashed = tokio::task::spawn_blocking(hash).await;
    Ok(hashed.map_err(|error| Error::Internal(format!("hashing an upload failed: {error}")))??)
}
