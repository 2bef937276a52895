//! What makes the feed checkable: why, receipts, reach.

use super::why::{Counterfactual, Reason, Why, Without};
use crate::error::{Problem, Result};
use crate::extract::Path;
use crate::session::{Account, Viewer};
use crate::state::State;
use crate::taste::{self, SubjectBody};
use crate::video;
use axum::extract::State as Shared;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use serde::Serialize;
use std::collections::BTreeMap;
use takt_core::{ImpressionId, Timestamp, VideoId};
use takt_recommender::{Deeds, Placement, Subject};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const NO_STORE: (HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
const TEXT: (HeaderName, HeaderValue) =
    (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));

/// The routes.
pub fn router() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(why))
        .routes(routes!(receipt))
        .routes(routes!(receipt_key))
        .routes(routes!(reach))
}

/// Why a video was on a page. Scores and values are in micro-units, ranks from 1.
#[derive(Serialize, utoipa::ToSchema)]
pub struct WhyBody {
    impression_id: ImpressionId,
    video: VideoRef,
    /// `for_you`.
    feed: &'static str,
    /// When the page was asked for.
    at: Timestamp,
    /// Position in the event log it was computed at.
    position: u64,
    policy: PolicyBody,
    /// Place in the feed from here on, the page's first being 1.
    rank: usize,
    /// The candidate source, see `docs/ranking.md`.
    source: &'static str,
    /// `ranked`, `exploration` or `returned`.
    #[schema(value_type = String)]
    placement: Placement,
    /// The sum of the terms.
    score: i64,
    terms: Vec<TermBody>,
    /// What the viewer did with videos that have something in common with this one.
    reasons: Vec<ReasonBody>,
    /// The page computed again without a term, or as if the viewer had only seen those videos.
    counterfactuals: Vec<CounterfactualBody>,
    /// The places around, and what a filter dropped although it has something in common.
    nearby: Vec<NearbyBody>,
    stages: StagesBody,
}

/// A video by its id.
#[derive(Serialize, utoipa::ToSchema)]
pub struct VideoRef {
    id: VideoId,
}

/// The ranking policy.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PolicyBody {
    name: String,
    version: u32,
    /// SHA-256 of its file, in hexadecimal.
    hash: String,
}

/// One part of a score.
#[derive(Serialize, utoipa::ToSchema)]
pub struct TermBody {
    name: &'static str,
    value: i64,
}

/// Deeds, counted in videos.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ReasonBody {
    subject: SubjectBody,
    finished: u32,
    liked: u32,
    shared: u32,
    skipped: u32,
}

/// What is left out.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WithoutBody {
    Term { name: &'static str },
    Evidence(ReasonBody),
}

/// Where the video would have been.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CounterfactualBody {
    without: WithoutBody,
    /// Null where it is not among the first 100.
    rank: Option<usize>,
    /// Null where no source puts it forward.
    score: Option<i64>,
}

/// Another video, and what became of it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct NearbyBody {
    video_id: VideoId,
    /// `ranked`, or the filter that dropped it.
    fate: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<i64>,
}

/// How many videos each stage saw.
#[derive(Serialize, utoipa::ToSchema)]
pub struct StagesBody {
    sources: Vec<CountBody>,
    dropped: Vec<CountBody>,
    ranked: u32,
}

/// How many of something.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CountBody {
    name: String,
    count: i64,
}

/// How many were passed over for a reason.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PassedOverBody {
    /// A filter, `outranked` or `spreading`.
    reason: String,
    count: i64,
}

/// How far a video reaches.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ReachBody {
    video_id: VideoId,
    /// How often a source put it forward for a page: shown and passed over together.
    eligible: i64,
    /// How often it was on a page.
    shown: i64,
    passed_over: Vec<PassedOverBody>,
    /// How often each source was the first to put it forward, where no filter dropped it.
    sources: Vec<CountBody>,
}

/// The key that receipts are signed with.
#[derive(Serialize, utoipa::ToSchema)]
pub struct KeyBody {
    /// As signed notes have it: name, id and key, joined by `+`.
    key: String,
}

/// Why a video was on a page of For You: computed again, not remembered.
#[utoipa::path(get, path = "/api/v1/impressions/{id}/why", tag = "feeds", params(("id" = ImpressionId, Path)),
    responses((status = 200, body = WhyBody), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 410, body = Problem), (status = 429, body = Problem)))]
pub async fn why(
    Shared(state): Shared<State>,
    viewer: Viewer,
    Path(id): Path<ImpressionId>,
) -> Result<impl IntoResponse> {
    let why = state.feed.why(viewer.id, id).await?;
    let named = |reason: &Reason| reason.subject.clone();
    let subjects: Vec<Subject> = why.reasons.iter().map(named).collect();
    let names = taste::name(&state, &subjects).await?;
    let names: BTreeMap<Subject, SubjectBody> = subjects.into_iter().zip(names).collect();
    Ok(([NO_STORE], axum::Json(why_body(id, &why, &names))))
}

fn why_body(id: ImpressionId, why: &Why, names: &BTreeMap<Subject, SubjectBody>) -> WhyBody {
    let count = |name: &str, count: u32| CountBody { name: name.to_owned(), count: i64::from(count) };
    let stages = &why.stages;
    let nearby = why.nearby.iter().map(|near| NearbyBody {
        video_id: near.video,
        fate: near.fate,
        rank: near.rank,
        score: near.score,
    });
    WhyBody {
        impression_id: id,
        video: VideoRef { id: why.item.video },
        feed: "for_you",
        at: why.at,
        position: why.position,
        policy: PolicyBody {
            name: why.policy_name.clone(),
            version: why.policy_version,
            hash: hex::encode(why.policy_hash),
        },
        rank: why.rank,
        source: why.item.source.as_str(),
        placement: why.item.placement,
        score: why.item.score,
        terms: why.item.terms.iter().map(|term| TermBody { name: term.name, value: term.value }).collect(),
        reasons: why.reasons.iter().filter_map(|reason| reason_body(reason, names)).collect(),
        counterfactuals: why.counterfactuals.iter().filter_map(|one| counterfactual(one, names)).collect(),
        nearby: nearby.collect(),
        stages: StagesBody {
            sources: stages.sources.iter().map(|(source, n)| count(source.as_str(), *n)).collect(),
            dropped: stages.dropped.iter().map(|(reason, n)| count(reason.as_str(), *n)).collect(),
            ranked: stages.ranked,
        },
    }
}

fn reason_body(reason: &Reason, names: &BTreeMap<Subject, SubjectBody>) -> Option<ReasonBody> {
    let Deeds { finished, liked, shared, skipped } = reason.deeds;
    let subject = names.get(&reason.subject)?.clone();
    Some(ReasonBody { subject, finished, liked, shared, skipped })
}

fn counterfactual(
    one: &Counterfactual,
    names: &BTreeMap<Subject, SubjectBody>,
) -> Option<CounterfactualBody> {
    let without = match &one.without {
        Without::Term(name) => WithoutBody::Term { name },
        Without::Evidence(reason) => WithoutBody::Evidence(reason_body(reason, names)?),
    };
    Some(CounterfactualBody { without, rank: one.rank, score: one.score })
}

/// The signed receipt of the page an impression is of: a signed note, see `docs/receipts.md`.
#[utoipa::path(get, path = "/api/v1/impressions/{id}/receipt", tag = "feeds", params(("id" = ImpressionId, Path)),
    responses((status = 200, body = String, content_type = "text/plain"), (status = 401, body = Problem),
        (status = 404, body = Problem)))]
pub async fn receipt(
    Shared(state): Shared<State>,
    viewer: Viewer,
    Path(id): Path<ImpressionId>,
) -> Result<impl IntoResponse> {
    let receipt = state.feed.receipt(viewer.id, id).await?;
    Ok(([NO_STORE, TEXT], receipt.note))
}

/// The key that receipts are verified with.
#[utoipa::path(get, path = "/api/v1/receipts/key", tag = "feeds", responses((status = 200, body = KeyBody)))]
pub async fn receipt_key(Shared(state): Shared<State>) -> axum::Json<KeyBody> {
    axum::Json(KeyBody { key: state.feed.verifier().to_string() })
}

/// How far one's own video reaches: how often it was considered, shown, and passed over for which reason.
#[utoipa::path(get, path = "/api/v1/videos/{id}/reach", tag = "videos", params(("id" = VideoId, Path)),
    responses((status = 200, body = ReachBody), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn reach(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<VideoId>,
) -> Result<impl IntoResponse> {
    video::require_own(&state, account.id, id).await?;
    let reach = state.feed.reach(id).await?;
    let passed_over = reach.passed_over.into_iter().map(|(reason, count)| PassedOverBody { reason, count });
    let sources = reach.sources.into_iter().map(|(name, count)| CountBody { name, count });
    let body = ReachBody {
        video_id: id,
        eligible: reach.eligible,
        shown: reach.shown,
        passed_over: passed_over.collect(),
        sources: sources.collect(),
    };
    Ok(([NO_STORE], axum::Json(body)))
}
