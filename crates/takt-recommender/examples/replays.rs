//! Computes 10,000 random pages again: `cargo run --release -p takt-recommender --example replays`.
//!
//! Viewers with a favourite topic are served pages, each with its receipt, and swipe. Then random receipts are read,
//! the log's bytes are replayed from the snapshot before each, and page and receipt are made again and compared byte
//! for byte. Exits with 1 if one differs.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Instant;
use takt_core::{AccountId, PageId, Timestamp, VideoId, ViewerId};
use takt_recommender::{
    AuditedPage, Engine, Event, LogEntry, MadeItem, MadePage, PageKind, PageRequest, Policy, Receipt,
    impression_of, page_id,
};

const VIDEOS: u64 = 5_000;
const VIEWERS: u64 = 500;
const PAGES: u64 = 12_000;
const RANDOM_PAGES: usize = 10_000;
const TOPICS: u64 = 40;
const SNAPSHOT_EVENTS: u64 = 20_000;
const START_MS: i64 = 1_767_225_600_000;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// A cell's log, its snapshots, and the receipts that its viewers hold.
struct Cell {
    engine: Engine,
    log: Vec<Vec<u8>>,
    snapshots: BTreeMap<u64, Vec<u8>>,
    receipts: Vec<String>,
    random: Random,
    now_ms: i64,
}

impl Cell {
    fn push(&mut self, event: Event) {
        let entry = LogEntry { at: Timestamp::from_millis(self.now_ms), event };
        let position = self.engine.position() + 1;
        self.engine.apply(position, &entry).expect("positions are dense");
        self.log.push(entry.encode());
        self.now_ms += 500;
        if position.is_multiple_of(SNAPSHOT_EVENTS) {
            self.snapshots.insert(position, self.engine.snapshot());
        }
    }

    fn publish(&mut self, n: u64) {
        self.push(Event::VideoPublished {
            video: VideoId::from_u128((1 << 64) | u128::from(n)),
            creator: AccountId::from_u128((3 << 64) | u128::from(n % 300)),
            sound: None,
            language: None,
            tags: vec![format!("topic{}", n % TOPICS)],
            words: vec![format!("word{}", n % 97)],
            duration_ms: 15_000,
        });
    }

    fn serve(&mut self, n: u64) {
        let who = self.random.below(VIEWERS);
        let viewer = ViewerId::from_u128((2 << 64) | u128::from(who));
        let at = Timestamp::from_millis(self.now_ms);
        let seed = self.random.below(u64::MAX);
        let request = PageRequest { viewer, account: None, limit: 10, now: at, seed };
        let page = page_id(PageId::from_u128((9 << 64) | u128::from(n) << 16), PageKind::ForYou);
        let made = made(page, &request, &self.engine.audited_page(&request));
        self.receipts.push(Receipt::of("takt-cell-example", at, &made).text());
        self.push(Event::PageMade(made.clone()));
        for (place, item) in made.items.iter().enumerate().take(5) {
            let liked = (item.video.uuid().as_u128() % u128::from(TOPICS)) as u64 == who % TOPICS;
            self.push(Event::Watch {
                viewer,
                impression: Some(impression_of(page, place)),
                video: item.video,
                watch_ms: if liked { 15_000 } else { 800 },
                loops: 0,
                paused: false,
            });
        }
    }

    /// The engine before `position`, from the snapshot before it.
    fn base(&self, position: u64) -> Engine {
        match self.snapshots.range(..=position).next_back() {
            Some((_, bytes)) => Engine::restore(Policy::default(), bytes).expect("it was just taken"),
            None => Engine::new(Policy::default()),
        }
    }
}

fn made(page: PageId, request: &PageRequest, audited: &AuditedPage) -> MadePage {
    let items = audited.page.items.iter();
    MadePage {
        page,
        viewer: request.viewer,
        account: request.account,
        limit: request.limit as u32,
        seed: request.seed,
        position: audited.page.position,
        policy: audited.page.policy,
        seeds: [0; 32],
        candidates: audited.candidates,
        items: items.map(|item| MadeItem { video: item.video, score: item.score }).collect(),
    }
}

fn main() -> ExitCode {
    let mut cell = Cell {
        engine: Engine::new(Policy::default()),
        log: Vec::new(),
        snapshots: BTreeMap::new(),
        receipts: Vec::new(),
        random: Random(7),
        now_ms: START_MS,
    };
    (0..VIDEOS).for_each(|n| cell.publish(n));
    (0..PAGES).for_each(|n| cell.serve(n));
    println!("{} events, {} pages, {} snapshots", cell.log.len(), PAGES, cell.snapshots.len());

    let mut chosen = BTreeSet::new();
    while chosen.len() < RANDOM_PAGES {
        chosen.insert(cell.random.below(PAGES) as usize);
    }
    let start = Instant::now();
    let (mut engine, mut identical, mut replayed) = (cell.base(0), 0, 0_u64);
    for number in chosen {
        let receipt = Receipt::parse(&cell.receipts[number]).expect("it was just written");
        if cell.snapshots.range(engine.position() + 1..=receipt.position).next().is_some() {
            engine = cell.base(receipt.position);
        }
        for position in engine.position() + 1..=receipt.position {
            let entry = LogEntry::decode(&cell.log[position as usize - 1]).expect("it was encoded");
            engine.apply(position, &entry).expect("positions are dense");
            replayed += 1;
        }
        // Nothing happened in between, so the page's entry is the next one.
        let entry = LogEntry::decode(&cell.log[receipt.position as usize]).expect("it was encoded");
        let Event::PageMade(logged) = &entry.event else { continue };
        let request = logged.request(entry.at);
        let again = made(logged.page, &request, &engine.audited_page(&request));
        let text = Receipt::of("takt-cell-example", entry.at, &again).text();
        let bytes = LogEntry { at: entry.at, event: Event::PageMade(again) }.encode();
        let same = text == cell.receipts[number] && bytes == cell.log[receipt.position as usize];
        identical += usize::from(same && engine.first_difference(logged, entry.at).is_none());
    }
    let took = start.elapsed();
    println!(
        "{identical} of {RANDOM_PAGES} identical, {replayed} events replayed, {:.1} s, {:.2} ms a page",
        took.as_secs_f64(),
        took.as_secs_f64() * 1e3 / RANDOM_PAGES as f64
    );
    if identical == RANDOM_PAGES { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
