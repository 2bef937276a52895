//! What comes after a video plays: the source is archived, the further renditions are made. The `renditions` job.

use super::body::Stage;
use super::folder::Folder;
use super::process::{
    Ended, Follow, Reporter, media_key, parse, rendition_file, rendition_row, tools, until_deleted,
};
use super::{job as new_job, kind, store};
use crate::error::Error;
use crate::state::State;
use crate::upload;
use crate::worker::Failed;
use std::path::{Path, PathBuf};
use takt_core::{UploadId, VideoId};
use takt_media::{Rendition, Settings};
use takt_store::{BlobKey, Job, NewJob, Tx};

pub(super) const PUBLISHED: u32 = 70;
const HOUR_MS: i64 = 3_600_000;
/// A file that was replaced is kept for those who are playing it.
pub(super) const REPLACED_KEPT_MS: i64 = 24 * HOUR_MS;

/// Runs the `renditions` job.
pub(crate) async fn renditions(state: &State, job: &Job) -> Result<(), Failed> {
    let follow: Follow = parse(job)?;
    let video = follow.video;
    until_deleted(state, video, async {
        let Some(row) = store::state_of(&state.db, video).await? else { return Ok(()) };
        if row.status != "ready" || row.stage == Stage::Done.as_str() {
            return Ok(());
        }
        archive(state, video, follow.upload).await?;
        let made = match make(state, job, &follow).await {
            Ok(made) => made,
            Err(ended) => match ended.unless_full(state).await {
                // What plays goes on playing; more can not be made of this upload.
                Ended::Rejected { code, message } => {
                    tracing::warn!(video.id = %video, code, message, "no further renditions of this video");
                    Vec::new()
                }
                Ended::Failed(failed) => return Err(failed),
            },
        };
        upload::remove_file(state, follow.upload).await?;
        Ok(settle(state, video, &follow.first, &made).await?)
    })
    .await
}

/// Copies the source to the media store, if it is not there yet.
async fn archive(state: &State, video: VideoId, upload: UploadId) -> Result<(), Error> {
    let spooled = upload::path(state, upload);
    if tokio::fs::try_exists(&spooled).await? {
        state.blobs.put_file(&BlobKey::source(video), &spooled).await?;
    }
    Ok(())
}

/// Makes the further renditions and puts them in the media store.
async fn make(state: &State, job: &Job, follow: &Follow) -> Result<Vec<Rendition>, Ended> {
    let tools = tools(state).map_err(Ended::Failed)?;
    let limits = state.config.media_limits();
    let folder = Folder::make(state, job.id).await?;
    let source = source(state, follow, folder.path()).await?;
    let media = takt_media::Job { tools: &tools, limits: &limits, dir: folder.path(), source: &source };
    let inspected = match &follow.source {
        // Looking costs as much as copying: ffprobe takes 0.05 CPU s to start, whatever the file.
        Some(source) => source.clone(),
        None => takt_media::inspect(&media).await?,
    };
    let plan = takt_media::plan(&inspected, &Settings::default());
    let mut first = follow.first.clone();
    first.path = folder.path().join("first.mp4");
    state.blobs.fetch_to(&media_key(follow.video, &first)?, &first.path).await?;
    let reporter = Reporter::new(state, follow.video, Stage::FurtherRenditions, PUBLISHED..100);
    let tell = reporter.teller();
    let made =
        reporter.along(takt_media::further_renditions(&media, &inspected, &plan, &first, tell)).await?;
    for rendition in &made {
        state.blobs.put_file(&media_key(follow.video, rendition)?, &rendition.path).await?;
    }
    Ok(made)
}

/// Where the source can be read: as it arrived, or from the media store.
async fn source(state: &State, follow: &Follow, folder: &Path) -> Result<PathBuf, Error> {
    let spooled = std::path::absolute(upload::path(state, follow.upload))?;
    if tokio::fs::try_exists(&spooled).await? {
        return Ok(spooled);
    }
    let fetched = folder.join("source");
    state.blobs.fetch_to(&BlobKey::source(follow.video), &fetched).await?;
    Ok(fetched)
}

/// Writes down what was made; nothing more is under way then.
async fn settle(state: &State, video: VideoId, first: &Rendition, made: &[Rendition]) -> Result<(), Error> {
    let now = state.clock.now();
    state
        .db
        .write(async |tx: &mut Tx| {
            for rendition in made {
                let position = u32::from(!rendition.replaces_first);
                store::add_rendition(tx, &rendition_row(video, rendition), position).await?;
                let replaced = rendition_file(first);
                if rendition.replaces_first && replaced != rendition_file(rendition) {
                    store::remove_rendition(tx, video, &replaced).await?;
                    let payload = serde_json::json!({ "video": video, "file": replaced });
                    let job = new_job(state, kind::DROP_FILE, format!("{video}/{replaced}"), payload);
                    let job = NewJob { run_at: now.plus_ms(REPLACED_KEPT_MS), ..job };
                    state.jobs.enqueue(tx, job, &state.clock).await?;
                }
            }
            store::set_done(tx, video).await?;
            let days = i64::from(state.config.video.source_retention_days);
            if days > 0 {
                let payload = serde_json::json!({ "video": video });
                let job = new_job(state, kind::DROP_SOURCE, video.to_string(), payload);
                let job = NewJob { run_at: now.plus_ms(days * 24 * HOUR_MS), ..job };
                state.jobs.enqueue(tx, job, &state.clock).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    state.progress.turned(video);
    Ok(())
}

/// What becomes of a video whose `renditions` job is given up: it plays, and nothing more is under way.
pub(super) async fn give_up(tx: &mut Tx, key: &str) -> Result<Option<VideoId>, Error> {
    let Ok(video) = key.parse::<VideoId>() else { return Ok(None) };
    store::set_done(tx, video).await?;
    Ok(Some(video))
}
