//! When a video may no longer be used in duets and stitches, or is deleted: the `reuse_revoke` job.
//!
//! As with sounds, what exists follows the choice of whoever owns the part. Keeping is the default and needs nothing
//! done: the credit stays, and so does what was rendered. Otherwise each duet or stitch is taken down, rendered anew
//! from its edit list without the other's part, and published again with a notice; where nothing is left to render it
//! fails with the reason. It is not undone when consent comes back: the creator can publish again.

use super::process::parse;
use super::{ATTEMPTS_MAX, edited, job as new_job, kind, store};
use crate::error::{Error, Result};
use crate::sound::OnRevoke;
use crate::state::State;
use crate::worker::Failed;
use crate::{captions, draft, likeness, sound, upload};
use serde::Deserialize;
use store::MadeWithRow;
use takt_core::VideoId;
use takt_recommender::Event;
use takt_store::{Job, NewJob, Tx};

/// Videos looked at in one statement.
const VIDEOS: usize = 100;
const CODE: &str = "part_withdrawn";
const MESSAGE: &str = "The other video in it was withdrawn by its creator, and nothing is left without it.";

#[derive(Deserialize)]
struct Payload {
    video: VideoId,
    /// It is gone, and this was its owner's choice.
    deleted: bool,
}

/// Lets a video's terms reach duets and stitches with it.
pub(super) async fn enqueue(state: &State, tx: &mut Tx, video: VideoId, deleted: bool) -> Result<()> {
    let key = video.to_string();
    // One that runs may have looked already, so it makes way for another.
    state.jobs.cancel(tx, kind::REUSE_REVOKE, &key).await?;
    let payload = serde_json::json!({ "video": video, "deleted": deleted });
    let job = NewJob { attempts_max: 20 * ATTEMPTS_MAX, ..new_job(state, kind::REUSE_REVOKE, key, payload) };
    state.jobs.enqueue(tx, job, &state.clock).await?;
    Ok(())
}

/// Runs the `reuse_revoke` job.
pub(crate) async fn withdraw(state: &State, job: &Job) -> Result<(), Failed> {
    let Payload { video: other, deleted } = parse(job)?;
    let mut after = VideoId::from_u128(0);
    let mut unfinished = false;
    loop {
        let rows = store::made_with(&state.db, other, after, VIDEOS).await?;
        let Some(last) = rows.last() else { break };
        after = last.id;
        for row in rows {
            if row.part_withdrawn || !deleted && may_keep(state, &row, other).await? {
                continue;
            }
            if !row.done {
                // What is still made of it would have the part again.
                unfinished = true;
                continue;
            }
            take_out(state, &row, other).await?;
        }
    }
    if unfinished {
        let reason = "duets and stitches with a withdrawn video are still being made".to_owned();
        return Err(Failed { reason, away: true });
    }
    Ok(())
}

async fn may_keep(state: &State, row: &MadeWithRow, other: VideoId) -> Result<bool> {
    let terms =
        state.db.write(async |tx: &mut Tx| store::reuse_terms(tx, other, row.account_id).await).await?;
    let Some(terms) = terms else { return Ok(true) };
    Ok(terms.reuse_on_revoke == OnRevoke::Keep || edited::allows(&terms, row.account_id))
}

/// Takes the video down and has it rendered without the other's part. Repeating it does nothing more.
async fn take_out(state: &State, row: &MadeWithRow, other: VideoId) -> Result<(), Failed> {
    let video = row.id;
    // Bytes first: the part is not to be seen from now on, whatever happens to this process.
    let files = store::files(&state.db, video).await?;
    state
        .feed
        .record(Event::VideoRemoved { video }, &[b"part withdrawn", video.bytes(), other.bytes()])
        .await?;
    state.blobs.delete_video(video).await?;
    // Not forgotten as a deleted video is: others come in their place.
    for file in files {
        state.media_cache.drop_file(video, &file).await;
    }
    upload::delete_of_video(state, row.account_id, video).await?;
    state
        .db
        .write(async |tx: &mut Tx| {
            let key = video.to_string();
            for kind in [kind::RENDITIONS, kind::POSTER, sound::kind::ANALYSE, captions::kind::RECOGNISE] {
                state.jobs.cancel(tx, kind, &key).await?;
            }
            let left = draft::take_out(tx, video, other).await?;
            if !store::begin_again(tx, video, left).await? {
                return Ok(());
            }
            // The sound that came of it has the other's voice in it.
            sound::video_deleted(state, tx, video, row.sound_id.filter(|_| !row.sound_picked)).await?;
            likeness::video_deleted(tx, video).await?;
            match left {
                Some(_) => {
                    let payload = serde_json::json!({ "video": video });
                    let job = new_job(state, kind::RENDER, key, payload);
                    state.jobs.enqueue(tx, NewJob { priority: 100, ..job }, &state.clock).await?;
                }
                None => {
                    store::fail(tx, video, CODE, MESSAGE).await?;
                }
            }
            Ok::<_, Error>(())
        })
        .await?;
    state.progress.turned(video);
    state.jobs.wake();
    tracing::info!(video.id = %video, "a withdrawn part was taken out of a video");
    Ok(())
}
