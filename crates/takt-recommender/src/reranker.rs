//! The re-ranker: orders the page as a whole, so that neighbours differ and new videos get a place.

use crate::bandit::Bandit;
use crate::catalogue::Video;
use crate::fixed::{MICRO, mix, mul};
use crate::page::{PageItem, Placement, Term};
use crate::policy::Micro;
use crate::query::Query;
use crate::ranker::Scored;
use crate::registry::{SourceName, TermName};
use std::collections::VecDeque;

/// A creator's or sound's videos above count up to this many times.
const REPEATS_MAX: usize = 3;
/// Tags in common with the page above count up to this many times.
const TAG_REPEATS_MAX: usize = 4;
/// Keeps this draw apart from others with the same seed.
const SALT: u64 = 0x706c_6163_6573_0001;

/// How strictly the spreading rules are held, strictest first. A page is filled under the strictest that still
/// leaves a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strictness {
    /// No neighbours alike, shares of creators and sounds within bounds.
    All,
    /// No neighbours alike.
    Neighbours,
    /// No neighbours of one creator.
    Creators,
    /// Anything.
    None,
}

/// A candidate waiting for a place.
struct Waiting<'a> {
    scored: &'a Scored,
    video: &'a Video,
    placed: bool,
}

/// The latest videos above the place to be filled, on this page and on those before it.
struct Above<'a> {
    /// Oldest first, one fewer than the window.
    videos: VecDeque<&'a Video>,
    window: usize,
    creator_most: usize,
    sound_most: usize,
}

/// How often the latest videos have what a candidate has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Repeats {
    creators: usize,
    sounds: usize,
    tags: usize,
    /// The very last one has the same creator.
    creator_next: bool,
    /// The very last one has the same sound.
    sound_next: bool,
}

/// Fills `limit` places from candidates ranked best first.
pub(crate) fn arrange(query: &Query<'_>, ranked: &[Scored], limit: usize) -> Vec<PageItem> {
    let catalogue = &query.engine.catalogue;
    let video = |scored: &Scored| catalogue.video(scored.candidate.video);
    let mut waiting: Vec<Waiting<'_>> =
        ranked.iter().map(|scored| Waiting { video: video(scored), scored, placed: false }).collect();
    let mut above = Above::new(query);
    let mut items = Vec::with_capacity(limit.min(waiting.len()));
    for place in 0..limit {
        let is_kept = is_exploration_place(query, place as u64);
        let explored = if is_kept { explore(query, &waiting, &above) } else { None };
        let Some(chosen) = explored.or_else(|| choose(query, &waiting, &above)) else { break };
        let placement = if explored.is_some() { Placement::Exploration } else { Placement::Ranked };
        let chosen = &mut waiting[chosen];
        chosen.placed = true;
        let mut scored = chosen.scored.clone();
        for (term, value) in above.repeats(chosen.video).terms(query) {
            scored.add(term, value);
        }
        above.push(chosen.video);
        items.push(item(&scored, chosen.video, placement));
    }
    items
}

/// The best candidate under the strictest rules that leave one. Far worse candidates do not keep a rule alive: more of
/// one creator is better than what the viewer does not want to see.
fn choose(query: &Query<'_>, waiting: &[Waiting<'_>], above: &Above<'_>) -> Option<usize> {
    let top = waiting.iter().find(|other| !other.placed)?.scored.score;
    let worst = top.saturating_sub(query.engine.policy.spreading.tolerance.0);
    let ladder = [Strictness::All, Strictness::Neighbours, Strictness::Creators, Strictness::None];
    ladder.into_iter().find_map(|strictness| {
        let mut best: Option<(i64, u32, usize)> = None;
        for (other, at) in waiting.iter().zip(0..).filter(|(other, _)| !other.placed) {
            // Repeats only take away, and candidates come best first: nobody further down can win.
            let score = other.scored.score;
            if best.is_some_and(|(best, ..)| score < best)
                || (score < worst && strictness != Strictness::None)
            {
                break;
            }
            let repeats = above.repeats(other.video);
            if above.allows(repeats, strictness) {
                let score = other.scored.score + repeats.penalty(query);
                best = best.max(Some((score, other.scored.candidate.video, at)));
            }
        }
        best.map(|(_, _, at)| at)
    })
}

/// How much of what speaks for the viewer's liking counts in a place for exploration. All of it would lead to what they
/// know, none of it to what they leave; who likes a topic is also whom its new videos can be judged by.
const TASTE_PART: i64 = 300_000;
/// What of a viewer's taste counts in a place for exploration: what they turned down in full.
const TASTE: [TermName; 7] = [
    TermName::Creator,
    TermName::Sound,
    TermName::Tag,
    TermName::Word,
    TermName::Language,
    TermName::Wish,
    TermName::NotInterested,
];

/// The bandit's choice for a place kept for exploration. If none keeps all rules, the place is not kept.
fn explore(query: &Query<'_>, waiting: &[Waiting<'_>], above: &Above<'_>) -> Option<usize> {
    let explored =
        |other: &Waiting<'_>| !other.placed && other.scored.candidate.is_from(SourceName::Exploration);
    let bandit = Bandit::new(query);
    let counted = |value: i64| value.min(0) + mul(value.max(0), TASTE_PART);
    let mut best: Option<(i64, u32, usize)> = None;
    for (other, at) in waiting.iter().zip(0..).filter(|(other, _)| explored(other)) {
        let repeats = above.repeats(other.video);
        if above.allows(repeats, Strictness::All) {
            let taste: i64 = TASTE.iter().map(|term| counted(other.scored.terms[term.index()])).sum();
            let score = bandit.draw(other.scored.candidate.video) + taste + repeats.penalty(query);
            best = best.max(Some((score, other.scored.candidate.video, at)));
        }
    }
    best.map(|(_, _, at)| at)
}

impl<'a> Above<'a> {
    /// Pages are watched one after the other: what is above begins with the pages served before.
    fn new(query: &Query<'a>) -> Self {
        let rules = &query.engine.policy.spreading;
        let window = rules.window as usize;
        let mut above = Self {
            videos: VecDeque::with_capacity(window),
            window,
            creator_most: part_of(window, rules.creator_share),
            sound_most: part_of(window, rules.sound_share),
        };
        for &served in query.viewer.into_iter().flat_map(|row| &row.trail) {
            above.push(query.engine.catalogue.video(served));
        }
        above
    }

    fn push(&mut self, video: &'a Video) {
        self.videos.push_back(video);
        while self.videos.len() >= self.window {
            self.videos.pop_front();
        }
    }

    fn repeats(&self, video: &Video) -> Repeats {
        let mut repeats = Repeats::default();
        for above in &self.videos {
            repeats.creator_next = video.creator.is_some() && video.creator == above.creator;
            repeats.sound_next = video.sound.is_some() && video.sound == above.sound;
            repeats.creators += usize::from(repeats.creator_next);
            repeats.sounds += usize::from(repeats.sound_next);
            repeats.tags += video.tags.iter().filter(|tag| above.tags.binary_search(tag).is_ok()).count();
        }
        repeats
    }

    fn allows(&self, repeats: Repeats, strictness: Strictness) -> bool {
        let neighbours_differ = !repeats.creator_next && !repeats.sound_next;
        match strictness {
            Strictness::None => true,
            Strictness::Creators => !repeats.creator_next,
            Strictness::Neighbours => neighbours_differ,
            Strictness::All => {
                neighbours_differ && repeats.creators < self.creator_most && repeats.sounds < self.sound_most
            }
        }
    }
}

impl Repeats {
    /// What is taken off the score, term by term.
    fn terms(self, query: &Query<'_>) -> [(TermName, i64); 3] {
        let term = |name: TermName, count: usize, most: usize| {
            (name, -mul(count.min(most) as i64 * MICRO, query.engine.policy.weight(name)))
        };
        [
            term(TermName::RepeatCreator, self.creators, REPEATS_MAX),
            term(TermName::RepeatSound, self.sounds, REPEATS_MAX),
            term(TermName::RepeatTag, self.tags, TAG_REPEATS_MAX),
        ]
    }

    fn penalty(self, query: &Query<'_>) -> i64 {
        if self == Self::default() {
            return 0;
        }
        self.terms(query).iter().map(|(_, value)| value).sum()
    }
}

/// A part of the window in whole videos, rounded up, at least one.
fn part_of(window: usize, share: Micro) -> usize {
    let micro = (window as i64).saturating_mul(share.0);
    usize::try_from(micro.saturating_add(MICRO - 1) / MICRO).unwrap_or(window).max(1)
}

/// Exploration places are spread evenly, beginning at a drawn offset: a page of 10 has exactly one at a share of 0.1,
/// a page of 1 one in ten times.
fn is_exploration_place(query: &Query<'_>, place: u64) -> bool {
    let share = query.engine.policy.exploration.share.0.cast_unsigned();
    let one = MICRO.cast_unsigned();
    let offset = mix(query.seed, SALT) % one;
    (offset + (place + 1) * share) / one > (offset + place * share) / one
}

pub(crate) fn item(scored: &Scored, video: &Video, placement: Placement) -> PageItem {
    let value_of = |&name: &TermName| Term { name: name.as_str(), value: scored.terms[name.index()] };
    PageItem {
        video: video.id,
        source: match placement {
            Placement::Exploration => SourceName::Exploration,
            Placement::Ranked | Placement::Returned => scored.candidate.source(),
        },
        placement,
        score: scored.score,
        terms: TermName::ALL.iter().map(value_of).filter(|term| term.value != 0).collect(),
    }
}
