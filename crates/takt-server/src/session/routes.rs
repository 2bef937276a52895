//! Signing in and out.

use super::{Account, Caller, MaybeSession, with_cookie, without_cookie};
use crate::account::{self, AccountBody, Credentials, SignedIn};
use crate::error::{Error, Problem, Result};
use crate::extract::Json;
use crate::state::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use takt_core::{SessionId, Timestamp};

/// Who the browser's session belongs to.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CurrentSession {
    /// The account signed in, or null for an anonymous viewer.
    account: Option<AccountBody>,
}

/// A viewer's token.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ViewerToken {
    /// Send it as `Authorization: Bearer`.
    token: String,
}

/// One sign-in of the account.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SessionBody {
    id: SessionId,
    created_at: Timestamp,
    last_seen_at: Timestamp,
    /// The client's own name for itself.
    client: String,
    /// Whether this very request used it.
    current: bool,
}

/// All sign-ins of the account.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SessionList {
    sessions: Vec<SessionBody>,
}

/// Sign in. What an anonymous viewer of the same browser taught the feed is kept.
#[utoipa::path(post, path = "/api/v1/sessions", tag = "sessions", request_body = Credentials,
    responses((status = 201, body = SignedIn), (status = 401, body = Problem), (status = 429, body = Problem)))]
pub async fn sign_in(
    axum::extract::State(state): axum::extract::State<State>,
    caller: Caller,
    MaybeSession(session): MaybeSession,
    Json(credentials): Json<Credentials>,
) -> Result<Response> {
    state.limits.sign_in(caller.network, credentials.handle.as_str())?;
    let (account, token) = account::sign_in(&state, credentials, session, &caller.client).await?;
    let body = SignedIn { account, token: token.reveal().to_owned() };
    Ok(with_cookie(&state.config, &token, (StatusCode::CREATED, axum::Json(body))))
}

/// Who is signed in here. Never refuses: a browser without a session gets an anonymous one.
#[utoipa::path(get, path = "/api/v1/sessions/current", tag = "sessions", responses((status = 200, body = CurrentSession)))]
pub async fn current(
    axum::extract::State(state): axum::extract::State<State>,
    caller: Caller,
    MaybeSession(session): MaybeSession,
) -> Result<Response> {
    let Some(session) = session else {
        state.limits.new_viewer(caller.network)?;
        let (_, token) = super::open_anonymous(&state, &caller.client).await?;
        return Ok(with_cookie(&state.config, &token, axum::Json(CurrentSession { account: None })));
    };
    let account = match session.account {
        Some(id) => account::by_id(&state, id).await?,
        None => None,
    };
    Ok(axum::Json(CurrentSession { account }).into_response())
}

/// Sign out here.
#[utoipa::path(delete, path = "/api/v1/sessions/current", tag = "sessions",
    responses((status = 204), (status = 401, body = Problem)))]
pub async fn sign_out(
    axum::extract::State(state): axum::extract::State<State>,
    MaybeSession(session): MaybeSession,
) -> Result<Response> {
    let session = session.ok_or_else(Error::unauthenticated)?;
    super::close(&state, session.id).await?;
    Ok(without_cookie(&state.config, StatusCode::NO_CONTENT))
}

/// Where the account is signed in.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions",
    responses((status = 200, body = SessionList), (status = 401, body = Problem)))]
pub async fn list(
    axum::extract::State(state): axum::extract::State<State>,
    account: Account,
) -> Result<axum::Json<SessionList>> {
    let rows = super::store::by_account(&state.db, account.id).await?;
    let sessions = rows
        .into_iter()
        .map(|row| SessionBody {
            id: row.id,
            created_at: row.created_ms,
            last_seen_at: row.last_seen_ms,
            client: row.client,
            current: row.id == account.session.id,
        })
        .collect();
    Ok(axum::Json(SessionList { sessions }))
}

/// Sign out everywhere, here included.
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "sessions",
    responses((status = 204), (status = 401, body = Problem)))]
pub async fn sign_out_everywhere(
    axum::extract::State(state): axum::extract::State<State>,
    account: Account,
) -> Result<Response> {
    super::close_all(&state, account.id).await?;
    Ok(without_cookie(&state.config, StatusCode::NO_CONTENT))
}

/// A token for a client without an account and without cookies.
#[utoipa::path(post, path = "/api/v1/viewers", tag = "sessions",
    responses((status = 201, body = ViewerToken), (status = 429, body = Problem)))]
pub async fn create_viewer(
    axum::extract::State(state): axum::extract::State<State>,
    caller: Caller,
) -> Result<(StatusCode, axum::Json<ViewerToken>)> {
    state.limits.new_viewer(caller.network)?;
    let (_, token) = super::open_anonymous(&state, &caller.client).await?;
    Ok((StatusCode::CREATED, axum::Json(ViewerToken { token: token.reveal().to_owned() })))
}
