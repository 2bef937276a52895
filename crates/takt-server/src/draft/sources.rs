//! What an edit list is made of: whether it may be used, and where its bytes are.

use crate::error::{Error, Result};
use crate::state::State;
use crate::{sound, upload, video};
use std::path::Path;
use takt_core::{AccountId, UploadId};
use takt_media::edit::{Clip, EditList, Files, clips, uploads, videos};
use takt_store::Tx;

/// Refuses unless every upload of the list is a finished one of the account; names the field.
pub(super) async fn require_uploads(state: &State, account: AccountId, list: &EditList) -> Result<()> {
    for upload in uploads(list) {
        if let Err(refused) = upload::require_source(state, account, upload).await {
            return Err(match refused {
                Error::Refused { status, code, message, field: _ } => {
                    Error::Refused { status, code, message, field: Some(field_of(list, upload)) }
                }
                other => other,
            });
        }
    }
    Ok(())
}

/// Where the list names the upload first.
fn field_of(list: &EditList, upload: UploadId) -> String {
    let segment = list.segments.iter().position(|segment| segment.source == Some(upload));
    let voice = || list.voice_over.iter().position(|voice| voice.source == upload);
    match (segment, voice()) {
        (Some(number), _) => format!("edit.segments[{number}].source"),
        (None, Some(number)) => format!("edit.voice_over[{number}].source"),
        (None, None) => "edit".to_owned(),
    }
}

/// Refuses unless the owners of every sound and video in the list let the account use them now.
pub(crate) async fn require_consents(tx: &mut Tx, account: AccountId, list: &EditList) -> Result<()> {
    for video in videos(list) {
        video::require_reuse(tx, account, video).await?;
    }
    match &list.sound {
        Some(sound) => sound::require_use(tx, account, sound.sound).await,
        None => Ok(()),
    }
}

/// The files of a list: uploads where they lie, what comes from the media store fetched into `folder`.
pub(super) async fn gather(state: &State, list: &EditList, folder: &Path) -> Result<Files> {
    let mut files = Files::default();
    for clip in clips(list) {
        let path = match clip {
            Clip::Upload(upload) => std::path::absolute(upload::path(state, upload))?,
            Clip::Video(other) => {
                let path = folder.join(other.to_string());
                let key = video::best_file(state, other).await?.ok_or_else(|| Error::not_found("video"))?;
                state.blobs.fetch_to(&key, &path).await?;
                path
            }
        };
        files.clips.insert(clip, path);
    }
    for voice in &list.voice_over {
        files.voices.insert(voice.source, std::path::absolute(upload::path(state, voice.source))?);
    }
    if let Some(backing) = &list.sound {
        let path = folder.join("sound");
        sound::fetch_audio(state, backing.sound, &path).await?;
        files.sound = Some(path);
    }
    Ok(files)
}
