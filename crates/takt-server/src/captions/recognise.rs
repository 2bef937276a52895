//! The slot for speech recognition: the `captions` job, which runs a program of the operator's where one is configured.
//!
//! Nothing is bundled and nothing fetched. The program gets the sound of a published video without captions, confined as
//! FFmpeg is, and what it prints is read like an upload. Its words are marked as automatic until their creator edits
//! them, and never take the place of somebody's own.

use super::{keep, kind, store, vtt};
use crate::error::{Error, Result};
use crate::state::State;
use crate::video::{self, Folder};
use crate::worker::Failed;
use serde::Deserialize;
use takt_core::{Lang, VideoId};
use takt_media::{Container, Recogniser};
use takt_store::{Job, NewJob, Tx};

/// Samples a second of the sound that the program gets: what recognisers work with.
const RATE: u32 = 16_000;
/// How often the job may begin at all, since stores that are away and kills cost an attempt each; its own failures are
/// counted by the worker, up to `processing.attempts_max`.
const ATTEMPTS_MAX: u32 = 50;

#[derive(Deserialize)]
struct Payload {
    video: VideoId,
}

/// Has captions written for a video that is published now, where there is a program for it.
pub(crate) async fn enqueue(state: &State, tx: &mut Tx, video: VideoId) -> Result<()> {
    if state.config.captions.command.is_none() {
        return Ok(());
    }
    let job = NewJob {
        kind: kind::RECOGNISE,
        key: video.to_string(),
        payload: serde_json::json!({ "video": video }),
        priority: 0,
        attempts_max: ATTEMPTS_MAX,
        run_at: state.clock.now(),
    };
    state.jobs.enqueue(tx, job, &state.clock).await?;
    Ok(())
}

/// Runs the `captions` job.
pub(crate) async fn recognise(state: &State, job: &Job) -> Result<(), Failed> {
    let Payload { video } = video::parse(job)?;
    let config = &state.config.captions;
    let Some(command) = &config.command else { return Ok(()) };
    let Some(spoken) = video::spoken(state, video).await? else { return Ok(()) };
    if !store::listed(&state.db, &[video]).await?.is_empty() {
        return Ok(());
    }
    let Some(key) = video::first_file(state, video).await? else { return Ok(()) };
    let tools = video::tools(state)?;
    let limits = state.config.media_limits();
    let folder = Folder::make(state, job.id).await?;
    let first = folder.path().join("first.mp4");
    state.blobs.fetch_to(&key, &first).await?;
    let media = takt_media::Job { tools: &tools, limits: &limits, dir: folder.path(), source: &first };
    let limit_ms = spoken.duration_ms.saturating_add(1_000);
    let samples =
        takt_media::samples(&media, Container::Mp4, &first, RATE, limit_ms).await.map_err(failed)?;
    if samples.iter().all(|sample| sample.abs() < 1.0 / 32_768.0) {
        return Ok(());
    }
    let sound = folder.path().join("sound.wav");
    tokio::fs::write(&sound, wav(&samples)).await.map_err(Error::from)?;
    let recogniser = Recogniser {
        program: command,
        arguments: &config.arguments,
        files: &config.files,
        memory_bytes: u64::from(config.memory_mib) << 20,
        cpu_s: u64::from(config.cpu_s),
        language: spoken.language.as_ref().map(Lang::as_str),
    };
    let said = takt_media::recognise(&media, &recogniser, &sound).await.map_err(failed)?;
    let track = vtt::parse(&said, spoken.duration_ms).map_err(|refusal| {
        Failed::fault(format!("the captions command printed what is no captions: {refusal}"))
    })?;
    let heard = track.language.as_deref().and_then(|tag| tag.parse::<Lang>().ok());
    let Some(language) = spoken.language.or(heard) else {
        return Err(Failed::fault("the captions command did not say which language it heard"));
    };
    keep(state, video, &language, &track.cues, true).await?;
    Ok(())
}

fn failed(error: takt_media::Error) -> Failed {
    Failed::fault(error.to_string())
}

/// A WAV file (RIFF, PCM of 16 bits, mono) of samples between -1 and 1.
fn wav(samples: &[f32]) -> Vec<u8> {
    let bytes = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX - 36);
    let mut file = Vec::with_capacity(samples.len() * 2 + 44);
    file.extend(b"RIFF");
    file.extend((36 + bytes).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(bytes.to_le_bytes());
    file.extend(
        samples.iter().flat_map(|sample| ((sample.clamp(-1.0, 1.0) * 32_767.0) as i16).to_le_bytes()),
    );
    file
}
