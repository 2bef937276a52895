//! Drafts over HTTP.

use super::{Changed, Draft, DraftChange, NewDraft, NewEdit, Publication, Replacement};
use crate::error::{Error, Problem, Result};
use crate::extract::{Json, Path};
use crate::session::Account;
use crate::state::State;
use crate::video::{self, VideoBody};
use axum::body::Body;
use axum::extract::{FromRequest as _, Path as Paths, Request, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use takt_core::{DraftId, UploadId, VideoId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What is seen depends on who asks and changes.
const NO_STORE: [(HeaderName, HeaderValue); 1] =
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// One draft.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DraftAnswer {
    draft: Draft,
}

/// Every draft of an account, last changed first.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DraftList {
    items: Vec<Draft>,
}

/// A draft changed elsewhere meanwhile, as it is now.
#[derive(Serialize, utoipa::ToSchema)]
pub struct StaleDraft {
    #[serde(flatten)]
    problem: Problem,
    draft: Draft,
}

/// The video being made.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PublishedAnswer {
    video: VideoBody,
}

/// The edit that is to replace that of a video.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ReplacementAnswer {
    /// Null when none was asked for, or it is what the video plays.
    replacement: Option<Replacement>,
}

/// The routes.
pub fn router() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get, change, delete))
        .routes(routes!(publish))
        .routes(routes!(source))
        .routes(routes!(edit_again, replacement, replace, withdraw))
        .merge(super::studio::router())
}

/// Begin a draft.
#[utoipa::path(post, path = "/api/v1/drafts", tag = "drafts", request_body = NewDraft,
    responses((status = 201, body = DraftAnswer), (status = 401, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
pub async fn create(
    Shared(state): Shared<State>,
    account: Account,
    Json(new): Json<NewDraft>,
) -> Result<(StatusCode, axum::Json<DraftAnswer>)> {
    let draft = super::create(&state, account.id, new).await?;
    Ok((StatusCode::CREATED, axum::Json(DraftAnswer { draft })))
}

/// One's drafts, last changed first.
#[utoipa::path(get, path = "/api/v1/drafts", tag = "drafts",
    responses((status = 200, body = DraftList), (status = 401, body = Problem)))]
pub async fn list(Shared(state): Shared<State>, account: Account) -> Result<impl IntoResponse> {
    let items = super::list(&state, account.id).await?;
    Ok((NO_STORE, axum::Json(DraftList { items })))
}

/// A draft of one's own.
#[utoipa::path(get, path = "/api/v1/drafts/{id}", tag = "drafts", params(("id" = DraftId, Path)),
    responses((status = 200, body = DraftAnswer), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn get(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<DraftId>,
) -> Result<impl IntoResponse> {
    let draft = super::get(&state, account.id, id).await?;
    Ok((NO_STORE, axum::Json(DraftAnswer { draft })))
}

/// Change a draft. With an older revision than it has, it stays as it is and is answered with the refusal.
#[utoipa::path(put, path = "/api/v1/drafts/{id}", tag = "drafts", params(("id" = DraftId, Path)),
    request_body = DraftChange,
    responses((status = 200, body = DraftAnswer), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, body = StaleDraft), (status = 422, body = Problem)))]
pub async fn change(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<DraftId>,
    request: Request,
) -> Result<Response> {
    // Another's draft is not there, whatever the body says.
    super::get(&state, account.id, id).await?;
    let Json(change) = Json::<DraftChange>::from_request(request, &state).await?;
    match super::change(&state, account.id, id, change).await? {
        Changed::Done(draft) => Ok(axum::Json(DraftAnswer { draft: *draft }).into_response()),
        Changed::Stale(draft) => Ok(stale(*draft)),
    }
}

fn stale(draft: Draft) -> Response {
    let status = StatusCode::CONFLICT;
    let problem = Problem {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or("Conflict").to_owned(),
        status: status.as_u16(),
        code: "stale_revision",
        detail: format!("this draft was changed elsewhere; it is at revision {} now", draft.revision),
        field: Some("revision".to_owned()),
    };
    let mut response = (status, NO_STORE, axum::Json(StaleDraft { problem, draft })).into_response();
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Delete a draft, and the uploads that nothing else needs.
#[utoipa::path(delete, path = "/api/v1/drafts/{id}", tag = "drafts", params(("id" = DraftId, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn delete(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<DraftId>,
) -> Result<StatusCode> {
    super::delete(&state, account.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a video of a draft. Consent to every sound and video in it is asked again.
#[utoipa::path(post, path = "/api/v1/drafts/{id}/publish", tag = "drafts", params(("id" = DraftId, Path)),
    request_body = Publication,
    responses((status = 202, body = PublishedAnswer), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn publish(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<DraftId>,
    request: Request,
) -> Result<(StatusCode, axum::Json<PublishedAnswer>)> {
    super::get(&state, account.id, id).await?;
    let Json(publication) = Json::<Publication>::from_request(request, &state).await?;
    let who = (account.id, account.session.viewer);
    let video = super::publish::publish(&state, who, id, publication).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(PublishedAnswer { video })))
}

/// The bytes of an upload that a draft of one's own names, whole or a range of them.
#[utoipa::path(get, path = "/api/v1/drafts/{id}/sources/{upload}", tag = "drafts",
    params(("id" = DraftId, Path), ("upload" = UploadId, Path)),
    responses((status = 200, content_type = "application/octet-stream"),
        (status = 206, content_type = "application/octet-stream"), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 416, body = Problem)))]
pub async fn source(
    Shared(state): Shared<State>,
    account: Account,
    Paths((id, upload)): Paths<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    let id: DraftId = id.parse().map_err(|_| Error::not_found("draft"))?;
    let upload: UploadId = upload.parse().map_err(|_| Error::not_found("upload"))?;
    let bytes = super::serve::open(&state, account.id, id, upload).await?;
    super::serve::answer(bytes, &headers).await
}

/// A new draft of what one's video was made of, to be edited again; nothing is uploaded again. A video that was uploaded
/// whole is one segment, of the upload where that is kept and browsers play it, else of the largest file that is served.
#[utoipa::path(post, path = "/api/v1/videos/{id}/edit", tag = "drafts", params(("id" = VideoId, Path)),
    responses((status = 201, body = DraftAnswer), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub async fn edit_again(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<VideoId>,
) -> Result<(StatusCode, axum::Json<DraftAnswer>)> {
    let draft = super::edit_again(&state, account.id, id).await?;
    Ok((StatusCode::CREATED, axum::Json(DraftAnswer { draft })))
}

/// How far the new edit of one's video is, or why there will be none.
#[utoipa::path(get, path = "/api/v1/videos/{id}/edit", tag = "drafts", params(("id" = VideoId, Path)),
    responses((status = 200, body = ReplacementAnswer), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn replacement(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<VideoId>,
) -> Result<impl IntoResponse> {
    let replacement = super::replace::get(&state, account.id, id).await?;
    Ok((NO_STORE, axum::Json(ReplacementAnswer { replacement })))
}

/// Have one's published video play a draft from now on: its address, what is said of it and what viewers made of it stay.
/// The old edit is served until the new one is made. Consent to every sound and video in it is asked again.
#[utoipa::path(put, path = "/api/v1/videos/{id}/edit", tag = "drafts", params(("id" = VideoId, Path)),
    request_body = NewEdit,
    responses((status = 202, body = ReplacementAnswer), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn replace(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<VideoId>,
    request: Request,
) -> Result<(StatusCode, axum::Json<ReplacementAnswer>)> {
    // Another's video is not there, whatever the body says.
    video::require_own(&state, account.id, id).await?;
    let Json(new) = Json::<NewEdit>::from_request(request, &state).await?;
    let replacement = super::replace::begin(&state, account.id, id, new.draft_id).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(ReplacementAnswer { replacement: Some(replacement) })))
}

/// Want no other edit of one's video: one that is being made is given up unless the video plays it already, and the
/// notice of one that failed goes. Its draft stays.
#[utoipa::path(delete, path = "/api/v1/videos/{id}/edit", tag = "drafts", params(("id" = VideoId, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn withdraw(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<VideoId>,
) -> Result<StatusCode> {
    super::replace::withdraw(&state, account.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An empty body, for answers that have none.
pub(super) fn nothing() -> Body {
    Body::empty()
}
