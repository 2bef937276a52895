//! The history of videos over HTTP.

use super::VideoChanged;
use crate::error::{Problem, Result};
use crate::extract::Path;
use crate::session::Account;
use crate::state::State;
use axum::extract::State as Shared;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use serde::Serialize;
use takt_core::VideoId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What was changed about a video.
#[derive(Serialize, utoipa::ToSchema)]
pub struct VideoHistory {
    /// Latest first, 200 at most.
    changes: Vec<VideoChanged>,
}

/// The routes.
pub fn router() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(get))
}

/// What was changed about one's video since it was made.
#[utoipa::path(get, path = "/api/v1/videos/{id}/history", tag = "videos", params(("id" = VideoId, Path)),
    responses((status = 200, body = VideoHistory), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn get(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<VideoId>,
) -> Result<impl IntoResponse> {
    let changes = super::of(&state, account.id, id).await?;
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((no_store, axum::Json(VideoHistory { changes })))
}
