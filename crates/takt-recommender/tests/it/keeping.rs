//! What is not used is not kept, and what is used is.

use crate::cell::{Cell, START_MS, Upload, creator, video, viewer};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use takt_core::Timestamp;
use takt_recommender::{Control, DEFAULT_POLICY, Engine, Event, Policy, Subject};

const DAY_MS: i64 = 86_400_000;
const VIEWER_DAYS: i64 = 9;
const PASSING_DAYS: i64 = 3;
const PASSING_VIDEOS: usize = 4;
const FEATURE_DAYS: i64 = 5;

fn policy() -> Policy {
    let set = |text: String, (key, value): (&str, i64)| {
        let line =
            text.lines().find(|line| line.starts_with(&format!("{key} = "))).expect("it is in the policy");
        text.replace(&format!("\n{line}\n"), &format!("\n{key} = {value}\n"))
    };
    let text = [
        ("viewer_days", VIEWER_DAYS),
        ("passing_viewer_days", PASSING_DAYS),
        ("passing_videos", PASSING_VIDEOS as i64),
        ("feature_days", FEATURE_DAYS),
    ];
    let text = text.into_iter().fold(DEFAULT_POLICY.to_owned(), set);
    Policy::from_toml(&text).expect("only days were changed")
}

#[derive(Debug, Clone)]
enum Step {
    Publish { n: u128, creator: u128, caption: String },
    Remove { n: u128 },
    Finish { who: u128, n: u128 },
    Follow { who: u128, creator: u128 },
    PassDays { days: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let caption =
        prop::collection::vec(prop_oneof!["#[a-f]", "word[a-f]"], 0..4).prop_map(|words| words.join(" "));
    let step = prop_oneof![
        4 => (0..12_u128, 0..4_u128, caption).prop_map(|(n, creator, caption)| Step::Publish { n, creator, caption }),
        2 => (0..12_u128).prop_map(|n| Step::Remove { n }),
        6 => (0..5_u128, 0..12_u128).prop_map(|(who, n)| Step::Finish { who, n }),
        1 => (0..5_u128, 0..4_u128).prop_map(|(who, creator)| Step::Follow { who, creator }),
        3 => (1..6_i64).prop_map(|days| Step::PassDays { days }),
    ];
    prop::collection::vec(step, 1..120)
}

/// The same by the simplest bookkeeping there is.
#[derive(Debug, Default)]
struct Model {
    videos: BTreeMap<u128, (u128, BTreeSet<String>)>,
    published: BTreeSet<u128>,
    viewers: BTreeMap<u128, Row>,
    /// Creators without a video, and since when.
    idle: BTreeMap<u128, i64>,
    /// Words that were of two videos at once, and are of one at least.
    words: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Row {
    seen: BTreeSet<u128>,
    follows: BTreeSet<u128>,
    active: i64,
}

impl Model {
    fn sweep(&mut self, today: i64) {
        self.viewers.retain(|_, row| {
            let days = if row.seen.len() < PASSING_VIDEOS { PASSING_DAYS } else { VIEWER_DAYS };
            if today - row.active > days {
                row.seen.clear();
            }
            today - row.active <= days || !row.follows.is_empty()
        });
        self.idle.retain(|_, since| *since >= today - FEATURE_DAYS);
    }

    fn carried(&self) -> BTreeMap<&String, usize> {
        let mut carried = BTreeMap::new();
        for text in self.videos.values().flat_map(|(_, texts)| texts) {
            *carried.entry(text).or_insert(0) += 1;
        }
        carried
    }

    fn describe(&mut self, n: u128, now: Option<(u128, BTreeSet<String>)>, today: i64) {
        let before = self.videos.remove(&n);
        let entering = now.clone();
        self.videos.extend(now.map(|video| (n, video)));
        if let Some((creator, _)) = entering {
            self.idle.remove(&creator);
        }
        if let Some((creator, _)) = before
            && self.videos.values().all(|(other, _)| *other != creator)
        {
            self.idle.insert(creator, today);
        }
        let carried: BTreeMap<String, usize> =
            self.carried().into_iter().map(|(text, count)| (text.clone(), count)).collect();
        self.words.retain(|word| carried.contains_key(word));
        self.words.extend(
            carried
                .into_iter()
                .filter(|(text, count)| !text.starts_with('#') && *count > 1)
                .map(|(text, _)| text),
        );
    }

    fn features(&self) -> usize {
        let creators: BTreeSet<_> =
            self.videos.values().map(|(creator, _)| creator).chain(self.idle.keys()).collect();
        let tags: BTreeSet<_> = self.carried().into_keys().filter(|text| text.starts_with('#')).collect();
        creators.len() + tags.len() + self.words.len()
    }
}

fn texts(caption: &str) -> BTreeSet<String> {
    caption.split_whitespace().map(str::to_owned).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Viewers, features and waiting words are those of the model after every step, over a snapshot as well.
    #[test]
    fn what_is_kept_is_what_is_used(steps in steps(), cut: prop::sample::Index) {
        let (mut cell, mut model, mut today) = (Cell::with(policy()), Model::default(), START_MS / DAY_MS);
        let cut = cut.index(steps.len());
        for (at, step) in steps.iter().enumerate() {
            if at == cut {
                cell.engine = Engine::restore(policy(), &cell.engine.snapshot()).expect("just written");
            }
            match step {
                Step::PassDays { days } => {
                    cell.pass_ms(days * DAY_MS);
                    continue;
                }
                _ if cell.now_ms / DAY_MS > today => {
                    today = cell.now_ms / DAY_MS;
                    model.sweep(today);
                }
                _ => {}
            }
            match step {
                Step::Publish { n, creator, caption } => {
                    cell.publish(*n, &Upload { creator: *creator, sound: None, caption: caption.clone(), ..Upload::default() });
                    model.describe(*n, Some((*creator, texts(caption))), today);
                    model.published.insert(*n);
                }
                Step::Remove { n } => {
                    cell.push(Event::VideoRemoved { video: video(*n) });
                    model.describe(*n, None, today);
                }
                Step::Finish { who, n } => {
                    cell.finish(*who, video(*n));
                    if model.published.contains(n) {
                        let row = model.viewers.entry(*who).or_default();
                        row.seen.insert(*n);
                        row.active = today;
                    } else if let Some(row) = model.viewers.get_mut(who) {
                        row.active = today;
                    }
                }
                Step::Follow { who, creator: whom } => {
                    let control = Control::Follow { creator: creator(*whom) };
                    cell.push(Event::ViewerControlled { viewer: viewer(*who), control });
                    let row = model.viewers.entry(*who).or_default();
                    row.follows.insert(*whom);
                    row.active = today;
                }
                Step::PassDays { .. } => {}
            }
            let stats = cell.engine.stats();
            prop_assert_eq!(stats.viewers, model.viewers.len() as u64);
            prop_assert_eq!(stats.features, model.features() as u64, "{:?}", &model);
            let lone = model.carried().into_iter().filter(|(text, count)| {
                !text.starts_with('#') && *count == 1 && !model.words.contains(*text)
            });
            prop_assert_eq!(stats.words_waiting, lone.count() as u64);
            for (&who, row) in &model.viewers {
                let taste = cell.engine.taste(viewer(who), Timestamp::from_millis(cell.now_ms), 1_000);
                prop_assert_eq!(taste.seen, row.seen.len() as u64);
                prop_assert_eq!(taste.follows.len(), row.follows.len());
                // What is left of a taste names what videos have or lately had: a row that was taken over by another
                // feature brings nobody's leaning along.
                for leant in &taste.subjects {
                    let known = match &leant.subject {
                        Subject::Tag(tag) => model.carried().contains_key(&format!("#{tag}")),
                        Subject::Word(word) => model.words.contains(word),
                        _ => true,
                    };
                    prop_assert!(known, "{leant:?}");
                }
            }
        }
    }
}

/// A cell whose creators never use a tag or word twice does not grow without end.
#[test]
fn rows_of_features_are_used_again() {
    let mut cell = Cell::with(policy());
    let mut most = 0;
    for n in 0..3_000_u128 {
        cell.publish(
            n,
            &Upload { creator: n, sound: None, caption: format!("#tag{n} word{n}"), ..Upload::default() },
        );
        cell.finish(1, video(n));
        if n >= 20 {
            cell.push(Event::VideoRemoved { video: video(n - 20) });
        }
        cell.pass_ms(DAY_MS / 10);
        let stats = cell.engine.stats();
        most = most.max(stats.features + stats.features_unused);
    }
    assert!(most < 400, "{most} rows at a time");
}

#[test]
fn a_second_video_makes_a_word_a_feature_of_both() {
    let mut cell = Cell::new();
    for (n, caption) in ["sourdough", "", "", "sourdough"].into_iter().enumerate() {
        if n == 3 {
            assert_eq!(cell.engine.stats().words_waiting, 1);
        }
        cell.publish(
            n as u128,
            &Upload { creator: n as u128, sound: None, caption: caption.into(), ..Upload::default() },
        );
    }
    assert_eq!(cell.engine.stats().words_waiting, 0);
    cell.finish(0, video(0));
    let page = cell.page(0, 4, 1);
    let term = |n: u128| {
        let item = page.items.iter().find(|item| item.video == video(n)).expect("it is on the page");
        item.terms.iter().find(|term| term.name == "word").map_or(0, |term| term.value)
    };
    assert!(term(3) > 0 && term(1) == 0);
}
