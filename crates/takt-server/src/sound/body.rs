//! A sound as clients see it.

use super::store::SoundRow;
use super::{Consent, Licence, OnRevoke, folder};
use crate::video::{Creator, media_url};
use serde::Serialize;
use takt_analysis::Tempo;
use takt_core::{AccountId, SoundId, VideoId};

/// Where a sound is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SoundStatus {
    /// An upload that is being turned into a sound. Seen by its owner alone.
    Processing,
    Ready,
    /// Nothing can be made of the upload. Seen by its owner alone.
    Failed,
}

/// A tempo and its beats.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct TempoBody {
    /// Beats for each minute.
    pub bpm: f32,
    /// 0 to 1: how well the sound repeats itself from beat to beat.
    pub confidence: f32,
    /// Where the beats are, in milliseconds.
    pub beats_ms: Vec<u32>,
}

/// Why nothing could be made of an upload.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SoundFailure {
    /// Stable name.
    pub code: String,
    /// What to do about it, in plain words.
    pub message: String,
}

/// A sound. Addresses are relative to the server.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Sound {
    pub id: SoundId,
    pub status: SoundStatus,
    /// Only of a failed sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<SoundFailure>,
    pub title: String,
    /// Whose it is; null for the cell's own sounds and those whose owner is gone.
    pub creator: Option<Creator>,
    /// Whom to name beside the creator; may be empty.
    pub credit: String,
    pub licence: Licence,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    pub duration_ms: u32,
    /// Null until there is something to hear.
    pub audio_url: Option<String>,
    /// The video it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_video_id: Option<VideoId>,
    /// Whom its owner lets use it.
    pub consent: Consent,
    /// What becomes of published videos with it when consent ends.
    pub on_revoke: OnRevoke,
    /// Whether whoever asks may use it now.
    pub may_use: bool,
    pub saved: bool,
    /// Public videos with it.
    pub video_count: i64,
    /// Loudness of each tenth of a second, 0 to 255; empty until it was listened to.
    pub peaks: Vec<u8>,
    /// Null where the sound has no tempo to rely on.
    pub tempo: Option<TempoBody>,
}

/// What a sound is called.
pub(crate) fn title(title: &str, handle: Option<&takt_core::Handle>) -> String {
    match (title, handle) {
        ("", Some(handle)) => format!("original sound by @{handle}"),
        ("", None) => "original sound".to_owned(),
        (title, _) => title.to_owned(),
    }
}

impl Sound {
    pub(super) fn of(row: SoundRow, looker: Option<AccountId>) -> Self {
        let status = match row.status.as_str() {
            "ready" => SoundStatus::Ready,
            "failed" => SoundStatus::Failed,
            _ => SoundStatus::Processing,
        };
        let audio_url = match (&row.audio_file, row.video_id, &row.rendition_file) {
            (Some(file), ..) => Some(media_url(folder(row.id), file)),
            // Not listened to yet: its video has it.
            (None, Some(video), Some(file)) => Some(media_url(video, file)),
            _ => None,
        };
        let may_use = status == SoundStatus::Ready
            && looker.is_some_and(|looker| super::allows(row.account_id, row.consent, row.follows, looker));
        let tempo = row.tempo.as_deref().and_then(|text| serde_json::from_str::<Tempo>(text).ok());
        Self {
            id: row.id,
            status,
            failure: row
                .failure_code
                .map(|code| SoundFailure { code, message: row.failure_message.unwrap_or_default() }),
            title: title(&row.title, row.handle.as_ref()),
            creator: row.account_id.zip(row.handle).map(|(id, handle)| Creator {
                id,
                handle,
                followed: None,
            }),
            credit: row.credit,
            licence: row.licence,
            source_url: row.source_url,
            duration_ms: row.duration_ms,
            audio_url,
            original_video_id: row.video_id,
            consent: row.consent,
            on_revoke: row.on_revoke,
            may_use,
            saved: row.saved,
            video_count: row.video_count,
            peaks: row.peaks.unwrap_or_default(),
            tempo: tempo.map(|tempo| TempoBody {
                bpm: tempo.bpm,
                confidence: tempo.confidence,
                beats_ms: tempo.beats_ms,
            }),
        }
    }
}
