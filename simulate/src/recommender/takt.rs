//! The engine of `takt-recommender`, through its public interface, under its default policy: what a cell runs.

use super::{Ask, Feedback, Recommender};
use crate::world::Facts;
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use takt_core::{AccountId, ImpressionId, Lang, SoundId, Timestamp, VideoId, ViewerId};
use takt_recommender::{Engine, Event, LogEntry, PageRequest, Policy, ServedItem};

/// Midnight of 1 January 2026, when the simulated cell's first day begins.
const START_MS: i64 = 1_767_225_600_000;
/// Kinds of ids, in their upper half, so that no two are the same.
const VIDEO: u128 = 1 << 64;
const VIEWER: u128 = 2 << 64;
const ACCOUNT: u128 = 3 << 64;
const SOUND: u128 = 4 << 64;
const IMPRESSION: u128 = 5 << 64;

/// The real engine.
#[derive(Debug)]
pub struct Takt {
    engine: Engine,
    impressions: u128,
    /// Which page item a viewer's video on screen came from.
    served: BTreeMap<(u32, u32), ImpressionId>,
}

impl Default for Takt {
    fn default() -> Self {
        Self { engine: Engine::new(Policy::default()), impressions: 0, served: BTreeMap::new() }
    }
}

impl Takt {
    fn apply(&mut self, now_ms: i64, event: Event) -> Result<()> {
        let entry = LogEntry { at: Timestamp::from_millis(START_MS + now_ms), event };
        self.engine.apply(self.engine.position() + 1, &entry).context("applying the next entry")
    }
}

fn video_id(video: u32) -> VideoId {
    VideoId::from_u128(VIDEO + u128::from(video))
}

fn viewer_id(viewer: u32) -> ViewerId {
    ViewerId::from_u128(VIEWER + u128::from(viewer))
}

impl Recommender for Takt {
    fn publish(&mut self, facts: &Facts) -> Result<()> {
        let language: Lang = if facts.language == 0 { "de" } else { "en" }.parse()?;
        let event = Event::VideoPublished {
            video: video_id(facts.video),
            creator: AccountId::from_u128(ACCOUNT + u128::from(facts.creator)),
            sound: facts.sound.map(|sound| SoundId::from_u128(SOUND + u128::from(sound))),
            language: Some(language),
            tags: facts.tags.iter().map(|tag| format!("tag{tag}")).collect(),
            words: facts.words.iter().map(|word| format!("word{word}")).collect(),
            duration_ms: facts.duration_ms,
        };
        self.apply(facts.published_ms, event)
    }

    fn shown(&mut self, now_ms: i64, viewer: u32, video: u32) -> Result<()> {
        let impression = self.served.get(&(viewer, video)).copied();
        self.apply(
            now_ms,
            Event::Impression { viewer: viewer_id(viewer), impression, video: video_id(video) },
        )
    }

    fn watched(&mut self, now_ms: i64, feedback: &Feedback) -> Result<()> {
        let (viewer, video) = (viewer_id(feedback.viewer), video_id(feedback.video));
        let impression = self.served.remove(&(feedback.viewer, feedback.video));
        let (watch_ms, loops) = (feedback.watch_ms, feedback.loops);
        self.apply(now_ms, Event::Watch { viewer, impression, video, watch_ms, loops, paused: false })?;
        if feedback.liked {
            self.apply(now_ms, Event::Like { viewer, impression, video })?;
        }
        if feedback.shared {
            self.apply(now_ms, Event::Share { viewer, impression, video })?;
        }
        if feedback.not_interested {
            self.apply(now_ms, Event::NotInterested { viewer, impression, video })?;
        }
        Ok(())
    }

    fn hour(&mut self, _now_ms: i64) {}

    fn page(&mut self, ask: &Ask<'_>) -> Result<Vec<u32>> {
        let viewer = viewer_id(ask.viewer);
        let page = self.engine.page(&PageRequest {
            viewer,
            account: None,
            limit: ask.limit,
            now: Timestamp::from_millis(START_MS + ask.now_ms),
            seed: ask.seed,
        });
        let mut videos = Vec::with_capacity(page.items.len());
        let mut items = Vec::with_capacity(page.items.len());
        for item in &page.items {
            let number = u128::from_be_bytes(*item.video.bytes()) - VIDEO;
            let video = u32::try_from(number).context("reading back a video's number")?;
            self.impressions += 1;
            let impression = ImpressionId::from_u128(IMPRESSION + self.impressions);
            self.served.insert((ask.viewer, video), impression);
            items.push(ServedItem { impression, video: item.video });
            videos.push(video);
        }
        let (position, policy) = (page.position, page.policy);
        self.apply(ask.now_ms, Event::PageServed { viewer, seed: ask.seed, position, policy, items })?;
        Ok(videos)
    }
}
