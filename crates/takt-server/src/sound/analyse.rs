//! Listening to a published video's sound and looking at its pictures: the `sound` job.
//!
//! One lane runs these jobs one after the other, so that two copies arriving together meet: the second finds the first.

use super::store::{self, Heard};
use super::{SOUND_MS_MAX, folder};
use crate::error::{Error, Result};
use crate::likeness;
use crate::state::State;
use crate::video::{self, Folder};
use crate::worker::Failed;
use serde::Deserialize;
use std::path::Path;
use takt_analysis::{FRAME_EDGE, FRAMES_PER_SECOND, Fingerprint, SAMPLE_RATE, index_keys, query_keys};
use takt_core::{SoundId, VideoId};
use takt_media::{Container, SoundFile};
use takt_store::{BlobKey, Job, Tx};

/// Known sounds compared with a new one: those that share most with it.
const CANDIDATES_MAX: usize = 24;
/// Landmarks shared by chance; more are worth a look.
const SHARED_MIN: u32 = 3;

#[derive(Deserialize)]
struct Payload {
    video: VideoId,
}

/// What the jobs about a sound carry.
#[derive(Deserialize)]
pub(super) struct SoundPayload {
    pub(super) sound: SoundId,
}

pub(super) fn payload(job: &Job) -> Result<SoundPayload, Failed> {
    video::parse(job)
}

/// Runs the `sound` job.
pub(crate) async fn analyse(state: &State, job: &Job) -> Result<(), Failed> {
    let Payload { video } = video::parse(job)?;
    let Some(key) = video::first_file(state, video).await? else { return Ok(()) };
    let tools = video::tools(state)?;
    let limits = state.config.media_limits();
    let folder = Folder::make(state, job.id).await?;
    let first = folder.path().join("first.mp4");
    state.blobs.fetch_to(&key, &first).await?;
    let media = takt_media::Job { tools: &tools, limits: &limits, dir: folder.path(), source: &first };
    let edge = u32::try_from(FRAME_EDGE).unwrap_or(u32::MAX);
    let frames = media_result(takt_media::grey_frames(&media, &first, edge, FRAMES_PER_SECOND).await)?;
    let renamed = match video::unheard_sound(state, video).await? {
        Some(sound) => listen_to_video(state, &media, sound, &first).await?,
        None => false,
    };
    let linked = likeness::look(state, video, frames.unwrap_or_default()).await?;
    if linked {
        tracing::info!(video.id = %video, "a video is a copy of an earlier one");
    }
    if renamed {
        state.jobs.wake();
    }
    Ok(())
}

/// A refusal of the material is an answer (there is nothing to analyse); anything else is worth another try.
fn media_result<T>(made: Result<T, takt_media::Error>) -> Result<Option<T>, Failed> {
    match made {
        Ok(made) => Ok(Some(made)),
        Err(takt_media::Error::Rejected(failure)) => {
            tracing::warn!(code = failure.code(), "a rendition can not be analysed");
            Ok(None)
        }
        Err(takt_media::Error::Temporary(reason)) => Err(Failed::fault(reason)),
    }
}

/// Listens to a new sound; true when it turned out to be a known one.
async fn listen_to_video(
    state: &State,
    media: &takt_media::Job<'_>,
    sound: SoundId,
    first: &Path,
) -> Result<bool, Failed> {
    let limit_ms = media.limits.duration_max_ms.saturating_add(1_000);
    let samples = takt_media::samples(media, Container::Mp4, first, SAMPLE_RATE, limit_ms).await;
    let Some(samples) = media_result(samples)?.filter(|samples| !samples.is_empty()) else {
        return Ok(false);
    };
    let impression = Impression::of(samples).await?;
    if let Some((known, start_ms)) = known(state, &impression.fingerprint, sound).await? {
        let merged = state
            .db
            .write(async |tx: &mut Tx| {
                let videos = video::with_sound(tx, sound).await?;
                if !store::merge(tx, sound, (known, start_ms)).await? {
                    return Ok(false);
                }
                for video in videos {
                    video::describe_soon(state, tx, video).await?;
                }
                Ok::<_, Error>(true)
            })
            .await?;
        if merged {
            tracing::info!(sound.id = %known, "a sound was recognised");
            return Ok(true);
        }
    }
    let file = takt_media::sound_file(media, Container::Mp4, first, true, SOUND_MS_MAX).await;
    if let Some(file) = media_result(file)? {
        keep(state, sound, &file, impression).await?;
    }
    Ok(false)
}

/// What listening tells of a sound.
pub(super) struct Impression {
    pub(super) duration_ms: u32,
    pub(super) fingerprint: Fingerprint,
    peaks: Vec<u8>,
    tempo: Option<takt_analysis::Tempo>,
}

impl Impression {
    /// Listens, on a thread that may take its time.
    pub(super) async fn of(samples: Vec<f32>) -> Result<Self> {
        let listen = move || Self {
            duration_ms: u32::try_from(samples.len() as u64 * 1000 / u64::from(SAMPLE_RATE))
                .unwrap_or(u32::MAX),
            fingerprint: Fingerprint::of(&samples),
            peaks: takt_analysis::peaks(&samples),
            tempo: takt_analysis::rhythm(&samples).tempo,
        };
        let heard = tokio::task::spawn_blocking(listen).await;
        heard.map_err(|error| Error::Internal(format!("listening to a sound failed: {error}")))
    }

    /// Nothing can be heard.
    pub(super) fn is_silent(&self) -> bool {
        self.peaks.iter().all(|peak| *peak == 0)
    }
}

/// Puts the sound's file in the media store and writes down what was heard; false when the sound is gone.
pub(super) async fn keep(
    state: &State,
    sound: SoundId,
    file: &SoundFile,
    impression: Impression,
) -> Result<bool> {
    let name = format!("{}.m4a", file.sha256);
    state.blobs.put_file(&BlobKey::media(folder(sound), &name)?, &file.path).await?;
    let tempo = impression.tempo.as_ref().map(serde_json::to_string).transpose();
    let heard = Heard {
        duration_ms: impression.duration_ms,
        audio_file: name,
        peaks: impression.peaks,
        tempo: tempo.map_err(|error| Error::Internal(format!("a tempo can not be written: {error}")))?,
        fingerprint: impression.fingerprint.to_bytes(),
        keys: index_keys(&impression.fingerprint),
    };
    let kept = state.db.write(async |tx: &mut Tx| store::set_heard(tx, sound, &heard).await).await?;
    if !kept {
        state.blobs.delete_video(folder(sound)).await?;
    }
    Ok(kept)
}

/// The known sound that this one is, other than `except`: the likest of them; and where in it this one begins, in
/// milliseconds, negative when it begins earlier.
pub(super) async fn known(
    state: &State,
    heard: &Fingerprint,
    except: SoundId,
) -> Result<Option<(SoundId, i32)>> {
    let shared = store::sharing(&state.db, &query_keys(heard)).await?;
    let mut candidates: Vec<(u32, SoundId)> = shared
        .into_iter()
        .filter(|(sound, count)| *sound != except && *count >= SHARED_MIN)
        .map(|(sound, count)| (count, sound))
        .collect();
    // Most shared first, then the oldest.
    candidates.sort_by_key(|(count, sound)| (std::cmp::Reverse(*count), *sound));
    let mut prints = Vec::new();
    for (_, sound) in candidates.into_iter().take(CANDIDATES_MAX) {
        if let Some(bytes) = store::fingerprint(&state.db, sound).await?
            && let Some(print) = Fingerprint::from_bytes(&bytes)
        {
            prints.push((sound, print));
        }
    }
    let heard = heard.clone();
    let compare = move || {
        let same = prints.iter().filter_map(|(sound, print)| {
            let likeness = heard.compare(print).filter(|likeness| likeness.is_same())?;
            Some((likeness.agreeing, std::cmp::Reverse(*sound), likeness.shift_ms))
        });
        same.max().map(|(_, sound, shift_ms)| (sound.0, shift_ms))
    };
    let compared = tokio::task::spawn_blocking(compare).await;
    compared.map_err(|error| Error::Internal(format!("comparing sounds failed: {error}")))
}
