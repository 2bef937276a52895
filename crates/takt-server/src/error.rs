//! The one error of the HTTP edge, answered as RFC 9457 problem JSON.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::borrow::Cow;
use takt_store::{BlobError, DbError, JobError, LogError};

/// Seconds after which a client may try again when a store is away.
const RETRY_AFTER_S: u64 = 5;

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something the client can mend: status, stable code, the rule in words, and the field it is about.
    #[error("{message}")]
    Refused { status: StatusCode, code: &'static str, message: Cow<'static, str>, field: Option<String> },
    /// Too often; may be tried again after so many seconds.
    #[error("too many requests")]
    TooMany { retry_after_s: u64 },
    /// A store is away; viewers of what is cached go on.
    #[error("a store is unavailable: {0}")]
    Unavailable(String),
    /// A unique key was taken meanwhile; slices turn this into their own refusal.
    #[error("taken meanwhile")]
    Conflict,
    /// A fault of ours: logged, never sent.
    #[error("{0}")]
    Internal(String),
}

/// What handlers return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The thing does not exist, or not for whoever asks.
    pub fn not_found(what: &'static str) -> Self {
        Self::refused(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
    }
    /// A session with an account is needed.
    pub fn unauthenticated() -> Self {
        Self::refused(StatusCode::UNAUTHORIZED, "unauthenticated", "sign in to do this")
    }
    /// A value breaks a rule.
    pub fn invalid(field: impl Into<String>, rule: impl Into<Cow<'static, str>>) -> Self {
        let (status, code) = (StatusCode::UNPROCESSABLE_ENTITY, "invalid_field");
        Self::Refused { status, code, message: rule.into(), field: Some(field.into()) }
    }
    /// Any other refusal.
    pub fn refused(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused { status, code, message: message.into(), field: None }
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        if error.is_conflict() {
            Self::Conflict
        } else if error.is_unavailable() {
            Self::Unavailable(error.to_string())
        } else {
            Self::Internal(error.to_string())
        }
    }
}
impl From<LogError> for Error {
    fn from(error: LogError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        if error.is_unavailable() {
            Self::Unavailable(error.to_string())
        } else {
            Self::Internal(error.to_string())
        }
    }
}
impl From<JobError> for Error {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Db(error) => error.into(),
            other => Self::Internal(other.to_string()),
        }
    }
}
impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// RFC 9457 problem details, with a stable `code` and, where it applies, the field.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` tells problems apart.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable name of the problem.
    pub code: &'static str,
    /// What to do about it.
    pub detail: String,
    /// The field at fault, as a path in the body or a parameter's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, code, detail, field, retry_after_s) = match self {
            Self::Refused { status, code, message, field } => {
                (status, code, message.into_owned(), field, None)
            }
            Self::TooMany { retry_after_s } => {
                let detail = format!("too many requests; try again in {retry_after_s} s");
                (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail, None, Some(retry_after_s))
            }
            Self::Unavailable(reason) => {
                tracing::warn!(reason, "a store is unavailable");
                let detail = "a part of this server is away; try again shortly".to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail, None, Some(RETRY_AFTER_S))
            }
            Self::Conflict => {
                let detail = "somebody else did the same at the same time; look again".to_owned();
                (StatusCode::CONFLICT, "conflict", detail, None, None)
            }
            Self::Internal(reason) => {
                tracing::error!(reason, "request failed");
                let detail = "this is a fault of the server; it has been noted".to_owned();
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", detail, None, None)
            }
        };
        problem(status, code, detail, field, retry_after_s)
    }
}

fn problem(
    status: StatusCode,
    code: &'static str,
    detail: String,
    field: Option<String>,
    retry_after_s: Option<u64>,
) -> Response {
    let title = status.canonical_reason().unwrap_or("Error").to_owned();
    let body = Problem { kind: "about:blank", title, status: status.as_u16(), code, detail, field };
    let mut response = (status, axum::Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
