//! From an upload to a video that plays: the `process` job.
//!
//! Steps: look at the upload, make the first playable file and the stills, put them in the media store, publish in one
//! transaction that also enqueues the further renditions, tell the recommender. A kill between any two of them leaves
//! the job to be done again: everything before the publication is made anew under the same content-derived names,
//! everything after it is told once whatever happens.

use super::body::{Progress, Provenance, Stage};
use super::folder::Folder;
use super::store::{self, Published, RenditionRow, WorkRow};
use super::{describe_soon, job as new_job, kind};
use crate::error::Error;
use crate::state::State;
use crate::upload;
use crate::worker::{Failed, has_room};
use crate::{captions, draft, sound};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;
use takt_core::{SoundId, UploadId, VideoId};
use takt_media::{Container, Plan, Poster, Rendition, Settings, Source, Tools};
use takt_recommender::Event;
use takt_store::{BlobError, BlobKey, Job, NewJob, Tx};
use tokio::sync::watch;

/// What the shares of the work are in percent of all of it, by what they cost.
const CHECKED: u32 = 5;
const PUBLISHED: u32 = 70;
/// How much further the work must be before it is written down again.
const STORED_STEP: u32 = 5;
/// Parked jobs looked at in one go.
const PARKED_MAX: u32 = 500;

/// Code of a video that failed by a fault of ours.
const PROCESSING_FAILED: &str = "processing_failed";
const PROCESSING_FAILED_MESSAGE: &str =
    "Takt could not process this video, and it is not the video's fault. Try to upload it again later.";

#[derive(Deserialize)]
struct Payload {
    video: VideoId,
    upload: UploadId,
}

/// What the further renditions need to know.
#[derive(Serialize, Deserialize)]
pub(super) struct Follow {
    pub(super) video: VideoId,
    pub(super) upload: UploadId,
    pub(super) first: Rendition,
    /// What the upload was found to be. Absent in jobs of releases that looked twice.
    #[serde(default)]
    pub(super) source: Option<Source>,
}

/// Why media work ended.
pub(crate) enum Ended {
    /// The upload is at fault.
    Rejected { code: &'static str, message: String },
    /// Something else is.
    Failed(Failed),
}

impl Ended {
    /// The same, but no verdict on an upload that was worked on while the disk was full: what came out as a broken video
    /// may be one that could not be written.
    pub(crate) async fn unless_full(self, state: &State) -> Self {
        match self {
            Self::Rejected { code, .. } if !has_room(state).await => {
                Self::Failed(Failed { reason: format!("{code} on a full disk"), away: true })
            }
            ended => ended,
        }
    }
}

impl From<takt_media::Error> for Ended {
    fn from(error: takt_media::Error) -> Self {
        match error {
            takt_media::Error::Rejected(failure) => {
                Self::Rejected { code: failure.code(), message: failure.message() }
            }
            takt_media::Error::Temporary(reason) => Self::Failed(Failed::fault(reason)),
        }
    }
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<BlobError> for Ended {
    fn from(error: BlobError) -> Self {
        Error::from(error).into()
    }
}

impl From<std::io::Error> for Ended {
    fn from(error: std::io::Error) -> Self {
        Error::from(error).into()
    }
}

/// FFmpeg, or why there is none.
pub(crate) fn tools(state: &State) -> Result<Arc<Tools>, Failed> {
    state.tools.clone().ok_or_else(|| Failed::fault("FFmpeg is not installed on this server"))
}

pub(crate) fn parse<T: serde::de::DeserializeOwned>(job: &Job) -> Result<T, Failed> {
    serde_json::from_value(job.payload.clone())
        .map_err(|error| Failed::fault(format!("the job can not be read: {error}")))
}

/// Runs the `process` job.
pub(crate) async fn process(state: &State, job: &Job) -> Result<(), Failed> {
    let Payload { video, upload } = parse(job)?;
    until_deleted(state, video, async {
        let Some(row) = store::work(&state.db, video).await? else { return Ok(()) };
        match row.status.as_str() {
            "processing" => {
                if let Err(ended) = publish(state, job, video, upload, &row).await {
                    return match ended.unless_full(state).await {
                        Ended::Rejected { code, message } => fail(state, video, code, &message).await,
                        Ended::Failed(failed) => Err(failed),
                    };
                }
            }
            "ready" => {}
            _ => return Ok(()),
        }
        announce(state, video).await
    })
    .await
}

/// Does `work` unless the video is deleted meanwhile; then there is nothing left to do.
pub(crate) async fn until_deleted(
    state: &State,
    video: VideoId,
    work: impl Future<Output = Result<(), Failed>>,
) -> Result<(), Failed> {
    struct Over<'a>(&'a State, VideoId);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.progress.end_work(self.1);
        }
    }
    let deleted = state.progress.begin_work(video);
    let _over = Over(state, video);
    tokio::select! {
        done = work => done,
        () = deleted.cancelled() => Ok(()),
    }
}

async fn publish(
    state: &State,
    job: &Job,
    video: VideoId,
    upload: UploadId,
    row: &WorkRow,
) -> Result<(), Ended> {
    let tools = tools(state).map_err(Ended::Failed)?;
    let limits = state.config.media_limits();
    let folder = Folder::make(state, job.id).await?;
    let source = std::path::absolute(upload::path(state, upload))?;
    let media = takt_media::Job { tools: &tools, limits: &limits, dir: folder.path(), source: &source };
    report(state, video, Of::Video, Stage::Checking, 1).await;
    let inspected = takt_media::inspect(&media).await?;
    let plan = takt_media::plan(&inspected, &Settings::default());
    let reporter = Reporter::new(state, video, Stage::FirstRendition, CHECKED..PUBLISHED);
    let (first, provenance) =
        tokio::try_join!(first_rendition(reporter, &media, &inspected, &plan), async {
            Ok(provenance(state, video, &media, &inspected).await)
        })?;
    let (first_frame, poster) = put_first(state, video, &media, &first, row.poster_ms).await?;
    let (first_frame, poster) = (&first_frame, &poster);
    let source = inspected;
    let made = Made { video, upload, source, first: &first, first_frame, poster, provenance, row };
    if commit(state, made).await? {
        metrics::counter!("takt_videos_published_total").increment(1);
        state.progress.turned(video);
        state.jobs.wake();
    }
    Ok(())
}

pub(super) async fn first_rendition(
    reporter: Reporter<'_>,
    media: &takt_media::Job<'_>,
    source: &Source,
    plan: &Plan,
) -> Result<Rendition, Ended> {
    let tell = reporter.teller();
    Ok(reporter.along(takt_media::first_rendition(media, source, plan, tell)).await?)
}

/// Puts the first playable file and its stills in the media store; answers the first frame and the poster.
pub(super) async fn put_first(
    state: &State,
    video: VideoId,
    media: &takt_media::Job<'_>,
    first: &Rendition,
    poster_ms: u32,
) -> Result<(Poster, Poster), Ended> {
    let first_frame = takt_media::poster(media, &first.path, 0).await?;
    let poster = match poster_ms {
        0 => first_frame.clone(),
        at_ms => takt_media::poster(media, &first.path, at_ms).await?,
    };
    state.blobs.put_file(&media_key(video, first)?, &first.path).await?;
    put_still(state, video, &first_frame).await?;
    if poster.sha256 != first_frame.sha256 {
        put_still(state, video, &poster).await?;
    }
    Ok((first_frame, poster))
}

/// What the upload's Content Credentials are worth, where they can be read. No video fails for them.
async fn provenance(
    state: &State,
    video: VideoId,
    media: &takt_media::Job<'_>,
    source: &Source,
) -> Option<Provenance> {
    let program = state.provenance.as_deref().filter(|_| source.container == Container::Mp4)?;
    match takt_media::provenance(media, program).await {
        Ok(found) => found.map(Provenance::from),
        Err(error) => {
            tracing::warn!(%error, video.id = %video, "content credentials could not be read");
            None
        }
    }
}

/// The name of a rendition in the media store: its bytes' own.
pub(super) fn rendition_file(rendition: &Rendition) -> String {
    format!("{}.mp4", rendition.sha256)
}

pub(super) fn still_file(still: &Poster) -> String {
    format!("{}.jpg", still.sha256)
}

pub(super) fn media_key(video: VideoId, rendition: &Rendition) -> Result<BlobKey, BlobError> {
    BlobKey::media(video, &rendition_file(rendition))
}

pub(super) async fn put_still(state: &State, video: VideoId, still: &Poster) -> Result<(), Error> {
    Ok(state.blobs.put_file(&BlobKey::media(video, &still_file(still))?, &still.path).await?)
}

pub(super) fn rendition_row(video: VideoId, rendition: &Rendition) -> RenditionRow {
    RenditionRow {
        video_id: video,
        file: rendition_file(rendition),
        width: rendition.width,
        height: rendition.height,
        codec: rendition.codec.clone(),
        bytes: rendition.bytes,
    }
}

pub(super) fn loudness_centilufs(rendition: &Rendition) -> Option<i64> {
    let loudness = rendition.sound.as_ref().and_then(|sound| sound.loudness)?;
    Some((loudness.lufs * 100.0).round() as i64)
}

/// Everything the publication needs.
struct Made<'a> {
    video: VideoId,
    upload: UploadId,
    source: Source,
    first: &'a Rendition,
    first_frame: &'a Poster,
    poster: &'a Poster,
    provenance: Option<Provenance>,
    row: &'a WorkRow,
}

/// Publishes in one transaction; false when the video is gone or was published by somebody else.
async fn commit(state: &State, made: Made<'_>) -> Result<bool, Error> {
    let Made { video, upload, source, first, first_frame, poster, provenance, row } = made;
    let heard = first.sound.as_ref();
    let new_sound = SoundId::mint(&state.clock);
    let follow = serde_json::to_value(Follow { video, upload, first: first.clone(), source: Some(source) })
        .map_err(|error| Error::Internal(format!("a job can not be written: {error}")))?;
    let now = state.clock.now();
    let published = Published {
        sound: None,
        duration_ms: first.duration_ms,
        width: first.width,
        height: first.height,
        poster_file: still_file(poster),
        first_frame_file: still_file(first_frame),
        thumbhash: first_frame.thumbhash.clone(),
        loudness_centilufs: loudness_centilufs(first),
        provenance: provenance.map(Provenance::as_str),
        percent: PUBLISHED,
        now,
    };
    let digest = heard.and_then(|heard| heard.digest);
    let done = state
        .db
        .write(async |tx: &mut Tx| {
            let Some(latest) = store::request_in(tx, video).await? else { return Ok(false) };
            let sound = match (&digest, latest.sound_picked) {
                (Some(digest), false) => {
                    let from = sound::FromVideo {
                        digest,
                        new: new_sound,
                        video,
                        account: row.account_id,
                        handle: &row.handle,
                        consent: latest.sound_consent,
                        duration_ms: first.duration_ms,
                        now,
                    };
                    Some(sound::of_video(tx, &from).await?)
                }
                _ => None,
            };
            if !store::publish(tx, video, &Published { sound, ..published.clone() }).await? {
                return Ok(false);
            }
            store::add_rendition(tx, &rendition_row(video, first), 0).await?;
            let job = new_job(state, kind::RENDITIONS, video.to_string(), follow.clone());
            state.jobs.enqueue(tx, NewJob { priority: 10, ..job }, &state.clock).await?;
            sound::enqueue_analysis(state, tx, video).await?;
            captions::enqueue(state, tx, video).await?;
            if latest.part_withdrawn {
                // It was published before, so the log has its publication already.
                describe_soon(state, tx, video).await?;
            }
            draft::video_published(tx, video).await?;
            if latest.poster_ms != row.poster_ms {
                // The creator chose another still while this one was made.
                let payload = serde_json::json!({ "video": video });
                let job = new_job(state, kind::POSTER, video.to_string(), payload);
                state.jobs.enqueue(tx, job, &state.clock).await?;
            }
            Ok::<_, Error>(true)
        })
        .await?;
    if !done && store::state_of(&state.db, video).await?.is_none() {
        state.blobs.delete_video(video).await?;
    }
    Ok(done)
}

/// Tells the recommender of a published video; told twice is told once.
async fn announce(state: &State, video: VideoId) -> Result<(), Failed> {
    describe(state, video, &[b"published", video.bytes()]).await
}

/// Tells the recommender what a video is now; of an unlisted one, that it is gone. `identity` names the telling.
pub(super) async fn describe(state: &State, video: VideoId, identity: &[&[u8]]) -> Result<(), Failed> {
    let Some(row) = store::work(&state.db, video).await?.filter(|row| row.status == "ready") else {
        return Ok(());
    };
    if row.unlisted {
        state.feed.record(Event::VideoRemoved { video }, identity).await?;
        return Ok(());
    }
    let terms = takt_recommender::caption_terms(row.caption.as_str());
    let event = Event::VideoPublished {
        video,
        creator: row.account_id,
        sound: row.sound_id,
        language: row.language,
        tags: terms.tags,
        words: terms.words,
        duration_ms: row.duration_ms,
    };
    state.feed.record(event, identity).await?;
    if let Some(original) = row.duplicate_of {
        let linked: Vec<&[u8]> = [&b"linked"[..]].into_iter().chain(identity.iter().copied()).collect();
        state.feed.record(Event::VideoLinked { video, original }, &linked).await?;
    }
    match store::work(&state.db, video).await? {
        // Deleted just now: its removal may stand in the log before this, so it is said again.
        None => {
            state.feed.record(Event::VideoRemoved { video }, &[b"removed again", video.bytes()]).await?;
        }
        // Unlisted just now, which may stand before this as well.
        Some(row) if row.unlisted => {
            state.db.write(async |tx: &mut Tx| describe_soon(state, tx, video).await).await?;
            state.jobs.wake();
        }
        Some(_) => {}
    }
    Ok(())
}

/// Marks a video as failed, with a sentence for its creator.
pub(crate) async fn fail(state: &State, video: VideoId, code: &str, message: &str) -> Result<(), Failed> {
    let failed = state.db.write(async |tx: &mut Tx| store::fail(tx, video, code, message).await).await?;
    if failed {
        tracing::info!(video.id = %video, code, "a video failed");
        metrics::counter!("takt_videos_failed_total", "code" => code.to_owned()).increment(1);
    }
    state.progress.turned(video);
    Ok(())
}

/// What becomes of a video whose `process` job is given up: it failed by no fault of its own.
pub(super) async fn give_up(tx: &mut Tx, key: &str) -> Result<Option<VideoId>, Error> {
    let Ok(video) = key.parse::<VideoId>() else { return Ok(None) };
    store::fail(tx, video, PROCESSING_FAILED, PROCESSING_FAILED_MESSAGE).await?;
    Ok(Some(video))
}

/// Fails the videos of jobs that were parked because their worker died each time; called at start and now and then.
pub(crate) async fn fail_parked(state: &State) -> Result<(), Error> {
    for job in state.jobs.parked(&state.db, PARKED_MAX).await? {
        let video = state.db.write(async |tx: &mut Tx| super::give_up(tx, &job.kind, &job.key).await).await?;
        video.into_iter().for_each(|video| state.progress.turned(video));
    }
    Ok(())
}

/// Tells the progress, and writes it down.
async fn report(state: &State, video: VideoId, of: Of, stage: Stage, percent: u32) {
    let written = match of {
        Of::Video => {
            state.progress.tell(video, Progress { stage, percent });
            store::set_progress(&state.db, video, stage, percent).await
        }
        Of::Replacement => draft::set_replacement_progress(state, video, stage, percent).await,
    };
    if let Err(error) = written {
        tracing::debug!(%error, "progress was not written down");
    }
}

/// What the work is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Video,
    /// The edit that is to take the place of what the video plays.
    Replacement,
}

/// Passes on what a media stage tells of itself: each word to those who watch, now and then one to SQL.
pub(crate) struct Reporter<'a> {
    state: &'a State,
    video: VideoId,
    of: Of,
    stage: Stage,
    range: Range<u32>,
    percent: watch::Sender<u32>,
}

impl<'a> Reporter<'a> {
    /// For a stage that takes the work from `range.start` to `range.end` percent.
    pub(crate) fn new(state: &'a State, video: VideoId, stage: Stage, range: Range<u32>) -> Self {
        Self { state, video, of: Of::Video, stage, percent: watch::channel(range.start).0, range }
    }

    /// The same, for an edit that is to replace what a video plays; that is told by SQL alone.
    pub(crate) fn of_replacement(state: &'a State, video: VideoId, stage: Stage, range: Range<u32>) -> Self {
        Self { of: Of::Replacement, ..Self::new(state, video, stage, range) }
    }

    /// What the stage calls with 0 to 1.
    pub(crate) fn teller(&self) -> impl FnMut(f32) + Send + use<> {
        let (state, video, of, stage) = (self.state.clone(), self.video, self.of, self.stage);
        let (range, sender) = (self.range.clone(), self.percent.clone());
        move |fraction| {
            let share = fraction.clamp(0.0, 1.0) * (range.end - range.start) as f32;
            // The end of the range is told by what comes next, once it is true.
            let percent = (range.start + share as u32).min(range.end.saturating_sub(1));
            if of == Of::Video {
                state.progress.tell(video, Progress { stage, percent });
            }
            sender.send_if_modified(|stored| {
                let further = percent >= *stored + STORED_STEP;
                if further {
                    *stored = percent;
                }
                further
            });
        }
    }

    /// Awaits the stage while its progress is written down.
    pub(crate) async fn along<T>(self, work: impl Future<Output = T>) -> T {
        report(self.state, self.video, self.of, self.stage, self.range.start).await;
        let mut percent = self.percent.subscribe();
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                Ok(()) = percent.changed() => {
                    let now = *percent.borrow_and_update();
                    report(self.state, self.video, self.of, self.stage, now).await;
                }
            }
        }
    }
}
