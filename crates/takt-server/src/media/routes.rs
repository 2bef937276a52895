//! `GET` and `HEAD /media/{video_id}/{file}`.

use super::range::{self, Wanted};
use super::{FileName, Object, local};
use crate::error::{Error, Result};
use crate::state::State;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::ops::Range;
use std::time::Duration;
use takt_core::VideoId;
use takt_store::BlobKey;

const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// A part of an object in a bucket up to this size is read at once instead of being streamed.
const PART_BYTES_MAX: u64 = 1024 * 1024;
/// How long an address at the bucket works, and how long browsers may keep it.
const SIGNED_FOR: Duration = Duration::from_secs(3600);
const SIGNED_KEPT: HeaderValue = HeaderValue::from_static("private, max-age=1800");

const ROUTE: &str = "/media/{video_id}/{file}";

/// The route, to stay outside of all layers: answers are compressed already, there is nothing to guard but reading what is
/// public, and each layer costs a tenth of what sending a piece does.
pub fn router() -> Router<State> {
    Router::new().route(ROUTE, get(media).fallback(crate::router::method_not_allowed))
}

type MediaPath = std::result::Result<Path<(String, String)>, PathRejection>;

async fn media(state: Shared<State>, method: Method, path: MediaPath, headers: HeaderMap) -> Response {
    let began = tokio::time::Instant::now();
    let mut response = answer(&state, &method, path, &headers).await.into_response();
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let status = match response.status() {
        StatusCode::OK => "200",
        StatusCode::PARTIAL_CONTENT => "206",
        StatusCode::NOT_MODIFIED => "304",
        StatusCode::NOT_FOUND => "404",
        _ => "other",
    };
    metrics::histogram!("takt_http_request_seconds", "method" => "GET", "route" => ROUTE, "status" => status)
        .record(began.elapsed().as_secs_f64());
    response
}

async fn answer(state: &State, method: &Method, path: MediaPath, headers: &HeaderMap) -> Result<Response> {
    let missing = || Error::not_found("media file");
    let Path((video, file)) = path.map_err(|_| missing())?;
    let video: VideoId = video.parse().map_err(|_| missing())?;
    let file: FileName = file.parse().map_err(|()| missing())?;
    if state.config.media.s3_redirect
        && let Some(response) = redirect(state, video, file).await?
    {
        return Ok(response);
    }
    let object = super::object(state, video, file).await?;
    let bytes_total = object.bytes_total();
    let etag = file.etag();
    let (status, range) = match range::wanted(method, headers, &etag, bytes_total) {
        Wanted::Whole => (StatusCode::OK, 0..bytes_total),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::NotModified => return Ok(described(StatusCode::NOT_MODIFIED, Body::empty(), &etag)),
        Wanted::PreconditionFailed => {
            let message = "this file is not the one the request wants";
            return Err(Error::refused(StatusCode::PRECONDITION_FAILED, "precondition_failed", message));
        }
        Wanted::Unsatisfiable => return Ok(unsatisfiable(bytes_total)),
    };
    let length = range.end - range.start;
    let content_range = (status == StatusCode::PARTIAL_CONTENT).then(|| content_range(&range, bytes_total));
    let body =
        if *method == Method::HEAD { Body::empty() } else { body(state, object, video, file, range).await? };
    let mut response = described(status, body, &etag);
    let set = response.headers_mut();
    set.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    set.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.kind.content_type()));
    if let Some(content_range) = content_range {
        set.insert(header::CONTENT_RANGE, content_range);
    }
    Ok(response)
}

/// What holds for every answer about a file that exists, 304 included.
fn described(status: StatusCode, body: Body, etag: &str) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let set = response.headers_mut();
    set.reserve(10);
    if let Ok(etag) = HeaderValue::from_str(etag) {
        set.insert(header::ETAG, etag);
    }
    set.insert(header::CACHE_CONTROL, IMMUTABLE);
    set.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // Other sites may show videos; there is nothing secret about what is public.
    set.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

fn content_range(range: &Range<u64>, bytes_total: u64) -> HeaderValue {
    let text = format!("bytes {}-{}/{bytes_total}", range.start, range.end - 1);
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("bytes */*"))
}

fn unsatisfiable(bytes_total: u64) -> Response {
    let message = format!("the file has {bytes_total} bytes; the range begins beyond them");
    let mut response =
        Error::refused(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", message).into_response();
    if let Ok(range) = HeaderValue::try_from(format!("bytes */{bytes_total}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    response
}

async fn body(
    state: &State,
    object: Object,
    video: VideoId,
    file: FileName,
    range: Range<u64>,
) -> Result<Body> {
    if range.is_empty() {
        return Ok(Body::empty());
    }
    let within = || {
        let place = |at: u64| usize::try_from(at).map_err(|error| Error::Internal(error.to_string()));
        Ok::<_, Error>(place(range.start)?..place(range.end)?)
    };
    match object {
        Object::Whole(bytes) => Ok(Body::from(bytes.slice(within()?))),
        Object::Local(file) => Ok(local::body(file, within()?).await?),
        Object::Remote(_) => {
            let key = BlobKey::media(video, &file.to_string())?;
            if range.end - range.start <= PART_BYTES_MAX {
                return Ok(Body::from(state.blobs.get_range(&key, range).await?));
            }
            Ok(Body::from_stream(state.blobs.get_stream(&key, range)))
        }
    }
}

/// Sends the viewer to the bucket, if there is one.
async fn redirect(state: &State, video: VideoId, file: FileName) -> Result<Option<Response>> {
    if state.media_cache.is_gone(video) {
        return Err(Error::not_found("media file"));
    }
    let key = BlobKey::media(video, &file.to_string())?;
    let Some(url) = state.blobs.signed_url(&key, SIGNED_FOR).await? else { return Ok(None) };
    let location = HeaderValue::try_from(url).map_err(|error| Error::Internal(error.to_string()))?;
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, SIGNED_KEPT)];
    Ok(Some((StatusCode::TEMPORARY_REDIRECT, headers).into_response()))
}
