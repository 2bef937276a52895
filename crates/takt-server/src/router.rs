//! Every route there is.

use crate::error::Error;
use crate::state::State;
use crate::{
    account, captions, draft, event, feed, follow, guard, health, history, media, session, sound, taste,
    upload, video, web_app,
};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

#[derive(OpenApi)]
#[openapi(info(
    title = "Takt",
    description = "A short-video network. Errors are RFC 9457 problem JSON with a stable `code`. \
                   Times are RFC 3339, ids UUIDs. Send a token as `Authorization: Bearer`; browsers have a cookie.",
    license(name = "AGPL-3.0-or-later")
))]
struct Api;

fn api() -> OpenApiRouter<State> {
    OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(account::routes::create))
        .routes(routes!(account::routes::recover))
        .routes(routes!(account::routes::profile))
        .routes(routes!(account::routes::me, account::routes::delete))
        .routes(routes!(account::routes::change_password))
        .routes(routes!(
            session::routes::sign_in,
            session::routes::list,
            session::routes::sign_out_everywhere
        ))
        .routes(routes!(session::routes::current, session::routes::sign_out))
        .routes(routes!(session::routes::create_viewer))
        .routes(routes!(feed::routes::for_you))
        .routes(routes!(feed::routes::latest))
        .routes(routes!(feed::routes::popular))
        .routes(routes!(feed::routes::following))
        .merge(feed::audit_routes::router())
        .merge(taste::routes::router())
        .merge(follow::routes::router())
        .routes(routes!(event::routes::create))
        .routes(routes!(web_app::public_config))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .merge(video::routes::router())
        .merge(captions::routes::router())
        .merge(history::routes::router())
        .merge(sound::routes::router())
        .merge(draft::routes::router())
}

/// The whole API as OpenAPI 3.1, in JSON.
pub fn openapi() -> String {
    let (_, mut document) =
        OpenApiRouter::<State>::new().merge(api()).merge(upload::routes::router()).split_for_parts();
    document.info = Api::openapi().info;
    document.to_pretty_json().unwrap_or_default()
}

/// The router of a cell.
pub fn router(state: State) -> Router {
    let json_bytes_max = state.config.http.json_bytes_max;
    let (api, _) = api().layer(DefaultBodyLimit::max(json_bytes_max)).split_for_parts();
    // Uploads bound their bodies themselves.
    let (uploads, _) = upload::routes::router().layer(DefaultBodyLimit::disable()).split_for_parts();
    let document: &'static str = openapi().leak();
    let json = [(axum::http::header::CONTENT_TYPE, "application/json")];
    api.route("/api/openapi.json", axum::routing::get(move || async move { (json, document) }))
        .merge(web_app::router())
        .layer(CompressionLayer::new())
        .merge(uploads)
        .fallback(web_app::fallback)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn_with_state(state.clone(), guard::guard))
        .merge(media::routes::router())
        .with_state(state)
}

pub(crate) async fn method_not_allowed() -> Error {
    Error::refused(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this address does not take this method",
    )
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    Error::Internal("a handler panicked".into()).into_response()
}
