//! The ranker: a score is the sum of named terms, each weight times value in micro-units.
//!
//! Invariant: a candidate is scored by itself. What depends on the rest of the page is added by the re-ranker.

use crate::candidates::Candidate;
use crate::catalogue::{Kind, Video};
use crate::features::{ViewerFeatures, matched};
use crate::fixed::{MICRO, fade, mix, mul, ratio};
use crate::query::Query;
use crate::rates::{ByOutcome, Surface};
use crate::registry::{OutcomeName, TermName};
use crate::signals::SIGNAL_TERMS;
use std::cmp::Reverse;

/// Keeps these draws apart from others with the same seed.
const SALT: u64 = 0x6368_616e_6365_0001;

/// The values of all terms in registry order.
pub(crate) type Terms = [i64; TermName::COUNT];

/// A candidate with its score so far.
#[derive(Debug, Clone)]
pub(crate) struct Scored {
    pub(crate) candidate: Candidate,
    pub(crate) terms: Terms,
    pub(crate) score: i64,
}

impl Scored {
    /// Adds to a term and to the score alike.
    pub(crate) fn add(&mut self, term: TermName, value: i64) {
        self.terms[term.index()] += value;
        self.score += value;
    }
}

/// The terms that are predictions: of what, and whether it speaks for the video.
const PREDICTED: [(TermName, OutcomeName, i64); OutcomeName::COUNT] = [
    (TermName::Enjoyed, OutcomeName::Enjoyed, 1),
    (TermName::Completion, OutcomeName::Completion, 1),
    (TermName::Like, OutcomeName::Like, 1),
    (TermName::Share, OutcomeName::Share, 1),
    (TermName::Follow, OutcomeName::Follow, 1),
    (TermName::Skip, OutcomeName::Skip, -1),
    (TermName::Refusal, OutcomeName::NotInterested, -1),
];

/// Scores every candidate, best first. Of equals the newer goes first.
pub(crate) fn rank(query: &Query<'_>, candidates: &[Candidate]) -> Vec<Scored> {
    let expectations = Expectations::new(query);
    let score = |&candidate: &Candidate| {
        let mut terms = values(query, candidate, &expectations);
        for &term in TermName::ALL {
            terms[term.index()] = mul(terms[term.index()], query.engine.policy.weight(term));
        }
        // These bring their weights along.
        let parts = query.relevance.parts(query.engine, candidate.video);
        for (term, part) in SIGNAL_TERMS.into_iter().zip(parts) {
            terms[term.index()] = mul(part, query.engine.policy.relevance.weight.0);
        }
        // Weights are at most 100 and values at most a few units: the sum is far from overflow.
        Scored { candidate, terms, score: terms.iter().sum() }
    };
    let scored: Vec<Scored> = candidates.iter().map(score).collect();
    // Keys are sorted instead of the long rows.
    let mut order: Vec<_> =
        scored.iter().zip(0..).map(|(row, at)| (row.score, row.candidate.video, at)).collect();
    order.sort_unstable_by_key(|&key| Reverse(key));
    order.into_iter().map(|(_, _, at): (_, _, usize)| scored[at].clone()).collect()
}

/// What all candidates of a request share.
struct Expectations {
    viewer: ViewerFeatures,
    /// The rate of every outcome over all that was ever shown, in micro-units.
    average: ByOutcome<i64>,
}

impl Expectations {
    fn new(query: &Query<'_>) -> Self {
        let lore = &query.engine.lore;
        let mut average = ByOutcome::default();
        for &outcome in OutcomeName::ALL {
            average[outcome.index()] = lore.contexts.average(outcome);
        }
        Self { viewer: ViewerFeatures::new(query.engine, query.viewer, Surface::Feed), average }
    }
}

fn values(query: &Query<'_>, candidate: Candidate, expectations: &Expectations) -> Terms {
    let engine = query.engine;
    let policy = &engine.policy;
    let video = engine.catalogue.video(candidate.video);
    let mut terms = [0; TermName::COUNT];
    taste(query, video, &mut terms);
    predictions(query, candidate.video, expectations, &mut terms);
    let age_ms = query.now_ms.saturating_sub(video.published_ms);
    let mut set = |term: TermName, value: i64| terms[term.index()] = value;
    set(TermName::Freshness, i64::from(fade(MICRO as u32, age_ms, policy.freshness_half_life_ms())));
    set(TermName::Exploration, novelty(video.record.shown, policy.exploration.impressions_max));
    set(
        TermName::Chance,
        (mix(query.seed ^ SALT, u64::from(candidate.video)) % MICRO.cast_unsigned()).cast_signed(),
    );
    terms
}

/// The predicted outcomes against the average.
fn predictions(query: &Query<'_>, number: u32, expectations: &Expectations, terms: &mut Terms) {
    let engine = query.engine;
    let video = engine.catalogue.video(number);
    let leanings = video
        .features
        .iter()
        .filter_map(|&feature| query.taste(feature))
        .map(|taste| (taste.kind, taste.plain));
    let matched = matched(query.relevance.likeness(engine, number), leanings);
    let features = expectations.viewer.with(engine, video, matched);
    for (term, outcome, sign) in PREDICTED {
        if engine.policy.weight(term) > 0 {
            let likely = engine.lore.outcomes.predict(outcome, &features);
            terms[term.index()] = sign * (likely - expectations.average[outcome.index()]);
        }
    }
}

/// What the viewer's taste says about a video.
fn taste(query: &Query<'_>, video: &Video, terms: &mut Terms) {
    let mut aversion = 0;
    for &feature in &video.features {
        let Some(taste) = query.taste(feature) else { continue };
        let term = match taste.kind {
            Kind::Creator => TermName::Creator,
            Kind::Sound => TermName::Sound,
            Kind::Tag => TermName::Tag,
            Kind::Word => TermName::Word,
            Kind::Language => TermName::Language,
            Kind::Retired => continue,
        };
        terms[term.index()] += taste.leaning;
        aversion = aversion.max(taste.aversion);
    }
    for term in [TermName::Tag, TermName::Word] {
        terms[term.index()] = terms[term.index()].clamp(-MICRO, MICRO);
    }
    terms[TermName::NotInterested.index()] = -aversion;
}

/// 1 for a video that nobody was shown, 0 from `few` viewers on.
fn novelty(impressions: u32, few: u32) -> i64 {
    if impressions >= few { 0 } else { MICRO - ratio(i64::from(impressions), i64::from(few)) }
}
