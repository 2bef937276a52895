//! Event intake.

use super::{EVENTS_MAX, Report};
use crate::error::{Error, Problem, Result};
use crate::extract::Json;
use crate::session::Viewer;
use crate::state::State;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

/// What a client reports, oldest first.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reports {
    /// At most 500.
    events: Vec<Report>,
}

/// What became of the reports.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Intake {
    /// New, and stored.
    accepted: usize,
    /// Told before.
    duplicate: usize,
    /// About videos that are not there (any more).
    ignored: usize,
}

/// Report events. When this answers they are on disk, and the next page reflects them.
#[utoipa::path(post, path = "/api/v1/events", tag = "events", request_body = Reports,
    responses((status = 202, body = Intake), (status = 401, body = Problem), (status = 422, body = Problem),
              (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn create(
    Shared(state): Shared<State>,
    viewer: Viewer,
    Json(reports): Json<Reports>,
) -> Result<(StatusCode, axum::Json<Intake>)> {
    let total = reports.events.len();
    if total > EVENTS_MAX {
        return Err(Error::invalid("events", "must hold at most 500 events"));
    }
    state.limits.events(viewer.id, total)?;
    let mut events = Vec::with_capacity(total);
    for (index, report) in reports.events.into_iter().enumerate() {
        let video = report.video_id;
        let event = report.into_event(index, viewer.id)?;
        if state.feed.knows(video) {
            events.push(event);
        }
    }
    let ignored = total - events.len();
    let recorded = state.feed.record_reported(viewer.id, events).await?;
    metrics::counter!("takt_events_total").increment(recorded.accepted as u64);
    let body = Intake { accepted: recorded.accepted, duplicate: recorded.duplicate, ignored };
    Ok((StatusCode::ACCEPTED, axum::Json(body)))
}
