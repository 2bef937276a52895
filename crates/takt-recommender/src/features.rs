//! What a prediction is made from.
//!
//! Invariant: every feature is a rate given exposure, a leaning learned from outcomes, or a logarithm of a count;
//! all are known before the video is shown.

use crate::catalogue::{Kind, Video};
use crate::engine::Engine;
use crate::fixed::{MICRO, log2};
use crate::rates::{ByOutcome, Expected, Record, Surface, by_outcome, length, prior};
use crate::registry::OutcomeName;
use crate::viewer::Viewer;
use std::f64::consts::LN_2;

/// How many features a prediction has: four of the outcome's own (constant, context, video, viewer) and shared ones.
pub(crate) const FEATURES: usize = OWN + SHARED;
const OWN: usize = 4;
const SHARED: usize = 9;

/// Exposures' worth of doubt in the rates of a video, a viewer, a creator or tag.
const VIDEO_DOUBT: i64 = 20;
const VIEWER_DOUBT: i64 = 5;
const FEATURE_DOUBT: i64 = 20;

/// Values in units.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Features {
    context: ByOutcome<f64>,
    video: ByOutcome<f64>,
    viewer: ByOutcome<f64>,
    shared: [f64; SHARED],
}

impl Features {
    /// The values that one outcome is predicted from.
    pub(crate) fn of(&self, outcome: OutcomeName) -> impl Iterator<Item = f64> {
        let at = outcome.index();
        [1.0, self.context[at], self.video[at], self.viewer[at]].into_iter().chain(self.shared)
    }

    /// The same before anybody was shown the video.
    pub(crate) fn without_record(mut self) -> Self {
        self.video = ByOutcome::default();
        self
    }

    /// One feature's values by outcome.
    pub(crate) fn values(&self, feature: usize) -> ByOutcome<f64> {
        match feature {
            0 => [1.0; OutcomeName::COUNT],
            1 => self.context,
            2 => self.video,
            3 => self.viewer,
            shared => [self.shared[shared - OWN]; OutcomeName::COUNT],
        }
    }
}

/// What is the same for all candidates of a viewer.
#[derive(Debug, Clone)]
pub(crate) struct ViewerFeatures {
    viewer: ByOutcome<f64>,
    /// What is expected of any video.
    expected: ByOutcome<Expected>,
    /// The log-odds of the surface and of every length.
    contexts: Vec<ByOutcome<f64>>,
    liked: f64,
    shown: f64,
    surface: Surface,
}

/// What is special to one viewer and one video.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Match {
    /// See [`crate::relevance::likeness`].
    pub(crate) likeness: f32,
    /// The viewer's leaning towards the creator, and to tags and words, in micro-units.
    pub(crate) creator: i64,
    pub(crate) topic: i64,
}

impl ViewerFeatures {
    pub(crate) fn new(engine: &Engine, row: Option<&Viewer>, surface: Surface) -> Self {
        let record = row.map_or_else(Record::default, |row| row.record);
        let totals = &engine.lore.totals;
        let expected = by_outcome(|outcome| Expected::new(totals.rate(outcome, prior(outcome), VIDEO_DOUBT)));
        let deviation =
            |outcome: OutcomeName| unit(record.deviation(outcome, expected[outcome.index()], VIEWER_DOUBT));
        Self {
            viewer: by_outcome(deviation),
            expected,
            contexts: engine.lore.contexts.log_odds(surface),
            liked: ln_1p(row.map_or(0, |row| row.recent.len() as u64)) / 3.0 - 1.0,
            shown: ln_1p(u64::from(record.shown)) / 3.0 - 1.0,
            surface,
        }
    }

    pub(crate) fn with(&self, engine: &Engine, video: &Video, matched: Match) -> Features {
        let catalogue = &engine.catalogue;
        let expected = self.expected[OutcomeName::Enjoyed.index()];
        let deviation = |feature: u32| {
            unit(catalogue.record(feature).deviation(OutcomeName::Enjoyed, expected, FEATURE_DOUBT))
        };
        let (mut tags, mut count) = (0.0, 0.0);
        for &tag in &video.tags {
            tags += deviation(tag);
            count += 1.0;
        }
        let likeness = (f64::from(matched.likeness) * 1e6) as u64;
        Features {
            context: self.contexts[length(video.duration_ms)],
            video: by_outcome(|outcome| {
                unit(video.record.deviation(outcome, self.expected[outcome.index()], VIDEO_DOUBT))
            }),
            viewer: self.viewer,
            shared: [
                // From 1/100,000 on: about -1 for nothing in common, 1 for much.
                unit(log2(likeness + 10)) * LN_2 / 4.0 - 1.5,
                ln_1p(u64::from(video.record.shown)) / 5.0 - 1.0,
                self.liked,
                self.shown,
                video.creator.map_or(0.0, deviation),
                if count > 0.0 { tags / count } else { 0.0 },
                unit(matched.creator),
                unit(matched.topic),
                f64::from(u8::from(self.surface == Surface::Feed)),
            ],
        }
    }
}

/// The mean leaning of `leanings` towards what a video has, as creator and topic.
pub(crate) fn matched(likeness: f32, leanings: impl Iterator<Item = (Kind, i64)>) -> Match {
    let mut matched = Match { likeness, ..Match::default() };
    let mut topics = 0;
    for (kind, leaning) in leanings {
        match kind {
            Kind::Creator => matched.creator = leaning,
            Kind::Tag | Kind::Word => {
                matched.topic += leaning;
                topics += 1;
            }
            _ => {}
        }
    }
    matched.topic /= topics.max(1);
    matched
}

fn unit(micro: i64) -> f64 {
    micro as f64 / MICRO as f64
}

fn ln_1p(count: u64) -> f64 {
    unit(log2(count + 1)) * LN_2
}
