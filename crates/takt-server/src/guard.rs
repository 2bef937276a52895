//! What holds for every request: cross-site writes are refused, answers carry protective headers, all are measured.

use crate::error::Error;
use crate::state::State;
use axum::extract::{MatchedPath, Request, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

const HEADERS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Answers a request, or refuses it where another site made the browser send it.
pub async fn guard(Shared(state): Shared<State>, request: Request, next: Next) -> Response {
    let began = tokio::time::Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let mut response = if is_cross_site_write(&method, request.headers()) {
        let rule = "another site may not do this in your name";
        Error::refused(StatusCode::FORBIDDEN, "cross_site", rule).into_response()
    } else if is_short_write(&method) {
        finish(request, next).await
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if state.config.http.public_url.as_deref().is_some_and(|url| url.starts_with("https://")) {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(year);
    }
    let labels = [
        ("method", method.to_string()),
        ("route", route),
        ("status", response.status().as_u16().to_string()),
    ];
    metrics::histogram!("takt_http_request_seconds", &labels).record(began.elapsed().as_secs_f64());
    response
}

/// Whether a request changes something and is small. `PATCH` carries uploads, which end with their connection.
fn is_short_write(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::DELETE)
}

/// Answers a write in a task of its own. A page that is being closed sends its last reports and takes its connection
/// along; a handler that goes on inside that connection would be dropped half-way.
async fn finish(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => Error::Internal(error.to_string()).into_response(),
    }
}

/// Browsers say where a request comes from, by `Sec-Fetch-Site` or at least `Origin`. What says neither is no browser,
/// and what carries its own token was not sent by a cookie.
fn is_cross_site_write(method: &Method, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
        || headers.contains_key(header::AUTHORIZATION)
    {
        return false;
    }
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return site != "same-origin" && site != "none";
    }
    let Some(origin) = text(header::ORIGIN) else { return false };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_none() || host != text(header::HOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(method: &Method, pairs: &[(&'static str, &'static str)]) -> bool {
        let headers =
            pairs.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect();
        is_cross_site_write(method, &headers)
    }

    #[test]
    fn only_writes_another_site_caused_are_refused() {
        let post = Method::POST;
        assert!(refused(&post, &[("sec-fetch-site", "cross-site")]));
        assert!(refused(&post, &[("sec-fetch-site", "same-site")]));
        assert!(refused(&post, &[("origin", "https://evil.example"), ("host", "takt.example")]));
        assert!(refused(&post, &[("origin", "null"), ("host", "takt.example")]));
        assert!(!refused(&post, &[("sec-fetch-site", "same-origin"), ("origin", "https://other")]));
        assert!(!refused(&post, &[("origin", "https://takt.example"), ("host", "takt.example")]));
        assert!(!refused(&post, &[("sec-fetch-site", "cross-site"), ("authorization", "Bearer x")]));
        assert!(!refused(&post, &[]));
        assert!(!refused(&Method::GET, &[("sec-fetch-site", "cross-site")]));
    }
}
