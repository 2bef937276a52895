//! The ranker: a score is the sum of named terms, each weight times value in micro-units.
//!
//! Invariant: a candidate is scored by itself. What depends on the rest of the page is added by the re-ranker.

use crate::candidates::Candidate;
use crate::catalogue::{Kind, Video};
use crate::fixed::{MICRO, fade, log2_1p, mix, mul, ratio};
use crate::query::Query;
use crate::registry::TermName;
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

    /// The score without what speaks for the viewer's liking; what speaks against it counts. By this a place for
    /// exploration leads out of what the viewer knows, and not to what they have turned down.
    pub(crate) fn untasted(&self) -> i64 {
        self.score - PERSONAL.iter().map(|term| self.terms[term.index()].max(0)).sum::<i64>()
    }
}

/// The terms that know the viewer.
const PERSONAL: [TermName; 8] = [
    TermName::CoWatch,
    TermName::Creator,
    TermName::Sound,
    TermName::Tag,
    TermName::Word,
    TermName::Language,
    TermName::Followed,
    TermName::Wish,
];

/// Scores every candidate, best first. Of equals the newer goes first.
pub(crate) fn rank(query: &Query<'_>, candidates: &[Candidate]) -> Vec<Scored> {
    let popularity_full = popularity_full(query);
    let score = |&candidate: &Candidate| {
        let mut terms = values(query, candidate, popularity_full);
        for &term in TermName::ALL {
            terms[term.index()] = mul(terms[term.index()], query.engine.policy.weight(term));
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

/// The logarithm of the popularity at which that term is 1: of the most popular video, if above the policy's reference.
fn popularity_full(query: &Query<'_>) -> i64 {
    let catalogue = &query.engine.catalogue;
    let most = catalogue.popular.first().map_or(0, |&(Reverse(mass), _)| mass);
    let most = catalogue.rows.popularity.worth(most, query.now_ms);
    log2_1p(most.max(query.engine.policy.popularity.reference.0))
}

fn values(query: &Query<'_>, candidate: Candidate, popularity_full: i64) -> Terms {
    let engine = query.engine;
    let policy = &engine.policy;
    let video = engine.catalogue.video(candidate.video);
    let mut terms = [0; TermName::COUNT];
    taste(query, video, &mut terms);
    let popularity = match video.popularity {
        0 => 0,
        mass => engine.catalogue.rows.popularity.worth(mass, query.now_ms),
    };
    let age_ms = query.now_ms.saturating_sub(video.published_ms);
    let mut set = |term: TermName, value: i64| terms[term.index()] = value;
    set(TermName::CoWatch, query.co_watch(candidate.video));
    set(TermName::Popularity, ratio(log2_1p(popularity), popularity_full).min(MICRO));
    set(TermName::Quality, quality(video, policy.quality.prior.0));
    set(TermName::Freshness, i64::from(fade(MICRO as u32, age_ms, policy.freshness_half_life_ms())));
    set(TermName::Exploration, novelty(video.impressions, policy.exploration.impressions_max));
    set(
        TermName::Chance,
        (mix(query.seed ^ SALT, u64::from(candidate.video)) % MICRO.cast_unsigned()).cast_signed(),
    );
    terms
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

/// The mean judgement of a video, drawn towards 0 by `prior` viewers who made nothing of it.
fn quality(video: &Video, prior: i64) -> i64 {
    let viewers = i64::from(video.judged).saturating_mul(MICRO).saturating_add(prior);
    ratio(video.judgement, viewers).clamp(-MICRO, 3 * MICRO / 2)
}

/// 1 for a video that nobody was shown, 0 from `few` viewers on.
fn novelty(impressions: u32, few: u32) -> i64 {
    if impressions >= few { 0 } else { MICRO - ratio(i64::from(impressions), i64::from(few)) }
}
