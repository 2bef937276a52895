//! How a viewer takes what is shown: liking, watching, pressing buttons, getting bored, leaving.
//!
//! The laws of watching are fitted to KuaiRand-Pure's main feed (numbers in `docs/simulation.md`): who does not like a
//! video leaves after a time in seconds that knows nothing of its length, so that short videos are finished more
//! often without being liked more.

use crate::chance::Key;
use crate::config::HOUR_MS;
use crate::world::{Taste, Video, World};
use std::collections::VecDeque;

/// Videos remembered for boredom.
const REMEMBERED: usize = 24;
/// A remembered video counts this much less with every video after it.
const FORGETTING: f64 = 0.92;
/// Who comes back after this long is half as bored.
const BOREDOM_HALF_LIFE_MS: f64 = 2.0 * HOUR_MS as f64;

/// Purposes of draws on one viewer and one video.
mod purpose {
    pub(super) const SATISFIED: u64 = 101;
    pub(super) const FINISHES: u64 = 102;
    pub(super) const PART: u64 = 103;
    pub(super) const LEAVES: u64 = 104;
    pub(super) const REPLAYS: u64 = 105;
    pub(super) const LIKES: u64 = 106;
    pub(super) const SHARES: u64 = 107;
    pub(super) const DECLINES: u64 = 108;
    pub(super) const GOES: u64 = 109;
    pub(super) const BUDGET: u64 = 110;
}

/// What a viewer does with one video. Only `satisfied` is hidden from recommenders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reaction {
    /// Whether it was worth their time.
    pub satisfied: bool,
    /// Time played, all loops together.
    pub watch_ms: u32,
    /// How often it started over.
    pub loops: u16,
    /// Pressed like.
    pub liked: bool,
    /// Passed it on.
    pub shared: bool,
    /// Asked for less of it.
    pub not_interested: bool,
}

/// A video met lately.
struct Memory {
    at_ms: i64,
    topic: usize,
    creator: u32,
}

/// A viewer's state of mind.
pub struct Mind {
    viewer: usize,
    key: Key,
    taste: Taste,
    /// Day and taste change that `taste` is of.
    taste_of: (i64, bool),
    /// Oldest first.
    memories: VecDeque<Memory>,
    /// Running share of videos that were not worth it.
    frustration: f64,
    /// Videos met in this session.
    swipes: u32,
    /// When time is up for this session.
    budget_end_ms: i64,
    sessions: u64,
}

impl Mind {
    /// A viewer who has met nothing.
    pub fn new(world: &World, viewer: usize) -> Self {
        Self {
            viewer,
            key: world.key().with(1_000).with(viewer as u64),
            taste: world.taste(viewer, 0),
            taste_of: (0, false),
            memories: VecDeque::with_capacity(REMEMBERED + 1),
            frustration: 0.0,
            swipes: 0,
            budget_end_ms: 0,
            sessions: 0,
        }
    }

    /// What the viewer likes now.
    pub fn taste(&mut self, world: &World, now_ms: i64) -> &Taste {
        let changed = now_ms >= world.config.change_ms() && world.viewers[self.viewer].changes;
        let today = (now_ms.div_euclid(24 * HOUR_MS), changed);
        if today != self.taste_of {
            self.taste = world.taste(self.viewer, now_ms);
            self.taste_of = today;
        }
        &self.taste
    }

    /// A session begins: patience is fresh, and the time to spare is drawn (median 10 minutes).
    pub fn arrive(&mut self, now_ms: i64) {
        self.sessions += 1;
        self.swipes = 0;
        self.frustration = 0.5;
        let minutes = 10.0 * (0.8 * self.key.with(purpose::BUDGET).with(self.sessions).normal()).exp();
        self.budget_end_ms = now_ms + (minutes.min(90.0) * 60e3) as i64;
    }

    /// Watches a video that was never met before, unless `met`.
    pub fn watch(&mut self, world: &World, video: usize, now_ms: i64, met: bool) -> Reaction {
        let row = &world.videos[video];
        self.taste(world, now_ms);
        let appeal = world.appeal(&self.taste, self.viewer, video) - self.boredom(row, now_ms)
            + self.attention()
            - if met { 2.0 } else { 0.0 };
        let key = self.key.with(video as u64);
        let satisfied = key.with(purpose::SATISFIED).happens(logistic(appeal));
        let (watch_ms, loops) = watching(key, satisfied, row.facts.duration_ms);
        let likes = world.viewers[self.viewer].likes;
        let chance = |purpose: u64, rate: f64| key.with(purpose).happens(rate.min(0.9));
        self.swipes += 1;
        self.frustration = 0.85 * self.frustration + if satisfied { 0.0 } else { 0.15 };
        self.memories.push_back(Memory { at_ms: now_ms, topic: row.topic, creator: row.facts.creator });
        if self.memories.len() > REMEMBERED {
            self.memories.pop_front();
        }
        Reaction {
            satisfied,
            watch_ms,
            loops,
            liked: chance(purpose::LIKES, likes * if satisfied { 0.040 } else { 0.010 }),
            shared: chance(purpose::SHARES, if satisfied { 0.002 } else { 0.000_3 }),
            not_interested: !satisfied && chance(purpose::DECLINES, 0.002 * logistic(-appeal - 1.0)),
        }
    }

    /// Whether the viewer goes after the video just watched: their time is up, or their patience.
    pub fn leaves(&self, now_ms: i64) -> bool {
        let hazard = 0.006 + 0.16 * (self.frustration - 0.3).max(0.0).powi(2);
        let key = self.key.with(purpose::GOES).with(self.sessions).with(u64::from(self.swipes));
        now_ms >= self.budget_end_ms || key.happens(hazard)
    }

    /// How much less a video appeals because the latest ones were of its topic or creator.
    fn boredom(&self, video: &Video, now_ms: i64) -> f64 {
        let (mut topic, mut creator, mut weight) = (0.0, 0.0, 1.0);
        for memory in self.memories.iter().rev() {
            let age_ms = (now_ms - memory.at_ms) as f64;
            let counts = weight * (-age_ms / BOREDOM_HALF_LIFE_MS).exp2();
            topic += if memory.topic == video.topic { counts } else { 0.0 };
            creator += if memory.creator == video.facts.creator { counts } else { 0.0 };
            weight *= FORGETTING;
        }
        // All weights sum to 10.8: a quarter of one topic does not bore yet, nothing but one topic does a lot.
        0.25 * (topic - 3.0).max(0.0) + 0.45 * creator
    }

    /// Where in the session a video comes: the first ones get more patience, then attention wears off.
    fn attention(&self) -> f64 {
        0.3 * (-f64::from(self.swipes) / 2.0).exp() - (0.005 * f64::from(self.swipes)).min(0.4)
    }
}

/// How long a video is watched, and how often it starts over.
fn watching(key: Key, satisfied: bool, duration_ms: u32) -> (u32, u16) {
    let seconds = f64::from(duration_ms) / 1e3;
    if !satisfied {
        // Median 2.8 s, whatever the video's length.
        let left_ms = 2_800.0 * key.with(purpose::LEAVES).normal().exp();
        let loops = if left_ms >= f64::from(duration_ms) { 1 } else { 0 };
        return ((left_ms as u32).clamp(200, duration_ms), loops);
    }
    let finishes = (0.74 - 0.12 * (seconds / 12.0).log2()).clamp(0.1, 0.85);
    if !key.with(purpose::FINISHES).happens(finishes) {
        let part = 0.3 + 0.65 * key.with(purpose::PART).unit();
        return ((part * f64::from(duration_ms)) as u32, 0);
    }
    let again = key.with(purpose::REPLAYS);
    let replays = (4.0 / seconds).clamp(0.02, 0.4);
    let mut loops = 1;
    while loops < 4 && again.with(u64::from(loops)).happens(replays) {
        loops += 1;
    }
    (duration_ms * u32::from(loops), loops)
}

fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn mean_of(satisfied: bool, duration_ms: u32, what: impl Fn(u32) -> bool) -> f64 {
        let hits = (0..20_000).filter(|&n| what(watching(Key::new(n), satisfied, duration_ms).0)).count();
        hits as f64 / 2e4
    }

    #[test]
    fn short_videos_are_finished_more_often_without_being_liked() {
        let finished = |satisfied, duration_ms| mean_of(satisfied, duration_ms, |ms| ms >= duration_ms);
        assert!((finished(false, 6_000) - 0.22).abs() < 0.02);
        assert!(finished(false, 30_000) < 0.02);
        assert!((finished(true, 12_000) - 0.74).abs() < 0.02);
        assert!((finished(true, 48_000) - 0.50).abs() < 0.02);
    }

    #[test]
    fn leaving_takes_no_notice_of_length() {
        for duration_ms in [6_000, 20_000, 90_000] {
            assert!((mean_of(false, duration_ms, |ms| ms < 2_000) - 0.37).abs() < 0.02);
        }
    }

    #[test]
    fn the_same_topic_bores_until_time_has_passed() {
        let world = World::new(Config::QUICK, 1);
        let mut mind = Mind::new(&world, 0);
        mind.arrive(0);
        let video = &world.videos[0];
        assert_eq!(mind.boredom(video, 0), 0.0);
        for _ in 0..REMEMBERED {
            mind.memories.push_back(Memory { at_ms: 0, topic: video.topic, creator: u32::MAX });
        }
        let bored = mind.boredom(video, 0);
        assert!(bored > 1.5, "{bored}");
        assert!(mind.boredom(video, 10 * HOUR_MS) < 0.1);
    }

    #[test]
    fn the_same_video_meets_the_same_luck() {
        let world = World::new(Config::QUICK, 1);
        let react = || {
            let mut mind = Mind::new(&world, 3);
            mind.arrive(0);
            mind.watch(&world, 7, 0, false)
        };
        assert_eq!(react(), react());
    }
}
