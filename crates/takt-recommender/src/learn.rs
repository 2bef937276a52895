//! What each event teaches.
//!
//! Invariant: being shown teaches that a video was seen, nothing about being liked. Every total over viewers takes at
//! most a fixed amount from one viewer and one video, however often they report it.

use crate::caption::{TAGS_MAX, TERM_BYTES_MAX, WORDS_MAX};
use crate::catalogue::{Description, Feature, Kind, Video};
use crate::engine::Engine;
use crate::event::{Event, ServedItem};
use crate::features::{Features, ViewerFeatures, matched};
use crate::fixed::{MICRO, mix, mul, ratio};
use crate::policy::Evidence;
use crate::rates::{ByOutcome, Surface, WHOLE};
use crate::registry::OutcomeName;
use crate::relevance::{lesson, likeness};
use crate::viewer::{Change, Fact, RESERVED_MAX, Reach, Viewer};
use takt_core::{AccountId, VideoId, ViewerId};

/// Times through a video beyond the first that still add to the judgement.
const REPLAYS_MAX: i64 = 2;

/// One in so many likes moves the weights of the signals: that takes as long as a page.
const SIGNAL_SAMPLING: u64 = 128;

/// How a video was watched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watching {
    pub(crate) watch_ms: u32,
    pub(crate) loops: u16,
    pub(crate) paused: bool,
}

/// Applies an event that concerns a video. One that the log has not published teaches nothing and is counted.
pub(crate) fn learn(engine: &mut Engine, event: &Event) {
    let (viewer, video) = match event {
        Event::VideoPublished { .. } => return publish(engine, event),
        Event::VideoLinked { video, original } => return link(engine, *video, *original),
        Event::PageServed { viewer, items, .. } => return reserve(engine, *viewer, items),
        Event::VideoRemoved { video } => (None, video),
        Event::Impression { viewer, video, .. }
        | Event::Watch { viewer, video, .. }
        | Event::Like { viewer, video, .. }
        | Event::Unlike { viewer, video, .. }
        | Event::Share { viewer, video, .. }
        | Event::NotInterested { viewer, video, .. } => (Some(*viewer), video),
        // Not about a video: the engine takes these itself.
        Event::ViewerMerged { .. }
        | Event::ViewerForgotten { .. }
        | Event::ViewerControlled { .. }
        | Event::PageMade(_)
        | Event::SeedsCommitted { .. }
        | Event::SeedsRevealed { .. } => return,
    };
    let Some(video) = engine.catalogue.number(*video) else {
        engine.counters.ignored = engine.counters.ignored.saturating_add(1);
        return;
    };
    let Some(viewer) = viewer else { return engine.catalogue.remove(video) };
    let surface = surface(event);
    let mut lesson = Lesson { engine, viewer, video };
    match *event {
        Event::Watch { watch_ms, loops, paused, .. } => {
            lesson.see(surface);
            lesson.watch(Watching { watch_ms, loops, paused });
        }
        Event::Like { .. } => lesson.like(surface),
        Event::Unlike { .. } => lesson.unlike(),
        Event::Share { .. } => lesson.share(surface),
        Event::NotInterested { .. } => lesson.not_interested(surface),
        _ => lesson.see(surface),
    }
}

/// A viewer began to follow a creator: learned as what came of the latest video of theirs that was shown a moment ago.
pub(crate) fn followed(engine: &mut Engine, viewer: ViewerId, creator: AccountId) {
    let Some(number) = engine.catalogue.creator_number(creator) else { return };
    if let Some(mut lesson) = lately(engine, viewer, |video| video.creator == Some(number)) {
        lesson.once(Fact::LedToFollow, OutcomeName::Follow);
    }
}

/// A viewer turned a creator, sound or tag down: learned as what came of the latest video that has it.
pub(crate) fn turned_down(engine: &mut Engine, viewer: ViewerId, feature: &Feature) {
    let Some(number) = engine.catalogue.number_of_feature(feature) else { return };
    if let Some(mut lesson) = lately(engine, viewer, |video| video.features.contains(&number)) {
        lesson.once(Fact::RefusalCounted, OutcomeName::NotInterested);
    }
}

/// A viewer turned a video down.
pub(crate) fn refused(engine: &mut Engine, viewer: ViewerId, video: u32) {
    Lesson { engine, viewer, video }.once(Fact::RefusalCounted, OutcomeName::NotInterested);
}

fn lately(engine: &mut Engine, viewer: ViewerId, matches: impl Fn(&Video) -> bool) -> Option<Lesson<'_>> {
    let (row, catalogue) = (engine.viewers.get(&viewer)?, &engine.catalogue);
    if row.controls.paused {
        return None;
    }
    let video = row.shown_lately(engine.counters.now_ms, |number| matches(catalogue.video(number)))?;
    Some(Lesson { engine, viewer, video })
}

/// The judgement of watching a video of this length, in micro-units: negative for a skip, up to `finish` for watching
/// it through, more for doing so again.
pub(crate) fn judgement(evidence: &Evidence, watching: Watching, duration_ms: u32) -> i64 {
    let by_time = ratio(i64::from(watching.watch_ms), i64::from(duration_ms.min(evidence.enough_ms).max(1)));
    // A loop is only believed as far as time was spent on it: clients that count loops but not time report one finish.
    let completion = by_time.max(MICRO.min(i64::from(watching.loops) * MICRO));
    let bound = evidence.skip_completion.0;
    if completion < bound {
        let skipped = watching.watch_ms < evidence.skip_ms && !watching.paused;
        return if skipped { -evidence.skip.0 } else { 0 };
    }
    let through = if bound >= MICRO { MICRO } else { ratio(completion.min(MICRO) - bound, MICRO - bound) };
    let again = (completion - MICRO).clamp(0, REPLAYS_MAX * MICRO);
    mul(evidence.finish.0, through) + mul(evidence.replay.0, again)
}

fn publish(engine: &mut Engine, event: &Event) {
    let Event::VideoPublished { video, creator, sound, language, tags, words, duration_ms } = event else {
        return;
    };
    let fits = |term: &&String| !term.is_empty() && term.len() <= TERM_BYTES_MAX;
    let mut features = vec![Feature::Creator(*creator)];
    features.extend(sound.map(Feature::Sound));
    features.extend(tags.iter().filter(fits).take(TAGS_MAX).map(|tag| Feature::Tag(tag.as_str().into())));
    features
        .extend(words.iter().filter(fits).take(WORDS_MAX).map(|word| Feature::Word(word.as_str().into())));
    features.extend(language.clone().map(Feature::Language));
    let mut unique: Vec<Feature> = Vec::with_capacity(features.len());
    for feature in features {
        if !unique.contains(&feature) {
            unique.push(feature);
        }
    }
    let published_ms = engine.counters.now_ms;
    engine
        .catalogue
        .publish(*video, Description { features: unique, duration_ms: *duration_ms, published_ms });
}

fn link(engine: &mut Engine, video: VideoId, original: VideoId) {
    let numbers = engine.catalogue.number(video).zip(engine.catalogue.number(original));
    match numbers {
        Some((copy, original)) => engine.catalogue.rows.copies.link(copy, original),
        None => engine.counters.ignored = engine.counters.ignored.saturating_add(1),
    }
}

fn reserve(engine: &mut Engine, viewer: ViewerId, items: &[ServedItem]) {
    let now_ms = engine.counters.now_ms;
    let until_ms = now_ms.saturating_add(engine.policy.reserve_ms());
    let trail_max = engine.policy.spreading.window as usize;
    let row = engine.viewers.entry(viewer).or_default();
    row.release(now_ms);
    for item in items.iter().take(RESERVED_MAX) {
        if let Some(video) = engine.catalogue.number(item.video) {
            row.reserve(video, until_ms);
            row.follow(video, trail_max);
        }
    }
}

/// One viewer's deed on one video.
struct Lesson<'a> {
    engine: &'a mut Engine,
    viewer: ViewerId,
    video: u32,
}

impl Lesson<'_> {
    fn row(&mut self) -> &mut Viewer {
        self.engine.viewers.entry(self.viewer).or_default()
    }

    fn see(&mut self, surface: Surface) {
        let (video, now_ms) = (self.video, self.engine.counters.now_ms);
        let row = self.row();
        row.release(now_ms);
        if row.see(video, surface, now_ms) {
            self.engine.catalogue.count_impression(video);
            self.engine.lore.totals.show();
        }
    }

    fn watch(&mut self, watching: Watching) {
        let video = self.video;
        let duration_ms = self.engine.catalogue.video(video).duration_ms;
        let judgement = judgement(&self.engine.policy.evidence, watching, duration_ms);
        let judgement = i32::try_from(judgement).unwrap_or(i32::MAX);
        self.conclude(watching, i64::from(judgement));
        let (before, after) = self.row().judge(video, judgement);
        let (before, after) = (i64::from(before.unwrap_or(0)), i64::from(after));
        // Learned before the viewer's leanings change: a prediction must not know what it predicts.
        if after > 0 && after >= self.engine.policy.evidence.positive_min.0 {
            self.positive();
        }
        if after != before {
            self.lean(Change {
                favour: after.max(0) - before.max(0),
                against: (-after).max(0) - (-before).max(0),
                averse: 0,
            });
        }
    }

    fn like(&mut self, surface: Surface) {
        self.see(surface);
        let (video, like) = (self.video, self.engine.policy.evidence.like.0);
        let row = self.row();
        if !row.note(video, Fact::Liked) {
            return;
        }
        self.once(Fact::LikeCounted, OutcomeName::Like);
        self.positive();
        self.lean(Change { favour: like, ..Change::default() });
    }

    /// Takes the like out of the viewer's taste. The video's popularity keeps it until it has decayed: what it is worth
    /// by now is not known, and taking too much would make unliking a weapon.
    fn unlike(&mut self) {
        let (video, like) = (self.video, self.engine.policy.evidence.like.0);
        let Some(row) = self.engine.viewers.get_mut(&self.viewer) else { return };
        if row.unnote(video, Fact::Liked) {
            self.lean(Change { favour: -like, ..Change::default() });
        }
    }

    fn share(&mut self, surface: Surface) {
        self.see(surface);
        let (video, share) = (self.video, self.engine.policy.evidence.share.0);
        if self.row().note(video, Fact::Shared) {
            self.happened(OutcomeName::Share);
            self.positive();
            self.lean(Change { favour: share, ..Change::default() });
        }
    }

    fn not_interested(&mut self, surface: Surface) {
        self.see(surface);
        let (video, against) = (self.video, self.engine.policy.evidence.not_interested.0);
        if self.row().note(video, Fact::NotInterested) {
            self.once(Fact::RefusalCounted, OutcomeName::NotInterested);
            self.lean(Change { favour: 0, against, averse: against });
        }
    }

    /// The viewer's leaning towards all that the video has.
    fn lean(&mut self, change: Change) {
        let limits = self.engine.taste_limits();
        let now_ms = self.engine.counters.now_ms;
        let catalogue = &self.engine.catalogue;
        let features = &catalogue.video(self.video).features;
        let row = self.engine.viewers.entry(self.viewer).or_default();
        row.lean(features, change, now_ms, limits, |feature| {
            // "Less of this" is not held against a word or a language.
            matches!(catalogue.kind(feature), Kind::Creator | Kind::Sound | Kind::Tag)
        });
    }

    /// The video was liked, one way or another: once per viewer, it is connected with what they liked before.
    fn positive(&mut self) {
        let (video, now_ms) = (self.video, self.engine.counters.now_ms);
        let rules = &self.engine.policy.co_watch;
        let (recent_max, neighbours_max) = (rules.recent_max as usize, rules.neighbours_max as usize);
        if !self.row().note(video, Fact::Positive) {
            return;
        }
        let reach = self.row().reach(now_ms);
        if reach >= Reach::Counts {
            self.happened(OutcomeName::Enjoyed);
        }
        if reach >= Reach::Leads {
            self.teach_signals();
        }
        let before = self.row().push_recent(video, now_ms, recent_max);
        if reach < Reach::Leads {
            return;
        }
        self.engine.catalogue.count_popularity(video, now_ms);
        let seed = self.engine.counters.position;
        self.engine.catalogue.learn_vectors(video, &before, seed);
        self.engine.catalogue.count_co_watch(video, &before, now_ms, neighbours_max);
    }

    /// Some likes move how far each signal is believed: by what it had expected.
    fn teach_signals(&mut self) {
        let (video, now_ms) = (self.video, self.engine.counters.now_ms);
        let seed = mix(self.viewer.uuid().as_u128() as u64, u64::from(video));
        // Which ones is a matter of viewer and video alone, so that a viewer's row depends on nobody else's events.
        if !seed.is_multiple_of(SIGNAL_SAMPLING) || !self.row().may_teach_signals(now_ms) {
            return;
        }
        let Some(row) = self.engine.viewers.get(&self.viewer) else { return };
        let (logarithms, rivals) = lesson(self.engine, row, video, seed);
        let liked = row.recent.len();
        self.engine.lore.signals.learn(liked, &logarithms, &rivals);
    }

    /// The same as [`Lesson::happened`] for what can be taken back and said again.
    fn once(&mut self, fact: Fact, outcome: OutcomeName) {
        let video = self.video;
        if self.row().note(video, fact) {
            self.happened(outcome);
        }
    }

    /// Something came of showing the video: once per viewer and video. It is learned from what was known before.
    fn happened(&mut self, outcome: OutcomeName) {
        let row = self.engine.viewers.get(&self.viewer);
        if let Some(surface) = row.and_then(|row| row.exposure(self.video, self.engine.counters.now_ms)) {
            let features = features(self.engine, row, self.video, surface);
            self.engine.lore.outcomes.learn(outcome, &features, WHOLE as u32);
        }
        self.count(outcome, WHOLE as u32);
    }

    fn count(&mut self, outcome: OutcomeName, hundredths: u32) {
        self.row().record.count(outcome, hundredths);
        self.engine.catalogue.count_outcome(self.video, outcome, hundredths);
        self.engine.lore.totals.count(outcome, hundredths);
    }

    /// The exposure is over: what came of it is learned, the first time it is told and if it is told soon.
    fn conclude(&mut self, watching: Watching, judgement: i64) {
        let (video, now_ms) = (self.video, self.engine.counters.now_ms);
        let row = self.row();
        let settled = row.settle(video, now_ms);
        if !row.note(video, Fact::Judged) {
            return;
        }
        let evidence = &self.engine.policy.evidence;
        let duration_ms = self.engine.catalogue.video(video).duration_ms;
        let enough_ms = duration_ms.min(evidence.enough_ms).max(1);
        let completion = (u64::from(watching.watch_ms) * 100 / u64::from(enough_ms)).min(100) as u32;
        let whole = |happened: bool| if happened { WHOLE as u32 } else { 0 };
        let Some(row) = self.engine.viewers.get(&self.viewer) else { return };
        let follows =
            self.engine.catalogue.creator(video).is_some_and(|id| row.controls.follows.contains(&id));
        let mut outcomes = ByOutcome::default();
        for (outcome, happened) in [
            (
                OutcomeName::Enjoyed,
                judgement > 0 && judgement >= evidence.positive_min.0 || row.holds(video, Fact::Positive),
            ),
            (OutcomeName::Like, row.holds(video, Fact::Liked)),
            (OutcomeName::Share, row.holds(video, Fact::Shared)),
            (OutcomeName::Follow, row.holds(video, Fact::LedToFollow)),
            (OutcomeName::Skip, judgement < 0),
            (OutcomeName::NotInterested, row.holds(video, Fact::NotInterested)),
        ] {
            outcomes[outcome.index()] = whole(happened);
        }
        outcomes[OutcomeName::Completion.index()] = completion;
        if let Some(surface) = settled {
            let features = features(self.engine, Some(row), video, surface);
            for &outcome in OutcomeName::ALL {
                // What happened once is learned when it happens: see `happened`.
                let once = !matches!(outcome, OutcomeName::Completion | OutcomeName::Skip);
                let hundredths = outcomes[outcome.index()];
                // Who follows already can not begin to.
                let possible = outcome != OutcomeName::Follow || !follows;
                if possible && (!once || hundredths == 0) {
                    self.engine.lore.outcomes.learn(outcome, &features, hundredths);
                }
            }
            let unbiased = features.without_record();
            let expected = self.engine.lore.outcomes.predict(OutcomeName::Enjoyed, &unbiased);
            let enjoyed = i64::from(outcomes[OutcomeName::Enjoyed.index()]) * (MICRO / WHOLE);
            self.engine.lore.contexts.learn(surface, duration_ms, &outcomes);
            if self.row().still_leads(now_ms) {
                self.engine.catalogue.rows.videos[video as usize].surplus.count(enjoyed, expected);
            }
        }
        for outcome in [OutcomeName::Completion, OutcomeName::Skip] {
            self.count(outcome, outcomes[outcome.index()]);
        }
    }
}

/// What a prediction for one viewer and one video is made from, outside a page.
pub(crate) fn features(engine: &Engine, row: Option<&Viewer>, number: u32, surface: Surface) -> Features {
    let video = engine.catalogue.video(number);
    let likeness = row.map_or(0.0, |row| likeness(engine, row, number));
    let (prior, half_life_ms) = (engine.policy.taste.prior.0, engine.policy.taste_half_life_ms());
    let leanings = row.into_iter().flat_map(|row| {
        let leaning = |feature: &u32| {
            let leaning = row.taste.get(feature)?.faded(engine.counters.now_ms, half_life_ms);
            Some((engine.catalogue.kind(*feature), leaning.value(prior)))
        };
        video.features.iter().filter_map(leaning)
    });
    let matched = matched(likeness, leanings);
    ViewerFeatures::new(engine, row, surface).with(engine, video, matched)
}

const fn surface(event: &Event) -> Surface {
    match event {
        Event::Impression { impression, .. }
        | Event::Watch { impression, .. }
        | Event::Like { impression, .. }
        | Event::Share { impression, .. }
        | Event::NotInterested { impression, .. }
            if impression.is_some() =>
        {
            Surface::Feed
        }
        _ => Surface::Elsewhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn check(watch_ms: u32, loops: u16, paused: bool, duration_ms: u32, expected: i64) {
        let policy = Policy::default();
        let got = judgement(&policy.evidence, Watching { watch_ms, loops, paused }, duration_ms);
        assert_eq!(got, expected, "{watch_ms} ms, {loops} loops, paused {paused}, of {duration_ms} ms");
    }

    #[test]
    fn watching_is_judged_by_completion() {
        check(0, 0, false, 20_000, -800_000);
        check(1_999, 0, false, 20_000, -800_000);
        check(1_999, 0, true, 20_000, 0);
        // Two seconds are no skip, a quarter of a very short video neither.
        check(2_000, 0, false, 20_000, 0);
        check(1_000, 0, false, 3_000, 111_110);
        check(10_000, 0, false, 16_000, 500_000);
        check(16_000, 0, false, 16_000, MICRO);
        check(32_000, 1, false, 16_000, 1_250_000);
        check(200_000, 9, false, 16_000, 1_500_000);
        // Of a long video, eighteen seconds are as good as the whole of a short one.
        check(18_000, 0, false, 120_000, MICRO);
        check(u32::MAX, u16::MAX, true, u32::MAX, 1_500_000);
        check(u32::MAX, u16::MAX, false, 0, 1_500_000);
        check(0, u16::MAX, false, 20_000, MICRO);
    }
}
