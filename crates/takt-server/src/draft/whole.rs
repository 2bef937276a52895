//! A video that was uploaded whole gets an edit list: all of it in one segment, so that it can be edited like any other.
//!
//! Its source is a copy of what was uploaded, where that is kept and browsers play it, else of the largest file that is
//! served. The copy is an upload that the list names; there is one for a video, however often it is edited.

use super::store::{self, EditRow, Owner};
use super::written;
use crate::error::{Error, Result};
use crate::sound::PickedSound;
use crate::state::State;
use crate::video::{self, Folder, Whole};
use crate::{sound, upload};
use axum::http::StatusCode;
use std::path::{Path, PathBuf};
use takt_core::{AccountId, JobId, UploadId, VideoId};
use takt_media::edit::{
    Backing, CANVAS_EDGE_MIN, CANVAS_MAX, Canvas, DURATION_MS, Edit, EditList, Fade, Fit, LEAD_MS_MAX,
    Layout, Look, Segment, VERSION, uploads,
};
use takt_store::Tx;

/// A larger upload is not sent to a device for a trim: the largest file that is served does.
const SOURCE_BYTES_MAX: u64 = 200 * 1024 * 1024;
/// Shorter edge of the canvas at most: that of the largest rendition.
const EDGE_MAX: f64 = 720.0;
/// Shapes that differ by less than this are the same, as for the renderer.
const SAME_SHAPE: f64 = 0.01;
const TITLE_CHARS_MAX: usize = 80;

/// What the one segment is taken from.
struct Found {
    path: PathBuf,
    duration_ms: u32,
    width: u32,
    height: u32,
}

/// Gives the account's video its list, unless another request was first; answers the one it has then.
pub(super) async fn begin(state: &State, account: AccountId, video: VideoId) -> Result<EditRow> {
    let whole = video::whole(state, video).await?;
    // Not a job's, but cleaned up like one's.
    let folder = Folder::make(state, JobId::mint(&state.clock)).await?;
    let found = find(state, &whole, folder.path()).await?;
    let backing = backing(state, account, whole.sound).await?;
    let (duration_ms, width, height) = (found.duration_ms, found.width, found.height);
    let made = upload::take_in(state, found.path).await?;
    let list = list(made.0, (duration_ms, width, height), backing, whole.poster_ms);
    let begun = match Edit::try_from(list) {
        Ok(edit) => keep(state, (account, video), made, &whole, &edit).await,
        Err(refusal) => {
            let message = format!("this video can not be edited: {refusal}");
            Err(Error::refused(StatusCode::CONFLICT, "not_editable", message))
        }
    };
    if !matches!(begun, Ok(true)) {
        upload::remove_file(state, made.0).await?;
    }
    begun?;
    store::edit_of(&state.db, video).await?.ok_or_else(|| Error::not_found("video"))
}

/// Writes the list down, and that it names the copy; false where the video has one by now.
async fn keep(
    state: &State,
    (account, video): (AccountId, VideoId),
    made: (UploadId, u64),
    whole: &Whole,
    edit: &Edit,
) -> Result<bool> {
    let title = whole.caption.as_str().chars().filter(|letter| !letter.is_control());
    let title: String = title.take(TITLE_CHARS_MAX).collect();
    let row = EditRow { account_id: account, title, edit: written(edit)? };
    state
        .db
        .write(async |tx: &mut Tx| {
            if video::owner_in(tx, video).await? != Some(account) {
                return Err(Error::not_found("video"));
            }
            if !store::begin_edit(tx, video, &row).await? {
                return Ok(false);
            }
            upload::insert_made(state, tx, account, made, None).await?;
            store::name_uploads(tx, Owner::Video(video), &uploads(edit.list())).await?;
            Ok::<_, Error>(true)
        })
        .await
}

/// The file to take it from, in `folder`.
async fn find(state: &State, whole: &Whole, folder: &Path) -> Result<Found> {
    if let Some(found) = kept(state, whole, folder).await? {
        return Ok(found);
    }
    let (key, width, height) = &whole.served;
    let path = folder.join("served");
    state.blobs.fetch_to(key, &path).await?;
    Ok(Found { path, duration_ms: whole.duration_ms, width: *width, height: *height })
}

/// What was uploaded, where it is kept and can be edited in a browser.
async fn kept(state: &State, whole: &Whole, folder: &Path) -> Result<Option<Found>> {
    let (Some(key), Some(tools)) = (&whole.source, &state.tools) else { return Ok(None) };
    let small = state.blobs.head(key).await?.is_some_and(|meta| meta.bytes <= SOURCE_BYTES_MAX);
    if !small {
        return Ok(None);
    }
    let path = folder.join("source");
    state.blobs.fetch_to(key, &path).await?;
    let limits = state.config.media_limits().for_sources();
    let media = takt_media::Job { tools, limits: &limits, dir: folder, source: &path };
    let source = match takt_media::inspect(&media).await {
        Ok(source) => source,
        Err(error) => {
            tracing::warn!(%error, "a kept source can not be read; its video is edited from what is served");
            return Ok(None);
        }
    };
    if !source.plays_in_browsers() {
        return Ok(None);
    }
    let (width, height) = (source.video.width, source.video.height);
    Ok(Some(Found { path, duration_ms: source.duration_ms, width, height }))
}

/// The library sound that is in the video already: credited and asked for like any other, and not heard twice.
async fn backing(state: &State, account: AccountId, picked: Option<PickedSound>) -> Result<Option<Backing>> {
    let Some(PickedSound { id, start_ms }) = picked else { return Ok(None) };
    let sound = match sound::get(state, id, Some(account)).await {
        Err(Error::Refused { code: "not_found", .. }) => return Ok(None),
        found => found?,
    };
    // What the upload said of its beginning was never held against the sound.
    let lead_ms = start_ms.min(0).saturating_neg().min(LEAD_MS_MAX);
    let start_ms = start_ms.max(0).cast_unsigned().min(sound.duration_ms);
    Ok(Some(Backing { sound: id, start_ms, volume: 0.0, lead_ms }))
}

/// All of a source, as far as an edit may be long.
fn list(
    source: UploadId,
    (duration_ms, width, height): (u32, u32, u32),
    sound: Option<Backing>,
    poster_ms: u32,
) -> EditList {
    let end_ms = duration_ms.min(*DURATION_MS.end());
    let canvas = canvas(width, height);
    let shape = |width: u32, height: u32| f64::from(width) / f64::from(height.max(1));
    let same = (shape(width, height) / shape(canvas.width, canvas.height) - 1.0).abs() <= SAME_SHAPE;
    let segment = Segment {
        source: Some(source),
        video: None,
        start_ms: 0,
        end_ms,
        speed: 1.0,
        reverse: false,
        fit: if same { Fit::Cover } else { Fit::Contain },
        crop: None,
        volume: 1.0,
    };
    EditList {
        version: VERSION,
        canvas,
        segments: vec![segment],
        layout: Layout::default(),
        sound,
        voice_over: Vec::new(),
        fade: Fade::default(),
        texts: Vec::new(),
        look: Look::None,
        poster_ms: poster_ms.min(end_ms.saturating_sub(1)),
    }
}

/// The picture's own shape, as large as is published and as edit lists allow.
fn canvas(width: u32, height: u32) -> Canvas {
    let (width, height) = (f64::from(width.max(1)), f64::from(height.max(1)));
    let (short, least) = (width.min(height), f64::from(CANVAS_EDGE_MIN));
    let (widest, highest) = (f64::from(CANVAS_MAX.0), f64::from(CANVAS_MAX.1));
    let fits = (EDGE_MAX / short).min(widest / width).min(highest / height).min(1.0);
    let scale = if short * fits < least { least / short } else { fits };
    let even =
        |edge: f64, most: u32| (((edge * scale / 2.0).round() as u32) * 2).clamp(CANVAS_EDGE_MIN, most);
    Canvas { width: even(width, CANVAS_MAX.0), height: even(height, CANVAS_MAX.1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn canvases_have_the_shape_of_the_picture_where_they_may() {
        let of = |width, height| {
            let canvas = canvas(width, height);
            (canvas.width, canvas.height)
        };
        assert_eq!(of(1080, 1920), (720, 1280));
        assert_eq!(of(720, 1280), (720, 1280));
        assert_eq!(of(360, 640), (360, 640));
        assert_eq!(of(1920, 1080), (1080, 608));
        assert_eq!(of(1080, 1080), (720, 720));
        assert_eq!(of(120, 200), (240, 400));
        // None has this shape: all of the picture is seen, with black beside it.
        assert_eq!(of(100, 1900), (240, 1920));
        assert_eq!(list(UploadId::from_u128(1), (5_000, 100, 1900), None, 0).segments[0].fit, Fit::Contain);
    }

    proptest! {
        #[test]
        fn every_video_has_a_list_that_is_taken(
            duration_ms in 1_000_u32..1_000_000,
            (width, height) in (1_u32..10_000, 1_u32..10_000),
            poster_ms in 0_u32..2_000_000,
        ) {
            let list = list(UploadId::from_u128(1), (duration_ms, width, height), None, poster_ms);
            let edit = Edit::try_from(list);
            prop_assert!(edit.is_ok(), "{edit:?}");
        }
    }
}
