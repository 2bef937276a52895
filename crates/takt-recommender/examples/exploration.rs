//! What exploration costs: the bandit of the engine against an even draw and against an oracle, in the same worlds.
//!
//! `cargo run --release -p takt-recommender --example exploration > bench/recommender/exploration.md`
//!
//! Viewers ask for pages of the real engine and enjoy each video with a probability of its own, which no recommender
//! knows: that of its creator, and a part of its own. Only places kept for exploration are compared: they are left as the
//! engine filled them, or filled by the harness among the same videos. Regret is the probability of the best of these less
//! that of the one shown.

use std::collections::{BTreeMap, BTreeSet};
use takt_core::{AccountId, Timestamp, VideoId, ViewerId};
use takt_recommender::{Engine, Event, LogEntry, PageRequest, Placement, Policy};

const START_MS: i64 = 1_767_225_600_000;
const HOUR_MS: i64 = 3_600_000;
const DURATION_MS: u32 = 15_000;
const WORLDS: u64 = 3;
const VIEWERS: u64 = 500;
const CREATORS: u64 = 120;
/// Creators of whom nothing was seen before the days that count.
const NEW_CREATORS: u64 = 30;
const UPLOADS_PER_HOUR: u64 = 5;
const PAGES_PER_HOUR: u64 = 200;
const DAYS: i64 = 6;
/// Days before the numbers are taken.
const WARM_DAYS: i64 = 2;
/// As in the policy compiled in.
const FEW: u32 = 100;
const YOUNG_MS: i64 = 48 * HOUR_MS;

/// Who fills the places.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chooser {
    Bandit,
    Even,
    Oracle,
}

struct Video {
    id: VideoId,
    likely: f64,
    published_ms: i64,
    from_new_creator: bool,
    /// When it was shown for the first and the hundredth time.
    first_ms: Option<i64>,
    hundredth_ms: Option<i64>,
    shown: u32,
}

#[derive(Default)]
struct Tally {
    places: u64,
    likely: f64,
    regret: f64,
    first_hours: Vec<f64>,
    new_creators_first_hours: Vec<f64>,
    found: u64,
    counted: u64,
    found_best: u64,
    counted_best: u64,
}

/// SplitMix64.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
    /// About normal, mean 0 and deviation 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

struct World {
    engine: Engine,
    chooser: Chooser,
    creators: Vec<f64>,
    videos: Vec<Video>,
    numbers: BTreeMap<VideoId, usize>,
    seen: Vec<BTreeSet<usize>>,
    draws: Draws,
    now_ms: i64,
    tally: Tally,
}

impl World {
    fn new(seed: u64, chooser: Chooser) -> Self {
        let mut draws = Draws(seed);
        let creators = (0..CREATORS + NEW_CREATORS).map(|_| 0.3 + 0.1 * draws.normal()).collect();
        Self {
            engine: Engine::new(Policy::default()),
            chooser,
            creators,
            videos: Vec::new(),
            numbers: BTreeMap::new(),
            seen: (0..VIEWERS).map(|_| BTreeSet::new()).collect(),
            draws,
            now_ms: START_MS,
            tally: Tally::default(),
        }
    }

    fn counts(&self) -> bool {
        self.now_ms >= START_MS + WARM_DAYS * 24 * HOUR_MS
    }

    fn apply(&mut self, event: Event) {
        let entry = LogEntry { at: Timestamp::from_millis(self.now_ms), event };
        self.engine.apply(self.engine.position() + 1, &entry).expect("positions are dense");
    }

    fn publish(&mut self) {
        let known = if self.counts() { CREATORS + NEW_CREATORS } else { CREATORS };
        let creator = self.draws.below(known);
        let likely = (self.creators[creator as usize] + 0.12 * self.draws.normal()).clamp(0.02, 0.9);
        let id = VideoId::from_u128((1 << 64) + self.videos.len() as u128);
        self.numbers.insert(id, self.videos.len());
        self.videos.push(Video {
            id,
            likely,
            published_ms: self.now_ms,
            from_new_creator: creator >= CREATORS,
            first_ms: None,
            hundredth_ms: None,
            shown: 0,
        });
        self.apply(Event::VideoPublished {
            video: id,
            creator: AccountId::from_u128((3 << 64) + u128::from(creator)),
            sound: None,
            language: None,
            tags: Vec::new(),
            words: Vec::new(),
            duration_ms: DURATION_MS,
        });
    }

    /// The videos that a place for exploration could go to.
    fn arms(&self, viewer: usize) -> Vec<usize> {
        let is_arm = |number: &usize| {
            let video = &self.videos[*number];
            video.shown < FEW
                && self.now_ms - video.published_ms <= YOUNG_MS
                && !self.seen[viewer].contains(number)
        };
        (0..self.videos.len()).filter(is_arm).collect()
    }

    fn page(&mut self) {
        let viewer = self.draws.below(VIEWERS);
        let (seed, now) = (self.draws.next(), Timestamp::from_millis(self.now_ms));
        let id = ViewerId::from_u128((2 << 64) + u128::from(viewer));
        let page = self.engine.page(&PageRequest { viewer: id, account: None, limit: 10, now, seed });
        let on_page: BTreeSet<usize> = page.items.iter().map(|item| self.numbers[&item.video]).collect();
        for item in &page.items {
            let mut number = self.numbers[&item.video];
            if item.placement == Placement::Exploration {
                number = self.choose(viewer as usize, number, &on_page);
            }
            self.show(id, viewer as usize, number);
        }
    }

    fn choose(&mut self, viewer: usize, chosen: usize, on_page: &BTreeSet<usize>) -> usize {
        let mut arms = self.arms(viewer);
        arms.retain(|arm| *arm == chosen || !on_page.contains(arm));
        let likely = |arm: usize| self.videos[arm].likely;
        let Some(best) = arms.iter().copied().max_by(|&a, &b| likely(a).total_cmp(&likely(b))) else {
            return chosen;
        };
        let drawn = arms[self.draws.below(arms.len() as u64) as usize];
        let chosen = match self.chooser {
            Chooser::Bandit => chosen,
            Chooser::Even => drawn,
            Chooser::Oracle => best,
        };
        if self.counts() {
            self.tally.places += 1;
            self.tally.likely += self.videos[chosen].likely;
            self.tally.regret += self.videos[best].likely - self.videos[chosen].likely;
        }
        chosen
    }

    fn show(&mut self, viewer: ViewerId, row: usize, number: usize) {
        if !self.seen[row].insert(number) {
            return;
        }
        let enjoyed = self.draws.unit() < self.videos[number].likely;
        let now_ms = self.now_ms;
        let video = &mut self.videos[number];
        video.shown += 1;
        video.first_ms.get_or_insert(now_ms);
        if video.shown == 100 {
            video.hundredth_ms = Some(now_ms);
        }
        let (id, watch_ms) = (video.id, if enjoyed { DURATION_MS } else { 1_000 });
        self.apply(Event::Impression { viewer, impression: None, video: id });
        self.apply(Event::Watch { viewer, impression: None, video: id, watch_ms, loops: 0, paused: false });
    }

    fn run(mut self) -> Tally {
        for _ in 0..DAYS * 24 {
            for minute in 0..60 {
                if minute % (60 / UPLOADS_PER_HOUR) == 0 {
                    self.publish();
                }
                for _ in 0..PAGES_PER_HOUR / 60 {
                    self.page();
                }
                self.now_ms += HOUR_MS / 60;
            }
        }
        self.finish()
    }

    /// Of the videos that had a whole day while it counted.
    fn finish(mut self) -> Tally {
        let counted = |video: &&Video| {
            video.published_ms >= START_MS + WARM_DAYS * 24 * HOUR_MS
                && video.published_ms <= self.now_ms - 24 * HOUR_MS
        };
        let mut videos: Vec<&Video> = self.videos.iter().filter(counted).collect();
        videos.sort_by(|a, b| b.likely.total_cmp(&a.likely));
        let best = videos.len() / 4;
        for (rank, video) in videos.into_iter().enumerate() {
            let tally = &mut self.tally;
            let within_a_day = |at: Option<i64>| at.is_some_and(|at| at - video.published_ms <= 24 * HOUR_MS);
            let found = u64::from(within_a_day(video.hundredth_ms));
            tally.counted += 1;
            tally.found += found;
            if rank < best {
                tally.counted_best += 1;
                tally.found_best += found;
            }
            let first =
                video.first_ms.map_or(f64::INFINITY, |at| (at - video.published_ms) as f64 / HOUR_MS as f64);
            tally.first_hours.push(first);
            if video.from_new_creator {
                tally.new_creators_first_hours.push(first);
            }
        }
        self.tally
    }
}

fn main() {
    println!("# What exploration costs\n");
    println!(
        "Written by `cargo run --release -p takt-recommender --example exploration`: {WORLDS} worlds, {VIEWERS} viewers, \
         {CREATORS} creators and {NEW_CREATORS} new ones, {UPLOADS_PER_HOUR} uploads and {PAGES_PER_HOUR} pages of ten an hour, \
         {DAYS} days of which {WARM_DAYS} do not count, under the policy compiled in.\n"
    );
    println!(
        "| place filled by | places | enjoyed, % | regret, points | regret of an even draw, % | first shown after, median h | 95 % within h | of new creators | 100 impressions in a day, % | of the best quarter, % |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let sum = |chooser: Chooser| {
        let mut sum = Tally::default();
        for world in 0..WORLDS {
            let tally = World::new(world + 1, chooser).run();
            sum.places += tally.places;
            sum.likely += tally.likely;
            sum.regret += tally.regret;
            sum.found += tally.found;
            sum.counted += tally.counted;
            sum.found_best += tally.found_best;
            sum.counted_best += tally.counted_best;
            sum.first_hours.extend(tally.first_hours);
            sum.new_creators_first_hours.extend(tally.new_creators_first_hours);
        }
        sum
    };
    let regret = |tally: &Tally| 100.0 * tally.regret / tally.places as f64;
    let even = sum(Chooser::Even);
    let even_regret = regret(&even);
    for (name, mut tally) in [
        ("the engine's bandit", sum(Chooser::Bandit)),
        ("an even draw", even),
        ("an oracle", sum(Chooser::Oracle)),
    ] {
        tally.first_hours.sort_by(f64::total_cmp);
        tally.new_creators_first_hours.sort_by(f64::total_cmp);
        let at = |hours: &[f64], part: f64| {
            hours.get((hours.len() as f64 * part) as usize).copied().unwrap_or(f64::NAN)
        };
        let share = |part: u64, whole: u64| 100.0 * part as f64 / whole.max(1) as f64;
        println!(
            "| {name} | {} | {:.1} | {:.1} | {:.0} | {:.1} | {:.1} | {:.1} | {:.0} | {:.0} |",
            tally.places,
            100.0 * tally.likely / tally.places as f64,
            regret(&tally),
            100.0 * regret(&tally) / even_regret,
            at(&tally.first_hours, 0.5),
            at(&tally.first_hours, 0.95),
            at(&tally.new_creators_first_hours, 0.5),
            share(tally.found, tally.counted),
            share(tally.found_best, tally.counted_best),
        );
    }
}
