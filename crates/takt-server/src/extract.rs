//! Extractors whose refusals are problems that name the field.

use crate::error::Error;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// A JSON body. Unknown fields are refused where the type says so.
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let content_type =
            request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        let is_json =
            content_type.split(';').next().is_some_and(|t| t.trim().eq_ignore_ascii_case("application/json"));
        if !is_json {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Error::refused(status, "not_json", "send the body as application/json"));
        }
        let body =
            Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    Error::refused(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the body is too large")
                }
                _ => Error::refused(
                    StatusCode::BAD_REQUEST,
                    "broken_body",
                    "the body could not be read to its end",
                ),
            })?;
        parse_json(&body).map(Json)
    }
}

fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    // Serde would take a list for the fields of a struct, in order. No body of ours is one.
    if body.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(Error::refused(
            StatusCode::BAD_REQUEST,
            "invalid_json",
            "the body must be a JSON object",
        ));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let field = error.path().to_string();
        let reason = error.into_inner();
        if reason.is_data() {
            let field = if field == "." { None } else { Some(field) };
            let (status, code) = (StatusCode::UNPROCESSABLE_ENTITY, "invalid_field");
            Error::Refused { status, code, message: reason.to_string().into(), field }
        } else {
            Error::refused(StatusCode::BAD_REQUEST, "invalid_json", format!("the body is not JSON: {reason}"))
        }
    })?;
    deserializer.end().map_err(|reason| {
        Error::refused(StatusCode::BAD_REQUEST, "invalid_json", format!("the body is not JSON: {reason}"))
    })?;
    Ok(value)
}

/// One path parameter of any type that parses. What does not parse names nothing, so it is not found.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let axum::extract::Path(text) = axum::extract::Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| Error::not_found("thing"))?;
        text.parse().map(Path).map_err(|_| Error::not_found("thing"))
    }
}

/// Query parameters. Unknown or malformed ones are refused by name.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(query)) => Ok(Query(query)),
            Err(rejection) => {
                Err(Error::refused(StatusCode::BAD_REQUEST, "invalid_query", rejection.body_text()))
            }
        }
    }
}

/// How many items a page shall have: 1 to `max`, `max` at most where more are asked for.
pub fn page_limit(limit: Option<u32>, default: usize, max: usize) -> Result<usize, Error> {
    match limit {
        None => Ok(default.min(max)),
        Some(0) => Err(Error::invalid("limit", "must be at least 1")),
        Some(limit) => Ok((limit as usize).min(max)),
    }
}
