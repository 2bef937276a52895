//! The ranker: a score is the sum of named terms, each weight times value in micro-units.
//!
//! Invariant: a candidate is scored by itself; others only decide whether it is predicted for. What depends on the rest of the page is added by the re-ranker.

use crate::candidates::Candidate;
use crate::catalogue::{Kind, Video};
use crate::features::{ViewerFeatures, matched};
use crate::fixed::{MICRO, fade, mix, mul, ratio};
use crate::query::Query;
use crate::rates::{ByOutcome, Surface};
use crate::registry::{OutcomeName, SourceName, TermName};
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

/// The candidates of a request in order.
#[derive(Debug)]
pub(crate) struct Ranking {
    /// Best first, with every term.
    pub(crate) shortlist: Vec<Scored>,
    /// Those that were not predicted for, with their scores without predictions, best first.
    pub(crate) others: Vec<(Candidate, i64)>,
}

impl Ranking {
    /// All of them, the shortlist first.
    pub(crate) fn scores(&self) -> impl Iterator<Item = (Candidate, i64)> {
        let shortlist = self.shortlist.iter().map(|scored| (scored.candidate, scored.score));
        shortlist.chain(self.others.iter().copied())
    }
}

/// Ranks in two steps: everything but predictions is cheap and scores every candidate; the best of these, and what
/// exploration put forward, are predicted for. Of equals the newer goes first.
pub(crate) fn rank(query: &Query<'_>, candidates: &[Candidate]) -> Ranking {
    let mut scored: Vec<Scored> = candidates.iter().map(|&candidate| first_look(query, candidate)).collect();
    let most = query.engine.policy.page.shortlist as usize;
    let (mut short, mut others) = (Vec::with_capacity(scored.len()), Vec::new());
    for (place, at) in best_first(&scored, 0..scored.len()).into_iter().enumerate() {
        let row = &scored[at];
        if place < most || row.candidate.is_from(SourceName::Exploration) {
            short.push(at);
        } else {
            others.push((row.candidate, row.score));
        }
    }
    let expectations = Expectations::new(query);
    for &at in &short {
        add_predictions(query, &expectations, &mut scored[at]);
    }
    let shortlist = best_first(&scored, short.into_iter()).into_iter().map(|at| scored[at].clone()).collect();
    Ranking { shortlist, others }
}

/// Places of rows by score. Keys are sorted instead of the long rows.
fn best_first(scored: &[Scored], places: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut keys: Vec<_> = places.map(|at| (scored[at].score, scored[at].candidate.video, at)).collect();
    keys.sort_unstable_by_key(|&key| Reverse(key));
    keys.into_iter().map(|(_, _, at)| at).collect()
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

/// A candidate with every term but the predictions.
fn first_look(query: &Query<'_>, candidate: Candidate) -> Scored {
    let engine = query.engine;
    let policy = &engine.policy;
    let video = engine.catalogue.video(candidate.video);
    let mut terms = [0; TermName::COUNT];
    taste(query, video, &mut terms);
    let age_ms = query.now_ms.saturating_sub(video.published_ms);
    let chance = mix(query.seed ^ SALT, u64::from(candidate.video)) % MICRO.cast_unsigned();
    for (term, value) in [
        (TermName::Followed, i64::from(query.chosen.follows(video)) * MICRO),
        (TermName::Wish, query.chosen.wish(video)),
        (TermName::Acclaim, acclaim(query, video)),
        (TermName::Freshness, i64::from(fade(MICRO as u32, age_ms, policy.freshness_half_life_ms()))),
        (TermName::Exploration, novelty(video.record.shown, policy.exploration.impressions_max)),
        (TermName::Chance, chance.cast_signed()),
    ] {
        terms[term.index()] = value;
    }
    for (value, &term) in terms.iter_mut().zip(TermName::ALL) {
        if *value != 0 {
            *value = mul(*value, policy.weight(term));
        }
    }
    // These bring their weights along.
    let parts = query.relevance.parts(engine, candidate.video);
    for (term, part) in SIGNAL_TERMS.into_iter().zip(parts) {
        terms[term.index()] = part;
    }
    // Weights are at most 100 and values at most a few units: the sum is far from overflow.
    Scored { candidate, terms, score: terms.iter().sum() }
}

/// Adds the predicted outcomes against the average.
fn add_predictions(query: &Query<'_>, expectations: &Expectations, scored: &mut Scored) {
    let engine = query.engine;
    let video = engine.catalogue.video(scored.candidate.video);
    let leanings = video
        .features
        .iter()
        .filter_map(|&feature| query.taste(feature))
        .map(|taste| (taste.kind, taste.plain));
    let matched = matched(query.relevance.likeness(engine, scored.candidate.video), leanings);
    let likely = engine.lore.outcomes.predict_all(&expectations.viewer.with(engine, video, matched));
    let follows = query.chosen.follows(video);
    for (term, outcome, sign) in PREDICTED {
        // Who follows already can not begin to.
        if term != TermName::Follow || !follows {
            let at = outcome.index();
            let value = sign * (likely[at] - expectations.average[at]);
            scored.add(term, mul(value, engine.policy.weight(term)));
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

/// How well a video was received by whoever was shown it; counts in full for a stranger, and not at all for a viewer who
/// has liked enough for their own taste to lead.
fn acclaim(query: &Query<'_>, video: &Video) -> i64 {
    let strangers = i64::from(query.engine.policy.acclaim.likes_max);
    let liked = query.viewer.map_or(0, |row| row.recent.len());
    let left = (strangers - i64::try_from(liked).unwrap_or(i64::MAX)).max(0);
    if left == 0 { 0 } else { video.surplus.mean() * left / strangers }
}

/// 1 for a video that nobody was shown, 0 from `few` viewers on.
fn novelty(impressions: u32, few: u32) -> i64 {
    if impressions >= few { 0 } else { MICRO - ratio(i64::from(impressions), i64::from(few)) }
}
