//! What the recommender learns from, and its form in the event log.

use serde::{Deserialize, Serialize};
use takt_core::{AccountId, ImpressionId, Lang, SoundId, Timestamp, VideoId, ViewerId};

/// First byte of an encoded entry. A change that old readers would misread takes the next number.
const WIRE_VERSION: u8 = 1;

/// One video of a page, and the id under which the client reports what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedItem {
    /// The impression-to-be.
    pub impression: ImpressionId,
    /// What was served.
    pub video: VideoId,
}

/// One thing that happened.
///
/// This is the log's wire format: variants and fields are only ever appended as new variants at the end, never changed,
/// removed or reordered. A test holds the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A video can be watched from now on. Said again about the same video, its description is replaced;
    /// said after [`Event::VideoRemoved`], it is back, and who had seen it still has.
    VideoPublished {
        /// The video.
        video: VideoId,
        /// Who published it.
        creator: AccountId,
        /// The sound it uses, if it shares one.
        sound: Option<SoundId>,
        /// What it is in.
        language: Option<Lang>,
        /// Its hash tags: see [`crate::caption_terms`].
        tags: Vec<String>,
        /// The words of its caption: see [`crate::caption_terms`].
        words: Vec<String>,
        /// Its length in milliseconds.
        duration_ms: u32,
    },
    /// A video is gone: deleted, or restricted everywhere.
    VideoRemoved {
        /// The video.
        video: VideoId,
    },
    /// A page went out. Its videos are reserved for this viewer for a while.
    PageServed {
        /// To whom.
        viewer: ViewerId,
        /// The seed it was computed with.
        seed: u64,
        /// The log position it was computed at.
        position: u64,
        /// The hash of the policy that ranked it.
        policy: [u8; 32],
        /// What was on it, first to last.
        items: Vec<ServedItem>,
    },
    /// A video was shown, by the client's written threshold.
    Impression {
        /// To whom.
        viewer: ViewerId,
        /// The page item it came from; none outside a feed.
        impression: Option<ImpressionId>,
        /// What.
        video: VideoId,
    },
    /// A video was left, or the page was hidden. A later, longer report about the same video replaces the earlier one.
    Watch {
        /// By whom.
        viewer: ViewerId,
        /// The page item it came from; none outside a feed.
        impression: Option<ImpressionId>,
        /// What.
        video: VideoId,
        /// Time played so far, all loops together, in milliseconds.
        watch_ms: u32,
        /// How often it started over.
        loops: u16,
        /// Whether the viewer had paused it: then a short watch is no skip.
        paused: bool,
    },
    /// A video was liked.
    Like {
        /// By whom.
        viewer: ViewerId,
        /// The page item it came from; none outside a feed.
        impression: Option<ImpressionId>,
        /// What.
        video: VideoId,
    },
    /// A like was taken back.
    Unlike {
        /// By whom.
        viewer: ViewerId,
        /// The page item it came from; none outside a feed.
        impression: Option<ImpressionId>,
        /// What.
        video: VideoId,
    },
    /// A video was passed on.
    Share {
        /// By whom.
        viewer: ViewerId,
        /// The page item it came from; none outside a feed.
        impression: Option<ImpressionId>,
        /// What.
        video: VideoId,
    },
    /// A viewer asked for less of this.
    NotInterested {
        /// Who.
        viewer: ViewerId,
        /// The page item it came from; none outside a feed.
        impression: Option<ImpressionId>,
        /// Of what.
        video: VideoId,
    },
    /// A viewer without an account signed in: what both have seen and like is joined, `from` is no more.
    ViewerMerged {
        /// The viewer that ends.
        from: ViewerId,
        /// The viewer that goes on.
        into: ViewerId,
    },
    /// Everything held about a viewer is dropped.
    ViewerForgotten {
        /// Who.
        viewer: ViewerId,
    },
}

/// One entry of the event log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When the server received it. The engine's time never runs backwards: an earlier entry counts as the same moment.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// Bytes that are no log entry this release can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No bytes at all.
    #[error("log entry is empty")]
    Empty,
    /// Written by a release with another format.
    #[error(
        "log entry has format version {0}, this release reads version 1; use the release that wrote it or a newer one"
    )]
    Version(u8),
    /// The bytes do not parse, or something follows the entry.
    #[error("log entry is damaged: {0}")]
    Damaged(String),
}

impl LogEntry {
    /// The entry as the log stores it: a version byte, then postcard.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![WIRE_VERSION])
            .expect("a vector takes any bytes and every field has a length")
    }

    /// Reads what [`LogEntry::encode`] wrote, and nothing else.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (&version, body) = bytes.split_first().ok_or(DecodeError::Empty)?;
        if version != WIRE_VERSION {
            return Err(DecodeError::Version(version));
        }
        let damaged = |error: postcard::Error| DecodeError::Damaged(error.to_string());
        let (entry, rest) = postcard::take_from_bytes(body).map_err(damaged)?;
        if !rest.is_empty() {
            return Err(DecodeError::Damaged(format!("{} bytes follow it", rest.len())));
        }
        Ok(entry)
    }
}
