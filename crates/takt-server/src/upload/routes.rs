//! The tus protocol's requests. Every answer carries `Tus-Resumable`.

use super::headers::{
    self, TUS_RESUMABLE, TUS_VERSION, UPLOAD_EXPIRES, UPLOAD_LENGTH, UPLOAD_METADATA, UPLOAD_OFFSET, VERSION,
};
use super::{Append, Upload, receive};
use crate::error::{Error, Problem, Result};
use crate::extract::Path;
use crate::session::Account;
use crate::state::State;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use takt_core::UploadId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const EXTENSIONS: HeaderValue = HeaderValue::from_static("creation,expiration,termination");
const METHOD_OVERRIDE: &str = "x-http-method-override";

/// The routes. No limit on the size of bodies may be laid around them: they have their own.
pub fn router() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(options, create))
        .routes(routes!(head, patch, terminate, overridden))
        .layer(axum::middleware::map_response(async |mut response: Response| {
            let headers = response.headers_mut();
            headers.insert(TUS_RESUMABLE, HeaderValue::from_static(VERSION));
            if response.status() == StatusCode::PRECONDITION_FAILED {
                response.headers_mut().insert(TUS_VERSION, HeaderValue::from_static(VERSION));
            }
            response
        }))
}

/// What the server speaks and takes.
#[utoipa::path(options, path = "/api/v1/uploads", tag = "uploads", responses((status = 204)))]
pub async fn options(Shared(state): Shared<State>) -> Response {
    let headers = [
        (HeaderName::from_static(TUS_VERSION), HeaderValue::from_static(VERSION)),
        (HeaderName::from_static("tus-extension"), EXTENSIONS),
        (HeaderName::from_static("tus-max-size"), headers::number(state.config.video.bytes_max)),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Begin an upload of `Upload-Length` bytes. The answer's `Location` ends in the upload's id.
#[utoipa::path(post, path = "/api/v1/uploads", tag = "uploads",
    params(("Upload-Length" = u64, Header), ("Tus-Resumable" = String, Header)),
    responses((status = 201), (status = 401, body = Problem), (status = 412, body = Problem),
        (status = 413, body = Problem), (status = 422, body = Problem)))]
pub async fn create(Shared(state): Shared<State>, account: Account, headers: HeaderMap) -> Result<Response> {
    headers::require_version(&headers)?;
    let bytes_total = headers::upload_length(&headers)?;
    let metadata = headers::upload_metadata(&headers)?;
    let upload = super::create(&state, account.id, bytes_total, &metadata).await?;
    let location = format!("/api/v1/uploads/{}", upload.id);
    let mut response = (StatusCode::CREATED, describe(&upload)).into_response();
    let location = HeaderValue::try_from(location).map_err(|error| Error::Internal(error.to_string()))?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// How much of an upload has arrived. Ends a connection that may still be sending bytes of it.
#[utoipa::path(head, path = "/api/v1/uploads/{id}", tag = "uploads", params(("id" = UploadId, Path)),
    responses((status = 200), (status = 401), (status = 404), (status = 410)))]
pub async fn head(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<UploadId>,
    headers: HeaderMap,
) -> Result<Response> {
    known(&state, account, id, &headers).await?;
    let upload = super::find_at_rest(&state, account.id, id).await?;
    let mut response = (StatusCode::OK, describe(&upload)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(UPLOAD_LENGTH, headers::number(upload.bytes_total));
    if let (false, Ok(metadata)) = (upload.metadata.is_empty(), HeaderValue::from_str(&upload.metadata)) {
        headers.insert(UPLOAD_METADATA, metadata);
    }
    Ok(response)
}

/// Send bytes, from `Upload-Offset` on. What is acknowledged is on disk; what a broken connection brought is kept.
#[utoipa::path(patch, path = "/api/v1/uploads/{id}", tag = "uploads",
    params(("id" = UploadId, Path), ("Upload-Offset" = u64, Header)),
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem)))]
pub async fn patch(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    known(&state, account, id, &headers).await?;
    headers::require_patch_type(&headers)?;
    let offset = headers::upload_offset(&headers)?;
    let content_length = headers::content_length(&headers);
    let append = Append { offset, content_length, body };
    match super::append(&state, account.id, id, append).await {
        Ok(upload) => Ok((StatusCode::NO_CONTENT, describe(&upload)).into_response()),
        Err((error, rest)) => {
            // Who waits for "100 Continue" has sent nothing and shall send nothing.
            if !headers.contains_key(header::EXPECT) {
                receive::drain(rest).await;
            }
            Err(error)
        }
    }
}

/// Give an upload up; its bytes are removed.
#[utoipa::path(delete, path = "/api/v1/uploads/{id}", tag = "uploads", params(("id" = UploadId, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub async fn terminate(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<UploadId>,
    headers: HeaderMap,
) -> Result<StatusCode> {
    known(&state, account, id, &headers).await?;
    super::terminate(&state, account.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Any of the above for clients that can only POST: the method is named by `X-HTTP-Method-Override`.
#[utoipa::path(post, path = "/api/v1/uploads/{id}", tag = "uploads",
    params(("id" = UploadId, Path), ("X-HTTP-Method-Override" = String, Header)),
    responses((status = 204), (status = 405, body = Problem)))]
pub async fn overridden(
    Shared(state): Shared<State>,
    account: Account,
    Path(id): Path<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    match headers.get(METHOD_OVERRIDE).map(HeaderValue::as_bytes) {
        Some(b"PATCH") => patch(Shared(state), account, Path(id), headers, body).await,
        Some(b"DELETE") => Ok(terminate(Shared(state), account, Path(id), headers).await?.into_response()),
        Some(b"HEAD") => head(Shared(state), account, Path(id), headers).await,
        _ => Err(Error::refused(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this can not be posted to",
        )),
    }
}

/// Another's upload is not there, whatever else the request says; then the version counts.
async fn known(state: &State, account: Account, id: UploadId, headers: &HeaderMap) -> Result<()> {
    super::find(state, account.id, id).await?;
    headers::require_version(headers)
}

fn describe(upload: &Upload) -> [(HeaderName, HeaderValue); 2] {
    [
        (HeaderName::from_static(UPLOAD_OFFSET), headers::number(upload.offset)),
        (HeaderName::from_static(UPLOAD_EXPIRES), headers::http_date(upload.expires)),
    ]
}
