//! What is held about one viewer: what they have met, what waits on their device, and their taste.
//!
//! Invariant: a viewer's row is a function of the catalogue and of events that name this viewer. Other viewers' deeds
//! never enter it, so dropping it leaves nothing of the viewer but anonymous totals.

use crate::control::Controls;
use crate::fixed::{MICRO, fade};
use crate::rates::{Record, Surface};
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Watching of this many latest videos may still be corrected by a later report.
const ENCOUNTERS_MAX: usize = 64;
/// At most this many served videos are kept back for a viewer; the oldest are let go first.
pub(crate) const RESERVED_MAX: usize = 512;
/// Of this many latest videos shown it is remembered where and when, until they are judged.
const PENDING_MAX: usize = 16;
/// What becomes of a video later than this after it was shown is no outcome of showing it.
const PENDING_MS: i64 = 30 * 60_000;
/// How often a day one viewer's likes may move what signals are believed.
const SIGNAL_LESSONS_MAX: u8 = 4;
/// How many likes a day of one viewer enter the rates held over all viewers; more are the viewer's own.
const LIKES_MAX: u16 = 100;
/// How many of them lead others: make popular and connect. Connections grow with the square of likes, so fewer.
const LEADING_MAX: u16 = 30;
const DAY_MS: i64 = 86_400_000;
/// Facts per video in the viewer's fact set; video numbers beyond 2^32 / 8 have none.
const FACTS: u32 = 8;

/// Something that is counted once per viewer and video, however often it is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    /// Their watching entered the video's record.
    Judged = 0,
    /// The video entered co-watch and the viewer's recent list.
    Positive = 1,
    /// They like it now.
    Liked = 2,
    /// A like of theirs entered its popularity, once.
    LikeCounted = 3,
    /// They shared it.
    Shared = 4,
    /// They asked for less of it.
    NotInterested = 5,
    /// Asking for less of it entered its record, once.
    RefusalCounted = 6,
    /// They began to follow its creator after it was shown.
    LedToFollow = 7,
}

/// For and against one feature, in micro-units as of a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leaning {
    pub(crate) favour: u32,
    pub(crate) against: u32,
    /// Asked for less.
    pub(crate) averse: u32,
    pub(crate) at_ms: i64,
}

/// A change of a [`Leaning`], in micro-units.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Change {
    pub(crate) favour: i64,
    pub(crate) against: i64,
    pub(crate) averse: i64,
}

impl Leaning {
    pub(crate) fn faded(self, now_ms: i64, half_life_ms: i64) -> Self {
        let elapsed = now_ms.saturating_sub(self.at_ms);
        Self {
            favour: fade(self.favour, elapsed, half_life_ms),
            against: fade(self.against, elapsed, half_life_ms),
            averse: fade(self.averse, elapsed, half_life_ms),
            at_ms: self.at_ms.max(now_ms),
        }
    }

    /// From -1 (always skipped) to 1 (always finished), nearer to 0 the less is known.
    pub(crate) fn value(self, prior: i64) -> i64 {
        let (favour, against) = (i64::from(self.favour), i64::from(self.against));
        crate::fixed::ratio(favour - against, favour + against + prior)
    }

    fn weight(self) -> u64 {
        u64::from(self.favour) + u64::from(self.against) + u64::from(self.averse)
    }

    fn changed(self, change: Change, evidence_max: i64) -> Self {
        let add = |held: u32, more: i64| i64::from(held).saturating_add(more).clamp(0, 1_000 * MICRO);
        let (mut favour, mut against) = (add(self.favour, change.favour), add(self.against, change.against));
        let total = favour + against;
        if total > evidence_max {
            favour = favour * evidence_max / total;
            against = against * evidence_max / total;
        }
        let averse = add(self.averse, change.averse).min(evidence_max);
        let narrow = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
        Self { favour: narrow(favour), against: narrow(against), averse: narrow(averse), at_ms: self.at_ms }
    }
}

/// How a taste is kept: from the policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TasteLimits {
    pub(crate) half_life_ms: i64,
    pub(crate) evidence_max: i64,
    pub(crate) features_max: usize,
}

/// A video served and not yet shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Reservation {
    pub(crate) until_ms: i64,
    pub(crate) video: u32,
}

/// How far a like reaches: nobody's likes of one day may turn the pages of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// Into the viewer's own row.
    Own,
    /// And into what is known of the video.
    Counts,
    /// And to others: it makes the video popular and connects it.
    Leads,
}

/// How much a viewer has taught others on one day, counted from 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Lessons {
    day: i64,
    likes: u16,
    signals: u8,
}

impl Lessons {
    fn on(&mut self, now_ms: i64) -> &mut Self {
        let day = now_ms / DAY_MS;
        if self.day != day {
            *self = Self { day, ..Self::default() };
        }
        self
    }
}

/// A video that was shown a moment ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Pending {
    at_ms: i64,
    video: u32,
    surface: Surface,
    /// Its watching was reported, so that the predictions have learned from it.
    settled: bool,
}

/// The judgement of the latest watching of one video, in micro-units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Encounter {
    pub(crate) video: u32,
    pub(crate) judgement: i32,
}

/// A video the viewer liked, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Recent {
    pub(crate) at_ms: i64,
    pub(crate) video: u32,
}

/// One viewer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Viewer {
    /// Every video ever shown, exact.
    #[serde(with = "crate::bitmap")]
    pub(crate) seen: RoaringBitmap,
    /// Video number x 8 + fact.
    #[serde(with = "crate::bitmap")]
    facts: RoaringBitmap,
    /// Oldest first.
    pub(crate) reserved: VecDeque<Reservation>,
    /// Oldest first.
    encounters: VecDeque<Encounter>,
    /// Oldest first.
    pub(crate) recent: VecDeque<Recent>,
    /// Shown a moment ago, oldest first.
    pending: VecDeque<Pending>,
    /// How many different videos they were shown, and what came of it.
    pub(crate) record: Record,
    /// What they taught others today.
    lessons: Lessons,
    /// By feature number.
    pub(crate) taste: BTreeMap<u32, Leaning>,
    /// The latest videos served, oldest first: what the next page comes after.
    pub(crate) trail: VecDeque<u32>,
    /// What the viewer asked for.
    pub(crate) controls: Controls,
    /// The last day of the log's time that they did anything: see [`crate::keeping`].
    pub(crate) active_day: u32,
}

impl Viewer {
    /// Notes a fact; the answer is whether it is new.
    pub(crate) fn note(&mut self, video: u32, fact: Fact) -> bool {
        fact_key(video, fact).is_some_and(|key| self.facts.insert(key))
    }
    /// Takes a fact back; the answer is whether it was there.
    pub(crate) fn unnote(&mut self, video: u32, fact: Fact) -> bool {
        fact_key(video, fact).is_some_and(|key| self.facts.remove(key))
    }
    pub(crate) fn holds(&self, video: u32, fact: Fact) -> bool {
        fact_key(video, fact).is_some_and(|key| self.facts.contains(key))
    }

    /// Marks a video as seen; the answer is whether it is the first time.
    pub(crate) fn see(&mut self, video: u32, surface: Surface, now_ms: i64) -> bool {
        if !self.seen.insert(video) {
            return false;
        }
        self.record.show();
        self.pending.push_back(Pending { at_ms: now_ms, video, surface, settled: false });
        while self.pending.len() > PENDING_MAX {
            self.pending.pop_front();
        }
        self.reserved.retain(|reservation| reservation.video != video);
        true
    }

    /// Where a video was shown, if that was a moment ago and is told for the first time.
    pub(crate) fn settle(&mut self, video: u32, now_ms: i64) -> Option<Surface> {
        let pending = self.pending.iter_mut().find(|pending| pending.video == video && !pending.settled)?;
        pending.settled = now_ms.saturating_sub(pending.at_ms) <= PENDING_MS;
        pending.settled.then_some(pending.surface)
    }

    /// The latest video shown a moment ago that matches.
    pub(crate) fn shown_lately(&self, now_ms: i64, matches: impl Fn(u32) -> bool) -> Option<u32> {
        let lately = |pending: &&Pending| now_ms.saturating_sub(pending.at_ms) <= PENDING_MS;
        let mut latest = self.pending.iter().rev().filter(lately).map(|pending| pending.video);
        latest.find(|&video| matches(video))
    }

    /// Where a video was shown, if the predictions have learned, or are about to learn, what came of it.
    pub(crate) fn exposure(&self, video: u32, now_ms: i64) -> Option<Surface> {
        let pending = self.pending.iter().find(|pending| pending.video == video)?;
        (pending.settled || now_ms.saturating_sub(pending.at_ms) <= PENDING_MS).then_some(pending.surface)
    }

    /// How far one more like of the viewer reaches today.
    pub(crate) fn reach(&mut self, now_ms: i64) -> Reach {
        let lessons = self.lessons.on(now_ms);
        lessons.likes = lessons.likes.saturating_add(1);
        if lessons.likes <= LEADING_MAX {
            Reach::Leads
        } else if lessons.likes <= LIKES_MAX {
            Reach::Counts
        } else {
            Reach::Own
        }
    }

    /// Whether what the viewer likes today still leads others.
    pub(crate) fn still_leads(&mut self, now_ms: i64) -> bool {
        self.lessons.on(now_ms).likes <= LEADING_MAX
    }

    /// Whether the viewer may teach the signals once more today.
    pub(crate) fn may_teach_signals(&mut self, now_ms: i64) -> bool {
        let lessons = self.lessons.on(now_ms);
        lessons.signals = lessons.signals.saturating_add(1);
        lessons.signals <= SIGNAL_LESSONS_MAX
    }

    pub(crate) fn reserve(&mut self, video: u32, until_ms: i64) {
        if !self.seen.contains(video) {
            self.reserved.retain(|reservation| reservation.video != video);
            self.reserved.push_back(Reservation { until_ms, video });
        }
        while self.reserved.len() > RESERVED_MAX {
            self.reserved.pop_front();
        }
    }

    /// A video was served and is what the next page comes after.
    pub(crate) fn follow(&mut self, video: u32, most: usize) {
        self.trail.push_back(video);
        while self.trail.len() > most {
            self.trail.pop_front();
        }
    }

    pub(crate) fn release(&mut self, now_ms: i64) {
        self.reserved.retain(|reservation| reservation.until_ms > now_ms);
    }

    /// Replaces the judgement of a video if the new one is better, and tells the former one: none for a video that was
    /// not among the latest.
    pub(crate) fn judge(&mut self, video: u32, judgement: i32) -> (Option<i32>, i32) {
        if let Some(encounter) = self.encounters.iter_mut().rev().find(|encounter| encounter.video == video) {
            let before = encounter.judgement;
            encounter.judgement = before.max(judgement);
            return (Some(before), encounter.judgement);
        }
        self.encounters.push_back(Encounter { video, judgement });
        while self.encounters.len() > ENCOUNTERS_MAX {
            self.encounters.pop_front();
        }
        (None, judgement)
    }

    /// The videos liked before, latest first; then this one joins them.
    pub(crate) fn push_recent(&mut self, video: u32, at_ms: i64, most: usize) -> Vec<u32> {
        let before = self.recent.iter().rev().map(|recent| recent.video).collect();
        self.recent.push_back(Recent { at_ms, video });
        while self.recent.len() > most {
            self.recent.pop_front();
        }
        before
    }

    /// Applies a change to the leaning towards each feature; aversion only to those that `can_repel`.
    pub(crate) fn lean(
        &mut self,
        features: &[u32],
        change: Change,
        now_ms: i64,
        limits: TasteLimits,
        can_repel: impl Fn(u32) -> bool,
    ) {
        for &feature in features {
            let averse = if change.averse != 0 && can_repel(feature) { change.averse } else { 0 };
            let change = Change { averse, ..change };
            let leaning =
                self.taste.entry(feature).or_insert(Leaning { at_ms: now_ms, ..Leaning::default() });
            *leaning = leaning.faded(now_ms, limits.half_life_ms).changed(change, limits.evidence_max);
        }
        self.shed(now_ms, limits);
    }

    /// Drops the weakest leanings when there are too many, an eighth at a time; of equals the lower number goes.
    fn shed(&mut self, now_ms: i64, limits: TasteLimits) {
        if self.taste.len() <= limits.features_max {
            return;
        }
        let weight = |leaning: &Leaning| leaning.faded(now_ms, limits.half_life_ms).weight();
        let mut weights: Vec<_> =
            self.taste.iter().map(|(&feature, leaning)| (weight(leaning), feature)).collect();
        weights.sort_unstable();
        let keep = limits.features_max - limits.features_max / 8;
        for &(_, feature) in &weights[..self.taste.len() - keep] {
            self.taste.remove(&feature);
        }
    }

    /// The videos with this fact, in order of number.
    pub(crate) fn all_with(&self, fact: Fact) -> impl Iterator<Item = u32> {
        self.facts.iter().filter(move |key| key % FACTS == fact as u32).map(|key| key / FACTS)
    }

    /// Forgets what was learned; what was met, what waits and what the viewer asked for stay.
    pub(crate) fn reset(&mut self) {
        let row = std::mem::take(self);
        // Facts keep the viewer from counting twice for a video.
        *self = Self {
            seen: row.seen,
            facts: row.facts,
            reserved: row.reserved,
            trail: row.trail,
            controls: row.controls,
            active_day: row.active_day,
            // Starting over is no way to teach more often.
            lessons: row.lessons,
            ..Self::default()
        };
    }

    /// Forgets all but what the viewer asked for.
    pub(crate) fn keep_controls(&mut self) {
        let row = std::mem::take(self);
        *self = Self { controls: row.controls, active_day: row.active_day, ..Self::default() };
    }

    /// Joins what another viewer has met and likes.
    pub(crate) fn absorb(&mut self, other: Self, now_ms: i64, recent_max: usize, limits: TasteLimits) {
        self.active_day = self.active_day.max(other.active_day);
        self.controls.absorb(other.controls);
        self.seen |= other.seen;
        self.facts |= other.facts;
        self.record.add(&other.record);
        self.pending.clear();
        self.lessons = self.lessons.max(other.lessons);
        let waiting = std::mem::take(&mut self.reserved);
        let mut waiting: Vec<_> = waiting.into_iter().chain(other.reserved).collect();
        waiting.sort_unstable();
        for reservation in waiting {
            self.reserve(reservation.video, reservation.until_ms);
        }
        let own = std::mem::take(&mut self.encounters);
        for encounter in other.encounters.into_iter().chain(own) {
            self.judge(encounter.video, encounter.judgement);
        }
        let mut recent: Vec<_> = self.recent.drain(..).chain(other.recent).collect();
        recent.sort_unstable();
        while let Some(latest) = recent.pop() {
            let known = self.recent.iter().any(|recent| recent.video == latest.video);
            if !known && self.recent.len() < recent_max {
                self.recent.push_front(latest);
            }
        }
        for (feature, leaning) in other.taste {
            let leaning = leaning.faded(now_ms, limits.half_life_ms);
            let change = Change {
                favour: i64::from(leaning.favour),
                against: i64::from(leaning.against),
                averse: i64::from(leaning.averse),
            };
            let held = self.taste.entry(feature).or_insert(Leaning { at_ms: now_ms, ..Leaning::default() });
            *held = held.faded(now_ms, limits.half_life_ms).changed(change, limits.evidence_max);
        }
        self.shed(now_ms, limits);
        // The device in hand is the one that was watching without an account.
        if !other.trail.is_empty() {
            self.trail = other.trail;
        }
    }

    /// The largest video number and feature number that the row refers to.
    pub(crate) fn references(&self) -> (Option<u32>, Option<u32>) {
        let videos = [
            self.seen.max(),
            self.facts.max().map(|key| key / FACTS),
            self.reserved.iter().map(|reservation| reservation.video).max(),
            self.encounters.iter().map(|encounter| encounter.video).max(),
            self.recent.iter().map(|recent| recent.video).max(),
            self.pending.iter().map(|pending| pending.video).max(),
            self.trail.iter().copied().max(),
        ];
        (videos.into_iter().flatten().max(), self.taste.keys().next_back().copied())
    }

    /// Roughly what the row takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.seen.serialized_size()
            + self.facts.serialized_size()
            + self.reserved.capacity() * size_of::<Reservation>()
            + self.encounters.capacity() * size_of::<Encounter>()
            + self.trail.capacity() * size_of::<u32>()
            + self.pending.capacity() * size_of::<Pending>()
            + self.recent.capacity() * size_of::<Recent>()
            // A B-tree node is two thirds full on average.
            + self.taste.len() * (size_of::<(u32, Leaning)>() * 3 / 2)
            + self.controls.bytes()
    }
}

fn fact_key(video: u32, fact: Fact) -> Option<u32> {
    video.checked_mul(FACTS)?.checked_add(fact as u32)
}
