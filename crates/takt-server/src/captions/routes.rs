//! Captions over HTTP: one file of WebVTT for each video and language.

use super::vtt;
use crate::error::{Error, Problem, Result};
use crate::session::{Account, MaybeSession};
use crate::state::State;
use crate::video::{self, Looker};
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Path as Paths, Request, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use takt_core::{Lang, VideoId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const VTT: &str = "text/vtt";

/// The routes.
pub fn router() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(get, put, remove))
}

fn named((video, language): (String, String)) -> Result<(VideoId, Lang)> {
    let video = video.parse().map_err(|_| Error::not_found("video"))?;
    Ok((video, language.parse().map_err(|_| Error::not_found("captions"))?))
}

/// The captions of a video in one language, as WebVTT.
#[utoipa::path(get, path = "/api/v1/videos/{id}/captions/{language}", tag = "videos",
    params(("id" = VideoId, Path), ("language" = Lang, Path)),
    responses((status = 200, content_type = "text/vtt", body = String), (status = 404, body = Problem)))]
pub async fn get(
    Shared(state): Shared<State>,
    session: MaybeSession,
    Paths(names): Paths<(String, String)>,
) -> Result<impl IntoResponse> {
    let (video, language) = named(names)?;
    let file = super::file(&state, video, &language, Looker::from(&session)).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/vtt; charset=utf-8")),
        // Whether it is there depends on who asks.
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((headers, file))
}

/// Set the captions of one's video in a language: a file of WebVTT with at most 500 cues, none over another, marks
/// `<b>`, `<i>`, `<u>` and `<v NAME>`. Refusals name the cue (`captions.cues[3].end`) and the rule.
#[utoipa::path(put, path = "/api/v1/videos/{id}/captions/{language}", tag = "videos",
    params(("id" = VideoId, Path), ("language" = Lang, Path)),
    request_body(content = String, content_type = "text/vtt"),
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem),
        (status = 422, body = Problem)))]
pub async fn put(
    Shared(state): Shared<State>,
    account: Account,
    Paths(names): Paths<(String, String)>,
    request: Request,
) -> Result<StatusCode> {
    let (video, language) = named(names)?;
    // Another's video is not there, whatever the body says.
    video::require_own(&state, account.id, video).await?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(VTT) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Error::refused(status, "not_vtt", "send the captions as text/vtt"));
    }
    let file = Bytes::from_request(request, &state).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let message = format!("captions must have at most {} bytes", vtt::BYTES_MAX);
            Error::refused(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
        }
        _ => Error::refused(StatusCode::BAD_REQUEST, "broken_body", "the body could not be read to its end"),
    })?;
    super::put(&state, account.id, video, &language, &file).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove the captions of one's video in a language, if there are any.
#[utoipa::path(delete, path = "/api/v1/videos/{id}/captions/{language}", tag = "videos",
    params(("id" = VideoId, Path), ("language" = Lang, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn remove(
    Shared(state): Shared<State>,
    account: Account,
    Paths(names): Paths<(String, String)>,
) -> Result<StatusCode> {
    let (video, language) = named(names)?;
    super::remove(&state, account.id, video, &language).await?;
    Ok(StatusCode::NO_CONTENT)
}
