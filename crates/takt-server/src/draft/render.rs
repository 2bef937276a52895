//! The `render` job: one file of an edit list and its sources, which then goes the way of an upload.

use super::{sources, store, stored};
use crate::error::Error;
use crate::state::State;
use crate::upload;
use crate::video::{self, Ended, Folder, Reporter, Stage, kind};
use crate::worker::Failed;
use serde::Deserialize;
use std::path::PathBuf;
use takt_core::{AccountId, VideoId};
use takt_media::edit::{self, Edit, RenderJob};
use takt_store::{Job, Tx};

/// Percent of the work on an edited video that rendering is; what follows is mostly copying.
pub(super) const RENDERED: u32 = 60;

#[derive(Deserialize)]
struct Payload {
    video: VideoId,
}

/// Runs the `render` job.
pub(crate) async fn render(state: &State, job: &Job) -> Result<(), Failed> {
    let Payload { video } = video::parse(job)?;
    video::until_deleted(state, video, async {
        if !video::is_processing(state, video).await? {
            return Ok(());
        }
        let Err(ended) = make(state, job, video).await else { return Ok(()) };
        match ended.unless_full(state).await {
            Ended::Rejected { code, message } => video::fail(state, video, code, &message).await,
            Ended::Failed(failed) => Err(failed),
        }
    })
    .await
}

async fn make(state: &State, job: &Job, video: VideoId) -> Result<(), Ended> {
    let Some(row) = store::edit_of(&state.db, video).await? else {
        return Err(Ended::Failed(Failed::fault("the edit list of this video is gone")));
    };
    // A try that was killed after its last step left nothing to do.
    if upload::is_made(state, row.account_id, video).await? {
        return Ok(());
    }
    let edit = stored(row.edit)?;
    let folder = Folder::make(state, job.id).await?;
    let reporter = Reporter::new(state, video, Stage::Rendering, 1..RENDERED);
    let made = render_list(state, &folder, reporter, &edit).await?;
    Ok(hand_over(state, row.account_id, video, made).await?)
}

/// Makes one file of the list, in the folder.
pub(super) async fn render_list(
    state: &State,
    folder: &Folder,
    reporter: Reporter<'_>,
    edit: &Edit,
) -> Result<PathBuf, Ended> {
    let tools = video::tools(state).map_err(Ended::Failed)?;
    let limits = state.config.media_limits();
    // FFmpeg may write to the one and only read from the other.
    let (fetched, work) = (folder.path().join("sources"), folder.path().join("work"));
    tokio::fs::create_dir_all(&fetched).await?;
    tokio::fs::create_dir_all(&work).await?;
    let files = sources::gather(state, edit.list(), &fetched).await.map_err(gone)?;
    let media = RenderJob { tools: &tools, limits: &limits, dir: &work, files: &files };
    let tell = reporter.teller();
    Ok(reporter.along(edit::render(&media, edit, tell)).await?.path)
}

/// What was there at publication may be deleted by now; no other try will find it.
fn gone(error: Error) -> Ended {
    match error {
        Error::Refused { code: "not_found", .. } => Ended::Rejected {
            code: "source_gone",
            message: "A video or sound in this edit was deleted meanwhile. Take it out and publish again."
                .into(),
        },
        other => other.into(),
    }
}

/// Makes the file the upload of its video and has it processed.
async fn hand_over(state: &State, account: AccountId, video: VideoId, file: PathBuf) -> Result<(), Error> {
    let made = upload::take_in(state, file).await?;
    state
        .db
        .write(async |tx: &mut Tx| {
            upload::insert_made(state, tx, account, made, Some(video)).await?;
            video::enqueue_process(state, tx, video, made.0).await
        })
        .await?;
    state.jobs.wake();
    tracing::debug!(video.id = %video, job = kind::RENDER, bytes = made.1, "an edit was rendered");
    Ok(())
}
