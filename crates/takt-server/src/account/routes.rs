//! Signing up, one's own account, and profiles.

use super::{AccountBody, Credentials, Recovery, SignedIn};
use crate::error::{Error, Problem, Result};
use crate::extract::{Json, Path};
use crate::follow;
use crate::session::{Account, Caller, MaybeSession, with_cookie, without_cookie};
use crate::state::State;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use takt_core::Handle;

/// A new account.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SignedUp {
    account: AccountBody,
    /// Send it as `Authorization: Bearer`. Browsers use the cookie instead.
    token: String,
    /// Shown this once. Each opens the account once when the password is lost.
    recovery_codes: Vec<String>,
}

/// One's own account.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Me {
    account: AccountBody,
}

/// A new password, proved by the old one.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    current_password: String,
    password: String,
}

/// The password, since what follows can not be undone.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordProof {
    password: String,
}

/// A public profile.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Profile {
    account: AccountBody,
    counts: Counts,
    /// Whether whoever asks follows it; absent for those without an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    followed: Option<bool>,
}

/// What a profile counts, over its public videos.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Counts {
    videos: i64,
    likes: i64,
    views: i64,
    /// How many follow the account.
    followers: i64,
    /// How many it follows.
    following: i64,
}

/// Sign up. No e-mail, no phone; the recovery codes in the answer are shown this once.
#[utoipa::path(post, path = "/api/v1/accounts", tag = "accounts", request_body = Credentials,
    responses((status = 201, body = SignedUp), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    Shared(state): Shared<State>,
    caller: Caller,
    MaybeSession(session): MaybeSession,
    Json(credentials): Json<Credentials>,
) -> Result<Response> {
    state.limits.sign_up(caller.network)?;
    let new = super::create(&state, credentials, session, &caller.client).await?;
    let token = new.token.reveal().to_owned();
    let body = SignedUp { account: new.account, token, recovery_codes: new.recovery_codes };
    Ok(with_cookie(&state.config, &new.token, (StatusCode::CREATED, axum::Json(body))))
}

/// Set a new password by a recovery code.
#[utoipa::path(post, path = "/api/v1/accounts/recovery", tag = "accounts", request_body = Recovery,
    responses((status = 201, body = SignedIn), (status = 401, body = Problem), (status = 429, body = Problem)))]
pub async fn recover(
    Shared(state): Shared<State>,
    caller: Caller,
    Json(recovery): Json<Recovery>,
) -> Result<Response> {
    state.limits.sign_in(caller.network, recovery.handle.as_str())?;
    let (account, token) = super::recover(&state, recovery, &caller.client).await?;
    let body = SignedIn { account, token: token.reveal().to_owned() };
    Ok(with_cookie(&state.config, &token, (StatusCode::CREATED, axum::Json(body))))
}

/// The account signed in.
#[utoipa::path(get, path = "/api/v1/me", tag = "accounts",
    responses((status = 200, body = Me), (status = 401, body = Problem)))]
pub async fn me(Shared(state): Shared<State>, account: Account) -> Result<axum::Json<Me>> {
    let account = super::by_id(&state, account.id).await?.ok_or_else(Error::unauthenticated)?;
    Ok(axum::Json(Me { account }))
}

/// Change the password; every other session is closed.
#[utoipa::path(put, path = "/api/v1/me/password", tag = "accounts", request_body = PasswordChange,
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn change_password(
    Shared(state): Shared<State>,
    account: Account,
    caller: Caller,
    Json(change): Json<PasswordChange>,
) -> Result<StatusCode> {
    state.limits.sign_in(caller.network, &account.id.to_string())?;
    super::change_password(&state, account.id, account.session, change.current_password, change.password)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete the account with everything in it.
#[utoipa::path(delete, path = "/api/v1/me", tag = "accounts", request_body = PasswordProof,
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn delete(
    Shared(state): Shared<State>,
    account: Account,
    caller: Caller,
    Json(proof): Json<PasswordProof>,
) -> Result<Response> {
    state.limits.sign_in(caller.network, &account.id.to_string())?;
    super::delete(&state, account.id, proof.password).await?;
    Ok(without_cookie(&state.config, StatusCode::NO_CONTENT))
}

/// A public profile.
#[utoipa::path(get, path = "/api/v1/accounts/{handle}", tag = "accounts", params(("handle" = String, Path)),
    responses((status = 200, body = Profile), (status = 404, body = Problem)))]
pub async fn profile(
    Shared(state): Shared<State>,
    MaybeSession(session): MaybeSession,
    Path(handle): Path<Handle>,
) -> Result<axum::Json<Profile>> {
    let row =
        super::store::by_handle(&state.db, &handle).await?.ok_or_else(|| Error::not_found("account"))?;
    let counts = super::store::profile_counts(&state.db, row.id).await?;
    let follows = follow::counts(&state, row.viewer_id, row.id).await?;
    let counts = Counts {
        videos: counts.videos,
        likes: counts.likes,
        views: counts.views,
        followers: follows.followers,
        following: follows.following,
    };
    let followed = match session.filter(|session| session.account.is_some()) {
        Some(session) => Some(follow::follows(&state, session.viewer, row.id).await?),
        None => None,
    };
    Ok(axum::Json(Profile { account: row.body(), counts, followed }))
}
