//! What viewers ask of their feed: follows, more or less of something, "not interested", pausing, starting over.
//!
//! Unlike taste, none of this is guessed and none of it fades. It is held by name, not by row number, so that a tag
//! whose last video went stays unwanted when the next one comes.

use crate::catalogue::{Catalogue, Feature, Kind, Video};
use crate::engine::Engine;
use crate::event::Event;
use crate::fixed::{MICRO, mul, ratio};
use crate::learn;
use crate::viewer::{Change, Fact, Leaning, Viewer};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use takt_core::{AccountId, Lang, SoundId, Timestamp, VideoId, ViewerId};

/// Creators one viewer can follow; more are passed over.
pub const FOLLOWS_MAX: usize = 2_000;
/// Creators, sounds and tags one viewer can turn down; more are passed over.
pub const UNWANTED_MAX: usize = 1_000;
/// Things one viewer can ask more or less of; more are passed over.
pub const WISHES_MAX: usize = 500;
/// Leanings one [`Control::Adopt`] can bring; what is beyond is passed over.
pub const ADOPTED_MAX: usize = 512;
/// A leaning nearer to certainty than this is adopted as this: it takes endless evidence to be certain.
const ADOPTED_LEANING_MAX: i64 = 950_000;

/// Something a viewer can have an opinion on.
///
/// Part of the log's wire format: variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// One video.
    Video(VideoId),
    /// All that a creator publishes.
    Creator(AccountId),
    /// All videos with a sound.
    Sound(SoundId),
    /// All videos with a tag, in lower case without the sign.
    Tag(String),
    /// All videos with a word in the caption, in lower case.
    Word(String),
    /// All videos in a language.
    Language(Lang),
}

impl Subject {
    fn feature(&self) -> Option<Feature> {
        Some(match self {
            Self::Video(_) => return None,
            Self::Creator(id) => Feature::Creator(*id),
            Self::Sound(id) => Feature::Sound(*id),
            Self::Tag(text) => Feature::Tag(text.as_str().into()),
            Self::Word(text) => Feature::Word(text.as_str().into()),
            Self::Language(language) => Feature::Language(language.clone()),
        })
    }

    pub(crate) fn of(feature: &Feature) -> Option<Self> {
        Some(match feature {
            Feature::Creator(id) => Self::Creator(*id),
            Feature::Sound(id) => Self::Sound(*id),
            Feature::Tag(text) => Self::Tag(text.to_string()),
            Feature::Word(text) => Self::Word(text.to_string()),
            Feature::Language(language) => Self::Language(language.clone()),
            Feature::Retired => return None,
        })
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Tag(text) | Self::Word(text) => text.len(),
                _ => 0,
            }
    }
}

/// More or less of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// Put it forward.
    More,
    /// Hold it back.
    Less,
}

/// What a viewer can ask for.
///
/// Part of the log's wire format: variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// Never recommend this, until it is taken back. Of videos, creators, sounds and tags.
    NotInterested {
        /// What.
        subject: Subject,
    },
    /// Takes [`Control::NotInterested`] back.
    NotInterestedEnds {
        /// What.
        subject: Subject,
    },
    /// More or less of this, until it is taken back. Not of single videos.
    Wish {
        /// What.
        subject: Subject,
        /// None takes it back.
        wish: Option<Wish>,
    },
    /// Follow a creator.
    Follow {
        /// Whom.
        creator: AccountId,
    },
    /// Follow a creator no longer.
    Unfollow {
        /// Whom.
        creator: AccountId,
    },
    /// Forget what was learned, and what was asked more or less of. What was seen, follows and "not interested" stay.
    Reset,
    /// Learn from this viewer, or only note what they have seen.
    Learning {
        /// Whether to learn.
        on: bool,
    },
    /// Leanings brought from elsewhere, in micro-units from -1 to 1, are added to what was learned.
    Adopt {
        /// What and how much.
        leanings: Vec<(Subject, i32)>,
    },
    /// Forget what was learned of this, and that more or less of it was asked for. Not of single videos. What was seen,
    /// follows and "not interested" stay.
    Forget {
        /// What.
        subject: Subject,
    },
}

/// What one viewer asked for, as their row holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Controls {
    pub(crate) paused: bool,
    pub(crate) follows: BTreeSet<AccountId>,
    pub(crate) unwanted: BTreeSet<Subject>,
    pub(crate) wishes: BTreeMap<Subject, Wish>,
}

impl Controls {
    /// Joins what another viewer asked for. Where both spoke, the one that signs in now is the later word.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.paused |= other.paused;
        self.follows.extend(other.follows);
        self.unwanted.extend(other.unwanted);
        self.wishes.extend(other.wishes);
        while self.follows.len() > FOLLOWS_MAX {
            self.follows.pop_last();
        }
        while self.unwanted.len() > UNWANTED_MAX {
            self.unwanted.pop_last();
        }
        while self.wishes.len() > WISHES_MAX {
            self.wishes.pop_last();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Roughly what it takes in memory besides its own size.
    pub(crate) fn bytes(&self) -> usize {
        let subjects = self.unwanted.iter().chain(self.wishes.keys()).map(Subject::bytes).sum::<usize>();
        // B-tree nodes are two thirds full on average.
        (self.follows.len() * size_of::<AccountId>() + subjects) * 3 / 2
    }
}

/// Follows, wishes and refusals in row numbers, as far as the catalogue has them.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    /// Sorted.
    pub(crate) followed: Vec<u32>,
    /// Sorted by number.
    pub(crate) wished: Vec<(u32, Wish)>,
    /// Sorted.
    unwanted: Vec<u32>,
}

impl Chosen {
    pub(crate) fn new(controls: &Controls, catalogue: &Catalogue) -> Self {
        let number = |subject: &Subject| catalogue.number_of_feature(&subject.feature()?);
        let creators = controls.follows.iter();
        let mut followed: Vec<_> =
            creators.filter_map(|&creator| catalogue.creator_number(creator)).collect();
        let mut unwanted: Vec<_> = controls.unwanted.iter().filter_map(number).collect();
        let mut wished: Vec<_> =
            controls.wishes.iter().filter_map(|(subject, &wish)| Some((number(subject)?, wish))).collect();
        followed.sort_unstable();
        unwanted.sort_unstable();
        wished.sort_unstable_by_key(|&(feature, _)| feature);
        Self { followed, wished, unwanted }
    }

    pub(crate) fn blocks(&self, video: &Video) -> bool {
        !self.unwanted.is_empty()
            && video.features.iter().any(|feature| self.unwanted.binary_search(feature).is_ok())
    }

    /// Whether the viewer follows its creator.
    pub(crate) fn follows(&self, video: &Video) -> bool {
        video.creator.is_some_and(|creator| self.followed.binary_search(&creator).is_ok())
    }

    /// -1, 0 or 1 in micro-units: what was asked for, asking for less against asking for more.
    pub(crate) fn wish(&self, video: &Video) -> i64 {
        let asked = |wanted: Wish| {
            video.features.iter().any(|feature| {
                let place = self.wished.binary_search_by_key(feature, |&(wished, _)| wished);
                place.is_ok_and(|place| self.wished[place].1 == wanted)
            })
        };
        i64::from(asked(Wish::More)) * MICRO - i64::from(asked(Wish::Less)) * MICRO
    }
}

/// What is left of a viewer's event while they have learning paused; none where nothing is held back.
pub(crate) fn held_back(engine: &Engine, event: &Event) -> Option<Event> {
    let (viewer, impression, video) = match *event {
        Event::Watch { viewer, impression, video, .. }
        | Event::Like { viewer, impression, video }
        | Event::Share { viewer, impression, video }
        | Event::NotInterested { viewer, impression, video } => (viewer, impression, video),
        // Taking a like back takes something away, which is no learning.
        _ => return None,
    };
    let paused = engine.viewers.get(&viewer).is_some_and(|row| row.controls.paused);
    paused.then_some(Event::Impression { viewer, impression, video })
}

/// Does what a viewer asked for. What does not fit the limits is passed over.
pub(crate) fn apply(engine: &mut Engine, viewer: ViewerId, control: &Control) {
    match control {
        Control::NotInterested { subject: Subject::Video(video) } => refuse(engine, viewer, *video, true),
        Control::NotInterestedEnds { subject: Subject::Video(video) } => {
            refuse(engine, viewer, *video, false)
        }
        Control::Adopt { leanings } => adopt(engine, viewer, leanings),
        Control::Forget { subject } => forget(engine, viewer, subject),
        Control::Reset => {
            if let Some(row) = engine.viewers.get_mut(&viewer) {
                row.reset();
                row.controls.wishes.clear();
            }
        }
        _ => {
            teach(engine, viewer, control);
            change(&mut engine.viewers.entry(viewer).or_default().controls, control);
        }
    }
}

/// What a viewer asks for, said for the first time, is something that came of what they were shown a moment ago.
fn teach(engine: &mut Engine, viewer: ViewerId, control: &Control) {
    let Some(row) = engine.viewers.get(&viewer) else { return };
    match control {
        Control::Follow { creator } if !row.controls.follows.contains(creator) => {
            learn::followed(engine, viewer, *creator);
        }
        Control::NotInterested { subject } if !row.controls.unwanted.contains(subject) => {
            if let Some(feature) = subject.feature() {
                learn::turned_down(engine, viewer, &feature);
            }
        }
        _ => {}
    }
}

fn change(controls: &mut Controls, control: &Control) {
    match control {
        Control::NotInterested { subject } => {
            let kind = matches!(subject, Subject::Creator(_) | Subject::Sound(_) | Subject::Tag(_));
            if kind && controls.unwanted.len() < UNWANTED_MAX {
                controls.unwanted.insert(subject.clone());
            }
        }
        Control::NotInterestedEnds { subject } => {
            controls.unwanted.remove(subject);
        }
        Control::Wish { subject, wish: Some(wish) } => {
            let known = controls.wishes.contains_key(subject);
            let is_one = matches!(subject, Subject::Video(_));
            if !is_one && (known || controls.wishes.len() < WISHES_MAX) {
                controls.wishes.insert(subject.clone(), *wish);
            }
        }
        Control::Wish { subject, wish: None } => {
            controls.wishes.remove(subject);
        }
        Control::Follow { creator } => {
            if controls.follows.len() < FOLLOWS_MAX {
                controls.follows.insert(*creator);
            }
        }
        Control::Unfollow { creator } => {
            controls.follows.remove(creator);
        }
        Control::Learning { on } => controls.paused = !on,
        Control::Reset | Control::Adopt { .. } | Control::Forget { .. } => {}
    }
}

/// A single video that the viewer does not want, or does again. It speaks against what the video has, and taking it
/// back takes that back as far as it has not faded.
fn refuse(engine: &mut Engine, viewer: ViewerId, video: VideoId, refused: bool) {
    let Some(video) = engine.catalogue.number(video) else { return };
    let (limits, now_ms) = (engine.taste_limits(), engine.counters.now_ms);
    let against = engine.policy.evidence.not_interested.0;
    let row = match refused {
        true => engine.viewers.entry(viewer).or_default(),
        false => match engine.viewers.get_mut(&viewer) {
            Some(row) => row,
            None => return,
        },
    };
    let changed =
        if refused { row.note(video, Fact::NotInterested) } else { row.unnote(video, Fact::NotInterested) };
    if !changed || row.controls.paused {
        return;
    }
    if refused {
        // Before the viewer's leanings change: a prediction must not know what it predicts.
        learn::refused(engine, viewer, video);
    }
    let amount = if refused { against } else { -against };
    let catalogue = &engine.catalogue;
    let change = Change { favour: 0, against: amount, averse: amount };
    let row = engine.viewers.entry(viewer).or_default();
    row.lean(&catalogue.video(video).features, change, now_ms, limits, |feature| {
        matches!(catalogue.kind(feature), Kind::Creator | Kind::Sound | Kind::Tag)
    });
}

/// The leaning goes; of a creator, sound or tag the viewer's liked videos go, too, as far as they lead to others.
fn forget(engine: &mut Engine, viewer: ViewerId, subject: &Subject) {
    let Some(row) = engine.viewers.get_mut(&viewer) else { return };
    row.controls.wishes.remove(subject);
    let number = subject.feature().and_then(|feature| engine.catalogue.number_of_feature(&feature));
    let Some(feature) = number else { return };
    row.taste.remove(&feature);
    // A word or a language is too common for that: all the rest would go with it.
    if matches!(subject, Subject::Creator(_) | Subject::Sound(_) | Subject::Tag(_)) {
        let catalogue = &engine.catalogue;
        row.recent.retain(|recent| !catalogue.video(recent.video).features.contains(&feature));
    }
}

/// Takes leanings over as the evidence that would have led to them.
fn adopt(engine: &mut Engine, viewer: ViewerId, leanings: &[(Subject, i32)]) {
    let (limits, now_ms, prior) =
        (engine.taste_limits(), engine.counters.now_ms, engine.policy.taste.prior.0);
    let row = engine.viewers.entry(viewer).or_default();
    for (subject, leaning) in leanings.iter().take(ADOPTED_MAX) {
        let number = subject.feature().and_then(|feature| engine.catalogue.number_of_feature(&feature));
        let Some(feature) = number else { continue };
        // value = evidence / (evidence + prior), solved for the evidence.
        let value = i64::from(*leaning).clamp(-ADOPTED_LEANING_MAX, ADOPTED_LEANING_MAX);
        let evidence = mul(prior, ratio(value.abs(), MICRO - value.abs()));
        let (favour, against) = if value > 0 { (evidence, 0) } else { (0, evidence) };
        row.lean(&[feature], Change { favour, against, averse: 0 }, now_ms, limits, |_| false);
    }
}

/// What the recommender holds of a viewer's taste, for them to read and change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taste {
    /// Whether it learns from them.
    pub paused: bool,
    /// What they lean to or away from: wishes first, then the strongest leaning.
    pub subjects: Vec<Leant>,
    /// What they are not interested in.
    pub not_interested: Vec<Subject>,
    /// Whom they follow.
    pub follows: Vec<AccountId>,
    /// How many videos they have seen.
    pub seen: u64,
}

/// One thing a viewer leans to or away from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leant {
    /// What.
    pub subject: Subject,
    /// From -1 to 1 in micro-units.
    pub leaning: i64,
    /// What they asked for.
    pub wish: Option<Wish>,
}

impl Engine {
    /// What is held of a viewer's taste, at most `subjects_max` of it; empty for one without a row.
    pub fn taste(&self, viewer: ViewerId, now: Timestamp, subjects_max: usize) -> Taste {
        let Some(row) = self.viewers.get(&viewer) else { return Taste::default() };
        let controls = &row.controls;
        let videos = row.all_with(Fact::NotInterested).map(|number| self.catalogue.video(number));
        let unwanted_videos = videos.filter(|video| video.live).map(|video| Subject::Video(video.id));
        Taste {
            paused: controls.paused,
            subjects: self.leanings(row, now, subjects_max),
            not_interested: controls.unwanted.iter().cloned().chain(unwanted_videos).collect(),
            follows: controls.follows.iter().copied().collect(),
            seen: row.seen.len(),
        }
    }

    fn leanings(&self, row: &Viewer, now: Timestamp, most: usize) -> Vec<Leant> {
        let (half_life_ms, prior) = (self.policy.taste_half_life_ms(), self.policy.taste.prior.0);
        let now_ms = self.moment(now);
        let value = |leaning: &Leaning| leaning.faded(now_ms, half_life_ms).value(prior);
        let learned = row.taste.iter().filter_map(|(&feature, leaning)| {
            let subject = Subject::of(self.catalogue.feature_numbered(feature)?)?;
            Some((subject, value(leaning)))
        });
        let mut learned: BTreeMap<Subject, i64> = learned.collect();
        let wished = row.controls.wishes.iter().map(|(subject, &wish)| {
            let leaning = learned.remove(subject).unwrap_or(0);
            Leant { subject: subject.clone(), leaning, wish: Some(wish) }
        });
        let mut subjects: Vec<_> = wished.collect();
        let rest = learned.into_iter().filter(|(_, leaning)| *leaning != 0);
        subjects.extend(rest.map(|(subject, leaning)| Leant { subject, leaning, wish: None }));
        // Of equals in the order of subjects.
        subjects.sort_by_key(|leant| (leant.wish.is_none(), -leant.leaning.abs()));
        subjects.truncate(most);
        subjects
    }
}
