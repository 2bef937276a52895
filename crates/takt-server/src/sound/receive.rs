//! From an upload to a sound: the `sound_upload` job.

use super::analyse::{Impression, keep, known};
use super::{SOUND_MS_MAX, store};
use crate::state::State;
use crate::upload;
use crate::video::{self, Folder};
use crate::worker::Failed;
use serde::Deserialize;
use takt_analysis::SAMPLE_RATE;
use takt_core::{SoundId, UploadId};
use takt_media::{Container, SoundFile};
use takt_store::{Job, Tx};

/// Shortest sound of its own, in milliseconds.
const SOUND_MS_MIN: u32 = 500;
/// How much more than allowed is decoded, to tell that it is more.
const OVER_MS: u32 = 1_000;

/// Code of a sound that failed by a fault of ours.
pub(super) const PROCESSING_FAILED: &str = "processing_failed";
pub(super) const PROCESSING_FAILED_MESSAGE: &str =
    "Takt could not process this sound, and it is not the sound's fault. Try to upload it again later.";

#[derive(Deserialize)]
struct Payload {
    sound: SoundId,
    upload: UploadId,
}

/// What is wrong with an upload.
struct Refusal {
    code: &'static str,
    message: String,
}

enum Ended {
    Refused(Refusal),
    Failed(Failed),
}

impl<E: Into<Failed>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

fn refuse(code: &'static str, message: impl Into<String>) -> Ended {
    Ended::Refused(Refusal { code, message: message.into() })
}

/// Runs the `sound_upload` job.
pub(crate) async fn receive(state: &State, job: &Job) -> Result<(), Failed> {
    let Payload { sound, upload } = video::parse(job)?;
    let processing = store::work(&state.db, sound).await?.is_some_and(|row| row.status == "processing");
    if processing {
        match make(state, job, sound, upload).await {
            Ok(()) => {}
            Err(Ended::Refused(Refusal { code, message })) => {
                tracing::info!(sound.id = %sound, code, "a sound failed");
                state.db.write(async |tx: &mut Tx| store::fail(tx, sound, code, &message).await).await?;
            }
            Err(Ended::Failed(failed)) => return Err(failed),
        }
    }
    Ok(upload::remove_file(state, upload).await?)
}

async fn make(state: &State, job: &Job, sound: SoundId, upload: UploadId) -> Result<(), Ended> {
    let tools = video::tools(state)?;
    let limits = state.config.media_limits();
    let folder = Folder::make(state, job.id).await?;
    let source = std::path::absolute(upload::path(state, upload)).map_err(crate::error::Error::from)?;
    let media = takt_media::Job { tools: &tools, limits: &limits, dir: folder.path(), source: &source };
    let file = encode(&media).await?;
    let limit_ms = SOUND_MS_MAX + OVER_MS;
    let samples = takt_media::samples(&media, Container::Mp4, &file.path, SAMPLE_RATE, limit_ms).await;
    let impression = Impression::of(samples.map_err(unreadable)?).await?;
    // Encoders add some tens of milliseconds.
    if impression.duration_ms > SOUND_MS_MAX + OVER_MS / 2 {
        return Err(refuse("too_long", "This sound is longer than 3 minutes. Cut it and upload it again."));
    }
    if impression.duration_ms < SOUND_MS_MIN {
        return Err(refuse("too_short", "This sound is shorter than half a second."));
    }
    if impression.is_silent() {
        return Err(refuse("silent", "Nothing can be heard in this file."));
    }
    if let Some((known, _)) = known(state, &impression.fingerprint, sound).await?
        && let Some(row) = store::by_id(&state.db, known, None).await?
    {
        let title = super::body::title(&row.title, row.handle.as_ref());
        return Err(refuse("sound_exists", format!("This sound is here already: “{title}”. Use that one.")));
    }
    keep(state, sound, &file, impression).await?;
    Ok(())
}

async fn encode(media: &takt_media::Job<'_>) -> Result<SoundFile, Ended> {
    let Some(container) = takt_media::sound_container(media).await.map_err(unreadable)? else {
        return Err(unreadable(takt_media::Error::Rejected(takt_media::Failure::BrokenVideo)));
    };
    let limit_ms = SOUND_MS_MAX + OVER_MS;
    takt_media::sound_file(media, container, media.source, false, limit_ms).await.map_err(unreadable)
}

fn unreadable(error: takt_media::Error) -> Ended {
    match error {
        takt_media::Error::Rejected(_) => refuse(
            "not_a_sound",
            "This file holds no sound that can be read. Upload MP3, M4A, Ogg, FLAC or WAV, or a video with sound.",
        ),
        takt_media::Error::Temporary(reason) => Ended::Failed(Failed::fault(reason)),
    }
}
