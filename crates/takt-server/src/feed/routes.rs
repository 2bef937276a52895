//! For You and Latest.

use super::store;
use crate::error::{Error, Problem, Result};
use crate::extract::{Query, page_limit};
use crate::session::{self, Caller, MaybeSession, Token, with_cookie};
use crate::state::State;
use crate::video::{self, VideoBody};
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use takt_core::{ImpressionId, Timestamp, VideoId};

const PAGE_ITEMS: usize = 10;

/// How many items a page shall have.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ForYouQuery {
    /// At least 1; 10 without it.
    limit: Option<u32>,
}

/// Where a list goes on, and how many items it shall have.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct LatestQuery {
    /// The `cursor` of the page before.
    cursor: Option<String>,
    /// At least 1; 10 without it.
    limit: Option<u32>,
}

/// One video of a page.
#[derive(Serialize, utoipa::ToSchema)]
pub struct FeedItem {
    /// Say this id in every event about this showing of the video.
    impression_id: ImpressionId,
    video: VideoBody,
}

/// A page of a feed.
#[derive(Serialize, utoipa::ToSchema)]
pub struct FeedPage {
    items: Vec<FeedItem>,
    /// Position in the event log the page was computed at (For You).
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    /// Where the next page begins (Latest); absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    /// `newest` while the recommender is catching up and the newest videos stand in.
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback: Option<&'static str>,
}

/// The next videos for this viewer. None comes twice; each page reflects everything reported before it.
#[utoipa::path(get, path = "/api/v1/feeds/for-you", tag = "feeds", params(ForYouQuery),
    responses((status = 200, body = FeedPage), (status = 503, body = Problem)))]
pub async fn for_you(
    Shared(state): Shared<State>,
    caller: Caller,
    MaybeSession(session): MaybeSession,
    Query(query): Query<ForYouQuery>,
) -> Result<Response> {
    let limit = page_limit(query.limit, PAGE_ITEMS, state.config.feed.page_items_max)?;
    let (session, token) = match session {
        Some(session) => (session, None),
        None => {
            state.limits.new_viewer(caller.network)?;
            let (session, token) = session::open_anonymous(&state, &caller.client).await?;
            (session, Some(token))
        }
    };
    let page = match state.feed.for_you(session.viewer, session.account, limit).await? {
        Some(page) => {
            let items = page.items.iter().map(|(impression, item)| (*impression, item.video)).collect();
            let items = hydrate(&state, items, Some(session)).await?;
            FeedPage { items, position: Some(page.position), cursor: None, fallback: None }
        }
        None => {
            let rows = store::latest(&state.db, None, limit).await?;
            let items = hydrate(&state, with_impressions(&state, &rows), Some(session)).await?;
            FeedPage { items, position: None, cursor: None, fallback: Some("newest") }
        }
    };
    Ok(answer(&state, token, page))
}

/// Public videos, newest first, the same for everybody.
#[utoipa::path(get, path = "/api/v1/feeds/latest", tag = "feeds", params(LatestQuery),
    responses((status = 200, body = FeedPage), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub async fn latest(
    Shared(state): Shared<State>,
    MaybeSession(session): MaybeSession,
    Query(query): Query<LatestQuery>,
) -> Result<Response> {
    let limit = page_limit(query.limit, PAGE_ITEMS, state.config.feed.page_items_max)?;
    let cursor = query.cursor.as_deref().map(parse_cursor).transpose()?;
    let rows = store::latest(&state.db, cursor, limit).await?;
    let more = rows.len() == limit;
    let cursor =
        rows.last().filter(|_| more).map(|last| format!("{}-{}", last.published_ms.millis(), last.id));
    let items = hydrate(&state, with_impressions(&state, &rows), session).await?;
    Ok(answer(&state, None, FeedPage { items, position: None, cursor, fallback: None }))
}

fn answer(state: &State, token: Option<Token>, page: FeedPage) -> Response {
    let no_store = [(axum::http::header::CACHE_CONTROL, "no-store")];
    let body = (no_store, axum::Json(page));
    match token {
        Some(token) => with_cookie(&state.config, &token, body),
        None => body.into_response(),
    }
}

fn with_impressions(state: &State, rows: &[store::LatestRow]) -> Vec<(ImpressionId, VideoId)> {
    rows.iter().map(|row| (ImpressionId::mint(&state.clock), row.id)).collect()
}

async fn hydrate(
    state: &State,
    items: Vec<(ImpressionId, VideoId)>,
    session: Option<session::Session>,
) -> Result<Vec<FeedItem>> {
    let ids: Vec<VideoId> = items.iter().map(|(_, video)| *video).collect();
    let bodies = video::bodies(state, &ids, session.map(|s| s.viewer)).await?;
    let mut impressions: HashMap<VideoId, ImpressionId> =
        items.into_iter().map(|(impression, video)| (video, impression)).collect();
    let item = |video: VideoBody| Some(FeedItem { impression_id: impressions.remove(&video.id)?, video });
    Ok(bodies.into_iter().filter_map(item).collect())
}

/// `<milliseconds>-<video id>`; opaque to clients.
fn parse_cursor(text: &str) -> Result<(Timestamp, VideoId)> {
    let parse = || {
        let (millis, id) = text.split_once('-')?;
        Some((Timestamp::from_millis(millis.parse().ok()?), id.parse().ok()?))
    };
    parse().ok_or_else(|| Error::invalid("cursor", "must be the cursor of the page before"))
}
