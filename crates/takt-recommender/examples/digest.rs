//! The digests of a fixed log's state, and of pages on the way: what `cargo xtask determinism` compares across builds.
//!
//! `cargo run -p takt-recommender --example digest -- THREADS`: with more than one thread, the others ask for pages all the
//! while, as a server's do.

use sha2::{Digest, Sha256};
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use takt_core::{AccountId, SoundId, Timestamp, VideoId, ViewerId};
use takt_recommender::{Control, Engine, Event, LogEntry, Page, PageRequest, Policy, ServedItem};

const START_MS: i64 = 1_767_225_600_000;
const VIDEOS: u64 = 200;
const VIEWERS: u64 = 25;
const ROUNDS: u64 = 600;

fn mix(seed: u64, salt: u64) -> u64 {
    let mut z = seed.wrapping_add(salt.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn video(n: u64) -> VideoId {
    VideoId::from_u128((1 << 64) + u128::from(n))
}

fn creator(n: u64) -> AccountId {
    AccountId::from_u128((3 << 64) + u128::from(n))
}

fn request(viewer: u64, round: u64, now_ms: i64) -> PageRequest {
    PageRequest {
        viewer: ViewerId::from_u128((2 << 64) + u128::from(viewer)),
        account: None,
        limit: 6,
        now: Timestamp::from_millis(now_ms),
        seed: mix(round, 1),
    }
}

fn publication(n: u64) -> Event {
    Event::VideoPublished {
        video: video(n),
        creator: creator(n % 23),
        sound: n.is_multiple_of(4).then(|| SoundId::from_u128((4 << 64) + u128::from(n % 7))),
        language: None,
        tags: vec![format!("tag{}", n % 9)],
        words: vec![format!("word{}", n % 31), format!("own{n}")],
        duration_ms: 5_000 + 977 * (n % 60) as u32,
    }
}

/// What a viewer makes of a page.
fn reactions(page: &Page, viewer: ViewerId, round: u64) -> Vec<Event> {
    let impressions = page.items.iter().zip(1_u128..).map(|(item, place)| ServedItem {
        impression: takt_core::ImpressionId::from_u128((u128::from(round) << 8) + place),
        video: item.video,
    });
    let items: Vec<ServedItem> = impressions.collect();
    let (position, policy) = (page.position, page.policy);
    let mut events =
        vec![Event::PageServed { viewer, seed: mix(round, 1), position, policy, items: items.clone() }];
    for (item, place) in items.iter().zip(0_u64..) {
        let (impression, video, draw) = (Some(item.impression), item.video, mix(round, 10 + place));
        events.push(Event::Impression { viewer, impression, video });
        let watch_ms = (draw % 30_000) as u32;
        events.push(Event::Watch { viewer, impression, video, watch_ms, loops: 0, paused: draw % 11 == 0 });
        match draw >> 40 & 31 {
            0 | 1 => events.push(Event::Like { viewer, impression, video }),
            2 => events.push(Event::Share { viewer, impression, video }),
            3 => events.push(Event::NotInterested { viewer, impression, video }),
            4 => {
                let control = Control::Follow { creator: creator(draw % 23) };
                events.push(Event::ViewerControlled { viewer, control });
            }
            _ => {}
        }
    }
    events
}

/// Writes the log as it goes: pages are part of what is compared.
fn live(engine: &RwLock<Engine>) -> (Sha256, i64) {
    let (mut pages, mut now_ms) = (Sha256::new(), START_MS);
    let apply = |now_ms: i64, event: Event| {
        let mut engine = engine.write().expect("no thread panics");
        let position = engine.position() + 1;
        engine
            .apply(position, &LogEntry { at: Timestamp::from_millis(now_ms), event })
            .expect("positions are dense");
    };
    (0..VIDEOS).for_each(|n| apply(now_ms, publication(n)));
    for round in 0..ROUNDS {
        now_ms += 1_800_000;
        let request = request(round % VIEWERS, round, now_ms);
        let page = engine.read().expect("no thread panics").page(&request);
        for item in &page.items {
            pages.update(item.video.bytes());
            pages.update(item.score.to_be_bytes());
        }
        for event in reactions(&page, request.viewer, round) {
            apply(now_ms, event);
        }
        if round % 50 == 49 {
            apply(now_ms, Event::VideoRemoved { video: video(round / 7) });
        }
    }
    (pages, now_ms)
}

fn main() {
    let threads: usize = std::env::args().nth(1).and_then(|threads| threads.parse().ok()).unwrap_or(1);
    let (engine, done) = (RwLock::new(Engine::new(Policy::default())), AtomicBool::new(false));
    let (pages, _) = std::thread::scope(|scope| {
        for thread in 1..threads as u64 {
            let (engine, done) = (&engine, &done);
            scope.spawn(move || {
                let mut round = 0;
                while !done.load(Ordering::Relaxed) {
                    round += 1;
                    let request = request(mix(thread, round) % VIEWERS, round, START_MS);
                    drop(engine.read().expect("no thread panics").page(&request));
                    std::thread::yield_now();
                }
            });
        }
        let lived = live(&engine);
        done.store(true, Ordering::Relaxed);
        lived
    });
    let engine = engine.into_inner().expect("no thread panics");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    println!(
        "entries {}\nstate {}\npages {}",
        engine.position(),
        hex(&engine.digest()),
        hex(&pages.finalize())
    );
}
