//! A small cell for tests: a log, an engine that follows it, and fixed ids.

use std::collections::BTreeMap;
use takt_core::{AccountId, ImpressionId, SoundId, Timestamp, VideoId, ViewerId};
use takt_recommender::{
    Engine, Event, LogEntry, Page, PageItem, PageRequest, Policy, ServedItem, caption_terms,
};

pub(crate) const START_MS: i64 = 1_767_225_600_000;
pub(crate) const DURATION_MS: u32 = 15_000;

pub(crate) fn video(n: u128) -> VideoId {
    VideoId::from_u128((1 << 64) + n)
}
pub(crate) fn viewer(n: u128) -> ViewerId {
    ViewerId::from_u128((2 << 64) + n)
}
pub(crate) fn creator(n: u128) -> AccountId {
    AccountId::from_u128((3 << 64) + n)
}
pub(crate) fn sound(n: u128) -> SoundId {
    SoundId::from_u128((4 << 64) + n)
}

/// What a video is described by; the caption is split as the server does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Upload {
    pub(crate) creator: u128,
    pub(crate) sound: Option<u128>,
    pub(crate) caption: String,
    pub(crate) language: Option<&'static str>,
}

/// A log and the engine that has applied all of it.
pub(crate) struct Cell {
    pub(crate) log: Vec<LogEntry>,
    pub(crate) engine: Engine,
    pub(crate) now_ms: i64,
    impressions: u128,
}

impl Cell {
    pub(crate) fn new() -> Self {
        Self::with(Policy::default())
    }
    pub(crate) fn with(policy: Policy) -> Self {
        Self { log: Vec::new(), engine: Engine::new(policy), now_ms: START_MS, impressions: 0 }
    }

    pub(crate) fn push(&mut self, event: Event) {
        let entry = LogEntry { at: Timestamp::from_millis(self.now_ms), event };
        self.engine.apply(self.engine.position() + 1, &entry).expect("positions are dense");
        self.log.push(entry);
    }
    pub(crate) fn pass_ms(&mut self, millis: i64) {
        self.now_ms += millis;
    }

    pub(crate) fn publish(&mut self, n: u128, upload: &Upload) {
        let terms = caption_terms(&upload.caption);
        self.push(Event::VideoPublished {
            video: video(n),
            creator: creator(upload.creator),
            sound: upload.sound.map(sound),
            language: upload.language.map(|code| code.parse().expect("a language")),
            tags: terms.tags,
            words: terms.words,
            duration_ms: DURATION_MS,
        });
    }
    pub(crate) fn impression(&mut self, who: u128, video: VideoId) {
        self.push(Event::Impression { viewer: viewer(who), impression: None, video });
    }
    pub(crate) fn watch(&mut self, who: u128, video: VideoId, watch_ms: u32) {
        self.push(Event::Watch {
            viewer: viewer(who),
            impression: None,
            video,
            watch_ms,
            loops: 0,
            paused: false,
        });
    }
    pub(crate) fn finish(&mut self, who: u128, video: VideoId) {
        self.watch(who, video, DURATION_MS);
    }
    pub(crate) fn skip(&mut self, who: u128, video: VideoId) {
        self.watch(who, video, 700);
    }
    pub(crate) fn like(&mut self, who: u128, video: VideoId) {
        self.push(Event::Like { viewer: viewer(who), impression: None, video });
    }
    pub(crate) fn not_interested(&mut self, who: u128, video: VideoId) {
        self.push(Event::NotInterested { viewer: viewer(who), impression: None, video });
    }

    /// A page, checked for what holds of every page.
    pub(crate) fn page(&self, who: u128, limit: usize, seed: u64) -> Page {
        let request = PageRequest {
            viewer: viewer(who),
            account: None,
            limit,
            now: Timestamp::from_millis(self.now_ms),
            seed,
        };
        let page = self.engine.page(&request);
        check(&page, limit);
        assert_eq!(page, self.engine.page(&request), "the same request has the same page");
        page
    }
    pub(crate) fn serve(&mut self, who: u128, page: &Page) {
        let items = page.items.iter().map(|item| {
            self.impressions += 1;
            ServedItem {
                impression: ImpressionId::from_u128((5 << 64) + self.impressions),
                video: item.video,
            }
        });
        let items = items.collect();
        let position = page.position;
        self.push(Event::PageServed { viewer: viewer(who), seed: 0, position, policy: page.policy, items });
    }
}

pub(crate) fn item(page: &Page, n: u128) -> &PageItem {
    let found = page.items.iter().find(|item| item.video == video(n));
    found.unwrap_or_else(|| panic!("video {n} is on the page"))
}
pub(crate) fn term(page: &Page, n: u128, name: &str) -> i64 {
    item(page, n).terms.iter().find(|term| term.name == name).map_or(0, |term| term.value)
}
pub(crate) fn place(page: &Page, n: u128) -> usize {
    page.items.iter().position(|item| item.video == video(n)).expect("it is on the page")
}

/// What holds of every page.
pub(crate) fn check(page: &Page, limit: usize) {
    assert!(page.items.len() <= limit);
    let mut seen = BTreeMap::new();
    for item in &page.items {
        assert_eq!(item.terms.iter().map(|term| term.value).sum::<i64>(), item.score, "{item:?}");
        assert_eq!(seen.insert(item.video, ()), None, "{:?} twice on a page", item.video);
    }
}
