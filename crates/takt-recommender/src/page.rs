//! From a request to a page: candidate sources, filters, ranker, re-ranker.

use crate::candidates::Candidates;
use crate::engine::Engine;
use crate::query::Query;
use crate::registry::{FilterName, SourceName};
use crate::{ranker, reranker, sources};
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
    /// The highest score of the videos that few have met: a place kept for those.
    Exploration,
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

pub(crate) fn compute(engine: &Engine, request: &PageRequest) -> Page {
    let limit = request.limit.min(engine.policy.page.items_max as usize);
    let query = Query::new(engine, request);
    let mut candidates = Candidates::default();
    if limit > 0 {
        sources::gather(&query, limit, &mut candidates);
    }
    let ranked = ranker::rank(&query, &candidates.kept);
    Page {
        position: engine.position(),
        policy: engine.policy.hash(),
        items: reranker::arrange(&query, ranked, limit),
        stages: candidates.counts(),
    }
}
