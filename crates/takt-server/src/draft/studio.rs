//! What an app needs to show an edit as it will be rendered: limits, looks, fonts, and texts painted by the renderer.

use crate::error::{Error, Problem, Result};
use crate::extract::{Json, Path};
use crate::session::Account;
use crate::state::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use takt_media::edit::{self, Canvas, FONTS, Look, Text};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A font's bytes never change under their name.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// A font that texts are painted with.
#[derive(Serialize, utoipa::ToSchema)]
pub struct StudioFont {
    family: &'static str,
    weight: u32,
    url: String,
}

/// The numbers that edit lists are held against.
#[derive(Serialize, utoipa::ToSchema)]
pub struct StudioLimits {
    segments: usize,
    texts: usize,
    text_chars: usize,
    text_lines: usize,
    voice_overs: usize,
    duration_min_ms: u32,
    duration_max_ms: u32,
    part_min_ms: u32,
    source_max_ms: u32,
    stitch_max_ms: u32,
    speed_min: f64,
    speed_max: f64,
    volume_max: f64,
    lead_max_ms: i32,
}

/// How edits are rendered here.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Studio {
    /// Version of edit lists.
    edit_version: u32,
    limits: StudioLimits,
    /// By name, rows of an `feColorMatrix` for sRGB values: 20 numbers.
    looks: BTreeMap<&'static str, Vec<f64>>,
    fonts: Vec<StudioFont>,
}

/// A text to be painted.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextToPaint {
    /// `width` and `height` of the canvas.
    #[schema(value_type = Object)]
    canvas: Canvas,
    /// One of the `texts` of an edit list.
    #[schema(value_type = Object)]
    text: Text,
}

/// The routes.
pub fn router() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(studio)).routes(routes!(font)).routes(routes!(paint))
}

/// Limits, looks and fonts of edit lists.
#[utoipa::path(get, path = "/api/v1/studio", tag = "drafts", responses((status = 200, body = Studio)))]
pub async fn studio() -> axum::Json<Studio> {
    let row = |[red, green, blue, constant]: [f64; 4]| [red, green, blue, 0.0, constant];
    let looks = Look::ALL.into_iter().filter_map(|look| {
        let mut rows = look.matrix()?.map(row).concat();
        rows.extend([0.0, 0.0, 0.0, 1.0, 0.0]);
        Some((look.name(), rows))
    });
    axum::Json(Studio {
        edit_version: edit::VERSION,
        limits: StudioLimits {
            segments: edit::SEGMENTS_MAX,
            texts: edit::TEXTS_MAX,
            text_chars: edit::TEXT_CHARS_MAX,
            text_lines: edit::TEXT_LINES_MAX,
            voice_overs: edit::VOICE_OVERS_MAX,
            duration_min_ms: *edit::DURATION_MS.start(),
            duration_max_ms: *edit::DURATION_MS.end(),
            part_min_ms: edit::PART_MS_MIN,
            source_max_ms: edit::SOURCE_MS_MAX,
            stitch_max_ms: edit::STITCH_MS_MAX,
            speed_min: *edit::SPEED.start(),
            speed_max: *edit::SPEED.end(),
            volume_max: *edit::VOLUME.end(),
            lead_max_ms: edit::LEAD_MS_MAX,
        },
        looks: looks.collect(),
        fonts: FONTS
            .iter()
            .map(|font| StudioFont {
                family: font.family,
                weight: 700,
                url: format!("/api/v1/studio/fonts/{}", font.file),
            })
            .collect(),
    })
}

/// A font that texts are painted with.
#[utoipa::path(get, path = "/api/v1/studio/fonts/{file}", tag = "drafts", params(("file" = String, Path)),
    responses((status = 200, content_type = "font/ttf"), (status = 404, body = Problem)))]
pub async fn font(Path(file): Path<String>) -> Result<impl IntoResponse> {
    let font = FONTS.iter().find(|font| font.file == file).ok_or_else(|| Error::not_found("font"))?;
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("font/ttf"));
    Ok(([kind, (header::CACHE_CONTROL, IMMUTABLE)], font.bytes))
}

/// A text as the renderer paints it: a PNG to be laid on the canvas at `takt-x`, `takt-y`. 204 where nothing is seen of it.
#[utoipa::path(post, path = "/api/v1/studio/text", tag = "drafts", request_body = TextToPaint,
    responses((status = 200, content_type = "image/png"), (status = 204), (status = 401, body = Problem),
        (status = 422, body = Problem)))]
pub async fn paint(_account: Account, Json(wanted): Json<TextToPaint>) -> Result<axum::response::Response> {
    let TextToPaint { canvas, text } = wanted;
    edit::check_text(&text, canvas).map_err(|refusal| Error::invalid(refusal.path, refusal.rule))?;
    let painted = tokio::task::spawn_blocking(move || {
        let Some(picture) = edit::paint(&text, canvas) else { return Ok(None) };
        Ok::<_, std::io::Error>(Some((picture.png()?, picture.x, picture.y)))
    });
    let painted =
        painted.await.map_err(|error| Error::Internal(format!("painting a text failed: {error}")))??;
    let Some((png, x, y)) = painted else {
        return Ok(axum::http::StatusCode::NO_CONTENT.into_response());
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("image/png")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
        (HeaderName::from_static("takt-x"), HeaderValue::from(x)),
        (HeaderName::from_static("takt-y"), HeaderValue::from(y)),
    ];
    Ok((headers, png).into_response())
}
