//! What the state takes in memory: so many videos and viewers as named, filled through the engine's own interface.
//!
//! `cargo run --release -p takt-recommender --example memory -- 1000000 1000000 > bench/recommender/memory.md`
//!
//! Every viewer meets twenty videos of about three topics, finishes or likes eight of them; every video has a creator, two
//! tags and three caption words, of which one is its own. Videos are met by Zipf's law, so that some have full lists of
//! neighbours and most have few. Resident memory is the system's count, the estimate is the engine's own.

use std::process::ExitCode;
use std::time::Instant;
use takt_core::{AccountId, SoundId, Timestamp, VideoId, ViewerId};
use takt_recommender::{Engine, Event, LogEntry, Policy};

const START_MS: i64 = 1_767_225_600_000;
const MET: u64 = 20;
const LIKED: u64 = 8;
const TOPICS: u64 = 2_000;

fn mix(seed: u64, salt: u64) -> u64 {
    let mut z = seed.wrapping_add(salt.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The resident memory of this process in bytes; 0 where the system does not tell.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib =
        line.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

struct Filling {
    engine: Engine,
    now_ms: i64,
}

impl Filling {
    fn apply(&mut self, event: Event) {
        let entry = LogEntry { at: Timestamp::from_millis(self.now_ms), event };
        self.engine.apply(self.engine.position() + 1, &entry).expect("positions are dense");
    }

    fn publish(&mut self, n: u64) {
        let topic = n % TOPICS;
        self.now_ms += 20;
        self.apply(Event::VideoPublished {
            video: video(n),
            creator: AccountId::from_u128((3 << 64) + u128::from(n / 10)),
            sound: n
                .is_multiple_of(3)
                .then(|| SoundId::from_u128((4 << 64) + u128::from(mix(n, 1) % 50_000))),
            language: None,
            tags: vec![format!("topic{topic}"), format!("tag{}", mix(n, 2) % 20_000)],
            words: vec![
                format!("word{}", mix(n, 3) % 30_000),
                format!("word{}", mix(n, 4) % 30_000),
                format!("own{n}"),
            ],
            duration_ms: 8_000 + (mix(n, 5) % 40_000) as u32,
        });
    }

    /// How long the first entry takes after so many days, which sweeps out what nobody uses, in milliseconds.
    fn next_day(&mut self, days: i64) -> f64 {
        self.now_ms += days * 86_400_000;
        let (viewer, start) = (ViewerId::from_u128(2 << 64), Instant::now());
        self.apply(Event::Impression { viewer, impression: None, video: video(0) });
        start.elapsed().as_secs_f64() * 1e3
    }

    /// One viewer's first session.
    fn watch(&mut self, n: u64, videos: u64) {
        let viewer = ViewerId::from_u128((2 << 64) + u128::from(mix(n, 6)));
        for place in 0..MET {
            // One of three topics; within it a video by Zipf's law, as the exponential of an even draw.
            let topic = mix(n, 10 + place % 3) % TOPICS;
            let of_topic = (videos / TOPICS).max(1);
            let even = (mix(n, 100 + place) >> 11) as f64 / (1_u64 << 53) as f64;
            let rank = ((of_topic as f64).powf(even) as u64 - 1).min(of_topic - 1);
            let video = video(rank * TOPICS + topic);
            self.now_ms += 1;
            self.apply(Event::Impression { viewer, impression: None, video });
            let watch_ms = if place % (MET / LIKED) == 0 { 60_000 } else { 1_000 };
            self.apply(Event::Watch { viewer, impression: None, video, watch_ms, loops: 0, paused: false });
        }
    }
}

fn video(n: u64) -> VideoId {
    VideoId::from_u128((1 << 64) + u128::from(n))
}

fn main() -> ExitCode {
    let sizes: Vec<u64> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    let &[videos, viewers] = &sizes[..] else {
        eprintln!("usage: memory VIDEOS VIEWERS");
        return ExitCode::from(2);
    };
    let (empty, start) = (resident(), Instant::now());
    let mut filling = Filling { engine: Engine::new(Policy::default()), now_ms: START_MS };
    (0..videos).for_each(|n| filling.publish(n));
    let (published, after_videos) = (resident(), filling.engine.stats());
    let mut halfway = 0;
    for n in 0..viewers {
        if n == viewers / 2 {
            halfway = resident();
        }
        filling.watch(n, videos);
    }
    let (full, stats) = (resident(), filling.engine.stats());
    let seconds = start.elapsed().as_secs_f64();
    let (a_day, a_month) = (filling.next_day(1), filling.next_day(30));
    let gigabytes = |bytes: f64| bytes / 1e9;
    let per = |bytes: u64, rows: u64| bytes as f64 / rows.max(1) as f64;
    let of_viewer = per(full - halfway, viewers - viewers / 2);
    println!("# What the state takes\n");
    println!(
        "Written by `cargo run --release -p takt-recommender --example memory -- {videos} {viewers}`: every viewer met {MET} \
         videos and liked {LIKED}. Filling took {seconds:.0} s for {} entries.\n",
        stats.position
    );
    println!("| | rows | resident, GB | the engine's estimate, GB | bytes per row |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    println!(
        "| videos, as published | {videos} | {:.2} | {:.2} | {:.0} |",
        gigabytes((published - empty) as f64),
        gigabytes(after_videos.bytes as f64),
        per(published - empty, videos)
    );
    println!(
        "| all, with what viewers made of them | {videos} + {viewers} | {:.2} | {:.2} | – |",
        gigabytes((full - empty) as f64),
        gigabytes(stats.bytes as f64)
    );
    println!(
        "| a viewer of the second half, all that came with them | {} | – | – | {of_viewer:.0} |",
        viewers - viewers / 2
    );
    println!("| connections between videos | {} | – | – | 16 |", stats.neighbours);
    println!("| features | {} | – | – | – |", stats.features);
    println!("| words that one video alone has | {} | – | – | – |\n", stats.words_waiting);
    let ten_million = (full - empty) as f64 + of_viewer * (10_000_000_f64 - viewers as f64);
    println!(
        "Carried on with what a viewer of the second half took, {videos} videos and 10,000,000 viewers of this kind take \
         {:.1} GB. Lists of neighbours grow towards their limit meanwhile: {videos} full lists are {:.1} GB, the bound of all \
         that viewers make of videos.",
        gigabytes(ten_million),
        gigabytes(videos as f64 * 16.0 * 320.0)
    );
    println!(
        "\nThe first entry of a day looks at every viewer for what is out of date: {a_day:.0} ms after one day, {a_month:.0} ms \
         after thirty more."
    );
    ExitCode::SUCCESS
}
