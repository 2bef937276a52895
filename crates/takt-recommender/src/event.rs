//! What the recommender learns from, and its form in the event log.

use crate::control::Control;
use crate::page::PageRequest;
use serde::{Deserialize, Serialize};
use takt_core::{AccountId, ImpressionId, Lang, PageId, SoundId, Timestamp, VideoId, ViewerId};

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
    /// A viewer said what their feed shall do.
    ViewerControlled {
        /// Who.
        viewer: ViewerId,
        /// What.
        control: Control,
    },
    /// A page went out, with everything that computing it again takes. Its videos are reserved as by
    /// [`Event::PageServed`], which it replaces.
    PageMade(MadePage),
    /// From now on seeds come from the secret with this SHA-256.
    SeedsCommitted {
        /// SHA-256 of the secret.
        commitment: [u8; 32],
    },
    /// No more seeds come from this secret, so all may know it.
    SeedsRevealed {
        /// The secret.
        secret: [u8; 32],
    },
    /// A video is the same as an earlier one, published again: nobody gets both.
    VideoLinked {
        /// The copy.
        video: VideoId,
        /// What it is a copy of.
        original: VideoId,
    },
}

impl Event {
    /// The viewer it is about; of two that are joined, the one that stays.
    pub(crate) const fn viewer(&self) -> Option<ViewerId> {
        match self {
            Self::PageServed { viewer, .. }
            | Self::Impression { viewer, .. }
            | Self::Watch { viewer, .. }
            | Self::Like { viewer, .. }
            | Self::Unlike { viewer, .. }
            | Self::Share { viewer, .. }
            | Self::NotInterested { viewer, .. }
            | Self::ViewerForgotten { viewer }
            | Self::ViewerControlled { viewer, .. }
            | Self::ViewerMerged { into: viewer, .. } => Some(*viewer),
            Self::PageMade(page) => Some(page.viewer),
            Self::VideoPublished { .. }
            | Self::VideoRemoved { .. }
            | Self::VideoLinked { .. }
            | Self::SeedsCommitted { .. }
            | Self::SeedsRevealed { .. } => None,
        }
    }
}

/// A page with everything that computing it again takes, and what came of it. When it was asked for is the time of its
/// log entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadePage {
    /// The page. Its impressions are named after it: see [`impression_of`].
    pub page: PageId,
    /// To whom.
    pub viewer: ViewerId,
    /// Their account, whose own videos were left out.
    pub account: Option<AccountId>,
    /// How many videos were asked for.
    pub limit: u32,
    /// The seed it was computed with.
    pub seed: u64,
    /// The log position it was computed at.
    pub position: u64,
    /// The hash of the policy that ranked it.
    pub policy: [u8; 32],
    /// Commitment to the secret that the seed comes from: the [`Event::SeedsCommitted`] before it.
    pub seeds: [u8; 32],
    /// Digest of the candidates: see [`crate::AuditedPage`].
    pub candidates: [u8; 32],
    /// What was on it, first to last.
    pub items: Vec<MadeItem>,
}

impl MadePage {
    /// The request to ask again, for a page whose log entry has this time.
    pub fn request(&self, at: Timestamp) -> PageRequest {
        PageRequest {
            viewer: self.viewer,
            account: self.account,
            limit: self.limit as usize,
            now: at,
            seed: self.seed,
        }
    }

    pub(crate) fn served(&self) -> Event {
        let items = self.items.iter().enumerate();
        let items = items.map(|(place, item)| ServedItem {
            impression: impression_of(self.page, place),
            video: item.video,
        });
        Event::PageServed {
            viewer: self.viewer,
            seed: self.seed,
            position: self.position,
            policy: self.policy,
            items: items.collect(),
        }
    }
}

/// One video of a page as the log holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeItem {
    /// What was served.
    pub video: VideoId,
    /// Its score in micro-units.
    pub score: i64,
}

/// Places that a page's ids can name.
const PLACES_MAX: u128 = 0xff;
const KIND_SHIFT: u32 = 8;

/// What sort of feed a page is of, as its id tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageKind {
    /// Made for one viewer, and in the log.
    ForYou = 0,
    /// Ranked for nobody in particular.
    Popular = 1,
    /// Not ranked: in order of time.
    Listed = 2,
}

/// The id of a page whose impressions can be named after it: of the minted id the last byte becomes free for places,
/// the byte before it tells the kind.
pub fn page_id(minted: PageId, kind: PageKind) -> PageId {
    let bits = minted.uuid().as_u128() & !(PLACES_MAX | PLACES_MAX << KIND_SHIFT);
    PageId::from_u128(bits | (kind as u128) << KIND_SHIFT)
}

/// The id of the impression at a place (from 0) of a page.
pub fn impression_of(page: PageId, place: usize) -> ImpressionId {
    ImpressionId::from_u128(page.uuid().as_u128() | (place as u128 + 1).min(PLACES_MAX))
}

/// The page, its kind and the place (from 0) that an impression's id names; there need not be such a page.
pub fn page_of(impression: ImpressionId) -> Option<(PageId, PageKind, usize)> {
    let bits = impression.uuid().as_u128();
    let place = usize::try_from(bits & PLACES_MAX).ok()?.checked_sub(1)?;
    let kinds = [PageKind::ForYou, PageKind::Popular, PageKind::Listed];
    let kind = kinds.into_iter().find(|kind| *kind as u128 == bits >> KIND_SHIFT & PLACES_MAX)?;
    Some((PageId::from_u128(bits & !PLACES_MAX), kind, place))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impression_names_its_page_and_place() {
        let minted = PageId::from_u128(u128::MAX);
        for kind in [PageKind::ForYou, PageKind::Popular, PageKind::Listed] {
            let page = page_id(minted, kind);
            for place in [0, 1, 199, 254] {
                assert_eq!(page_of(impression_of(page, place)), Some((page, kind, place)));
            }
        }
        assert_eq!(page_of(ImpressionId::from_u128(u128::MAX)), None);
        assert_eq!(page_of(ImpressionId::from_u128(0)), None);
    }
}
