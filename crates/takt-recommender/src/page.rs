//! From a request to a page: candidate sources, filters, ranker, re-ranker.

use crate::candidates::{Candidate, Candidates};
use crate::engine::Engine;
use crate::query::Query;
use crate::ranker::{Ranking, Scored};
use crate::registry::{FilterName, SourceName};
use crate::{candidates, ranker, reranker, sources};
use serde::Serialize;
use takt_core::{AccountId, Timestamp, VideoId, ViewerId};

/// Who asks for a page, and everything else it depends on besides the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// Who watches. One the engine has not met gets a page, too.
    pub viewer: ViewerId,
    /// Their account, whose own videos are left out.
    pub account: Option<AccountId>,
    /// How many videos. More than the policy's `page.items_max` are not given.
    pub limit: usize,
    /// The time of the request. Earlier than the last event counts as the time of that.
    pub now: Timestamp,
    /// Decides exploration and chance. The same seed at the same position gives the same page.
    pub seed: u64,
}

/// A page and how it came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page {
    /// The log position it was computed at.
    pub position: u64,
    /// The hash of the policy that ranked it.
    pub policy: [u8; 32],
    /// First to last.
    pub items: Vec<PageItem>,
    /// How many videos each stage saw.
    pub stages: StageCounts,
}

/// One video of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageItem {
    /// The video.
    pub video: VideoId,
    /// Which source put it forward.
    pub source: SourceName,
    /// What put it into this place.
    pub placement: Placement,
    /// In micro-units. The terms sum to exactly this.
    pub score: i64,
    /// Every term that is not zero, in registry order.
    pub terms: Vec<Term>,
}

/// One part of a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Term {
    /// See `docs/ranking.md`.
    pub name: &'static str,
    /// Weight times value, in micro-units.
    pub value: i64,
}

/// What put a video into its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// The highest score of those that differ enough from what is above.
    Ranked,
    /// The highest draw among the videos that few have met: a place kept for those.
    Exploration,
    /// It was served before and never shown, and nothing else was left.
    Returned,
}

/// What became of the candidates of one page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageCounts {
    /// Videos that each source put forward and no filter dropped, counted at every source that named them.
    pub sources: Vec<(SourceName, u32)>,
    /// Videos that were dropped, by reason.
    pub dropped: Vec<(FilterName, u32)>,
    /// Different videos that were ranked.
    pub ranked: u32,
}

/// Videos a plain ranking holds at most.
const RANK_MAX: usize = 200;

pub(crate) fn rank(engine: &Engine, request: &PageRequest) -> Vec<(VideoId, i64)> {
    let run = Run::with(Query::new(engine, request), request.limit.min(RANK_MAX));
    let id = |candidate: Candidate| engine.catalogue.video(candidate.video).id;
    run.ranking.scores().take(run.limit).map(|(candidate, score)| (id(candidate), score)).collect()
}

pub(crate) fn compute(engine: &Engine, request: &PageRequest) -> Page {
    Run::new(Query::new(engine, request), request).page()
}

/// One way through the stages, before places are given out.
pub(crate) struct Run<'a> {
    pub(crate) query: Query<'a>,
    pub(crate) candidates: Candidates,
    pub(crate) ranking: Ranking,
    /// How many videos the page shall have.
    pub(crate) limit: usize,
}

impl<'a> Run<'a> {
    pub(crate) fn new(query: Query<'a>, request: &PageRequest) -> Self {
        let limit = request.limit.min(query.engine.policy.page.items_max as usize);
        Self::with(query, limit)
    }

    fn with(query: Query<'a>, limit: usize) -> Self {
        let mut candidates = Candidates::default();
        if limit > 0 {
            sources::gather(&query, limit, &mut candidates);
        }
        let ranking = ranker::rank(&query, &candidates.kept);
        Self { query, candidates, ranking, limit }
    }

    pub(crate) fn page(&self) -> Page {
        Page {
            position: self.query.engine.position(),
            policy: self.query.engine.policy.hash(),
            items: self.items(self.limit),
            stages: self.candidates.counts(),
        }
    }

    /// The first `places` of the feed from here on. A page is its beginning, however far one looks.
    pub(crate) fn items(&self, places: usize) -> Vec<PageItem> {
        let mut items = reranker::arrange(&self.query, &self.ranking.shortlist, places);
        if items.len() < places && self.query.engine.policy.quota(SourceName::Returned) > 0 {
            items.extend(self.returned(places - items.len()));
        }
        items
    }

    /// What was served and never shown, oldest first: better twice on a device than nothing to see.
    fn returned(&self, most: usize) -> Vec<PageItem> {
        let query = &self.query;
        let waiting = query.viewer.into_iter().flat_map(|row| &row.reserved);
        let waiting = waiting.map(|held| held.video).filter(|video| {
            query.reserved.binary_search(video).is_ok()
                && candidates::filter(query, *video) == Some(FilterName::Reserved)
        });
        let most = most.min(query.engine.policy.quota(SourceName::Returned));
        let waiting = waiting.take(most).map(|video| Candidate::only_from(SourceName::Returned, video));
        let waiting: Vec<_> = waiting.collect();
        let mut scored = ranker::rank(query, &waiting).shortlist;
        let place =
            |scored: &Scored| waiting.iter().position(|candidate| candidate.video == scored.candidate.video);
        scored.sort_by_key(place);
        let item = |scored: &Scored| {
            let video = query.engine.catalogue.video(scored.candidate.video);
            reranker::item(scored, video, Placement::Returned)
        };
        scored.iter().map(item).collect()
    }
}
