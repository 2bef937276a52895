//! What holds for any sequence of events.

use crate::cell::{START_MS, check, creator, sound, video, viewer};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use takt_core::{ImpressionId, PageId, Timestamp, VideoId, ViewerId};
use takt_recommender::{
    Control, DEFAULT_POLICY, Difference, Engine, Event, LogEntry, MadeItem, MadePage, PageRequest, Placement,
    Policy, ServedItem, Subject, TAGS_MAX, TERM_BYTES_MAX, TermName, Wish,
};

const VIDEOS: u128 = 24;
const VIEWERS: u128 = 4;
const RESERVE_MS: i64 = 30 * 60_000;

/// A step of a cell's life.
#[derive(Debug, Clone)]
enum Step {
    Event(Event),
    /// A page is computed, checked and served.
    Page {
        who: u128,
        limit: usize,
        seed: u64,
    },
    Pass {
        millis: i64,
    },
}

fn any_event() -> impl Strategy<Value = Event> {
    let video = (0..VIDEOS).prop_map(video);
    let viewer = (0..VIEWERS).prop_map(viewer);
    let text = prop_oneof![4 => "[a-d]", 1 => any::<String>()];
    let texts = || prop::collection::vec(text.clone(), 0..4);
    let number = || prop_oneof![4 => 0..30_000_u32, 1 => any::<u32>(), 1 => Just(u32::MAX)];
    let published = (video.clone(), 0..5_u128, prop::option::of(0..3_u128), texts(), texts(), number())
        .prop_map(|(video, by, with, tags, words, duration_ms)| Event::VideoPublished {
            video,
            creator: creator(by),
            sound: with.map(sound),
            language: (by == 0).then(|| "de".parse().expect("a language")),
            tags,
            words,
            duration_ms,
        });
    let watch = (viewer.clone(), video.clone(), number(), any::<u16>(), any::<bool>()).prop_map(
        |(viewer, video, watch_ms, loops, paused)| Event::Watch {
            viewer,
            impression: None,
            video,
            watch_ms,
            loops: if watch_ms % 2 == 0 { 0 } else { loops },
            paused,
        },
    );
    let deed = (viewer.clone(), video.clone(), 0..5).prop_map(|(viewer, video, deed)| {
        let impression = None;
        match deed {
            0 => Event::Impression { viewer, impression, video },
            1 => Event::Like { viewer, impression, video },
            2 => Event::Unlike { viewer, impression, video },
            3 => Event::Share { viewer, impression, video },
            _ => Event::NotInterested { viewer, impression, video },
        }
    });
    let subject = prop_oneof![
        video.clone().prop_map(Subject::Video),
        (0..5_u128).prop_map(|n| Subject::Creator(creator(n))),
        (0..3_u128).prop_map(|n| Subject::Sound(sound(n))),
        "[a-d]".prop_map(Subject::Tag),
        any::<String>().prop_map(Subject::Word),
    ];
    let control = (subject, 0..8, any::<bool>(), any::<i32>()).prop_map(|(subject, what, yes, leaning)| {
        let wish = Some(if yes { Wish::More } else { Wish::Less });
        match what {
            0 | 1 => Control::NotInterested { subject },
            2 => Control::NotInterestedEnds { subject },
            3 => Control::Wish { subject, wish: wish.filter(|_| leaning % 4 != 0) },
            4 if yes => Control::Follow { creator: creator(leaning.unsigned_abs().into()) },
            4 => Control::Follow { creator: creator(1) },
            5 => Control::Unfollow { creator: creator(1) },
            6 if yes => Control::Learning { on: leaning % 2 == 0 },
            6 if leaning % 3 == 0 => Control::Forget { subject },
            6 => Control::Reset,
            _ => Control::Adopt { leanings: vec![(subject, leaning)] },
        }
    });
    let controlled =
        (viewer.clone(), control).prop_map(|(viewer, control)| Event::ViewerControlled { viewer, control });
    prop_oneof![
        2 => controlled,
        6 => published,
        1 => video.prop_map(|video| Event::VideoRemoved { video }),
        6 => watch,
        6 => deed,
        1 => (viewer.clone(), viewer.clone()).prop_map(|(from, into)| Event::ViewerMerged { from, into }),
        1 => viewer.prop_map(|viewer| Event::ViewerForgotten { viewer }),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let millis = prop_oneof![4 => 0..120_000_i64, 2 => Just(RESERVE_MS), 1 => 0..4_000_000_000_i64];
    prop_oneof![
        8 => any_event().prop_map(Step::Event),
        3 => (0..VIEWERS, 0..8_usize, any::<u64>()).prop_map(|(who, limit, seed)| Step::Page { who, limit, seed }),
        1 => millis.prop_map(|millis| Step::Pass { millis }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(any_step(), 0..150)
}

/// What a viewer's pages must keep to, by the simplest bookkeeping there is.
#[derive(Debug, Default, Clone)]
struct Expected {
    seen: BTreeSet<VideoId>,
    reserved_until: BTreeMap<VideoId, i64>,
    unwanted: BTreeSet<Subject>,
    /// The last day they did anything.
    active: i64,
}

/// What of a video can be turned down.
fn subjects(event: &Event) -> Vec<Subject> {
    let Event::VideoPublished { video, creator, sound, tags, .. } = event else { return Vec::new() };
    let mut subjects = vec![Subject::Video(*video), Subject::Creator(*creator)];
    subjects.extend(sound.map(Subject::Sound));
    let fits = |tag: &&String| !tag.is_empty() && tag.len() <= TERM_BYTES_MAX;
    subjects.extend(tags.iter().filter(fits).take(TAGS_MAX).cloned().map(Subject::Tag));
    subjects
}

#[derive(Debug, Default)]
struct Model {
    viewers: BTreeMap<ViewerId, Expected>,
    live: BTreeSet<VideoId>,
    published: BTreeMap<VideoId, Vec<Subject>>,
    today: i64,
}

/// As in the policy: for how many days what a viewer has met is kept after they did anything, by whether it is much.
const KEPT_DAYS: [i64; 2] = [60, 400];
const MUCH: usize = 10;
const DAY_MS: i64 = 86_400_000;

impl Model {
    fn apply(&mut self, event: &Event, now_ms: i64) {
        if now_ms / DAY_MS > self.today {
            self.today = now_ms / DAY_MS;
            for row in self.viewers.values_mut() {
                if self.today - row.active > KEPT_DAYS[usize::from(row.seen.len() >= MUCH)] {
                    row.seen.clear();
                    row.reserved_until.clear();
                    row.unwanted.retain(|subject| !matches!(subject, Subject::Video(_)));
                }
            }
        }
        self.note(event, now_ms);
        let viewer = match event {
            Event::ViewerMerged { into, .. } => Some(*into),
            event => viewer_of(event),
        };
        if let Some(row) = viewer.and_then(|viewer| self.viewers.get_mut(&viewer)) {
            row.active = self.today;
        }
    }

    fn note(&mut self, event: &Event, now_ms: i64) {
        match event {
            Event::VideoPublished { video, .. } => {
                self.live.insert(*video);
                self.published.insert(*video, subjects(event));
            }
            Event::VideoRemoved { video } => {
                self.live.remove(video);
            }
            Event::PageServed { viewer, items, .. } => {
                let row = self.viewers.entry(*viewer).or_default();
                row.reserved_until.extend(items.iter().map(|item| (item.video, now_ms + RESERVE_MS)));
            }
            Event::Impression { viewer, video, .. }
            | Event::Watch { viewer, video, .. }
            | Event::Like { viewer, video, .. }
            | Event::Share { viewer, video, .. }
            | Event::NotInterested { viewer, video, .. } => {
                if self.published.contains_key(video) {
                    self.viewers.entry(*viewer).or_default().seen.insert(*video);
                }
            }
            Event::ViewerControlled { viewer, control } => self.control(*viewer, control),
            Event::Unlike { .. }
            | Event::PageMade(_)
            | Event::SeedsCommitted { .. }
            | Event::SeedsRevealed { .. }
            | Event::VideoLinked { .. } => {}
            Event::ViewerMerged { from, into } if from == into => {}
            Event::ViewerMerged { from, into } => {
                let Some(from) = self.viewers.remove(from) else { return };
                let into = self.viewers.entry(*into).or_default();
                into.seen.extend(from.seen);
                into.unwanted.extend(from.unwanted);
                for (video, until) in from.reserved_until {
                    let held = into.reserved_until.entry(video).or_insert(until);
                    *held = until.max(*held);
                }
            }
            Event::ViewerForgotten { viewer } => {
                self.viewers.remove(viewer);
            }
        }
    }

    fn control(&mut self, viewer: ViewerId, control: &Control) {
        match control {
            Control::NotInterested { subject: Subject::Video(video) }
                if !self.published.contains_key(video) => {}
            Control::NotInterested { subject } => {
                self.viewers.entry(viewer).or_default().unwanted.insert(subject.clone());
            }
            Control::NotInterestedEnds { subject } => {
                self.viewers.entry(viewer).or_default().unwanted.remove(subject);
            }
            _ => {}
        }
    }

    fn is_unwanted(&self, row: &Expected, video: VideoId) -> bool {
        self.published[&video].iter().any(|subject| row.unwanted.contains(subject))
    }

    /// All that a page may hold, and so must hold as far as there is room.
    fn eligible(&self, viewer: ViewerId, now_ms: i64) -> BTreeSet<VideoId> {
        let row = self.viewers.get(&viewer).cloned().unwrap_or_default();
        let waits = |video: &VideoId| row.reserved_until.get(video).is_some_and(|&until| until > now_ms);
        let may =
            |video: &VideoId| !row.seen.contains(video) && !waits(video) && !self.is_unwanted(&row, *video);
        self.live.iter().filter(|video| may(video)).copied().collect()
    }

    /// Served and never shown.
    fn waiting(&self, viewer: ViewerId, now_ms: i64) -> BTreeSet<VideoId> {
        let row = self.viewers.get(&viewer).cloned().unwrap_or_default();
        let waits = row.reserved_until.iter().filter(|(_, until)| **until > now_ms);
        let may = |video: &VideoId| {
            self.live.contains(video) && !row.seen.contains(video) && !self.is_unwanted(&row, *video)
        };
        waits.map(|(&video, _)| video).filter(may).collect()
    }
}

/// Lives through the steps, checking every page against the model; returns the engine and its log.
fn live(steps: &[Step]) -> Result<(Engine, Vec<LogEntry>), TestCaseError> {
    let mut engine = Engine::new(Policy::default());
    let (mut model, mut log, mut now_ms, mut impressions) = (Model::default(), Vec::new(), START_MS, 0);
    for step in steps {
        let event = match step {
            Step::Pass { millis } => {
                now_ms += millis;
                continue;
            }
            Step::Event(event) => event.clone(),
            Step::Page { who, limit, seed } => {
                let (who, now) = (viewer(*who), Timestamp::from_millis(now_ms));
                let request = PageRequest { viewer: who, account: None, limit: *limit, now, seed: *seed };
                let page = engine.page(&request);
                check(&page, *limit);
                let eligible = model.eligible(who, now_ms);
                let waiting = model.waiting(who, now_ms);
                // Everything that may come, then what was served and never shown.
                let fresh = eligible.len().min(*limit);
                let (first, last) = page.items.split_at(fresh.min(page.items.len()));
                prop_assert!(
                    first.iter().all(|item| eligible.contains(&item.video)),
                    "{:?}: {:?}",
                    first,
                    eligible
                );
                prop_assert!(
                    last.iter().all(|item| waiting.contains(&item.video)),
                    "{:?}: {:?}",
                    last,
                    waiting
                );
                prop_assert!(last.iter().all(|item| item.placement == Placement::Returned));
                prop_assert_eq!(page.items.len(), (eligible.len() + waiting.len()).min(*limit));
                let served = |item: &takt_recommender::PageItem| {
                    impressions += 1;
                    ServedItem { impression: ImpressionId::from_u128(impressions), video: item.video }
                };
                let items = page.items.iter().map(served).collect();
                Event::PageServed {
                    viewer: who,
                    seed: *seed,
                    position: page.position,
                    policy: page.policy,
                    items,
                }
            }
        };
        let entry = LogEntry { at: Timestamp::from_millis(now_ms), event };
        model.apply(&entry.event, now_ms);
        engine.apply(engine.position() + 1, &entry).expect("positions are dense");
        log.push(entry);
    }
    Ok((engine, log))
}

fn viewer_of(event: &Event) -> Option<ViewerId> {
    match event {
        Event::PageServed { viewer, .. }
        | Event::Impression { viewer, .. }
        | Event::Watch { viewer, .. }
        | Event::Like { viewer, .. }
        | Event::Unlike { viewer, .. }
        | Event::Share { viewer, .. }
        | Event::NotInterested { viewer, .. }
        | Event::ViewerForgotten { viewer } => Some(*viewer),
        Event::ViewerControlled { viewer, .. } => Some(*viewer),
        Event::PageMade(page) => Some(page.viewer),
        Event::VideoPublished { .. }
        | Event::VideoRemoved { .. }
        | Event::ViewerMerged { .. }
        | Event::SeedsCommitted { .. }
        | Event::SeedsRevealed { .. }
        | Event::VideoLinked { .. } => None,
    }
}

fn replay(engine: &mut Engine, log: &[LogEntry]) {
    let first = engine.position() as usize;
    for (entry, position) in log.iter().zip(1..).skip(first) {
        engine.apply(position, entry).expect("positions are dense");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// No repeats, reservations kept, nothing removed shown, nothing eligible withheld, terms that sum: checked by
    /// `live` on every page. Then: the log alone gives the same state, through its bytes, and over a snapshot.
    #[test]
    fn pages_keep_to_the_rules_and_the_log_is_all_there_is(steps in steps(), cut: prop::sample::Index) {
        let (engine, log) = live(&steps)?;
        let log: Vec<_> = log.iter().map(|entry| LogEntry::decode(&entry.encode()).unwrap()).collect();
        let mut again = Engine::new(Policy::default());
        let cut = cut.index(log.len() + 1);
        replay(&mut again, &log[..cut]);
        let bytes = again.snapshot();
        let mut restored = Engine::restore(Policy::default(), &bytes).unwrap();
        prop_assert!(restored.snapshot() == bytes);
        replay(&mut again, &log);
        replay(&mut restored, &log);
        prop_assert_eq!(again.digest(), engine.digest());
        prop_assert_eq!(restored.digest(), engine.digest());
        // The indexes that a snapshot does not hold answer alike, too.
        for seed in 0..VIEWERS {
            let now = Timestamp::from_millis(START_MS + 1_000_000_000);
            let request = PageRequest { viewer: viewer(seed), account: None, limit: 8, now, seed: seed as u64 };
            prop_assert_eq!(engine.page(&request), restored.page(&request));
        }
    }

    /// A viewer who was forgotten leaves no row, and nothing of theirs is in anybody else's.
    #[test]
    fn forgetting_a_viewer_is_as_if_they_had_never_been(steps in steps()) {
        let (_, log) = live(&steps)?;
        let gone = viewer(0);
        let merges = |event: &Event| matches!(event, Event::ViewerMerged { from, into } if *from == gone || *into == gone);
        let mut with: Vec<_> = log.into_iter().filter(|entry| !merges(&entry.event)).collect();
        with.push(LogEntry {
            at: with.last().map_or(Timestamp::from_millis(START_MS), |entry| entry.at),
            event: Event::ViewerForgotten { viewer: gone },
        });
        // The log of a cell that never had them. Time passes there, too: what is not used ends on the same days.
        let nothing = Event::VideoRemoved { video: VideoId::from_u128(u128::MAX) };
        let without = with.iter().cloned().map(|mut entry| {
            if viewer_of(&entry.event) == Some(gone) {
                entry.event = nothing.clone();
            }
            entry
        });
        let without: Vec<_> = without.collect();
        let (mut engine, mut never) = (Engine::new(Policy::default()), Engine::new(Policy::default()));
        replay(&mut engine, &with);
        replay(&mut never, &without);
        prop_assert_eq!(engine.viewer_digest(gone), None);
        for who in 0..VIEWERS {
            prop_assert_eq!(engine.viewer_digest(viewer(who)), never.viewer_digest(viewer(who)));
        }
        prop_assert_eq!(engine.stats().viewers, never.stats().viewers);
    }

    /// Times that jump anywhere, ids nobody knows and the largest numbers do no harm.
    #[test]
    fn hostile_entries_never_panic(entries in prop::collection::vec((any::<i64>(), any_event()), 0..80), now: i64, seed: u64) {
        let mut engine = Engine::new(Policy::default());
        for (at, event) in entries {
            let entry = LogEntry { at: Timestamp::from_millis(at), event };
            engine.apply(engine.position() + 1, &entry).unwrap();
            let who = (seed % VIEWERS as u64) as u128;
            let now = Timestamp::from_millis(now);
            let request = PageRequest { viewer: viewer(who), account: Some(creator(1)), limit: 5, now, seed };
            check(&engine.page(&request), 5);
        }
        let restored = Engine::restore(Policy::default(), &engine.snapshot()).unwrap();
        prop_assert_eq!(restored.digest(), engine.digest());
        let _ = engine.stats();
    }

    /// An explanation is the page, and "without this term" is what a policy without it would have made of it.
    #[test]
    fn a_counterfactual_is_an_actual_run(steps in steps(), who in 0..VIEWERS, seed: u64, term in 0..TermName::ALL.len()) {
        let (mut engine, log) = live(&steps)?;
        let now = Timestamp::from_millis(START_MS + 5_000_000_000);
        let request = PageRequest { viewer: viewer(who), account: None, limit: 6, now, seed };
        let before = engine.digest();
        let explanation = engine.explain(&request);
        prop_assert_eq!(&explanation.audited.page, &engine.page(&request));
        let first = &explanation.places[..explanation.audited.page.items.len()];
        prop_assert_eq!(first, &explanation.audited.page.items[..]);
        let term = TermName::ALL[term];
        let without = engine.explain_without(&request, term.as_str()).expect("it is a term");
        prop_assert_eq!(engine.digest(), before);
        let mut actual = Engine::new(policy_without(term));
        replay(&mut actual, &log);
        let actual = actual.explain(&request);
        prop_assert_eq!(&without.audited.page.items, &actual.audited.page.items);
        prop_assert_eq!(&without.places, &actual.places);
        prop_assert_eq!(without.audited.candidates, actual.audited.candidates);
        prop_assert!(without.places.iter().all(|item| item.terms.iter().all(|one| one.name != term.as_str())));
    }

    /// Every considered video has one fate, and the shown ones are the page.
    #[test]
    fn fates_add_up(steps in steps(), who in 0..VIEWERS, seed: u64) {
        let (engine, _) = live(&steps)?;
        let now = Timestamp::from_millis(START_MS + 5_000_000_000);
        let request = PageRequest { viewer: viewer(who), account: Some(creator(1)), limit: 4, now, seed };
        let audited = engine.audited_page(&request);
        let videos: BTreeSet<_> = audited.considered.iter().map(|one| one.video).collect();
        prop_assert_eq!(videos.len(), audited.considered.len());
        let shown = audited.considered.iter().filter(|one| one.fate == takt_recommender::Fate::Shown);
        let shown: BTreeSet<_> = shown.map(|one| one.video).collect();
        prop_assert_eq!(shown, audited.page.items.iter().map(|item| item.video).collect::<BTreeSet<_>>());
    }

    /// A page computed again from the log's bytes is the page, and what was changed about it is named.
    #[test]
    fn a_page_computed_again_is_identical_or_the_change_is_named(steps in steps(), who in 0..VIEWERS, seed: u64) {
        let (engine, mut log) = live(&steps)?;
        let at = Timestamp::from_millis(log.last().map_or(START_MS, |entry| entry.at.millis()));
        let request = PageRequest { viewer: viewer(who), account: None, limit: 6, now: at, seed };
        let audited = engine.audited_page(&request);
        let items = audited.page.items.iter();
        let made = MadePage {
            page: PageId::from_u128(1 << 16),
            viewer: request.viewer,
            account: None,
            limit: 6,
            seed,
            position: audited.page.position,
            policy: audited.page.policy,
            seeds: [0; 32],
            candidates: audited.candidates,
            items: items.map(|item| MadeItem { video: item.video, score: item.score }).collect(),
        };
        let again = |log: &[LogEntry]| {
            let mut engine = Engine::new(Policy::default());
            let bytes = log.iter().map(|entry| LogEntry::decode(&entry.encode()).expect("it was encoded"));
            replay(&mut engine, &bytes.collect::<Vec<_>>());
            engine
        };
        let same = again(&log);
        prop_assert_eq!(same.first_difference(&made, at), None);
        let Some(first) = made.items.first().copied() else { return Ok(()) };

        let mut other = made.clone();
        other.policy[0] ^= 1;
        let named = same.first_difference(&other, at);
        prop_assert!(matches!(named, Some(Difference::Policy { .. })), "{named:?}");
        let mut scored = made.clone();
        scored.items[0].score += 1;
        let named = same.first_difference(&scored, at);
        prop_assert!(matches!(named, Some(Difference::Score { place: 1, .. })), "{named:?}");
        let mut short = made.clone();
        short.items.pop();
        let named = same.first_difference(&short, at);
        prop_assert!(matches!(named, Some(Difference::Length { .. })), "{named:?}");
        let mut digest = made.clone();
        digest.candidates[0] ^= 1;
        let named = same.first_difference(&digest, at);
        prop_assert!(matches!(named, Some(Difference::Candidates { .. })), "{named:?}");
        if let Some(second) = made.items.get(1).copied() {
            let mut swapped = made.clone();
            swapped.items.swap(0, 1);
            let named = same.first_difference(&swapped, at);
            let tie = first.score == second.score;
            prop_assert!(matches!(named, Some(Difference::TieBreak { .. })) == tie, "{named:?}");
            prop_assert!(matches!(named, Some(Difference::Order { .. })) != tie, "{named:?}");
        }
        // One more video in the seen set.
        let event = Event::Impression { viewer: request.viewer, impression: None, video: first.video };
        log.push(LogEntry { at, event });
        let named = again(&log).first_difference(&made, at);
        prop_assert!(matches!(named, Some(Difference::Seen { place: 1, .. })), "{named:?}");
    }
}

fn policy_without(term: TermName) -> Policy {
    let weight = |line: &str| {
        let is = line.strip_prefix(term.as_str()).is_some_and(|rest| rest.trim_start().starts_with("= "));
        if is { format!("{term} = 0") } else { line.to_owned() }
    };
    let (before, rest) = DEFAULT_POLICY.split_once("[terms]").expect("a table of terms");
    let (terms, after) = rest.split_once("\n[").expect("other tables");
    let terms: Vec<_> = terms.lines().map(weight).collect();
    let policy = Policy::from_toml(&format!("{before}[terms]{}\n[{after}", terms.join("\n")));
    let policy = policy.expect("only a weight was changed");
    assert_eq!(policy.weight(term), 0);
    policy
}
