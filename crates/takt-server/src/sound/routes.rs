//! Sounds over HTTP.

use super::{NewSound, Sound, SoundChange};
use crate::error::{Error, Problem, Result};
use crate::extract::{Json, Path, Query, page_limit};
use crate::session::{Account, MaybeSession};
use crate::state::State;
use crate::video::{Looker, VideoBody};
use axum::extract::{FromRequest as _, Request, State as Shared};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use takt_core::{SoundId, VideoId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const LIST_ITEMS: usize = 24;
const LIST_ITEMS_MAX: usize = 60;
/// What is seen depends on who asks and changes.
const NO_STORE: [(HeaderName, HeaderValue); 1] =
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// One sound.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SoundAnswer {
    sound: Sound,
}

/// A page of sounds.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SoundList {
    items: Vec<Sound>,
    /// Where the next page begins; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// A page of the videos with a sound.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SoundVideos {
    videos: Vec<VideoBody>,
    /// Where the next page begins; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// Which sounds, and how many.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct SearchQuery {
    /// Part of a title, a credit or a handle.
    query: Option<String>,
    /// The `cursor` of the page before.
    cursor: Option<String>,
    /// At least 1; 24 without it, 60 at most.
    limit: Option<u32>,
}

/// Where a list goes on, and how many items it shall have.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct SoundListQuery {
    /// The `cursor` of the page before.
    cursor: Option<String>,
    /// At least 1; 24 without it, 60 at most.
    limit: Option<u32>,
}

/// The routes.
pub fn router() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(search, create))
        .routes(routes!(saved))
        .routes(routes!(get, change))
        .routes(routes!(videos))
        .routes(routes!(save, unsave))
}

fn place<T: std::str::FromStr>(cursor: Option<String>) -> Result<Option<T>> {
    let bad = |_| Error::invalid("cursor", "must be the cursor of the page before");
    cursor.map(|cursor| cursor.parse::<T>()).transpose().map_err(bad)
}

/// Sounds to pick from, newest first.
#[utoipa::path(get, path = "/api/v1/sounds", tag = "sounds", params(SearchQuery),
    responses((status = 200, body = SoundList), (status = 422, body = Problem)))]
pub async fn search(
    Shared(state): Shared<State>,
    session: MaybeSession,
    Query(query): Query<SearchQuery>,
) -> Result<impl IntoResponse> {
    let limit = page_limit(query.limit, LIST_ITEMS, LIST_ITEMS_MAX)?;
    let looker = Looker::from(&session).account;
    let text = query.query.unwrap_or_default();
    let (items, next) = super::search(&state, looker, &text, place(query.cursor)?, limit).await?;
    Ok((NO_STORE, axum::Json(SoundList { items, cursor: next.map(|id| id.to_string()) })))
}

/// The sounds one saved, the newest sound first.
#[utoipa::path(get, path = "/api/v1/sounds/saved", tag = "sounds", params(SoundListQuery),
    responses((status = 200, body = SoundList), (status = 401, body = Problem), (status = 422, body = Problem)))]
pub async fn saved(
    Shared(state): Shared<State>,
    account: Account,
    Query(query): Query<SoundListQuery>,
) -> Result<impl IntoResponse> {
    let limit = page_limit(query.limit, LIST_ITEMS, LIST_ITEMS_MAX)?;
    let (items, next) = super::saved(&state, account.id, place(query.cursor)?, limit).await?;
    Ok((NO_STORE, axum::Json(SoundList { items, cursor: next.map(|id| id.to_string()) })))
}

/// A sound.
#[utoipa::path(get, path = "/api/v1/sounds/{id}", tag = "sounds", params(("id" = SoundId, Path)),
    responses((status = 200, body = SoundAnswer), (status = 404, body = Problem)))]
pub async fn get(
    Shared(state): Shared<State>,
    session: MaybeSession,
    Path(id): Path<SoundId>,
) -> Result<impl IntoResponse> {
    let sound = super::get(&state, id, Looker::from(&session).account).await?;
    Ok((NO_STORE, axum::Json(SoundAnswer { sound })))
}

/// The public videos with a sound, newest first.
#[utoipa::path(get, path = "/api/v1/sounds/{id}/videos", tag = "sounds",
    params(("id" = SoundId, Path), SoundListQuery),
    responses((status = 200, body = SoundVideos), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn videos(
    Shared(state): Shared<State>,
    session: MaybeSession,
    Path(id): Path<SoundId>,
    Query(query): Query<SoundListQuery>,
) -> Result<impl IntoResponse> {
    let limit = page_limit(query.limit, LIST_ITEMS, LIST_ITEMS_MAX)?;
    let before: Option<VideoId> = place(query.cursor)?;
    let (videos, next) = super::videos(&state, id, Looker::from(&session), before, limit).await?;
    Ok((NO_STORE, axum::Json(SoundVideos { videos, cursor: next.map(|id| id.to_string()) })))
}

/// Keep a sound for later. Twice is once.
#[utoipa::path(put, path = "/api/v1/sounds/{id}/save", tag = "sounds", params(("id" = SoundId, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn save(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<SoundId>,
) -> Result<StatusCode> {
    super::save(&state, account.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Keep a sound no longer.
#[utoipa::path(delete, path = "/api/v1/sounds/{id}/save", tag = "sounds", params(("id" = SoundId, Path)),
    responses((status = 204), (status = 401, body = Problem)))]
pub async fn unsave(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<SoundId>,
) -> Result<StatusCode> {
    super::unsave(&state, account.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a sound of a complete upload. The same request again answers the same sound.
#[utoipa::path(post, path = "/api/v1/sounds", tag = "sounds", request_body = NewSound,
    responses((status = 202, body = SoundAnswer), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    Shared(state): Shared<State>,
    account: Account,
    Json(new): Json<NewSound>,
) -> Result<(StatusCode, axum::Json<SoundAnswer>)> {
    let sound = super::create(&state, account.id, new).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(SoundAnswer { sound })))
}

/// Change what a sound is called, its credit and licence, who may use it and what becomes of videos when that ends.
#[utoipa::path(patch, path = "/api/v1/sounds/{id}", tag = "sounds", params(("id" = SoundId, Path)),
    request_body = SoundChange,
    responses((status = 200, body = SoundAnswer), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub async fn change(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<SoundId>,
    request: Request,
) -> Result<axum::Json<SoundAnswer>> {
    // Another's sound is not there to be changed, whatever the body says.
    super::require_own(&state, account.id, id).await?;
    let Json(change) = Json::<SoundChange>::from_request(request, &state).await?;
    Ok(axum::Json(SoundAnswer { sound: super::change(&state, account.id, id, change).await? }))
}
