//! Why a page is what it is: what was considered, where everything ranked, and what it would have been without
//! something.
//!
//! Invariant: an explanation is another run of the same stages, never a description of them.

use crate::candidates;
use crate::control::Subject;
use crate::engine::Engine;
use crate::event::Event;
use crate::page::{Page, PageItem, PageRequest, Placement, Run};
use crate::query::Query;
use crate::registry::{FilterName, SourceName, TermName};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use takt_core::{VideoId, ViewerId};

/// Places that are told apart in an explanation.
pub const RANKS_MAX: usize = 100;
/// Videos per thing in common that are looked at for what was dropped near a video.
const NEARBY_SCANS: usize = 64;

/// A page with what an audit and its creators' counts need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditedPage {
    /// The page.
    pub page: Page,
    /// SHA-256 over all ranked candidates, the shortlist first, then the others, best first: for each the 16 bytes of
    /// its id and the 8 of its score, most significant first.
    pub candidates: [u8; 32],
    /// Every video that a source put forward.
    pub considered: Vec<Considered>,
}

/// A video that a source put forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Considered {
    /// Which.
    pub video: VideoId,
    /// The first source that did; none of a video that was dropped.
    pub source: Option<SourceName>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a video that a source put forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// It is on the page.
    Shown,
    /// Every place went to a better score, or to exploration.
    Outranked,
    /// A lower score got a place, because this video's creator or sound had their share.
    Spreading,
    /// A filter dropped it.
    Dropped(FilterName),
}

impl Fate {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Outranked => "outranked",
            Self::Spreading => "spreading",
            Self::Dropped(reason) => reason.as_str(),
        }
    }
}

/// Where everything ranked for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The page as asked for, and its audit.
    pub audited: AuditedPage,
    /// The feed from here on as it would be were nothing to happen: the page first, at most [`RANKS_MAX`].
    pub places: Vec<PageItem>,
    /// What the ranker gave every candidate, before the page as a whole was looked at.
    scores: BTreeMap<VideoId, i64>,
}

impl Explanation {
    /// The place of a video from 1, if it is among those told apart.
    pub fn rank(&self, video: VideoId) -> Option<usize> {
        self.places.iter().position(|item| item.video == video).map(|place| place + 1)
    }
    /// The score of a video: in its place, or as the ranker gave it where it has none; none if it is no candidate.
    pub fn score(&self, video: VideoId) -> Option<i64> {
        let placed = self.places.iter().find(|item| item.video == video);
        placed.map(|item| item.score).or_else(|| self.scores.get(&video).copied())
    }
}

impl Engine {
    /// What [`Engine::page`] answers, and what became of every candidate.
    pub fn audited_page(&self, request: &PageRequest) -> AuditedPage {
        audit(&Run::new(Query::new(self, request), request))
    }

    /// The page again, and everything behind it.
    pub fn explain(&self, request: &PageRequest) -> Explanation {
        let run = Run::new(Query::new(self, request), request);
        let id = |video: u32| self.catalogue.video(video).id;
        Explanation {
            audited: audit(&run),
            places: run.items(RANKS_MAX.max(run.limit)),
            scores: run.ranking.scores().map(|(candidate, score)| (id(candidate.video), score)).collect(),
        }
    }

    /// The same with one term's weight at zero; none if there is no such term.
    pub fn explain_without(&mut self, request: &PageRequest, term: &str) -> Option<Explanation> {
        let term = TermName::ALL.iter().copied().find(|known| known.as_str() == term)?;
        let without = self.policy.without(term);
        let policy = std::mem::replace(&mut self.policy, without);
        let explanation = self.explain(request);
        self.policy = policy;
        Some(explanation)
    }

    /// The viewer's latest liked videos that lead most to this one by being liked together with it, most first.
    pub fn led_by(&self, viewer: ViewerId, video: VideoId, most: usize) -> Vec<VideoId> {
        let Some((row, number)) = self.viewers.get(&viewer).zip(self.catalogue.number(video)) else {
            return Vec::new();
        };
        let part = |(seed, place): (u32, usize)| {
            let neighbours = self.catalogue.neighbours(seed);
            let nearness = 1.0 / ((1 + place) as f32).sqrt();
            let together = neighbours.get(number)?.together / neighbours.together.max(f32::MIN_POSITIVE);
            (together > 0.0).then_some((nearness * together, seed))
        };
        let seeds = row.recent.iter().rev().map(|recent| recent.video).zip(0_usize..);
        let mut parts: Vec<(f32, u32)> = seeds.filter_map(part).collect();
        parts.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        parts.iter().take(most).map(|&(_, seed)| self.catalogue.video(seed).id).collect()
    }

    /// What a video has in common with others: creator, sound, tags, words, language. Empty for one that is gone.
    pub fn subjects(&self, video: VideoId) -> Vec<Subject> {
        let Some(number) = self.catalogue.number(video) else { return Vec::new() };
        let features = self.catalogue.video(number).features.iter();
        features.filter_map(|&f| Subject::of(self.catalogue.feature_numbered(f)?)).collect()
    }

    /// The reason for which a video can not be on the page of a request; none where it can. One that is not known was
    /// removed.
    pub fn filter(&self, request: &PageRequest, video: VideoId) -> Option<FilterName> {
        let Some(number) = self.catalogue.number(video) else { return Some(FilterName::Removed) };
        candidates::filter(&Query::new(self, request), number)
    }

    /// How long a video is.
    pub fn duration_ms(&self, video: VideoId) -> Option<u32> {
        self.catalogue.number(video).map(|number| self.catalogue.video(number).duration_ms)
    }

    /// Videos that share creator, sound or a tag with this one and that a filter keeps from the viewer, newest first
    /// of each.
    pub fn dropped_nearby(
        &self,
        request: &PageRequest,
        video: VideoId,
        most: usize,
    ) -> Vec<(VideoId, FilterName)> {
        let Some(number) = self.catalogue.number(video) else { return Vec::new() };
        let query = Query::new(self, request);
        let row = self.catalogue.video(number);
        let features = row.creator.into_iter().chain(row.sound).chain(row.tags.iter().copied());
        let alike = features.flat_map(|f| self.catalogue.posting(f).iter().rev().take(NEARBY_SCANS).copied());
        let mut known = BTreeSet::from([number]);
        let dropped = alike.filter(|&other| known.insert(other)).filter_map(|other| {
            let reason = candidates::filter(&query, other)?;
            Some((self.catalogue.video(other).id, reason))
        });
        dropped.take(most).collect()
    }
}

fn audit(run: &Run<'_>) -> AuditedPage {
    let page = run.page();
    let catalogue = &run.query.engine.catalogue;
    let mut hash = Sha256::new();
    let mut shown: Vec<VideoId> = page.items.iter().map(|item| item.video).collect();
    shown.sort_unstable();
    let is_shown = |video: &VideoId| shown.binary_search(video).is_ok();
    let ranked_places = page.items.iter().filter(|item| item.placement == Placement::Ranked);
    let lowest = ranked_places.map(|item| item.score).min();
    let mut considered = Vec::with_capacity(run.candidates.kept.len() + run.candidates.turned_away.len());
    for (candidate, score) in run.ranking.scores() {
        let video = catalogue.video(candidate.video).id;
        hash.update(video.bytes());
        hash.update(score.to_be_bytes());
        let fate = match lowest {
            _ if is_shown(&video) => Fate::Shown,
            Some(lowest) if score > lowest => Fate::Spreading,
            _ => Fate::Outranked,
        };
        considered.push(Considered { video, source: Some(candidate.source()), fate });
    }
    for &(number, reason) in &run.candidates.turned_away {
        let video = catalogue.video(number).id;
        if !is_shown(&video) {
            considered.push(Considered { video, source: None, fate: Fate::Dropped(reason) });
        }
    }
    let returned = page.items.iter().filter(|item| item.placement == Placement::Returned);
    considered.extend(returned.map(|item| Considered {
        video: item.video,
        source: Some(item.source),
        fate: Fate::Shown,
    }));
    AuditedPage { page, candidates: hash.finalize().into(), considered }
}

/// Of a video's length, how much has to be watched to have finished it: the end is often cut short.
const FINISHED_PERCENT: u64 = 90;
/// Left before so much of a video's length, and before [`SKIPPED_MS`], it was skipped.
const SKIPPED_PERCENT: u64 = 25;
const SKIPPED_MS: u32 = 2_000;

/// What a viewer did with videos, counted in videos: evidence in words that people use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deeds {
    /// Watched to the end or nearly.
    pub finished: u32,
    /// Liked, and the like not taken back.
    pub liked: u32,
    /// Shared.
    pub shared: u32,
    /// Left within two seconds and in the first quarter.
    pub skipped: u32,
}

impl Deeds {
    /// How many there are.
    pub const fn total(&self) -> u32 {
        self.finished + self.liked + self.shared + self.skipped
    }

    /// Counts one viewer's events on videos that `matches`; each video counts once for each.
    pub fn count<'e>(
        engine: &Engine,
        events: impl Iterator<Item = &'e Event>,
        matches: impl Fn(VideoId) -> bool,
    ) -> Self {
        let (mut finished, mut liked, mut shared, mut left) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for event in events {
            match *event {
                Event::Watch { video, watch_ms, loops, paused, .. } if matches(video) => {
                    let length = u64::from(engine.duration_ms(video).unwrap_or(0).max(1));
                    let watched = u64::from(watch_ms) * 100;
                    if loops > 0 || watched >= length * FINISHED_PERCENT {
                        finished.insert(video);
                    } else if !paused && watch_ms < SKIPPED_MS && watched < length * SKIPPED_PERCENT {
                        left.insert(video);
                    }
                }
                Event::Like { video, .. } if matches(video) => {
                    liked.insert(video);
                }
                Event::Unlike { video, .. } => {
                    liked.remove(&video);
                }
                Event::Share { video, .. } if matches(video) => {
                    shared.insert(video);
                }
                _ => {}
            }
        }
        let skipped = left.difference(&finished).count();
        let count = |videos: BTreeSet<VideoId>| videos.len() as u32;
        Self {
            finished: count(finished),
            liked: count(liked),
            shared: count(shared),
            skipped: skipped as u32,
        }
    }
}
