//! Which of the videos that few have met gets a place kept for exploration: a bandit.
//!
//! Every such video is an arm, and what it pays is the share of viewers who enjoy it, above what videos of its length
//! are enjoyed. What is believed of an arm is a prior from its creator, sound and tags, corrected by its own exposures
//! as they come in. A place goes to the highest draw from these beliefs (Thompson 1933; Chapelle, Li 2011): what is
//! unknown is drawn high as often as low, what was shown to many and disliked hardly ever, and a creator of whom nothing
//! is known is the least certain of all.
//!
//! Invariant: a draw is a function of state, seed and video, in integers.

use crate::catalogue::Video;
use crate::fixed::{MICRO, logistic, mix};
use crate::query::Query;
use crate::rates::{Expected, Surface, length, prior};
use crate::registry::OutcomeName;

/// What is drawn for: being watched through, liked or passed on.
const OUTCOME: OutcomeName = OutcomeName::Enjoyed;
/// Exposures' worth of doubt in the rates of a creator, sound or tag.
const FEATURE_DOUBT: i64 = 20;
/// Exposures' worth of belief in the prior of a video whose creator is well known ...
const KNOWN: i64 = 12;
/// ... and of one whose creator nobody has met.
const STRANGER: i64 = 4;
/// From so many exposures on a creator is well known.
const KNOWN_FROM: u32 = 100;
/// Keeps these draws apart from others with the same seed.
const SALT: u64 = 0x6261_6e64_6974_0001;

/// Beliefs as of one request.
pub(crate) struct Bandit<'q> {
    query: &'q Query<'q>,
    expected: Expected,
    /// How far videos of a length are usually enjoyed, by class of length.
    usual: Vec<(i64, Expected)>,
}

impl<'q> Bandit<'q> {
    pub(crate) fn new(query: &'q Query<'q>) -> Self {
        let lore = &query.engine.lore;
        let usual = lore.contexts.rates(Surface::Feed, OUTCOME).map(|rate| (rate, Expected::new(rate)));
        Self {
            query,
            expected: Expected::new(lore.totals.rate(OUTCOME, prior(OUTCOME), FEATURE_DOUBT)),
            usual: usual.collect(),
        }
    }

    /// What showing a video may be worth: how far it is enjoyed above its length's average, in micro-units, as drawn
    /// for this page.
    pub(crate) fn draw(&self, number: u32) -> i64 {
        let engine = self.query.engine;
        let video = engine.catalogue.video(number);
        let (usual, expected) = self.usual[length(video.duration_ms)];
        let expected = logistic(expected.log_odds().saturating_add(self.leaning(video)));
        let known = video.creator.map_or(0, |creator| engine.catalogue.record(creator).shown.min(KNOWN_FROM));
        let belief = STRANGER + (KNOWN - STRANGER) * i64::from(known) / i64::from(KNOWN_FROM);
        let mean = video.record.rate(OUTCOME, expected, belief);
        let exposures = i64::from(video.record.shown) + belief;
        let spread = (mean * (MICRO - mean) / (exposures + 1)).isqrt();
        mean - usual + scaled_normal(mix(self.query.seed ^ SALT, u64::from(number)), spread)
    }

    /// How much better or worse than others the videos of its creator, with its sound and tags do: log-odds in
    /// micro-units.
    fn leaning(&self, video: &Video) -> i64 {
        let catalogue = &self.query.engine.catalogue;
        let of = |feature: u32| catalogue.record(feature).deviation(OUTCOME, self.expected, FEATURE_DOUBT);
        let tags: i64 = video.tags.iter().map(|&tag| of(tag)).sum();
        let tags = tags / i64::try_from(video.tags.len().max(1)).unwrap_or(i64::MAX);
        video.creator.map_or(0, of) + video.sound.map_or(0, of) + tags
    }
}

/// A draw from about the normal distribution around zero with this standard deviation: the sum of four even ones.
fn scaled_normal(bits: u64, deviation: i64) -> i64 {
    /// Four times the mean of sixteen bits, and the standard deviation of the sum.
    const MEAN: i64 = 4 * 65_535 / 2;
    const DEVIATION: i64 = 37_837;
    let sum: i64 = (0..4).map(|part| i64::from((bits >> (16 * part)) as u16)).sum();
    (sum - MEAN) * deviation / DEVIATION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_about_normal() {
        let draws: Vec<i64> = (0..100_000).map(|draw| scaled_normal(mix(3, draw), MICRO)).collect();
        let mean = draws.iter().sum::<i64>() / 100_000;
        let square = draws.iter().map(|&draw| draw * draw / MICRO).sum::<i64>() / 100_000;
        assert!(mean.abs() < 10_000 && (square - MICRO).abs() < 10_000, "{mean} {square}");
        let within = |bound: i64| draws.iter().filter(|draw| draw.abs() < bound).count();
        assert!((64_000..70_000).contains(&within(MICRO)), "{}", within(MICRO));
        assert!((94_000..97_500).contains(&within(2 * MICRO)), "{}", within(2 * MICRO));
    }
}
