//! Following over HTTP. The feed of it is with the other feeds.

use crate::error::{Problem, Result};
use crate::extract::Path;
use crate::session::Account;
use crate::state::State;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use takt_core::Handle;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub fn router() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(follow, unfollow))
}

/// Follow a creator.
#[utoipa::path(put, path = "/api/v1/accounts/{handle}/follow", tag = "accounts",
    params(("handle" = String, Path)), responses((status = 204), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn follow(
    Shared(state): Shared<State>,
    account: Account,
    Path(handle): Path<Handle>,
) -> Result<StatusCode> {
    super::follow(&state, &account, &handle).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Follow a creator no longer.
#[utoipa::path(delete, path = "/api/v1/accounts/{handle}/follow", tag = "accounts",
    params(("handle" = String, Path)), responses((status = 204), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn unfollow(
    Shared(state): Shared<State>,
    account: Account,
    Path(handle): Path<Handle>,
) -> Result<StatusCode> {
    super::unfollow(&state, &account, &handle).await?;
    Ok(StatusCode::NO_CONTENT)
}
