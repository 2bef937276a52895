//! The web app: built files carried in the binary, and pages whose links unfold.

use crate::error::Error;
use crate::state::State;
use crate::video::{self, Looker, VideoBody};
use crate::{account, extract};
use axum::Router;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};
use serde::Serialize;
use takt_core::{Handle, VideoId};

/// What the build of `web/` left, or a page that says how to build it.
#[derive(RustEmbed)]
#[folder = "$TAKT_WEB_DIR"]
struct Files;

const PAGE: &str = "index.html";
const META: &str = "<!--takt:meta-->";
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; \
    style-src 'self' 'unsafe-inline'; script-src 'self'; connect-src 'self'; worker-src 'self'; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const REVALIDATED: &str = "no-cache";

/// What a client should know before it asks.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PublicConfig {
    video: VideoLimits,
    /// Whether strangers may sign up.
    signup: bool,
}

/// What may be uploaded.
#[derive(Serialize, utoipa::ToSchema)]
pub struct VideoLimits {
    duration_min_ms: u64,
    duration_max_ms: u64,
    bytes_max: u64,
}

/// Limits a client can check before it uploads.
#[utoipa::path(get, path = "/api/v1/config", tag = "operations", responses((status = 200, body = PublicConfig)))]
pub async fn public_config(Shared(state): Shared<State>) -> axum::Json<PublicConfig> {
    let limits = &state.config.video;
    axum::Json(PublicConfig {
        video: VideoLimits {
            duration_min_ms: u64::from(limits.duration_min) * 1000,
            duration_max_ms: u64::from(limits.duration_max) * 1000,
            bytes_max: limits.bytes_max,
        },
        signup: state.config.account.signup,
    })
}

/// Pages with a head of their own. All other pages are the fallback's.
pub fn router() -> Router<State> {
    Router::new().route("/v/{id}", get(video_page)).route("/@{handle}", get(profile_page))
}

/// A file of the app, or the app itself for any address that could be one of its pages.
pub async fn fallback(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") || path.starts_with("media/") {
        return Error::not_found("address").into_response();
    }
    if let Some(file) = Files::get(path).filter(|_| path != PAGE) {
        return answer_file(path, &file, &headers);
    }
    if path.rsplit('/').next().is_some_and(|name| name.contains('.')) {
        return Error::not_found("file").into_response();
    }
    page(&headers, StatusCode::OK, "")
}

fn answer_file(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", hex::encode(file.metadata.sha256_hash()));
    let caching = if path.starts_with("assets/") { IMMUTABLE } else { REVALIDATED };
    let mut answer =
        if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            file.data.to_vec().into_response()
        };
    let set = answer.headers_mut();
    set.insert(header::CONTENT_TYPE, content_type(path));
    set.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        set.insert(header::ETAG, etag);
    }
    answer
}

fn content_type(path: &str) -> HeaderValue {
    HeaderValue::from_static(match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "txt" => "text/plain; charset=utf-8",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    })
}

async fn video_page(
    Shared(state): Shared<State>,
    axum::extract::Path(id): axum::extract::Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = match id.parse::<VideoId>() {
        Ok(id) => video::bodies_for(&state, &[id], Looker::default()).await.map(|mut bodies| bodies.pop()),
        Err(_) => Ok(None),
    };
    match found {
        Ok(Some(video)) => {
            let origin = origin(&state, &headers);
            page(&headers, StatusCode::OK, &video_head(&origin, &video))
        }
        // The app says so in words; robots read the status.
        Ok(None) => page(&headers, StatusCode::NOT_FOUND, ""),
        Err(_) => page(&headers, StatusCode::OK, ""),
    }
}

async fn profile_page(
    Shared(state): Shared<State>,
    path: std::result::Result<extract::Path<Handle>, Error>,
    headers: HeaderMap,
) -> Response {
    let Ok(extract::Path(handle)) = path else { return page(&headers, StatusCode::NOT_FOUND, "") };
    let origin = origin(&state, &headers);
    match account::by_handle(&state, &handle).await {
        Ok(Some(_)) => {
            let title = format!("@{handle}");
            let tags =
                [("og:type", "profile"), ("og:title", &title), ("og:url", &format!("{origin}/@{handle}"))];
            page(&headers, StatusCode::OK, &head(&title, &tags))
        }
        Ok(None) => page(&headers, StatusCode::NOT_FOUND, ""),
        Err(_) => page(&headers, StatusCode::OK, ""),
    }
}

fn page(headers: &HeaderMap, status: StatusCode, head: &str) -> Response {
    let Some(file) = Files::get(PAGE) else {
        return Error::Internal("the web app was not built in".into()).into_response();
    };
    let text = String::from_utf8_lossy(&file.data);
    let html = if head.is_empty() { text.replace(META, "") } else { with_head(&text, head) };
    let etag = format!("\"{}\"", hex::encode(&<sha2::Sha256 as sha2::Digest>::digest(html.as_bytes())[..16]));
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut answer = if known && status == StatusCode::OK {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (status, html).into_response()
    };
    let set = answer.headers_mut();
    set.insert(header::CONTENT_TYPE, content_type(PAGE));
    set.insert(header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATED));
    set.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        set.insert(header::ETAG, etag);
    }
    answer
}

/// The page with `head` in place of the marker and of the page's own title.
fn with_head(page: &str, head: &str) -> String {
    let titled = match (page.find("<title>"), page.find("</title>")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &page[..from], &page[to + "</title>".len()..]),
        _ => page.to_owned(),
    };
    titled.replace(META, head)
}

/// The address people use, from the configuration or from the request.
fn origin(state: &State, headers: &HeaderMap) -> String {
    if let Some(url) = &state.config.http.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let scheme =
        if headers.get("x-forwarded-proto").is_some_and(|p| p == "https") { "https" } else { "http" };
    format!("{scheme}://{host}")
}

fn video_head(origin: &str, video: &VideoBody) -> String {
    let title = format!("@{} on Takt", video.creator.handle);
    let url = format!("{origin}/v/{}", video.id);
    let mut tags = vec![
        ("og:type", "video.other".to_owned()),
        ("og:site_name", "Takt".to_owned()),
        ("og:title", title.clone()),
        ("og:description", video.caption.clone()),
        ("og:url", url),
        ("twitter:card", "player".to_owned()),
    ];
    if let Some(poster) = &video.poster_url {
        tags.push(("og:image", format!("{origin}{poster}")));
    }
    if let Some(rendition) = video.renditions.first() {
        tags.push(("og:video", format!("{origin}{}", rendition.url)));
        tags.push(("og:video:type", "video/mp4".to_owned()));
        tags.push(("og:video:width", rendition.width.to_string()));
        tags.push(("og:video:height", rendition.height.to_string()));
    }
    let tags: Vec<(&str, &str)> = tags.iter().map(|(name, value)| (*name, value.as_str())).collect();
    head(&title, &tags)
}

fn head(title: &str, tags: &[(&str, &str)]) -> String {
    let metas = tags
        .iter()
        .map(|(name, value)| format!("<meta property=\"{}\" content=\"{}\" />", escape(name), escape(value)));
    format!("<title>{}</title>\n    {}", escape(title), metas.collect::<Vec<_>>().join("\n    "))
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_can_not_leave_their_attribute() {
        let head = head("a", &[("og:description", "\"><script>alert(1)</script>&'")]);
        assert!(
            head.contains("content=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#39;\""),
            "{head}"
        );
    }

    #[test]
    fn the_head_replaces_marker_and_title() {
        let page = with_head("<head><!--takt:meta--><title>Takt</title></head>", "<title>x</title>");
        assert_eq!(page, "<head><title>x</title></head>");
    }
}
