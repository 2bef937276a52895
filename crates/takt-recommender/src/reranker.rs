//! The re-ranker: orders the page as a whole, so that neighbours differ and new videos get a place.

use crate::catalogue::Video;
use crate::fixed::{MICRO, mix, mul};
use crate::page::{PageItem, Placement, Term};
use crate::policy::Micro;
use crate::query::Query;
use crate::ranker::Scored;
use crate::registry::{SourceName, TermName};
use std::collections::VecDeque;

/// A creator's or sound's videos above count up to this many times.
const REPEATS_MAX: i64 = 3;
/// Tags in common with the page above count up to this many times.
const TAG_REPEATS_MAX: i64 = 4;
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
    scored: Scored,
    video: &'a Video,
    repeats: [i64; 3],
}

/// The latest videos above the place to be filled, on this page and on those before it.
struct Slate<'a> {
    above: VecDeque<&'a Video>,
    /// A window is this many videos in a row, the one to be chosen among them.
    window: usize,
    creator_most: usize,
    sound_most: usize,
}

/// Fills `limit` places from ranked candidates.
pub(crate) fn arrange(query: &Query<'_>, ranked: Vec<Scored>, limit: usize) -> Vec<PageItem> {
    let catalogue = &query.engine.catalogue;
    let rules = &query.engine.policy.spreading;
    let window = rules.window as usize;
    let mut slate = Slate {
        above: VecDeque::with_capacity(window),
        window,
        creator_most: part_of(window, rules.creator_share),
        sound_most: part_of(window, rules.sound_share),
    };
    let video = |scored: &Scored| catalogue.video(scored.candidate.video);
    let mut waiting: Vec<Waiting<'_>> =
        ranked.into_iter().map(|scored| Waiting { video: video(&scored), scored, repeats: [0; 3] }).collect();
    // Pages are watched one after the other: this one comes after those before it.
    for &served in query.viewer.into_iter().flat_map(|row| &row.trail) {
        slate.put(catalogue.video(served));
        for other in &mut waiting {
            other.meet(query, catalogue.video(served));
        }
    }
    let mut items = Vec::with_capacity(limit.min(waiting.len()));
    for place in 0..limit {
        let explored =
            is_exploration_place(query, place as u64).then(|| slate.choose(&waiting, true)).flatten();
        let Some(chosen) = explored.or_else(|| slate.choose(&waiting, false)) else { break };
        let placement = if explored.is_some() { Placement::Exploration } else { Placement::Ranked };
        let Waiting { scored, video, .. } = waiting.swap_remove(chosen);
        slate.put(video);
        for other in &mut waiting {
            other.meet(query, video);
        }
        items.push(item(scored, video, placement));
    }
    items
}

impl Slate<'_> {
    /// The best candidate under the strictest rules that leave one; for an exploration place only under all rules.
    fn choose(&self, waiting: &[Waiting<'_>], exploring: bool) -> Option<usize> {
        let ladder = [Strictness::All, Strictness::Neighbours, Strictness::Creators, Strictness::None];
        let ladder = if exploring { &ladder[..1] } else { &ladder };
        ladder.iter().find_map(|&strictness| {
            let fits = |other: &Waiting<'_>| {
                (!exploring || other.scored.candidate.is_from(SourceName::Exploration))
                    && self.allows(other.video, strictness)
            };
            let candidates = waiting.iter().enumerate().filter(|(_, other)| fits(other));
            let score = |scored: &Scored| if exploring { scored.untasted() } else { scored.score };
            candidates
                .max_by_key(|(_, other)| (score(&other.scored), other.scored.candidate.video))
                .map(|(at, _)| at)
        })
    }

    fn allows(&self, video: &Video, strictness: Strictness) -> bool {
        let last = self.above.back();
        let is = |one: Option<u32>, other: Option<u32>| one.is_some() && one == other;
        let creator_alike = last.is_some_and(|above| is(above.creator, video.creator));
        let sound_alike = last.is_some_and(|above| is(above.sound, video.sound));
        match strictness {
            Strictness::None => true,
            Strictness::Creators => !creator_alike,
            Strictness::Neighbours => !creator_alike && !sound_alike,
            Strictness::All => {
                !creator_alike
                    && !sound_alike
                    && self.above.iter().filter(|above| is(above.creator, video.creator)).count()
                        < self.creator_most
                    && self.above.iter().filter(|above| is(above.sound, video.sound)).count()
                        < self.sound_most
            }
        }
    }
}

impl<'a> Slate<'a> {
    fn put(&mut self, video: &'a Video) {
        self.above.push_back(video);
        while self.above.len() >= self.window {
            self.above.pop_front();
        }
    }
}

impl Waiting<'_> {
    /// Takes off for what the candidate has in common with a video that went onto the page.
    fn meet(&mut self, query: &Query<'_>, above: &Video) {
        let alike = |one: Option<u32>, other: Option<u32>| i64::from(one.is_some() && one == other);
        let common = [
            (TermName::RepeatCreator, alike(self.video.creator, above.creator), REPEATS_MAX),
            (TermName::RepeatSound, alike(self.video.sound, above.sound), REPEATS_MAX),
            (TermName::RepeatTag, tags_in_common(&self.video.tags, &above.tags), TAG_REPEATS_MAX),
        ];
        for ((term, count, most), repeats) in common.into_iter().zip(&mut self.repeats) {
            let more = count.min(most - *repeats);
            if more > 0 {
                *repeats += more;
                self.scored.add(term, -mul(more * MICRO, query.engine.policy.weight(term)));
            }
        }
    }
}

fn tags_in_common(one: &[u32], other: &[u32]) -> i64 {
    one.iter().filter(|tag| other.binary_search(tag).is_ok()).count() as i64
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

fn item(scored: Scored, video: &Video, placement: Placement) -> PageItem {
    let value_of = |&name: &TermName| Term { name: name.as_str(), value: scored.terms[name.index()] };
    PageItem {
        video: video.id,
        source: match placement {
            Placement::Exploration => SourceName::Exploration,
            Placement::Ranked => scored.candidate.source(),
        },
        placement,
        score: scored.score,
        terms: TermName::ALL.iter().map(value_of).filter(|term| term.value != 0).collect(),
    }
}
