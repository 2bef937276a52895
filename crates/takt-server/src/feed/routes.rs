//! The feeds: For You, Popular, Following, Latest.

use super::{SignedReceipt, store};
use crate::error::{Error, Problem, Result};
use crate::extract::{Query, page_limit};
use crate::follow;
use crate::session::{self, Account, Caller, MaybeSession, Token, with_cookie};
use crate::state::State;
use crate::video::{self, VideoBody};
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use takt_core::{ImpressionId, PageId, Timestamp, VideoId};
use takt_recommender::{PageKind, impression_of, page_id};

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

/// A receipt in short. The whole of it: `GET /api/v1/impressions/{id}/receipt`.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CompactReceipt {
    page_id: PageId,
    /// SHA-256 of the receipt's text, in hexadecimal.
    sha256: String,
    /// The signature below the text, as a line of a signed note.
    signature: String,
}

/// A page of a feed.
#[derive(Serialize, Default, utoipa::ToSchema)]
pub struct FeedPage {
    items: Vec<FeedItem>,
    /// Position in the event log the page was computed at (For You).
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    /// What the server can be held to (For You); absent where the page could not be recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<CompactReceipt>,
    /// Where the next page begins (all but For You); absent at the end.
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
            let receipt = page.receipt.as_ref().map(compact);
            FeedPage { items, position: Some(page.position), receipt, ..FeedPage::default() }
        }
        None => {
            let rows = store::latest(&state.db, None, limit).await?;
            let items = hydrate(&state, with_impressions(&state, &rows), Some(session)).await?;
            FeedPage { items, fallback: Some("newest"), ..FeedPage::default() }
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
    let cursor = rows.last().filter(|_| more).map(|last| cursor_of(last.published_ms, last.id));
    let items = hydrate(&state, with_impressions(&state, &rows), session).await?;
    Ok(answer(&state, None, FeedPage { items, cursor, ..FeedPage::default() }))
}

/// What most viewers like at the moment, ranked for nobody in particular: nothing that is held about whoever asks is
/// read for it. The cursor remembers what was given; the feed ends after 600 videos.
#[utoipa::path(get, path = "/api/v1/feeds/popular", tag = "feeds", params(LatestQuery),
    responses((status = 200, body = FeedPage), (status = 422, body = Problem), (status = 503, body = Problem)))]
pub async fn popular(
    Shared(state): Shared<State>,
    MaybeSession(session): MaybeSession,
    Query(query): Query<LatestQuery>,
) -> Result<Response> {
    let limit = page_limit(query.limit, PAGE_ITEMS, state.config.feed.page_items_max)?;
    let (seed, after) = match query.cursor.as_deref() {
        Some(cursor) => parse_mark(cursor)?,
        None => (random_seed(), Vec::new()),
    };
    let Some(popular) = state.feed.popular(limit, seed, &after) else {
        return Err(Error::Unavailable("the recommender is catching up".into()));
    };
    let page = page_id(PageId::mint(&state.clock), PageKind::Popular);
    let items = popular.page.items.iter().enumerate();
    let items = items.map(|(place, item)| (impression_of(page, place), item.video)).collect();
    let items = hydrate(&state, items, session).await?;
    let cursor =
        popular.mark.map(|mark| URL_SAFE_NO_PAD.encode([&seed.to_be_bytes()[..], &mark[..]].concat()));
    let position = Some(popular.page.position);
    Ok(answer(&state, None, FeedPage { items, position, cursor, ..FeedPage::default() }))
}

/// The videos of the creators the account follows, newest first.
#[utoipa::path(get, path = "/api/v1/feeds/following", tag = "feeds", params(LatestQuery),
    responses((status = 200, body = FeedPage), (status = 401, body = Problem), (status = 422, body = Problem),
        (status = 503, body = Problem)))]
pub async fn following(
    Shared(state): Shared<State>,
    account: Account,
    Query(query): Query<LatestQuery>,
) -> Result<Response> {
    let limit = page_limit(query.limit, PAGE_ITEMS, state.config.feed.page_items_max)?;
    let before = query.cursor.as_deref().map(parse_cursor).transpose()?;
    let (videos, next) = follow::feed(&state, account.session.viewer, before, limit).await?;
    let page = page_id(PageId::mint(&state.clock), PageKind::Listed);
    let items = videos.into_iter().enumerate();
    let items =
        items.map(|(place, video)| FeedItem { impression_id: impression_of(page, place), video }).collect();
    let cursor = next.map(|(at, id)| cursor_of(at, id));
    Ok(answer(&state, None, FeedPage { items, cursor, ..FeedPage::default() }))
}

fn random_seed() -> u64 {
    let mut bytes = [0; 8];
    session::getrandom_fill(&mut bytes);
    u64::from_be_bytes(bytes)
}

fn compact(receipt: &SignedReceipt) -> CompactReceipt {
    let sha256 = hex::encode(Sha256::digest(&receipt.text));
    CompactReceipt { page_id: receipt.page, sha256, signature: receipt.signature.clone() }
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
    let page = page_id(PageId::mint(&state.clock), PageKind::Listed);
    rows.iter().enumerate().map(|(place, row)| (impression_of(page, place), row.id)).collect()
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

/// The seed's 8 bytes and the recommender's mark, in base64; opaque to clients.
fn parse_mark(text: &str) -> Result<(u64, Vec<u8>)> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let parts = bytes.as_deref().and_then(<[u8]>::split_first_chunk);
    let (seed, mark) =
        parts.ok_or_else(|| Error::invalid("cursor", "must be the cursor of the page before"))?;
    Ok((u64::from_be_bytes(*seed), mark.to_vec()))
}

fn cursor_of(at: Timestamp, id: VideoId) -> String {
    format!("{}-{id}", at.millis())
}

/// `<milliseconds>-<video id>`; opaque to clients.
fn parse_cursor(text: &str) -> Result<(Timestamp, VideoId)> {
    let parse = || {
        let (millis, id) = text.split_once('-')?;
        Some((Timestamp::from_millis(millis.parse().ok()?), id.parse().ok()?))
    };
    parse().ok_or_else(|| Error::invalid("cursor", "must be the cursor of the page before"))
}
