//! Fixed weights on likes, age and tag match: the formula that several open platforms rank by.

use super::ranking::{Record, Spread};
use super::{Ask, Feedback, Recommender};
use crate::config::HOUR_MS;
use crate::world::Facts;
use anyhow::Result;
use std::collections::{BTreeMap, VecDeque};

/// The formula's weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FormulaRules {
    /// Per doubling of likes and shares.
    pub likes: f64,
    /// Of the share of impressions that were positive.
    pub positives: f64,
    /// Of a video just published.
    pub age: f64,
    /// After so many hours the weight of age is half.
    pub age_half_life_hours: f64,
    /// Of the part of the viewer's latest positives that has a video's tags, rare tags counting more.
    pub tags: f64,
    /// Of the part of the viewer's latest positives that has its creator.
    pub creator: f64,
    /// How many of the viewer's latest positives are looked at.
    pub recent: usize,
    /// How the page is made.
    pub spread: Spread,
}

impl FormulaRules {
    /// As tuned by `simulate --tune`.
    pub const TUNED: Self = Self {
        likes: 0.03,
        positives: 1.0,
        age: 0.3,
        age_half_life_hours: 6.0,
        tags: 0.4,
        creator: 1.0,
        recent: 200,
        spread: Spread { exploration: 0.05, per_creator: 1 },
    };
}

/// What a viewer's latest positives were.
#[derive(Debug, Default)]
struct Profile {
    /// Oldest first.
    recent: VecDeque<u32>,
    tags: BTreeMap<u32, u32>,
    creators: BTreeMap<u32, u32>,
}

/// Ranks by the formula.
#[derive(Debug)]
pub struct Formula {
    rules: FormulaRules,
    record: Record,
    likes: Vec<u32>,
    /// How many videos have each tag, by number.
    tagged: Vec<u32>,
    positives: Vec<u32>,
    profiles: BTreeMap<u32, Profile>,
}

impl Formula {
    /// Nobody has liked anything yet.
    pub fn new(rules: FormulaRules) -> Self {
        Self {
            rules,
            record: Record::default(),
            likes: Vec::new(),
            tagged: Vec::new(),
            positives: Vec::new(),
            profiles: BTreeMap::new(),
        }
    }
}

impl Recommender for Formula {
    fn publish(&mut self, facts: &Facts) -> Result<()> {
        self.record.publish(facts);
        for &tag in &facts.tags {
            let tag = tag as usize;
            if self.tagged.len() <= tag {
                self.tagged.resize(tag + 1, 0);
            }
            self.tagged[tag] += 1;
        }
        self.likes.push(0);
        self.positives.push(0);
        Ok(())
    }

    fn shown(&mut self, _now_ms: i64, viewer: u32, video: u32) -> Result<()> {
        self.record.show(viewer, video);
        Ok(())
    }

    fn watched(&mut self, _now_ms: i64, feedback: &Feedback) -> Result<()> {
        let video = feedback.video as usize;
        self.likes[video] += u32::from(feedback.liked) + 2 * u32::from(feedback.shared);
        if !feedback.is_positive(self.record.videos[video].duration_ms) {
            return Ok(());
        }
        self.positives[video] += 1;
        let profile = self.profiles.entry(feedback.viewer).or_default();
        profile.recent.push_back(feedback.video);
        count(&self.record.videos[video], profile, true);
        if profile.recent.len() > self.rules.recent
            && let Some(oldest) = profile.recent.pop_front()
        {
            count(&self.record.videos[oldest as usize], profile, false);
        }
        Ok(())
    }

    fn hour(&mut self, _now_ms: i64) {}

    fn page(&mut self, ask: &Ask<'_>) -> Result<Vec<u32>> {
        let rules = &self.rules;
        let nobody = Profile::default();
        let profile = self.profiles.get(&ask.viewer).unwrap_or(&nobody);
        let part = |counts: &BTreeMap<u32, u32>, thing: u32| {
            f64::from(counts.get(&thing).copied().unwrap_or(0)) / (profile.recent.len() as f64 + 5.0)
        };
        let videos = self.record.videos.len().max(2) as f64;
        let rarity = |tag: u32| (videos / f64::from(self.tagged[tag as usize].max(1))).ln() / videos.ln();
        let matches: BTreeMap<u32, f64> =
            profile.tags.keys().map(|&tag| (tag, rarity(tag) * part(&profile.tags, tag))).collect();
        let score = |video: u32| {
            let facts = &self.record.videos[video as usize];
            let age_hours = (ask.now_ms - facts.published_ms) as f64 / HOUR_MS as f64;
            let impressions = f64::from(self.record.impressions[video as usize]);
            let tags: f64 = facts.tags.iter().filter_map(|tag| matches.get(tag)).sum();
            rules.likes * (1.0 + f64::from(self.likes[video as usize])).log2()
                + rules.positives * f64::from(self.positives[video as usize]) / (impressions + 20.0)
                + rules.age * (-age_hours / rules.age_half_life_hours).exp2()
                + rules.tags * tags
                + rules.creator * part(&profile.creators, facts.creator)
        };
        Ok(self.record.page(ask, rules.spread, score))
    }
}

/// Adds a video's tags and creator to a profile, or takes them away.
fn count(facts: &Facts, profile: &mut Profile, more: bool) {
    let change = |count: &mut u32| *count = if more { *count + 1 } else { count.saturating_sub(1) };
    for &tag in &facts.tags {
        change(profile.tags.entry(tag).or_default());
    }
    change(profile.creators.entry(facts.creator).or_default());
}
