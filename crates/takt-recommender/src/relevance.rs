//! How much of the viewer's next likes is expected where: the signals, weighed by what likes have taught.
//!
//! Each signal that is a path or a popularity spreads one unit over the videos that the viewer has not met. What it gives
//! a video against an even spread is the video's *lift*: 1 is no better than a draw. The score takes log2(1 + 2 lift) of
//! every signal, times the signal's weight ([`crate::signals`]); learned vectors say their logarithm themselves.

use crate::engine::Engine;
use crate::fixed::{MICRO, add_mass, log2_1p, mix, mul};
use crate::signals::{BySignal, Logarithms, PATHS, Rival, SIGNALS, Signal};
use crate::tally::Tally;
use crate::vectors::Direction;
use crate::viewer::Viewer;

/// Videos from which the second step of the walk goes out.
const WALK_SEEDS: usize = 24;
/// What the first step of the walk counts against the second.
const WALK_FIRST: f32 = 0.5;
/// How many of the viewer's latest liked videos lead on to what comes next.
const NEXT_SEEDS: usize = 20;
/// How many of them lead on by themselves, too: the last, the one before it and the rest of these.
const LAST_SEEDS: usize = 5;
/// Below this weight the walk's second step is not worth its time.
const WALK_WEIGHT_MIN: f32 = 0.03;
/// Viewers' worth of doubt in every video's popularity, so that coincidence among the rare does not lead.
const SHRINK: f32 = 3.0;
/// What one single other viewer liked leads nobody: that is coincidence, and would show one viewer's likes to another.
const SEED_SELF_AND_ONE: f32 = 2.0;
/// Viewers' worth of doubt in what a video leads to, beyond these.
const SEED_DOUBT: f32 = 1.0;
/// Likes of nothing in particular in every total of popularity: what a handful of viewers like says little.
const POPULARITY_DOUBT: i64 = 2_000;
/// Above any lift, so that logarithms stay within what a score can hold.
const LIFT_MAX: f64 = 1e9;
/// What a lift counts against having none.
const LIFT_FACTOR: f64 = 2.0;

/// The most popular videos of every span, and videos drawn from all, that a like is set apart from.
const POPULAR_RIVALS: usize = 128;
const DRAWN_RIVALS: u64 = 64;

/// What each signal expects, as of one request.
#[derive(Debug, Clone)]
pub(crate) struct Relevance {
    pub(crate) tally: Tally,
    /// What makes sums into shares, by path.
    scales: [f32; PATHS],
    /// How far each is believed, times the policy's weight, in micro-units.
    weights: Logarithms,
    popularity_totals: [i64; 3],
    live: f64,
    /// Where the viewer's likes point; none without likes.
    direction: Option<Direction>,
    /// The sum over the viewer's latest liked videos of how near they are.
    nearness: f32,
}

impl Relevance {
    /// For serving: signals that are hardly believed are left out where they cost much.
    pub(crate) fn new(engine: &Engine, row: Option<&Viewer>) -> Self {
        let liked = row.map_or(0, |row| row.recent.len());
        let mut weights: BySignal = *engine.lore.signals.of(liked);
        let with_walk = weights[Signal::Walk as usize] >= WALK_WEIGHT_MIN;
        for (weight, factor) in weights.iter_mut().zip(engine.policy.signal_factors()) {
            *weight *= factor * engine.policy.relevance.weight.0 as f32 / MICRO as f32;
        }
        Self::with(engine, row, weights, with_walk, None)
    }

    /// For learning: every signal, and `target` counts as not met yet.
    fn before(engine: &Engine, row: &Viewer, target: u32) -> Self {
        Self::with(engine, Some(row), [0.0; SIGNALS], true, Some(target))
    }

    fn with(
        engine: &Engine,
        row: Option<&Viewer>,
        weights: BySignal,
        with_walk: bool,
        target: Option<u32>,
    ) -> Self {
        let popularity = &engine.catalogue.rows.popularity;
        let mut relevance = Self {
            tally: Tally::new(16),
            scales: [0.0; PATHS],
            weights: weights.map(|weight| (weight * MICRO as f32) as i64),
            popularity_totals: [0, 1, 2].map(|horizon: usize| {
                let horizon = &popularity[horizon];
                add_mass(horizon.total, horizon.decay.unit(engine.counters.now_ms) * POPULARITY_DOUBT)
            }),
            live: engine.catalogue.live.len() as f64,
            direction: None,
            nearness: 0.0,
        };
        if let Some(row) = row.filter(|row| !row.recent.is_empty()) {
            let liked = row.recent.iter().rev().map(|recent| engine.catalogue.video(recent.video).vector);
            relevance.direction = Some(engine.catalogue.rows.vectors.direction(liked));
            relevance.spread(engine, row, with_walk, target);
        }
        relevance
    }

    fn spread(&mut self, engine: &Engine, row: &Viewer, with_walk: bool, target: Option<u32>) {
        let catalogue = &engine.catalogue;
        let unit = catalogue.rows.co_watch.unit_f32(engine.counters.now_ms);
        let expected: usize = row.recent.iter().map(|recent| catalogue.neighbours(recent.video).len()).sum();
        self.tally = Tally::new(expected.min(16_384));
        // How much of what leads on is known from enough viewers; the rest of the share goes to nobody.
        let mut known = 0.0_f32;
        for (recent, place) in row.recent.iter().rev().zip(0_usize..) {
            let seed = catalogue.neighbours(recent.video);
            let nearness = 1.0 / ((1 + place) as f32).sqrt();
            self.nearness += nearness;
            let others = (seed.liked - SEED_SELF_AND_ONE * unit).max(0.0);
            known += nearness * others / (others + SEED_DOUBT * unit);
            let together = nearness / seed.together.max(f32::MIN_POSITIVE);
            let next = if place < NEXT_SEEDS { 1.0 / ((1 + place) as f32 * (seed.next + unit)) } else { 0.0 };
            let walk = 1.0 / seed.walk.max(f32::MIN_POSITIVE);
            let alone = (place < LAST_SEEDS).then(|| Signal::AfterLast as usize + place.min(2));
            for neighbour in seed.iter() {
                let sums = self.tally.sums(neighbour.video);
                sums[0] += together * neighbour.together;
                let next = next * neighbour.next;
                sums[1] += next;
                sums[2] += walk * neighbour.walk;
                if let Some(alone) = alone {
                    sums[alone] += next;
                }
            }
        }
        self.walk_on(engine, with_walk);
        let mut totals = [0.0_f32; PATHS];
        for entry in &mut self.tally.entries {
            let video = catalogue.neighbours(entry.video);
            // Nothing is connected to what was removed.
            let gone = video.together <= 0.0 || row.seen.contains(entry.video);
            if gone && target != Some(entry.video) {
                entry.sums = [0.0; PATHS];
                continue;
            }
            entry.sums[0] /= fourth_root(video.liked + SHRINK * unit);
            if entry.sums[1] > 0.0 {
                let before = fourth_root(video.before + SHRINK * unit);
                for path in [1, 3, 4, 5] {
                    entry.sums[path] /= before;
                }
            }
            for (total, sum) in totals.iter_mut().zip(entry.sums) {
                *total += sum;
            }
        }
        for (scale, total) in self.scales.iter_mut().zip(totals) {
            *scale = if total > 0.0 { known / self.nearness / total } else { 0.0 };
        }
    }

    /// The second step of the walk: from the videos that the first step reached most.
    fn walk_on(&mut self, engine: &Engine, with_walk: bool) {
        let first: f32 = self.tally.entries.iter().map(|entry| entry.sums[2]).sum();
        if first <= 0.0 {
            return;
        }
        let mut seeds: Vec<(f32, u32)> =
            self.tally.entries.iter().map(|entry| (entry.sums[2] / first, entry.video)).collect();
        for entry in &mut self.tally.entries {
            entry.sums[2] *= WALK_FIRST / first;
        }
        if !with_walk {
            return;
        }
        if seeds.len() > WALK_SEEDS {
            seeds.select_nth_unstable_by(WALK_SEEDS, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            seeds.truncate(WALK_SEEDS);
        }
        // One order everywhere: additions of floating-point numbers depend on it.
        seeds.sort_unstable_by_key(|&(_, video)| video);
        let reached: f32 = seeds.iter().map(|&(share, _)| share).sum();
        for (share, video) in seeds {
            let seed = engine.catalogue.neighbours(video);
            let factor = share / (reached * seed.walk.max(f32::MIN_POSITIVE));
            for neighbour in seed.iter() {
                self.tally.sums(neighbour.video)[2] += factor * neighbour.walk;
            }
        }
    }

    /// What every signal says of a video: the logarithm of how much likelier than a draw it is.
    fn logarithms(&self, engine: &Engine, video: u32) -> Logarithms {
        let mut logarithms = [0; SIGNALS];
        let logarithm = |share: f64| {
            let lift = (share * self.live).min(LIFT_MAX);
            log2_1p((LIFT_FACTOR * lift * MICRO as f64) as i64)
        };
        if let Some(entry) = self.tally.get(video) {
            for (path, (sum, scale)) in entry.sums.into_iter().zip(self.scales).enumerate() {
                if sum > 0.0 {
                    logarithms[path] = logarithm(f64::from(sum * scale));
                }
            }
        }
        let row = engine.catalogue.video(video);
        for (at, (&mass, total)) in row.popularity.iter().zip(self.popularity_totals).enumerate() {
            if mass > 0 && total > 0 {
                logarithms[Signal::Trending as usize + at] = logarithm(mass as f64 / total as f64);
            }
        }
        if let (Some(direction), Some(vector)) = (&self.direction, row.vector) {
            let likelier = engine.catalogue.rows.vectors.logarithm(direction, vector);
            logarithms[Signal::Embedding as usize] = (likelier * MICRO as f32) as i64;
        }
        logarithms
    }

    /// What a path gave a video: what sources sort by.
    pub(crate) fn along(&self, path: Signal, sums: [f32; PATHS]) -> f32 {
        if self.weights[path as usize] > 0 { sums[path as usize] } else { 0.0 }
    }

    /// Where the viewer's likes point, if vectors count.
    pub(crate) fn direction(&self) -> Option<&Direction> {
        self.direction.as_ref().filter(|_| self.weights[Signal::Embedding as usize] > 0)
    }

    /// What every signal adds to the score, in micro-units.
    pub(crate) fn parts(&self, engine: &Engine, video: u32) -> Logarithms {
        let mut parts = self.logarithms(engine, video);
        for (part, weight) in parts.iter_mut().zip(self.weights) {
            if *part != 0 {
                *part = mul(*part, weight);
            }
        }
        parts
    }

    /// How much a video is liked together with the viewer's, free of how many there are: see [`crate::features`].
    pub(crate) fn likeness(&self, engine: &Engine, video: u32) -> f32 {
        let unit = engine.catalogue.rows.co_watch.unit_f32(engine.counters.now_ms);
        self.tally.get(video).map_or(0.0, |entry| entry.sums[0] * fourth_root(unit) / self.nearness.max(1.0))
    }
}

/// What a like says about the signals: what they said of the liked video, and of what the viewer could have met instead.
/// `seed` draws some of the latter.
pub(crate) fn lesson(engine: &Engine, row: &Viewer, liked: u32, seed: u64) -> (Logarithms, Vec<Rival>) {
    let mut relevance = Relevance::before(engine, row, liked);
    let catalogue = &engine.catalogue;
    relevance.tally.sums(liked);
    for popular in &catalogue.popular {
        for &(_, video) in popular.iter().take(POPULAR_RIVALS) {
            relevance.tally.sums(video);
        }
    }
    let met = |video: u32| video != liked && (!catalogue.video(video).live || row.seen.contains(video));
    let named = relevance.tally.entries.iter().map(|entry| entry.video).filter(|&video| !met(video));
    let rival = |video: u32, weight: f32| Rival { logarithms: relevance.logarithms(engine, video), weight };
    let mut rivals: Vec<Rival> = named.map(|video| rival(video, 1.0)).collect();
    let live = catalogue.live.len();
    let unnamed = live.saturating_sub(rivals.len() as u64);
    for draw in 0..DRAWN_RIVALS.min(unnamed) {
        let place = (mix(seed, draw) % live) as u32;
        let drawn = catalogue.live.select(place).filter(|&video| !met(video));
        if let Some(video) = drawn.filter(|&video| relevance.tally.get(video).is_none()) {
            rivals.push(rival(video, unnamed as f32 / DRAWN_RIVALS as f32));
        }
    }
    (relevance.logarithms(engine, liked), rivals)
}

/// The same as [`Relevance::likeness`] for one video, without looking at others.
pub(crate) fn likeness(engine: &Engine, row: &Viewer, video: u32) -> f32 {
    let catalogue = &engine.catalogue;
    let unit = catalogue.rows.co_watch.unit_f32(engine.counters.now_ms);
    let (mut sum, mut total) = (0.0_f32, 0.0_f32);
    for (recent, place) in row.recent.iter().rev().zip(0_usize..) {
        let seed = catalogue.neighbours(recent.video);
        let nearness = 1.0 / ((1 + place) as f32).sqrt();
        total += nearness;
        if let Some(neighbour) = seed.get(video) {
            sum += nearness / seed.together.max(f32::MIN_POSITIVE) * neighbour.together;
        }
    }
    let liked = catalogue.neighbours(video).liked;
    sum / fourth_root(liked / unit + SHRINK) / total.max(1.0)
}

fn fourth_root(value: f32) -> f32 {
    value.max(f32::MIN_POSITIVE).sqrt().sqrt()
}
