//! Where each part of a source lies in the result, to the frame and to the sample.
//!
//! Each piece gets as many frames and samples as lie between the rounded beginnings of itself and of the next one, so that
//! rounding never adds up: after a hundred cuts sound and picture are as close as after one.

use super::list::Segment;
use crate::plan::FrameRate;

/// Samples a second of all sound.
pub(crate) const SAMPLE_RATE: u32 = 48_000;
/// Longest piece played backwards, in milliseconds of the source: all its frames are held in memory.
const REVERSED_MS_MAX: u32 = 3_000;

/// Length of a segment in the result.
pub(crate) fn played_ms(segment: &Segment) -> u32 {
    let source_ms = f64::from(segment.end_ms.saturating_sub(segment.start_ms));
    // Checked lists have speeds of 0.3 and more; others come here to be refused, and the cast saturates.
    (source_ms / segment.speed).round() as u32
}

/// Length of all segments together.
pub(crate) fn length_ms(segments: &[Segment]) -> u32 {
    segments.iter().fold(0, |sum, segment| sum.saturating_add(played_ms(segment)))
}

/// A part of a segment that is rendered in one go. Played backwards, a segment has several.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Piece {
    /// Number of its segment.
    pub(crate) segment: usize,
    /// Where it begins in the source, in seconds.
    pub(crate) from_s: f64,
    /// Length in the source, in seconds.
    pub(crate) length_s: f64,
    /// First frame in the result.
    pub(crate) first_frame: u32,
    /// Frames in the result.
    pub(crate) frames: u32,
    /// Samples in the result.
    pub(crate) samples: u32,
    /// How much later than its first frame it begins, in seconds of the result; at most half a frame.
    pub(crate) offset_s: f64,
}

/// Cuts all segments into pieces.
pub(crate) fn pieces(segments: &[Segment], rate: FrameRate) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut begins_ms = 0_u32;
    for (number, segment) in segments.iter().enumerate() {
        let ends_ms = begins_ms.saturating_add(played_ms(segment));
        let parts = if segment.reverse {
            (segment.end_ms - segment.start_ms).div_ceil(REVERSED_MS_MAX).max(1)
        } else {
            1
        };
        let span_s = f64::from(segment.end_ms - segment.start_ms) / 1000.0;
        let share = |part: u32| f64::from(part) / f64::from(parts);
        let place_s =
            |part: u32| (f64::from(begins_ms) + f64::from(ends_ms - begins_ms) * share(part)) / 1000.0;
        for part in 0..parts {
            // Backwards, the last part of the source comes first.
            let taken = if segment.reverse { parts - 1 - part } else { part };
            let (from, to) = (place_s(part), place_s(part + 1));
            let (first_frame, next_frame) = (frame_at(from, rate), frame_at(to, rate));
            pieces.push(Piece {
                segment: number,
                from_s: f64::from(segment.start_ms) / 1000.0 + span_s * share(taken),
                length_s: span_s / f64::from(parts),
                first_frame,
                frames: next_frame - first_frame,
                samples: sample_at(to) - sample_at(from),
                offset_s: from - f64::from(first_frame) / rate.fps(),
            });
        }
        begins_ms = ends_ms;
    }
    pieces
}

/// The frame nearest to a place in the result.
pub(crate) fn frame_at(seconds: f64, rate: FrameRate) -> u32 {
    (seconds * rate.fps()).round() as u32
}

/// The sample nearest to a place in the result.
pub(crate) fn sample_at(seconds: f64) -> u32 {
    (seconds * f64::from(SAMPLE_RATE)).round() as u32
}
