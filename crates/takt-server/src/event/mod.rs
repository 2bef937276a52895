//! What clients report: impressions, watch time, likes, shares, "not interested".

pub mod routes;

use crate::error::{Error, Result};
use serde::Deserialize;
use takt_core::{EventId, ImpressionId, Timestamp, VideoId, ViewerId};
use takt_recommender::Event;

/// Events in one request.
pub const EVENTS_MAX: usize = 500;
const WATCH_MS_MAX: u32 = 24 * 60 * 60 * 1000;

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// At least half visible for 250 ms.
    Impression,
    /// Time played, told when the video is left or the page hidden.
    Watch,
    Like,
    Share,
    NotInterested,
}

/// One report.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Made by the client; the same id again is the same event.
    id: EventId,
    #[serde(rename = "type")]
    kind: EventKind,
    /// The feed item it is about.
    impression_id: Option<ImpressionId>,
    video_id: VideoId,
    /// Milliseconds played in this impression so far, all loops together. Needed for `watch`.
    watch_ms: Option<u32>,
    /// How often it started over.
    loops: Option<u16>,
    /// Whether the viewer paused it.
    paused: Option<bool>,
    /// When it happened, by the client's clock. Kept out of ranking: the server's time of receipt counts.
    at: Timestamp,
}

impl Report {
    /// The event of `viewer`, or why it is none. `index` is its place in the request, for the message.
    fn into_event(self, index: usize, viewer: ViewerId) -> Result<(EventId, Event)> {
        let field = |name: &str| format!("events[{index}].{name}");
        if self.kind != EventKind::Watch
            && (self.watch_ms.is_some() || self.loops.is_some() || self.paused.is_some())
        {
            return Err(Error::invalid(
                field("watch_ms"),
                "watch_ms, loops and paused go with type watch only",
            ));
        }
        if self.at.millis() < 0 {
            return Err(Error::invalid(field("at"), "must be a time after 1970"));
        }
        let (video, impression) = (self.video_id, self.impression_id);
        let event = match self.kind {
            EventKind::Impression => Event::Impression { viewer, impression, video },
            EventKind::Like => Event::Like { viewer, impression, video },
            EventKind::Share => Event::Share { viewer, impression, video },
            EventKind::NotInterested => Event::NotInterested { viewer, impression, video },
            EventKind::Watch => {
                let missing = || Error::invalid(field("watch_ms"), "is needed for type watch");
                let watch_ms = self.watch_ms.ok_or_else(missing)?;
                if watch_ms > WATCH_MS_MAX {
                    return Err(Error::invalid(field("watch_ms"), "must be at most 86400000 (one day)"));
                }
                let (loops, paused) = (self.loops.unwrap_or(0), self.paused.unwrap_or(false));
                Event::Watch { viewer, impression, video, watch_ms, loops, paused }
            }
        };
        Ok((self.id, event))
    }
}
