//! Deleting: rows first, then bytes; what the media store refuses now is done by a job.

use super::process::parse;
use super::{job as new_job, kind, store, withdraw};
use crate::error::{Error, Result};
use crate::sound::OnRevoke;
use crate::state::State;
use crate::worker::Failed;
use crate::{captions, draft, history, likeness, sound, upload};
use serde::Deserialize;
use takt_core::{AccountId, VideoId};
use takt_recommender::Event;
use takt_store::{BlobKey, Job, NewJob, Tx};

/// The bytes are erased at once and, by a job, once more after so long: a process that was making them may have put one
/// more in the store while it was being stopped.
const ERASE_AGAIN_MS: i64 = 60_000;
/// A media store may be away for days; bytes that must go are not given up on.
const ERASE_ATTEMPTS_MAX: u32 = 1000;

#[derive(Deserialize)]
struct Payload {
    video: VideoId,
}

#[derive(Deserialize)]
struct ErasePayload {
    video: VideoId,
    account: AccountId,
}

#[derive(Deserialize)]
struct FilePayload {
    video: VideoId,
    file: String,
}

/// Deletes every video of an account.
pub async fn delete_all(state: &State, account: AccountId) -> Result<()> {
    for video in store::ids_of(&state.db, account).await? {
        delete(state, account, video).await?;
    }
    Ok(())
}

/// Deletes a video of the account, whatever its status, with everything made of it.
///
/// When this returns its rows are gone, and its bytes as well unless the media store is away: then they go as soon as it
/// is back, and nothing leads to them.
pub async fn delete(state: &State, account: AccountId, video: VideoId) -> Result<()> {
    let files = store::files(&state.db, video).await?;
    let used = store::work(&state.db, video).await?.and_then(|row| row.sound_id);
    let released = state
        .db
        .write(async |tx: &mut Tx| {
            let choice = store::reuse_on_revoke(tx, video).await?;
            if !store::delete(tx, video, account).await? {
                return Ok(None);
            }
            sound::video_deleted(state, tx, video, used).await?;
            likeness::video_deleted(tx, video).await?;
            captions::video_deleted(tx, video).await?;
            history::video_deleted(tx, video).await?;
            if choice == Some(OnRevoke::Mute) {
                withdraw::enqueue(state, tx, video, true).await?;
            }
            let named = draft::video_deleted(tx, video).await?;
            let key = video.to_string();
            let kinds = [
                kind::RENDER,
                kind::PROCESS,
                kind::RENDITIONS,
                kind::REPLACE,
                kind::DESCRIBE,
                kind::POSTER,
                kind::DROP_SOURCE,
            ];
            for kind in kinds.into_iter().chain([sound::kind::ANALYSE, captions::kind::RECOGNISE]) {
                state.jobs.cancel(tx, kind, &key).await?;
            }
            let payload = serde_json::json!({ "video": video, "account": account });
            let job = NewJob {
                attempts_max: ERASE_ATTEMPTS_MAX,
                run_at: state.clock.now().plus_ms(ERASE_AGAIN_MS),
                ..new_job(state, kind::ERASE, key, payload)
            };
            state.jobs.enqueue(tx, job, &state.clock).await?;
            Ok::<_, Error>(Some(named))
        })
        .await?;
    let Some(released) = released else { return Err(Error::not_found("video")) };
    state.progress.stop_work(video);
    if let Err(error) = upload::release(state, &released).await {
        tracing::warn!(video.id = %video, %error, "sources of a deleted video stay until they expire");
    }
    state.media_cache.forget(video, files).await;
    if let Err(error) = erase_now(state, account, video).await {
        tracing::warn!(video.id = %video, %error, "the bytes of a deleted video go later");
    }
    Ok(())
}

async fn erase_now(state: &State, account: AccountId, video: VideoId) -> Result<()> {
    upload::delete_of_video(state, account, video).await?;
    state.feed.record(Event::VideoRemoved { video }, &[b"removed", video.bytes()]).await?;
    Ok(state.blobs.delete_video(video).await?)
}

/// Runs the `erase` job.
pub(crate) async fn erase(state: &State, job: &Job) -> Result<(), Failed> {
    let ErasePayload { video, account } = parse(job)?;
    Ok(erase_now(state, account, video).await?)
}

/// Runs the `drop_file` job: removes a media file that was replaced, unless it came back into use.
pub(crate) async fn drop_file(state: &State, job: &Job) -> Result<(), Failed> {
    let FilePayload { video, file } = parse(job)?;
    if !store::files(&state.db, video).await?.contains(&file) {
        state.media_cache.drop_file(video, &file).await;
        state.blobs.delete(&BlobKey::media(video, &file)?).await?;
    }
    Ok(())
}

/// Runs the `drop_source` job: the source was kept as long as configured.
pub(crate) async fn drop_source(state: &State, job: &Job) -> Result<(), Failed> {
    let Payload { video } = parse(job)?;
    if state.config.video.source_retention_days > 0 {
        state.blobs.delete(&BlobKey::source(video)).await?;
    }
    Ok(())
}
