//! What an edit list must keep to. Whatever passes here can be rendered, given sources that are long enough.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::list::{
    Backing, Canvas, Crop, EditList, Layout, LayoutKind, Place, Segment, Text, VERSION, VoiceOver,
};
use super::timeline;

/// Most segments.
pub const SEGMENTS_MAX: usize = 60;
/// Most texts.
pub const TEXTS_MAX: usize = 40;
/// Most characters of one text.
pub const TEXT_CHARS_MAX: usize = 200;
/// Most lines that one text begins itself.
pub const TEXT_LINES_MAX: usize = 8;
/// Most voice-overs.
pub const VOICE_OVERS_MAX: usize = 20;
/// Slowest and fastest.
pub const SPEED: RangeInclusive<f64> = 0.3..=3.0;
/// Softest and loudest.
pub const VOLUME: RangeInclusive<f64> = 0.0..=2.0;
/// Most that is taken of other videos at the beginning, in milliseconds of their time.
pub const STITCH_MS_MAX: u32 = 5_000;
/// Shortest and longest result, in milliseconds.
pub const DURATION_MS: RangeInclusive<u32> = 1_000..=60_000;
/// Shortest segment, text and voice-over in the result, in milliseconds: three frames.
pub const PART_MS_MIN: u32 = 100;
/// Places in sources go this far, in milliseconds; longer files are no sources.
pub const SOURCE_MS_MAX: u32 = 10 * 60 * 1000;
/// Shorter edge of the canvas, at least.
pub const CANVAS_EDGE_MIN: u32 = 240;
/// Widest and highest canvas.
pub const CANVAS_MAX: (u32, u32) = (1080, 1920);
/// Farthest that the sound was measured to lead or lag, in milliseconds.
pub const LEAD_MS_MAX: i32 = 10_000;
/// Smallest and largest letters, of the canvas' height.
pub const TEXT_SIZE: RangeInclusive<f64> = 0.015..=0.3;
/// Narrowest and widest block of text, of the canvas' width.
pub const TEXT_WIDTH: RangeInclusive<f64> = 0.05..=1.0;
/// Centres of texts may lie outside the picture, so far.
pub const TEXT_PLACE: RangeInclusive<f64> = -0.5..=1.5;
/// Narrowest and lowest crop.
const CROP_MIN: f64 = 0.05;

/// Why an edit list is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {rule}")]
pub struct Refusal {
    /// The field, as a path in the list: `segments[2].speed`. Empty for the list itself.
    pub path: String,
    /// What it must be.
    pub rule: String,
}

/// An edit list that was checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "EditList", into = "EditList")]
pub struct Edit(EditList);

impl Edit {
    /// The list.
    pub fn list(&self) -> &EditList {
        &self.0
    }

    /// Length of the result.
    pub fn duration_ms(&self) -> u32 {
        timeline::length_ms(&self.0.segments)
    }

    /// The same with its poster taken at `at_ms`; past the end counts as the end.
    #[must_use]
    pub fn with_poster(mut self, at_ms: u32) -> Self {
        self.0.poster_ms = at_ms.min(self.duration_ms().saturating_sub(1));
        self
    }
}

impl From<Edit> for EditList {
    fn from(edit: Edit) -> Self {
        edit.0
    }
}

impl TryFrom<EditList> for Edit {
    type Error = Refusal;

    fn try_from(list: EditList) -> Result<Self, Refusal> {
        check(&list)?;
        Ok(Self(list))
    }
}

/// Reads and checks an edit list.
///
/// # Errors
/// Names the first field that is not as it must be, and the rule.
pub fn parse(json: serde_json::Value) -> Result<Edit, Refusal> {
    let list: EditList = serde_path_to_error::deserialize(json).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        Refusal { path, rule: error.into_inner().to_string() }
    })?;
    Edit::try_from(list)
}

fn refuse(path: impl Into<String>, rule: impl Into<String>) -> Result<(), Refusal> {
    Err(Refusal { path: path.into(), rule: rule.into() })
}

fn check(list: &EditList) -> Result<(), Refusal> {
    if list.version != VERSION {
        return refuse("version", format!("must be {VERSION}"));
    }
    check_canvas(list.canvas)?;
    check_segments(&list.segments)?;
    let duration_ms = timeline::length_ms(&list.segments);
    if !DURATION_MS.contains(&duration_ms) {
        let (least, most) = (DURATION_MS.start(), DURATION_MS.end());
        return refuse(
            "segments",
            format!("must last {least} to {most} ms together, these last {duration_ms}"),
        );
    }
    check_layout(&list.layout)?;
    if let Some(sound) = &list.sound {
        check_sound(sound, duration_ms)?;
    }
    check_voice_overs(&list.voice_over, duration_ms)?;
    let fades_ms = u64::from(list.fade.in_ms) + u64::from(list.fade.out_ms);
    if fades_ms > u64::from(duration_ms) {
        return refuse("fade", format!("both together must fit into the {duration_ms} ms of the result"));
    }
    if list.texts.len() > TEXTS_MAX {
        return refuse("texts", format!("must be {TEXTS_MAX} at most"));
    }
    for (number, text) in list.texts.iter().enumerate() {
        check_letters(text, duration_ms, &format!("texts[{number}]"))?;
    }
    if list.poster_ms >= duration_ms {
        return refuse("poster_ms", format!("must be a place in the {duration_ms} ms of the result"));
    }
    Ok(())
}

/// Checks a text on its own, for showing it before it is part of a list.
///
/// # Errors
/// Names the field, in `canvas` or in `text`.
pub fn check_text(text: &Text, canvas: Canvas) -> Result<(), Refusal> {
    check_canvas(canvas)?;
    check_letters(text, *DURATION_MS.end(), "text")
}

fn check_canvas(canvas: Canvas) -> Result<(), Refusal> {
    let (width_max, height_max) = CANVAS_MAX;
    let sides = [("width", canvas.width, width_max), ("height", canvas.height, height_max)];
    for (name, length, most) in sides {
        if !(CANVAS_EDGE_MIN..=most).contains(&length) || !length.is_multiple_of(2) {
            let rule = format!("must be an even number from {CANVAS_EDGE_MIN} to {most}");
            return refuse(format!("canvas.{name}"), rule);
        }
    }
    Ok(())
}

fn check_segments(segments: &[Segment]) -> Result<(), Refusal> {
    if segments.is_empty() || segments.len() > SEGMENTS_MAX {
        return refuse("segments", format!("must be 1 to {SEGMENTS_MAX}"));
    }
    let mut own = false;
    let mut stitched_ms = 0_u32;
    for (number, segment) in segments.iter().enumerate() {
        let path = format!("segments[{number}]");
        check_segment(segment, &path)?;
        match (&segment.source, &segment.video) {
            (Some(_), None) => own = true,
            (None, Some(_)) if own => {
                return refuse(format!("{path}.video"), "must come before all segments of your own");
            }
            (None, Some(_)) => stitched_ms = stitched_ms.saturating_add(segment.end_ms - segment.start_ms),
            _ => return refuse(path, "must have either a source or a video"),
        }
        if stitched_ms > STITCH_MS_MAX {
            let rule = format!("must be {STITCH_MS_MAX} ms of other videos at most, together");
            return refuse(format!("{path}.end_ms"), rule);
        }
    }
    if own { Ok(()) } else { refuse("segments", "must have one of your own, with a source") }
}

fn check_segment(segment: &Segment, path: &str) -> Result<(), Refusal> {
    within(segment.speed, &SPEED, path, "speed")?;
    within(segment.volume, &VOLUME, path, "volume")?;
    check_span(segment.start_ms, segment.end_ms, path)?;
    if timeline::played_ms(segment) < PART_MS_MIN {
        return refuse(
            format!("{path}.end_ms"),
            format!("must leave {PART_MS_MIN} ms at least to be played"),
        );
    }
    segment.crop.as_ref().map_or(Ok(()), |crop| check_crop(crop, &format!("{path}.crop")))
}

/// A span in a source.
fn check_span(start_ms: u32, end_ms: u32, path: &str) -> Result<(), Refusal> {
    if end_ms > SOURCE_MS_MAX {
        return refuse(format!("{path}.end_ms"), format!("must be {SOURCE_MS_MAX} at most"));
    }
    if end_ms <= start_ms {
        return refuse(format!("{path}.end_ms"), "must be after start_ms");
    }
    Ok(())
}

fn check_crop(crop: &Crop, path: &str) -> Result<(), Refusal> {
    within(crop.x, &(0.0..=1.0), path, "x")?;
    within(crop.y, &(0.0..=1.0), path, "y")?;
    within(crop.width, &(CROP_MIN..=1.0), path, "width")?;
    within(crop.height, &(CROP_MIN..=1.0), path, "height")?;
    // A little over is the rounding of whoever computed it.
    for (name, from, length) in [("width", crop.x, crop.width), ("height", crop.y, crop.height)] {
        if from + length > 1.0 + 1e-6 {
            return refuse(format!("{path}.{name}"), "must end inside the picture");
        }
    }
    Ok(())
}

fn check_layout(layout: &Layout) -> Result<(), Refusal> {
    let places: &[Place] = match layout.kind {
        LayoutKind::Single => {
            let plain = Layout::default();
            return if *layout == plain {
                Ok(())
            } else {
                refuse("layout", "must have no other field with the kind single")
            };
        }
        LayoutKind::SideBySide => &[Place::Left, Place::Right],
        LayoutKind::Stacked => &[Place::Top, Place::Bottom],
        LayoutKind::PictureInPicture => &[Place::Corner],
    };
    if layout.video.is_none() {
        return refuse("layout.video", "must name the other video");
    }
    if !layout.place.is_some_and(|place| places.contains(&place)) {
        let rule = match layout.kind {
            LayoutKind::SideBySide => "must be left or right",
            LayoutKind::Stacked => "must be top or bottom",
            _ => "must be corner",
        };
        return refuse("layout.place", rule);
    }
    if layout.start_ms >= SOURCE_MS_MAX {
        return refuse("layout.start_ms", format!("must be less than {SOURCE_MS_MAX}"));
    }
    within(layout.volume, &VOLUME, "layout", "volume")
}

fn check_sound(sound: &Backing, duration_ms: u32) -> Result<(), Refusal> {
    within(sound.volume, &VOLUME, "sound", "volume")?;
    if sound.start_ms >= SOURCE_MS_MAX {
        return refuse("sound.start_ms", format!("must be less than {SOURCE_MS_MAX}"));
    }
    if sound.lead_ms.abs() > LEAD_MS_MAX || i64::from(sound.lead_ms) >= i64::from(duration_ms) {
        let rule = format!("must be -{LEAD_MS_MAX} to {LEAD_MS_MAX}, and before the result ends");
        return refuse("sound.lead_ms", rule);
    }
    Ok(())
}

fn check_voice_overs(voices: &[VoiceOver], duration_ms: u32) -> Result<(), Refusal> {
    if voices.len() > VOICE_OVERS_MAX {
        return refuse("voice_over", format!("must be {VOICE_OVERS_MAX} at most"));
    }
    for (number, voice) in voices.iter().enumerate() {
        let path = format!("voice_over[{number}]");
        within(voice.volume, &VOLUME, &path, "volume")?;
        check_span(voice.start_ms, voice.end_ms, &path)?;
        let length_ms = voice.end_ms - voice.start_ms;
        if length_ms < PART_MS_MIN {
            return refuse(format!("{path}.end_ms"), format!("must be {PART_MS_MIN} ms after start_ms"));
        }
        if voice.at_ms.checked_add(length_ms).is_none_or(|end_ms| end_ms > duration_ms) {
            let rule = format!("must end within the {duration_ms} ms of the result");
            return refuse(format!("{path}.at_ms"), rule);
        }
        for (earlier, other) in voices[..number].iter().enumerate() {
            let other_end_ms = other.at_ms + (other.end_ms - other.start_ms);
            if voice.at_ms < other_end_ms && other.at_ms < voice.at_ms + length_ms {
                return refuse(format!("{path}.at_ms"), format!("must not overlap voice_over[{earlier}]"));
            }
        }
    }
    Ok(())
}

fn check_letters(text: &Text, duration_ms: u32, path: &str) -> Result<(), Refusal> {
    let letters = &text.text;
    if letters.chars().all(char::is_whitespace) {
        return refuse(format!("{path}.text"), "must have something to show");
    }
    if letters.chars().nth(TEXT_CHARS_MAX).is_some() {
        return refuse(format!("{path}.text"), format!("must have {TEXT_CHARS_MAX} characters at most"));
    }
    if letters.lines().count() > TEXT_LINES_MAX {
        return refuse(format!("{path}.text"), format!("must have {TEXT_LINES_MAX} lines at most"));
    }
    if letters.chars().any(|letter| letter.is_control() && letter != '\n') {
        return refuse(format!("{path}.text"), "must have no control characters but line feeds");
    }
    if text.to_ms > duration_ms {
        return refuse(format!("{path}.to_ms"), format!("must be within the {duration_ms} ms of the result"));
    }
    if text.to_ms.checked_sub(text.from_ms).is_none_or(|shown_ms| shown_ms < PART_MS_MIN) {
        return refuse(format!("{path}.to_ms"), format!("must be {PART_MS_MIN} ms after from_ms"));
    }
    within(text.x, &TEXT_PLACE, path, "x")?;
    within(text.y, &TEXT_PLACE, path, "y")?;
    within(text.width, &TEXT_WIDTH, path, "width")?;
    within(text.size, &TEXT_SIZE, path, "size")?;
    within(text.rotation, &(-180.0..=180.0), path, "rotation")
}

/// Not a number is within nothing.
fn within(value: f64, range: &RangeInclusive<f64>, path: &str, name: &str) -> Result<(), Refusal> {
    if range.contains(&value) {
        return Ok(());
    }
    refuse(format!("{path}.{name}"), format!("must be {} to {}", range.start(), range.end()))
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
