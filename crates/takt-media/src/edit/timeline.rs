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

/// How a piece's frames are put onto those of the result.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Settled {
    /// They are moved by this much before each goes to the nearest place, in seconds of the result.
    pub(crate) moved_s: f64,
    /// How much later than the time line has it they are then shown on the whole, in seconds. What belongs to them (their
    /// own sound) moves along.
    pub(crate) shown_s: f64,
}

/// Steps of a frame in which [`settle`] looks for the best place.
const SETTLE_STEPS: i32 = 20;
/// What moving everything costs against moving frames by different amounts.
const SETTLE_TOGETHER: f64 = 0.05;

/// Puts frames that are shown at `times_s`, in seconds of the source since the piece's beginning, where as many of them as
/// possible move by the same amount.
///
/// Recorders put frames on no grid: of frames that lie half-way between two places of the result, one would go back
/// and the next forward, and what is seen with a sound would be up to a frame from it.
pub(crate) fn settle(
    piece: &Piece,
    speed: f64,
    times_s: impl Iterator<Item = f64>,
    rate: FrameRate,
) -> Settled {
    let places: Vec<f64> = times_s
        .filter(|at_s| (0.0..piece.length_s).contains(at_s))
        .map(|at_s| (piece.offset_s + at_s / speed) * rate.fps())
        .collect();
    let count = places.len().max(1) as f64;
    let mut best = (f64::INFINITY, Settled::default());
    for step in -SETTLE_STEPS / 2..=SETTLE_STEPS / 2 {
        let moved = f64::from(step) / f64::from(SETTLE_STEPS);
        let by = |place: &f64| (place + moved).round() - place;
        let mean = places.iter().map(by).sum::<f64>() / count;
        let spread = places.iter().map(|place| (by(place) - mean).powi(2)).sum::<f64>() / count;
        let cost = spread + SETTLE_TOGETHER * (mean.powi(2) + moved.powi(2) / 100.0);
        if cost < best.0 {
            best = (cost, Settled { moved_s: moved / rate.fps(), shown_s: mean / rate.fps() });
        }
    }
    best.1
}

/// The frame nearest to a place in the result.
pub(crate) fn frame_at(seconds: f64, rate: FrameRate) -> u32 {
    (seconds * rate.fps()).round() as u32
}

/// The sample nearest to a place in the result.
pub(crate) fn sample_at(seconds: f64) -> u32 {
    (seconds * f64::from(SAMPLE_RATE)).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: FrameRate = FrameRate { frames: 30, seconds: 1 };

    /// Where frames are shown that begin `phase` frames after the grid, with some jitter, in frames too late.
    fn late(speed: f64, phase: f64, jitter: f64) -> (Settled, Vec<f64>) {
        let piece = Piece {
            segment: 0,
            from_s: 0.0,
            length_s: 3.0,
            first_frame: 0,
            frames: 90,
            samples: 0,
            offset_s: 0.003,
        };
        let times: Vec<f64> = (0..90)
            .map(|n| (f64::from(n) + phase + jitter * f64::from(n * 7 % 5 - 2) / 2.0) / 30.0)
            .collect();
        let settled = settle(&piece, speed, times.iter().copied(), RATE);
        let places =
            times.iter().filter(|time| **time >= 0.0).map(|time| (piece.offset_s + time / speed) * 30.0);
        let late =
            places.map(|place| (place + settled.moved_s * 30.0).round() - place - settled.shown_s * 30.0);
        (settled, late.collect())
    }

    #[test]
    fn frames_of_a_recorder_move_together() {
        for speed in [0.5, 1.0] {
            for phase in [0.0, 0.2, 0.41, 0.45, 0.5, 0.9] {
                let (settled, late) = late(speed, phase, 0.1);
                let most = late.iter().fold(0.0, |most: f64, late| most.max(late.abs()));
                assert!(most <= 0.21, "phase {phase}, speed {speed}: {most} frames off with {settled:?}");
                assert!(settled.shown_s.abs() <= 0.7 / 30.0, "{settled:?}");
            }
        }
    }

    #[test]
    fn of_every_second_frame_none_is_half_a_frame_off() {
        for phase in [0.0, 0.3, 0.5] {
            let (settled, late) = late(2.0, phase, 0.1);
            let most = late.iter().fold(0.0, |most: f64, late| most.max(late.abs()));
            assert!(most <= 0.4, "phase {phase}: {most} frames off with {settled:?}");
        }
    }

    #[test]
    fn frames_on_the_grid_stay() {
        let piece = Piece {
            segment: 0,
            from_s: 0.0,
            length_s: 3.0,
            first_frame: 0,
            frames: 90,
            samples: 0,
            offset_s: 0.0,
        };
        let times = (0..90).map(|n| f64::from(n) / 30.0);
        let settled = settle(&piece, 1.0, times, RATE);
        assert_eq!(settled.moved_s, 0.0);
        assert!(settled.shown_s.abs() < 1e-9, "{settled:?}");
        assert_eq!(settle(&piece, 1.0, std::iter::empty(), RATE), Settled::default());
    }
}
