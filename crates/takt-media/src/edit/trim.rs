//! Where a trim that is copied begins and ends: at frames, the nearest to where the list has its cuts. Pure.
//!
//! Frames are decoded in another order than they are shown. After most cuts a frame that is shown later is needed for one
//! before, so that leaving out all packets after the cut is possible at some frames only; at others an MP4 edit list ends
//! the presentation, and the later frame stays in the file unseen.

use crate::probe::Frame;

/// List and file round times on their own, the list to milliseconds (microseconds).
const ROUNDING_US: i64 = 1_000;

/// A part of a file that can be copied out of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cut {
    /// Where it begins, in microseconds since the beginning of the clip.
    pub(crate) from_us: i64,
    /// How long it lasts, in microseconds.
    pub(crate) length_us: i64,
    /// Frames shown.
    pub(crate) frames: usize,
    pub(crate) end: End,
}

/// How a cut ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum End {
    /// Nothing of what is shown later is needed: packets that are shown after this many microseconds are left out.
    Closed(i64),
    /// An edit list has to end it.
    Hidden,
}

impl Cut {
    /// The cut from `start_ms` to `end_ms` of a clip whose frames are `frames`, in the order they are decoded, at `fps`.
    ///
    /// `None` where copying can not be exact: a frame that stands for long is cut within, or the first frame is one that is
    /// decoded after a later key frame, with which reading would begin.
    pub(crate) fn of(frames: &[Frame], fps: f64, (start_ms, end_ms): (u32, u32)) -> Option<Self> {
        let mut shown: Vec<i64> = frames.iter().map(|frame| frame.shown_us).collect();
        shown.sort_unstable();
        // Which of two frames with one time is seen, nobody knows.
        if shown.windows(2).any(|pair| pair[0] == pair[1]) {
            return None;
        }
        let reach = (5e5 / fps) as i64 + ROUNDING_US;
        let (first, from) = match start_ms {
            0 => (0, 0),
            _ => snapped(&shown, i64::from(start_ms) * 1000, reach)?,
        };
        let begins = *shown.get(first)?;
        let place = frames.iter().position(|frame| frame.shown_us == begins)?;
        let before = frames.get(..=place)?;
        let begun = before.iter().any(|frame| frame.key);
        if !begun || before.iter().any(|frame| frame.key && frame.shown_us > begins) {
            return None;
        }
        let asked = from + i64::from(end_ms.checked_sub(start_ms)?) * 1000;
        let (next, to, end) = match snapped(&shown, asked, reach) {
            Some((next, to)) => (next, to, end_at(frames, &shown, next, from)?),
            None => (shown.partition_point(|at| *at < asked), asked, End::Hidden),
        };
        let frames = next.checked_sub(first).filter(|count| *count > 0)?;
        Some(Self { from_us: from, length_us: to - from, frames, end })
    }
}

/// The frame nearest to `at`, and when it is shown, when it is within `reach`.
fn snapped(shown: &[i64], at: i64, reach: i64) -> Option<(usize, i64)> {
    let near = shown.iter().enumerate().min_by_key(|(_, shown)| (*shown - at).abs());
    near.map(|(number, shown)| (number, *shown)).filter(|(_, shown)| (shown - at).abs() <= reach)
}

/// How a cut that begins at `from` ends before the frame with number `next`.
fn end_at(frames: &[Frame], shown: &[i64], next: usize, from: i64) -> Option<End> {
    let (last, after) = (*shown.get(next.checked_sub(1)?)?, *shown.get(next)?);
    let decoded = frames.get(..next)?;
    if decoded.iter().any(|frame| frame.shown_us > last) {
        return Some(End::Hidden);
    }
    // Half-way between the last and the next, so that no rounding matters.
    Some(End::Closed((last + after) / 2 - from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Frames at 10 a second, by their number, in the order they are decoded; those after `K` are key frames.
    fn frames(order: &str) -> Vec<Frame> {
        let frame = |word: &str| Frame {
            shown_us: word.trim_start_matches('K').parse::<i64>().unwrap() * 100_000,
            key: word.starts_with('K'),
        };
        order.split_whitespace().map(frame).collect()
    }

    const CLOSED: &str = "K0 4 2 1 3 5 K6 9 8 7 10";
    /// Frames 5 and 7 to 9 are decoded after the key frame that follows them.
    const OPEN: &str = "K0 3 1 2 4 K6 5 K10 8 7 9 12 11 13";

    #[test]
    fn begins_and_ends_at_the_nearest_frames() {
        let cut = |from, to| Cut::of(&frames(CLOSED), 10.0, (from, to)).unwrap();
        let whole = cut(0, 600);
        assert_eq!((whole.from_us, whole.length_us, whole.frames), (0, 600_000, 6));
        assert_eq!(whole.end, End::Closed(550_000));
        let moved = cut(640, 960);
        assert_eq!((moved.from_us, moved.length_us, moved.frames), (600_000, 300_000, 3));
        // As long as asked for, though the frame before it was nearer.
        assert_eq!((cut(640, 1100).length_us, cut(640, 1100).frames), (460_000, 5));
    }

    #[test]
    fn is_closed_only_where_nothing_later_is_needed() {
        let end = |order, to| Cut::of(&frames(order), 10.0, (0, to)).unwrap().end;
        for (to, closed) in [(100, true), (200, false), (400, false), (500, true), (600, true), (900, false)]
        {
            assert_eq!(end(CLOSED, to) != End::Hidden, closed, "{to}");
        }
        for (to, closed) in
            [(500, true), (600, false), (700, true), (800, false), (1000, false), (1100, true)]
        {
            assert_eq!(end(OPEN, to) != End::Hidden, closed, "{to}");
        }
        // The whole rest: an edit list may shorten the sound.
        assert_eq!(end(CLOSED, 1100), End::Hidden);
    }

    #[test]
    fn never_begins_with_what_needs_frames_before_a_later_key_frame() {
        let begins = |start| Cut::of(&frames(OPEN), 10.0, (start, 1300)).is_some();
        for (start, copied) in
            [(400, true), (500, false), (600, true), (700, false), (900, false), (1000, true)]
        {
            assert_eq!(begins(start), copied, "{start}");
        }
    }

    #[test]
    fn a_frame_that_stands_is_not_cut_in_two() {
        // Nothing moves from 0.2 to 1.2 s.
        let order = frames("K0 1 2 12 13");
        assert_eq!(Cut::of(&order, 10.0, (700, 1300)), None);
        let ended = Cut::of(&order, 10.0, (0, 700)).unwrap();
        assert_eq!((ended.length_us, ended.frames, ended.end), (700_000, 3, End::Hidden));
    }

    proptest! {
        #[test]
        fn takes_any_frames(
            times in proptest::collection::vec((any::<i32>(), any::<bool>()), 0..20),
            (start, length) in (0_u32..600_000, 0_u32..600_000),
        ) {
            let frames: Vec<_> =
                times.into_iter().map(|(at, key)| Frame { shown_us: i64::from(at), key }).collect();
            if let Some(cut) = Cut::of(&frames, 30.0, (start, start + length)) {
                prop_assert!(cut.frames > 0 && cut.frames <= frames.len());
            }
        }
    }
}
