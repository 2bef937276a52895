//! One request with everything the stages need about its viewer.

use crate::candidates::NumberMap;
use crate::catalogue::Kind;
use crate::control::Chosen;
use crate::engine::Engine;
use crate::fixed::{MICRO, log2, mul, ratio};
use crate::page::PageRequest;
use crate::relevance::Relevance;
use crate::viewer::{Fact, Viewer};

/// What the viewer makes of one feature, as of the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tasted {
    pub(crate) feature: u32,
    pub(crate) kind: Kind,
    /// -1 to 1 in micro-units; for tags and words times their rarity.
    pub(crate) leaning: i64,
    /// The same without rarity.
    pub(crate) plain: i64,
    /// 0 to 1 in micro-units: how strongly they asked for less.
    pub(crate) aversion: i64,
}

/// A request, hydrated.
pub(crate) struct Query<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) viewer: Option<&'a Viewer>,
    pub(crate) now_ms: i64,
    pub(crate) seed: u64,
    /// The viewer's account as a creator.
    pub(crate) own_creator: Option<u32>,
    /// Videos waiting on the viewer's devices, sorted.
    pub(crate) reserved: Vec<u32>,
    /// Strongest leaning first; of equals the lower number.
    pub(crate) tastes: Vec<Tasted>,
    by_feature: NumberMap<Tasted>,
    /// What the viewer asked for.
    pub(crate) chosen: Chosen,
    /// What the signals expect.
    pub(crate) relevance: Relevance,
}

impl<'a> Query<'a> {
    pub(crate) fn new(engine: &'a Engine, request: &PageRequest) -> Self {
        Self::of(engine, request, engine.viewers.get(&request.viewer))
    }

    /// The same for any row, or none: whose it is makes no difference.
    pub(crate) fn of(engine: &'a Engine, request: &PageRequest, viewer: Option<&'a Viewer>) -> Self {
        let now_ms = engine.moment(request.now);
        let own_creator = request.account.and_then(|account| engine.catalogue.creator_number(account));
        let waiting = viewer.into_iter().flat_map(|row| &row.reserved);
        let mut reserved: Vec<_> =
            waiting.filter(|held| held.until_ms > now_ms).map(|held| held.video).collect();
        reserved.sort_unstable();
        let mut tastes = viewer.map_or_else(Vec::new, |row| tastes(engine, row, now_ms));
        tastes.sort_unstable_by_key(|taste| (-taste.leaning, taste.feature));
        let by_feature = tastes.iter().map(|&taste| (taste.feature, taste)).collect();
        let relevance = Relevance::new(engine, viewer);
        Self {
            engine,
            viewer,
            now_ms,
            seed: request.seed,
            own_creator,
            reserved,
            tastes,
            by_feature,
            chosen: viewer.map_or_else(Chosen::default, |row| Chosen::new(&row.controls, &engine.catalogue)),
            relevance,
        }
    }

    pub(crate) fn has_seen(&self, video: u32) -> bool {
        self.viewer.is_some_and(|row| row.seen.contains(video))
    }
    /// Whether the viewer has met the same video, published by somebody else or again, or has it waiting.
    pub(crate) fn has_met_copy(&self, video: u32) -> bool {
        let Some(family) = self.engine.catalogue.rows.copies.family(video) else { return false };
        // Whole families at once: one may have as many members as there are videos.
        let met = self.viewer.map_or(0, |row| row.seen.intersection_len(family));
        met > u64::from(self.has_seen(video))
            || self.reserved.iter().any(|&other| other != video && family.contains(other))
    }
    pub(crate) fn is_unwanted(&self, video: u32) -> bool {
        self.viewer.is_some_and(|row| row.holds(video, Fact::NotInterested))
            || self.chosen.blocks(self.engine.catalogue.video(video))
    }
    pub(crate) fn taste(&self, feature: u32) -> Option<&Tasted> {
        self.by_feature.get(&feature)
    }
}

/// The viewer's leanings with decay and rarity worked in.
fn tastes(engine: &Engine, row: &Viewer, now_ms: i64) -> Vec<Tasted> {
    let policy = &engine.policy;
    let (half_life_ms, prior) = (policy.taste_half_life_ms(), policy.taste.prior.0);
    let videos = engine.catalogue.live.len();
    let mut tastes = Vec::with_capacity(row.taste.len());
    for (&feature, leaning) in &row.taste {
        let kind = engine.catalogue.kind(feature);
        let with = engine.catalogue.posting(feature).len() as u64;
        if kind == Kind::Retired || with == 0 {
            continue;
        }
        let faded = leaning.faded(now_ms, half_life_ms);
        let value = faded.value(prior);
        let leaning = match kind {
            // A tag names a topic on purpose, however common; a common word is mostly grammar.
            Kind::Tag => mul(value, (MICRO + rarity(videos, with)) / 2),
            Kind::Word => mul(value, rarity(videos, with)),
            _ => value,
        };
        let averse = i64::from(faded.averse);
        tastes.push(Tasted { feature, kind, leaning, plain: value, aversion: ratio(averse, averse + prior) });
    }
    tastes
}

/// How much a tag or word tells, when `with` of `videos` have it: 1 for one of its own, less the more common it is.
fn rarity(videos: u64, with: u64) -> i64 {
    let all = log2(videos.saturating_add(1));
    ratio(log2(videos / with.max(1) + 1), all).min(MICRO)
}
