//! What most viewers liked lately.

use super::ranking::{Fading, Record, Spread};
use super::{Ask, Feedback, Recommender};
use crate::config::HOUR_MS;
use crate::world::Facts;
use anyhow::Result;

/// What the ranking may choose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PopularityRules {
    /// After so many hours a positive counts half.
    pub half_life_hours: f64,
    /// From 0, where the number of positives counts, to 1, where their share of all impressions does.
    pub by_share: f64,
    /// Impressions without a positive that every video is given in advance.
    pub prior: f64,
    /// How the page is made.
    pub spread: Spread,
}

impl PopularityRules {
    /// As tuned by `simulate --tune`.
    pub const TUNED: Self = Self {
        half_life_hours: 24.0,
        by_share: 1.0,
        prior: 20.0,
        spread: Spread { exploration: 0.1, per_creator: 1 },
    };
}

/// Scores are computed anew after this long.
const STALE_MS: i64 = 5 * 60_000;

/// Ranks by faded positives over faded impressions to the power of `by_share`.
#[derive(Debug)]
pub struct Popularity {
    rules: PopularityRules,
    record: Record,
    positives: Vec<Fading>,
    impressions: Vec<Fading>,
    scores: Vec<f64>,
    scored_ms: i64,
}

impl Popularity {
    /// Nothing is popular yet.
    pub fn new(rules: PopularityRules) -> Self {
        Self {
            rules,
            record: Record::default(),
            positives: Vec::new(),
            impressions: Vec::new(),
            scores: Vec::new(),
            scored_ms: i64::MIN,
        }
    }

    fn half_life_ms(&self) -> f64 {
        self.rules.half_life_hours * HOUR_MS as f64
    }

    fn score_all(&mut self, now_ms: i64) {
        let half_life_ms = self.half_life_ms();
        let score = |(positives, impressions): (&Fading, &Fading)| {
            let given = impressions.worth(now_ms, half_life_ms) + self.rules.prior;
            positives.worth(now_ms, half_life_ms) / given.powf(self.rules.by_share)
        };
        self.scores = self.positives.iter().zip(&self.impressions).map(score).collect();
    }
}

impl Recommender for Popularity {
    fn publish(&mut self, facts: &Facts) -> Result<()> {
        self.record.publish(facts);
        self.positives.push(Fading::default());
        self.impressions.push(Fading::default());
        Ok(())
    }

    fn shown(&mut self, now_ms: i64, viewer: u32, video: u32) -> Result<()> {
        self.record.show(viewer, video);
        let half_life_ms = self.half_life_ms();
        self.impressions[video as usize].add(1.0, now_ms, half_life_ms);
        Ok(())
    }

    fn watched(&mut self, now_ms: i64, feedback: &Feedback) -> Result<()> {
        let video = feedback.video as usize;
        if feedback.is_positive(self.record.videos[video].duration_ms) {
            let half_life_ms = self.half_life_ms();
            self.positives[video].add(1.0, now_ms, half_life_ms);
        }
        Ok(())
    }

    fn hour(&mut self, _now_ms: i64) {}

    fn page(&mut self, ask: &Ask<'_>) -> Result<Vec<u32>> {
        if ask.now_ms >= self.scored_ms.saturating_add(STALE_MS) {
            self.scored_ms = ask.now_ms;
            self.score_all(ask.now_ms);
        }
        let score = |video: u32| self.scores.get(video as usize).copied().unwrap_or(0.0);
        Ok(self.record.page(ask, self.rules.spread, score))
    }
}
