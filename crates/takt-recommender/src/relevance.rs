//! How much of the viewer's next likes is expected where: the signals, weighed by the gate.
//!
//! Each signal spreads one unit over the videos that the viewer has not met. Their weighted sum against an even spread
//! is the *lift* of a video: 1 is no better than a draw. Its logarithm is what the score takes, divided among the
//! signals in proportion to what each of them gave.

use crate::engine::Engine;
use crate::fixed::{MICRO, add_mass, log2_1p};
use crate::gate::{BySignal, SIGNALS, Signal};
use crate::tally::Tally;
use crate::viewer::Viewer;

/// Videos from which the second step of the walk goes out.
const WALK_SEEDS: usize = 24;
/// What the first step of the walk counts against the second.
const WALK_FIRST: f32 = 0.5;
/// How many of the viewer's latest liked videos lead on to what comes next.
const NEXT_SEEDS: usize = 20;
/// Below this weight the walk's second step is not worth its time.
const WALK_WEIGHT_MIN: f32 = 0.03;
/// Viewers' worth of doubt in every video's popularity, so that coincidence among the rare does not lead.
const SHRINK: f32 = 3.0;
/// What one single other viewer liked leads nobody: that is coincidence, and would show one viewer's likes to another.
const SEED_SELF_AND_ONE: f32 = 2.0;
/// Viewers' worth of doubt in what a video leads to, beyond these.
const SEED_DOUBT: f32 = 3.0;
/// Likes of nothing in particular in every total of popularity: what a handful of viewers like says little.
const POPULARITY_DOUBT: i64 = 300;
/// Above any lift, so that logarithms stay within what a score can hold.
const LIFT_MAX: f32 = 1e9;

/// What each signal expects, as of one request.
#[derive(Debug)]
pub(crate) struct Relevance {
    pub(crate) tally: Tally,
    /// What makes sums into shares, by signal.
    scales: BySignal,
    /// How far each is believed, times the policy's weight.
    weights: BySignal,
    popularity_totals: [i64; 3],
    live: f32,
    /// The sum over the viewer's latest liked videos of how near they are.
    nearness: f32,
}

impl Relevance {
    /// For serving: signals that the gate hardly believes are left out where they cost much.
    pub(crate) fn new(engine: &Engine, row: Option<&Viewer>) -> Self {
        let liked = row.map_or(0, |row| row.recent.len());
        let mut weights = *engine.lore.gate.weights(liked);
        let with_walk = weights[Signal::Walk as usize] >= WALK_WEIGHT_MIN;
        for (weight, factor) in weights.iter_mut().zip(engine.policy.signal_factors()) {
            *weight *= factor;
        }
        Self::with(engine, row, weights, with_walk, None)
    }

    /// For learning: every signal, and `target` counts as not met yet.
    pub(crate) fn before(engine: &Engine, row: &Viewer, target: u32) -> Self {
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
            scales: [0.0; SIGNALS],
            weights,
            popularity_totals: [0, 1, 2].map(|horizon: usize| {
                let horizon = &popularity[horizon];
                add_mass(horizon.total, horizon.decay.unit(engine.counters.now_ms) * POPULARITY_DOUBT)
            }),
            live: engine.catalogue.live.len() as f32,
            nearness: 0.0,
        };
        if let Some(row) = row.filter(|row| !row.recent.is_empty()) {
            relevance.spread(engine, row, with_walk, target);
        }
        relevance
    }

    fn spread(&mut self, engine: &Engine, row: &Viewer, with_walk: bool, target: Option<u32>) {
        let catalogue = &engine.catalogue;
        let unit = catalogue.rows.co_watch.unit_f32(engine.counters.now_ms);
        let expected: usize =
            row.recent.iter().map(|recent| catalogue.video(recent.video).neighbours.len()).sum();
        self.tally = Tally::new(expected.min(16_384));
        // How much of what leads on is known from enough viewers; the rest of the share goes to nobody.
        let mut known = 0.0_f32;
        for (recent, place) in row.recent.iter().rev().zip(0_usize..) {
            let seed = &catalogue.video(recent.video).neighbours;
            let nearness = 1.0 / ((1 + place) as f32).sqrt();
            self.nearness += nearness;
            let others = (seed.liked - SEED_SELF_AND_ONE * unit).max(0.0);
            known += nearness * others / (others + SEED_DOUBT * unit);
            let together = nearness / seed.together.max(f32::MIN_POSITIVE);
            let next = if place < NEXT_SEEDS { 1.0 / ((1 + place) as f32 * (seed.next + unit)) } else { 0.0 };
            let walk = 1.0 / seed.walk.max(f32::MIN_POSITIVE);
            for neighbour in seed.iter() {
                let sums = self.tally.sums(neighbour.video);
                sums[0] += together * neighbour.together;
                sums[1] += next * neighbour.next;
                sums[2] += walk * neighbour.walk;
            }
        }
        self.walk_on(engine, with_walk);
        let mut totals = [0.0_f32; 3];
        for entry in &mut self.tally.entries {
            let video = catalogue.video(entry.video);
            let is_target = target == Some(entry.video);
            if (!video.live || row.seen.contains(entry.video)) && !is_target {
                entry.sums = [0.0; 3];
                continue;
            }
            entry.sums[0] /= fourth_root(video.neighbours.liked + SHRINK * unit);
            entry.sums[1] /= fourth_root(video.neighbours.before + SHRINK * unit);
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
            let seed = &engine.catalogue.video(video).neighbours;
            let factor = share / (reached * seed.walk.max(f32::MIN_POSITIVE));
            for neighbour in seed.iter() {
                self.tally.sums(neighbour.video)[2] += factor * neighbour.walk;
            }
        }
    }

    /// The share of the viewer's next likes that each signal expects in a video.
    pub(crate) fn shares(&self, engine: &Engine, video: u32) -> BySignal {
        let mut shares = [0.0; SIGNALS];
        if let Some(entry) = self.tally.get(video) {
            for (signal, sum) in entry.sums.iter().enumerate() {
                shares[signal] = sum * self.scales[signal];
            }
        }
        let masses = engine.catalogue.video(video).popularity;
        for (at, (mass, total)) in masses.iter().zip(self.popularity_totals).enumerate() {
            if *mass > 0 && total > 0 {
                shares[Signal::Trending as usize + at] = (*mass as f64 / total as f64) as f32;
            }
        }
        shares
    }

    /// The parts of the mixture that lead from the viewer's own videos to `entry`: what sources sort by.
    pub(crate) fn personal(&self, sums: [f32; 3]) -> [f32; 3] {
        [0, 1, 2].map(|signal| sums[signal] * self.scales[signal] * self.weights[signal])
    }

    /// The logarithm of the lift, in micro-units, divided among the signals.
    pub(crate) fn parts(&self, engine: &Engine, video: u32) -> [i64; SIGNALS] {
        let mut parts = self.shares(engine, video);
        let mut total = 0.0_f32;
        for (part, weight) in parts.iter_mut().zip(self.weights) {
            *part *= weight;
            total += *part;
        }
        let mut micro = [0; SIGNALS];
        if total <= 0.0 {
            return micro;
        }
        let lift = (total * self.live).min(LIFT_MAX);
        let whole = log2_1p((f64::from(lift) * MICRO as f64) as i64);
        let mut left = whole;
        let mut largest = 0;
        for signal in 0..SIGNALS {
            micro[signal] = (whole as f64 * f64::from(parts[signal] / total)) as i64;
            left -= micro[signal];
            if parts[signal] > parts[largest] {
                largest = signal;
            }
        }
        // What rounding left over, so that the parts sum to the whole.
        micro[largest] += left;
        micro
    }

    /// How much a video is liked together with the viewer's, free of how many there are: see [`crate::features`].
    pub(crate) fn likeness(&self, engine: &Engine, video: u32) -> f32 {
        let unit = engine.catalogue.rows.co_watch.unit_f32(engine.counters.now_ms);
        self.tally.get(video).map_or(0.0, |entry| entry.sums[0] * fourth_root(unit) / self.nearness.max(1.0))
    }
}

/// The same as [`Relevance::likeness`] for one video, without looking at others.
pub(crate) fn likeness(engine: &Engine, row: &Viewer, video: u32) -> f32 {
    let catalogue = &engine.catalogue;
    let unit = catalogue.rows.co_watch.unit_f32(engine.counters.now_ms);
    let (mut sum, mut total) = (0.0_f32, 0.0_f32);
    for (recent, place) in row.recent.iter().rev().zip(0_usize..) {
        let seed = &catalogue.video(recent.video).neighbours;
        let nearness = 1.0 / ((1 + place) as f32).sqrt();
        total += nearness;
        if let Some(neighbour) = seed.get(video) {
            sum += nearness / seed.together.max(f32::MIN_POSITIVE) * neighbour.together;
        }
    }
    let liked = catalogue.video(video).neighbours.liked;
    sum / fourth_root(liked / unit + SHRINK) / total.max(1.0)
}

fn fourth_root(value: f32) -> f32 {
    value.max(f32::MIN_POSITIVE).sqrt().sqrt()
}
