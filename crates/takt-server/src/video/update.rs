//! What follows a creator's change: the recommender hears of it, the poster is taken anew.

use super::folder::Folder;
use super::process::{describe, parse, put_still, still_file, tools};
use super::{job as new_job, kind, store};
use crate::error::Error;
use crate::state::State;
use crate::worker::Failed;
use serde::Deserialize;
use takt_core::VideoId;
use takt_store::{BlobKey, Job, NewJob, Tx};

/// A still that was replaced is kept for those who see it.
const REPLACED_KEPT_MS: i64 = 24 * 3_600_000;

#[derive(Deserialize)]
struct Payload {
    video: VideoId,
}

/// Runs the `describe` job: tells the recommender what the video is now.
pub(crate) async fn describe_again(state: &State, job: &Job) -> Result<(), Failed> {
    let Payload { video } = parse(job)?;
    describe(state, video, &[b"described", job.id.bytes()]).await
}

/// Runs the `poster` job: takes the still anew where the creator wants it.
pub(crate) async fn poster(state: &State, job: &Job) -> Result<(), Failed> {
    let Payload { video } = parse(job)?;
    // Until it is ready there is nothing to take it from; the publication looks at the latest wish.
    let Some(row) = store::work(&state.db, video).await?.filter(|row| row.status == "ready") else {
        return Ok(());
    };
    let Some(rendition) = store::renditions(&state.db, &[video]).await?.into_iter().next() else {
        return Ok(());
    };
    let tools = tools(state)?;
    let limits = state.config.media_limits();
    let folder = Folder::make(state, job.id).await?;
    let first = folder.path().join("first.mp4");
    state.blobs.fetch_to(&BlobKey::media(video, &rendition.file)?, &first).await?;
    let media = takt_media::Job { tools: &tools, limits: &limits, dir: folder.path(), source: &first };
    let still = match takt_media::poster(&media, &first, row.poster_ms).await {
        Ok(still) => still,
        Err(error) => return Err(Failed::fault(error.to_string())),
    };
    put_still(state, video, &still).await?;
    let file = still_file(&still);
    let replaced = row.poster_file.filter(|old| *old != file && Some(old) != row.first_frame_file.as_ref());
    state
        .db
        .write(async |tx: &mut Tx| {
            if !store::set_poster(tx, video, &file, row.poster_ms).await? {
                return Ok(());
            }
            if let Some(old) = &replaced {
                let payload = serde_json::json!({ "video": video, "file": old });
                let job = new_job(state, kind::DROP_FILE, format!("{video}/{old}"), payload);
                let job = NewJob { run_at: state.clock.now().plus_ms(REPLACED_KEPT_MS), ..job };
                state.jobs.enqueue(tx, job, &state.clock).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    Ok(())
}
