//! Videos over HTTP.

use super::progress::ProgressEvent;
use super::{Looker, NewVideo, VideoBody, VideoChange};
use crate::account;
use crate::error::{Error, Problem, Result};
use crate::extract::{Json, Path, Query, page_limit};
use crate::session::{Account, MaybeSession, Viewer};
use crate::state::State;
use axum::extract::{FromRequest as _, Request, State as Shared};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use takt_core::{Handle, VideoId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const LIST_ITEMS: usize = 24;
const LIST_ITEMS_MAX: usize = 60;
/// What is seen depends on who asks and changes.
const NO_STORE: [(HeaderName, HeaderValue); 1] =
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// One video.
#[derive(Serialize, utoipa::ToSchema)]
pub struct VideoAnswer {
    video: VideoBody,
}

/// A page of videos.
#[derive(Serialize, utoipa::ToSchema)]
pub struct VideoList {
    videos: Vec<VideoBody>,
    /// Where the next page begins; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// Where a list goes on, and how many videos it shall have.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// The `cursor` of the page before.
    cursor: Option<String>,
    /// At least 1; 24 without it, 60 at most.
    limit: Option<u32>,
}

/// The routes.
pub fn router() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(get, change, delete))
        .routes(routes!(progress))
        .routes(routes!(like, unlike))
        .routes(routes!(of_account))
        .routes(routes!(by_source))
}

impl From<&Account> for Looker {
    fn from(account: &Account) -> Self {
        Self { viewer: Some(account.session.viewer), account: Some(account.id) }
    }
}

impl From<Viewer> for Looker {
    fn from(viewer: Viewer) -> Self {
        Self { viewer: Some(viewer.id), account: viewer.account }
    }
}

impl From<&MaybeSession> for Looker {
    fn from(session: &MaybeSession) -> Self {
        Self { viewer: session.0.map(|s| s.viewer), account: session.0.and_then(|s| s.account) }
    }
}

/// Make a video of a complete upload. The same request again answers the same video.
#[utoipa::path(post, path = "/api/v1/videos", tag = "videos", request_body = NewVideo,
    responses((status = 202, body = VideoAnswer), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    Shared(state): Shared<State>,
    account: Account,
    Json(new): Json<NewVideo>,
) -> Result<(StatusCode, axum::Json<VideoAnswer>)> {
    let video = super::create(&state, account.id, account.session.viewer, new).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(VideoAnswer { video })))
}

/// A video. Those processing or failed are found by their creator alone.
#[utoipa::path(get, path = "/api/v1/videos/{id}", tag = "videos", params(("id" = VideoId, Path)),
    responses((status = 200, body = VideoAnswer), (status = 404, body = Problem)))]
pub async fn get(
    Shared(state): Shared<State>,
    session: MaybeSession,
    Path(id): Path<VideoId>,
) -> Result<impl IntoResponse> {
    let video = super::get(&state, id, Looker::from(&session)).await?;
    Ok((NO_STORE, axum::Json(VideoAnswer { video })))
}

/// Server-sent events named `progress` until the video is ready or failed; the last one carries it.
#[utoipa::path(get, path = "/api/v1/videos/{id}/progress", tag = "videos", params(("id" = VideoId, Path)),
    responses((status = 200, body = ProgressEvent, content_type = "text/event-stream"),
        (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn progress(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<VideoId>,
) -> Result<Response> {
    let events = super::progress::watch(&state, id, account.id, account.session.viewer).await?;
    // Proxies that gather bytes before passing them on would hold events back.
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))];
    Ok((unbuffered, NO_STORE, Sse::new(events).keep_alive(KeepAlive::default())).into_response())
}

/// Change a video's caption, language, label or poster.
#[utoipa::path(patch, path = "/api/v1/videos/{id}", tag = "videos", params(("id" = VideoId, Path)),
    request_body = VideoChange,
    responses((status = 200, body = VideoAnswer), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub async fn change(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<VideoId>,
    request: Request,
) -> Result<axum::Json<VideoAnswer>> {
    // Another's video is not there, whatever the body says.
    super::require_own(&state, account.id, id).await?;
    let Json(change) = Json::<VideoChange>::from_request(request, &state).await?;
    let video = super::change(&state, account.id, account.session.viewer, id, change).await?;
    Ok(axum::Json(VideoAnswer { video }))
}

/// Delete a video, whatever its status. Its bytes are gone from the media store.
#[utoipa::path(delete, path = "/api/v1/videos/{id}", tag = "videos", params(("id" = VideoId, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn delete(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<VideoId>,
) -> Result<StatusCode> {
    super::delete(&state, account.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Like a video. Twice is once.
#[utoipa::path(put, path = "/api/v1/videos/{id}/like", tag = "videos", params(("id" = VideoId, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn like(
    Shared(state): Shared<State>,
    viewer: Viewer,
    Path(id): Path<VideoId>,
) -> Result<StatusCode> {
    super::like(&state, id, viewer.into(), viewer.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a like back, if there is one.
#[utoipa::path(delete, path = "/api/v1/videos/{id}/like", tag = "videos", params(("id" = VideoId, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn unlike(
    Shared(state): Shared<State>,
    viewer: Viewer,
    Path(id): Path<VideoId>,
) -> Result<StatusCode> {
    super::unlike(&state, id, viewer.into(), viewer.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An account's videos, newest first. Its owner also sees those processing and failed.
#[utoipa::path(get, path = "/api/v1/accounts/{handle}/videos", tag = "videos",
    params(("handle" = String, Path), ListQuery),
    responses((status = 200, body = VideoList), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn of_account(
    Shared(state): Shared<State>,
    session: MaybeSession,
    Path(handle): Path<Handle>,
    Query(query): Query<ListQuery>,
) -> Result<impl IntoResponse> {
    let limit = page_limit(query.limit, LIST_ITEMS, LIST_ITEMS_MAX)?;
    let account = account::by_handle(&state, &handle).await?.ok_or_else(|| Error::not_found("account"))?;
    let bad_cursor = |_| Error::invalid("cursor", "must be the cursor of the page before");
    let before = query.cursor.map(|cursor| cursor.parse::<VideoId>()).transpose().map_err(bad_cursor)?;
    let looker = Looker::from(&session);
    let (videos, next) = super::of_account(&state, account.id, looker, before, limit).await?;
    Ok((NO_STORE, axum::Json(VideoList { videos, cursor: next.map(|id| id.to_string()) })))
}

/// One's own video made of the file with this SHA-256 in hexadecimal, so that nothing is uploaded twice.
#[utoipa::path(get, path = "/api/v1/me/sources/{sha256}", tag = "videos", params(("sha256" = String, Path)),
    responses((status = 200, body = VideoAnswer), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn by_source(
    Shared(state): Shared<State>,
    account: Account,
    Path(sha256): Path<String>,
) -> Result<impl IntoResponse> {
    let video = super::by_source(&state, account.id, account.session.viewer, &sha256).await?;
    Ok((NO_STORE, axum::Json(VideoAnswer { video })))
}
