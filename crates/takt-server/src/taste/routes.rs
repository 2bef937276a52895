//! The viewer's say over HTTP.

use super::{SubjectBody, SubjectKind, TasteBody, TasteFile, Wish, file};
use crate::error::{Problem, Result};
use crate::extract::Json;
use crate::session::Viewer;
use crate::state::State;
use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use takt_recommender::Control;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const NO_STORE: (HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// A taste file with everything in it at its longest has half of this.
const FILE_BYTES_MAX: usize = 1024 * 1024;

/// More or less of something.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WishBody {
    kind: SubjectKind,
    /// Of creators and sounds.
    #[schema(value_type = Option<uuid::Uuid>)]
    id: Option<String>,
    /// A handle, a tag, a word or a language's tag.
    label: Option<String>,
    wish: Wish,
}

/// Whether to learn.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LearningBody {
    learning: bool,
}

/// The routes.
pub fn router() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(show, reset))
        .routes(routes!(wish))
        .routes(routes!(learning))
        .routes(routes!(export))
        .routes(routes!(turn_down, take_back))
        .merge(OpenApiRouter::new().routes(routes!(import)).layer(DefaultBodyLimit::max(FILE_BYTES_MAX)))
}

/// What the recommender holds of the viewer's taste.
#[utoipa::path(get, path = "/api/v1/taste", tag = "taste",
    responses((status = 200, body = TasteBody), (status = 401, body = Problem), (status = 503, body = Problem)))]
pub async fn show(Shared(state): Shared<State>, viewer: Viewer) -> Result<impl IntoResponse> {
    Ok(([NO_STORE], axum::Json(super::show(&state, viewer.id).await?)))
}

/// Forget what was learned and what was asked more or less of. What was seen does not come again; follows and "not
/// interested" stay.
#[utoipa::path(delete, path = "/api/v1/taste", tag = "taste",
    responses((status = 204), (status = 401, body = Problem), (status = 503, body = Problem)))]
pub async fn reset(Shared(state): Shared<State>, viewer: Viewer) -> Result<StatusCode> {
    state.feed.control(viewer.id, Control::Reset).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask for more or less of a creator, a sound, a tag, a word or a language; take that back with `neutral`, which leaves
/// what was learned of it, or with `forget`, which does not.
#[utoipa::path(put, path = "/api/v1/taste/subjects", tag = "taste", request_body = WishBody,
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn wish(
    Shared(state): Shared<State>,
    viewer: Viewer,
    Json(body): Json<WishBody>,
) -> Result<StatusCode> {
    let subject = SubjectBody { kind: body.kind, id: body.id, label: body.label };
    super::wish(&state, viewer.id, &subject, body.wish).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Pause learning, or go on. While it is paused, only what was seen is noted.
#[utoipa::path(put, path = "/api/v1/taste/learning", tag = "taste", request_body = LearningBody,
    responses((status = 204), (status = 401, body = Problem), (status = 422, body = Problem)))]
pub async fn learning(
    Shared(state): Shared<State>,
    viewer: Viewer,
    Json(body): Json<LearningBody>,
) -> Result<StatusCode> {
    state.feed.control(viewer.id, Control::Learning { on: body.learning }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The taste as a file, to keep or to take along.
#[utoipa::path(get, path = "/api/v1/taste/export", tag = "taste",
    responses((status = 200, body = TasteFile), (status = 401, body = Problem), (status = 503, body = Problem)))]
pub async fn export(Shared(state): Shared<State>, viewer: Viewer) -> Result<impl IntoResponse> {
    let attachment = HeaderValue::from_static("attachment; filename=\"takt-taste.json\"");
    let file = file::export(&state, viewer.id).await?;
    Ok(([NO_STORE, (header::CONTENT_DISPOSITION, attachment)], axum::Json(file)))
}

/// Add what such a file holds. What this server does not know is passed over.
#[utoipa::path(post, path = "/api/v1/taste/import", tag = "taste", request_body = TasteFile,
    responses((status = 204), (status = 401, body = Problem), (status = 422, body = Problem)))]
pub async fn import(
    Shared(state): Shared<State>,
    viewer: Viewer,
    Json(taste): Json<TasteFile>,
) -> Result<StatusCode> {
    file::import(&state, viewer.id, viewer.account.is_some(), taste).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Turn down a video, or all with a creator, a sound or a tag. It is not recommended until that is taken back.
#[utoipa::path(put, path = "/api/v1/not-interested", tag = "taste", request_body = SubjectBody,
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn turn_down(
    Shared(state): Shared<State>,
    viewer: Viewer,
    Json(subject): Json<SubjectBody>,
) -> Result<StatusCode> {
    super::turn_down(&state, viewer.id, &subject).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take back that something was turned down.
#[utoipa::path(delete, path = "/api/v1/not-interested", tag = "taste", request_body = SubjectBody,
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub async fn take_back(
    Shared(state): Shared<State>,
    viewer: Viewer,
    Json(subject): Json<SubjectBody>,
) -> Result<StatusCode> {
    super::take_back(&state, viewer.id, &subject).await?;
    Ok(StatusCode::NO_CONTENT)
}
