//! Whether the cell lives, is ready, and what it measures.

use crate::error::Result;
use crate::feed::FeedStatus;
use crate::state::State;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::Serialize;
use std::sync::OnceLock;

static METRICS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// The one recorder of this process; installed at first use.
fn recorder() -> Option<&'static PrometheusHandle> {
    METRICS.get_or_init(|| PrometheusBuilder::new().install_recorder().ok()).as_ref()
}

/// What each part says of itself.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Readiness {
    ready: bool,
    /// `ok`, or why not.
    database: String,
    /// `ok`, or why not.
    media: String,
    /// `ok`, or why videos wait.
    ffmpeg: String,
    feed: FeedStatus,
}

/// The process lives.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, body = String)))]
pub async fn live() -> &'static str {
    "ok\n"
}

/// The stores answer, so requests will be.
#[utoipa::path(get, path = "/readyz", tag = "operations",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub async fn ready(Shared(state): Shared<State>) -> Response {
    let database = state.db.ping().await.map_err(|error| error.to_string());
    let media = state.blobs.ping().await.map_err(|error| error.to_string());
    let ready = database.is_ok() && media.is_ok();
    let said = |result: std::result::Result<(), String>| result.err().unwrap_or_else(|| "ok".into());
    let ffmpeg = if state.tools.is_some() { "ok" } else { "ffmpeg was not found: videos wait" }.to_owned();
    let body =
        Readiness { ready, database: said(database), media: said(media), ffmpeg, feed: state.feed.status() };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(body)).into_response()
}

/// Measurements in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, body = String)))]
pub async fn metrics(Shared(state): Shared<State>) -> Response {
    measure(&state).await;
    let text = recorder().map(PrometheusHandle::render).unwrap_or_default();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// Reads the gauges that nobody pushes.
pub async fn measure(state: &State) {
    if recorder().is_none() {
        return;
    }
    let feed = state.feed.status();
    metrics::gauge!("takt_event_log_position").set(feed.log_position as f64);
    metrics::gauge!("takt_recommender_position").set(feed.recommender_position.unwrap_or(0) as f64);
    metrics::gauge!("takt_projected_position").set(feed.projected_position as f64);
    if let Err(error) = measure_jobs(state).await {
        tracing::debug!(%error, "jobs are not counted");
    }
}

async fn measure_jobs(state: &State) -> Result<()> {
    let counts = state.jobs.counts(&state.db).await?;
    for (name, count) in [("ready", counts.ready), ("running", counts.running), ("parked", counts.parked)] {
        metrics::gauge!("takt_jobs", "state" => name).set(count as f64);
    }
    Ok(())
}
