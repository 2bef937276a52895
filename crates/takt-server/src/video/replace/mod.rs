//! A new edit takes the place of what a published video plays: what of it concerns the video. The `replace` job is the
//! drafts' ([`crate::draft`]), which know what is rendered.
//!
//! The new files are made and stored beside the old ones, which are served all the while. One transaction then turns the
//! video from these to those, so that a kill leaves the old video or the new one. Files are named by their content: the
//! old addresses go on giving the old bytes until the `drop_file` job removes them.

pub mod store;

use super::body::{Stage, Status};
use super::process::{
    Ended, Follow, Reporter, first_rendition, loudness_centilufs, put_first, rendition_file, rendition_row,
    still_file, tools,
};
use super::renditions::{PUBLISHED, REPLACED_KEPT_MS};
use super::store::Published;
use super::{describe_soon, job as new_job, kind, store as videos};
use crate::error::{Error, Result};
use crate::history::Noted;
use crate::sound::PickedSound;
use crate::state::State;
use crate::{captions, history, likeness, sound};
use axum::http::StatusCode;
use std::ops::Range;
use std::path::Path;
use store::Swapped;
use takt_core::{AccountId, JobId, SoundId, UploadId, VideoId};
use takt_media::{Poster, Rendition, Settings, Source};
use takt_store::{NewJob, Tx};

/// Refuses unless the video is the account's and plays.
pub(crate) async fn require_own_ready(tx: &mut Tx, account: AccountId, video: VideoId) -> Result<()> {
    let row = videos::state_in(tx, video).await?.filter(|row| row.account_id == account);
    let row = row.ok_or_else(|| Error::not_found("video"))?;
    if row.status == "ready" {
        return Ok(());
    }
    let message = "this video does not play yet, so there is nothing to replace; publish the draft instead";
    Err(Error::refused(StatusCode::CONFLICT, "video_not_ready", message))
}

/// Whose video it is.
pub(crate) async fn owner_in(tx: &mut Tx, video: VideoId) -> Result<Option<AccountId>> {
    Ok(videos::state_in(tx, video).await?.map(|row| row.account_id))
}

/// Where the video's poster is taken, in milliseconds.
pub(crate) async fn poster_in(tx: &mut Tx, video: VideoId) -> Result<u32> {
    let row = videos::request_in(tx, video).await?.ok_or_else(|| Error::not_found("video"))?;
    Ok(row.poster_ms)
}

/// Has the latest wish done, in place of an earlier one; answers the job that does it.
pub(crate) async fn enqueue_replace(state: &State, tx: &mut Tx, video: VideoId) -> Result<JobId> {
    cancel_replace(state, tx, video).await?;
    let payload = serde_json::json!({ "video": video });
    let job = new_job(state, kind::REPLACE, video.to_string(), payload);
    let job = state.jobs.enqueue(tx, NewJob { priority: 100, ..job }, &state.clock).await?;
    job.ok_or_else(|| Error::Internal("another job to replace this video is in line".to_owned()))
}

/// Nobody wants it done any more.
pub(crate) async fn cancel_replace(state: &State, tx: &mut Tx, video: VideoId) -> Result<()> {
    state.jobs.cancel(tx, kind::REPLACE, &video.to_string()).await?;
    Ok(())
}

/// Nothing is under way for what the video plays; none when there is no such video, or none that plays.
pub(crate) async fn is_settled(state: &State, video: VideoId) -> Result<Option<bool>> {
    let row = videos::state_of(&state.db, video).await?;
    Ok(row.and_then(|row| match Status::parse(&row.status) {
        Status::Failed => None,
        Status::Processing => Some(false),
        Status::Ready => Some(row.stage == Stage::Done.as_str()),
    }))
}

/// What is to be played, in the media store already.
pub(crate) struct Remade {
    source: Source,
    first: Rendition,
    first_frame: Poster,
    poster: Poster,
    poster_ms: u32,
}

impl Remade {
    fn files(&self) -> [String; 3] {
        [rendition_file(&self.first), still_file(&self.first_frame), still_file(&self.poster)]
    }
}

/// Makes the first playable file of `file`, and its stills, and puts them in the media store.
pub(crate) async fn remake(
    state: &State,
    video: VideoId,
    (file, dir): (&Path, &Path),
    poster_ms: u32,
    percent: Range<u32>,
) -> Result<Remade, Ended> {
    let tools = tools(state).map_err(Ended::Failed)?;
    let limits = state.config.media_limits();
    let media = takt_media::Job { tools: &tools, limits: &limits, dir, source: file };
    let source = takt_media::inspect(&media).await?;
    let plan = takt_media::plan(&source, &Settings::default());
    let reporter = Reporter::of_replacement(state, video, Stage::FirstRendition, percent);
    let first = first_rendition(reporter, &media, &source, &plan).await?;
    let (first_frame, poster) = put_first(state, video, &media, &first, poster_ms).await?;
    Ok(Remade { source, first, first_frame, poster, poster_ms })
}

/// What takes the place of what.
pub(crate) struct Swap<'a> {
    pub(crate) video: VideoId,
    /// The rendered file.
    pub(crate) upload: UploadId,
    pub(crate) remade: &'a Remade,
    pub(crate) sound: Option<PickedSound>,
    /// Kind, and the video it is made with.
    pub(crate) lineage: Option<(&'static str, VideoId)>,
    /// Where the poster is to be taken; it is taken anew where that is not where it was made.
    pub(crate) poster_ms: u32,
}

/// Turns the video to what was made, in the transaction that forgets the wish for it; false when something is still under
/// way for what it plays, or it is gone.
pub(crate) async fn swap(state: &State, tx: &mut Tx, swap: &Swap<'_>) -> Result<bool> {
    let Swap { video, upload, remade, .. } = *swap;
    let (first, now) = (&remade.first, state.clock.now());
    let Some(before) = videos::work_in(tx, video).await? else { return Ok(false) };
    let replaced = videos::files_in(tx, video).await?;
    let sound = sound_of(state, tx, swap, &before).await?;
    let swapped = Swapped {
        published: Published {
            sound,
            duration_ms: first.duration_ms,
            width: first.width,
            height: first.height,
            poster_file: still_file(&remade.poster),
            first_frame_file: still_file(&remade.first_frame),
            thumbhash: remade.first_frame.thumbhash.clone(),
            loudness_centilufs: loudness_centilufs(first),
            provenance: None,
            percent: PUBLISHED,
            now,
        },
        picked: swap.sound,
        lineage: swap.lineage,
        poster_ms: swap.poster_ms,
    };
    if !store::swap(tx, video, &swapped).await? {
        return Ok(false);
    }
    videos::add_rendition(tx, &rendition_row(video, first), 0).await?;
    sound::video_remade(state, tx, video, (before.sound_id, sound)).await?;
    likeness::video_deleted(tx, video).await?;
    let told = |duration_ms: u32| duration_ms.to_string();
    let noted =
        Noted { field: "edit", before: told(before.duration_ms), after: told(swapped.published.duration_ms) };
    history::note(state, tx, video, &[noted]).await?;
    drop_files(state, tx, video, replaced).await?;
    let follow = Follow { video, upload, first: first.clone(), source: Some(remade.source.clone()) };
    have_the_rest_done(state, tx, video, follow, swap.poster_ms != remade.poster_ms).await?;
    Ok(true)
}

/// The sound from now on: the one that was picked, or the one that comes of it.
async fn sound_of(
    state: &State,
    tx: &mut Tx,
    swap: &Swap<'_>,
    before: &videos::WorkRow,
) -> Result<Option<SoundId>> {
    if let Some(picked) = swap.sound {
        return Ok(Some(picked.id));
    }
    let first = &swap.remade.first;
    let Some(digest) = first.sound.as_ref().and_then(|heard| heard.digest) else { return Ok(None) };
    let Some(request) = videos::request_in(tx, swap.video).await? else { return Ok(None) };
    let from = sound::FromVideo {
        digest: &digest,
        new: SoundId::mint(&state.clock),
        video: swap.video,
        account: before.account_id,
        handle: &before.handle,
        consent: request.sound_consent,
        duration_ms: first.duration_ms,
        now: state.clock.now(),
    };
    sound::of_video(tx, &from).await.map(Some)
}

/// Enqueues what follows a publication. What still looks at the old video makes way.
async fn have_the_rest_done(
    state: &State,
    tx: &mut Tx,
    video: VideoId,
    follow: Follow,
    other_poster: bool,
) -> Result<()> {
    let key = video.to_string();
    for kind in [kind::RENDITIONS, kind::DROP_SOURCE, sound::kind::ANALYSE, captions::kind::RECOGNISE] {
        state.jobs.cancel(tx, kind, &key).await?;
    }
    let payload = serde_json::to_value(follow)
        .map_err(|error| Error::Internal(format!("a job can not be written: {error}")))?;
    let job = new_job(state, kind::RENDITIONS, key.clone(), payload);
    state.jobs.enqueue(tx, NewJob { priority: 10, ..job }, &state.clock).await?;
    // One that is under way may be about to set a still of the old video.
    if state.jobs.cancel(tx, kind::POSTER, &key).await? || other_poster {
        let job = new_job(state, kind::POSTER, key, serde_json::json!({ "video": video }));
        state.jobs.enqueue(tx, job, &state.clock).await?;
    }
    sound::enqueue_analysis(state, tx, video).await?;
    captions::enqueue(state, tx, video).await?;
    describe_soon(state, tx, video).await
}

/// Has files removed unless they are in use then. They are kept for a while, for those who are playing them.
async fn drop_files(state: &State, tx: &mut Tx, video: VideoId, files: Vec<String>) -> Result<()> {
    for file in files {
        let payload = serde_json::json!({ "video": video, "file": file });
        let job = new_job(state, kind::DROP_FILE, format!("{video}/{file}"), payload);
        let run_at = state.clock.now().plus_ms(REPLACED_KEPT_MS);
        state.jobs.enqueue(tx, NewJob { run_at, ..job }, &state.clock).await?;
    }
    Ok(())
}

/// Has what was made in vain removed. Not at once: a later wish may have made the same files.
pub(crate) async fn drop_later(state: &State, video: VideoId, remade: &Remade) -> Result<()> {
    let exists = videos::state_of(&state.db, video).await?.is_some();
    if !exists {
        return Ok(state.blobs.delete_video(video).await?);
    }
    let files = remade.files();
    state.db.write(async |tx: &mut Tx| drop_files(state, tx, video, files.to_vec()).await).await
}
