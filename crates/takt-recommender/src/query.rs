//! One request with everything the stages need about its viewer.

use crate::candidates::NumberMap;
use crate::catalogue::Kind;
use crate::control::Chosen;
use crate::engine::Engine;
use crate::fixed::{MICRO, log2, mul, ratio};
use crate::page::PageRequest;
use crate::viewer::{Fact, Viewer};

/// What the viewer makes of one feature, as of the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tasted {
    pub(crate) feature: u32,
    pub(crate) kind: Kind,
    /// -1 to 1 in micro-units; for tags and words times their rarity.
    pub(crate) leaning: i64,
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
    /// Videos liked together with the viewer's recent ones and how much, sorted by number.
    pub(crate) co_watched: Vec<(u32, i64)>,
    /// What the viewer asked for.
    pub(crate) chosen: Chosen,
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
        let co_watched = viewer.map_or_else(Vec::new, |row| co_watched(engine, row));
        Self {
            engine,
            viewer,
            now_ms,
            seed: request.seed,
            own_creator,
            reserved,
            tastes,
            by_feature,
            co_watched,
            chosen: viewer.map_or_else(Chosen::default, |row| Chosen::new(&row.controls, &engine.catalogue)),
        }
    }

    pub(crate) fn has_seen(&self, video: u32) -> bool {
        self.viewer.is_some_and(|row| row.seen.contains(video))
    }
    pub(crate) fn is_unwanted(&self, video: u32) -> bool {
        self.viewer.is_some_and(|row| row.holds(video, Fact::NotInterested))
            || self.chosen.blocks(self.engine.catalogue.video(video))
    }
    pub(crate) fn taste(&self, feature: u32) -> Option<&Tasted> {
        self.by_feature.get(&feature)
    }
    /// How much a video is liked together with the viewer's recent ones, 0 to 1 in micro-units.
    pub(crate) fn co_watch(&self, video: u32) -> i64 {
        let place = self.co_watched.binary_search_by_key(&video, |&(other, _)| other);
        place.map_or(0, |place| self.co_watched[place].1)
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
        tastes.push(Tasted { feature, kind, leaning, aversion: ratio(averse, averse + prior) });
    }
    tastes
}

/// How much a tag or word tells, when `with` of `videos` have it: 1 for one of its own, less the more common it is.
fn rarity(videos: u64, with: u64) -> i64 {
    let all = log2(videos.saturating_add(1));
    ratio(log2(videos / with.max(1) + 1), all).min(MICRO)
}

/// Adds up the neighbours of the viewer's recent liked videos. A neighbour counts by how many liked both, against how
/// many liked either (cosine); the latest liked video counts most.
fn co_watched(engine: &Engine, row: &Viewer) -> Vec<(u32, i64)> {
    let catalogue = &engine.catalogue;
    let decay = &catalogue.rows.co_watch;
    let unit = decay.unit(engine.counters.now_ms);
    // A common divisor brings masses to about 1/1024 of one viewer, so that the product of two fits 64 bits.
    let scale = unit.ilog2().saturating_sub(10);
    let small = |mass: i64| (mass >> scale).clamp(0, i64::from(u32::MAX >> 1)).cast_unsigned();
    let shrink = small(mul(engine.policy.co_watch.shrink.0, unit));
    let places = row.recent.len() as i64;
    let mut sums = Vec::new();
    for (recent, place) in row.recent.iter().rev().zip(0..) {
        let seed = catalogue.video(recent.video);
        let nearness = ratio(places - place, places);
        for neighbour in &seed.neighbours {
            let liked = catalogue.video(neighbour.video).liked;
            let together = small(neighbour.mass).cast_signed();
            let either = (small(seed.liked) * small(liked)).isqrt().saturating_add(shrink);
            let alike = ratio(together, either.max(1).cast_signed()).min(MICRO);
            sums.push((neighbour.video, mul(alike, nearness)));
        }
    }
    sums.sort_unstable();
    sums.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = (kept.1 + next.1).min(MICRO);
        }
        same
    });
    sums
}
