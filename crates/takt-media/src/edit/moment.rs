//! Where a picture of one edit list is in another one of the same sources.

use super::check::Edit;
use super::list::Segment;
use super::sources::Clip;
use super::timeline::played_ms;

/// When `after` shows the picture that `before` shows at `at_ms`, in milliseconds of the result; past its end counts as
/// the end. Where it is seen more than once, the first time; none where it was cut away.
pub fn moment_in(before: &Edit, after: &Edit, at_ms: u32) -> Option<u32> {
    let (clip, source_ms) = source_at(&before.list().segments, at_ms)?;
    let mut begins_ms = 0_u32;
    for segment in &after.list().segments {
        let length_ms = played_ms(segment);
        if Clip::of(segment) == Some(clip) && (segment.start_ms..segment.end_ms).contains(&source_ms) {
            let into =
                if segment.reverse { segment.end_ms - source_ms } else { source_ms - segment.start_ms };
            let played = (f64::from(into) / segment.speed).round() as u32;
            return Some(begins_ms + played.min(length_ms.saturating_sub(1)));
        }
        begins_ms = begins_ms.saturating_add(length_ms);
    }
    None
}

/// What is shown at `at_ms`: which clip, and the time in it.
fn source_at(segments: &[Segment], at_ms: u32) -> Option<(Clip, u32)> {
    let mut begins_ms = 0_u32;
    let mut shown = None;
    for segment in segments {
        let length_ms = played_ms(segment);
        let played = at_ms.saturating_sub(begins_ms).min(length_ms.saturating_sub(1));
        let into = (f64::from(played) * segment.speed).round() as u32;
        let source_ms = if segment.reverse {
            segment.end_ms.saturating_sub(into.max(1))
        } else {
            segment.start_ms + into
        };
        let last = segment.end_ms.saturating_sub(1).max(segment.start_ms);
        shown = Clip::of(segment).map(|clip| (clip, source_ms.clamp(segment.start_ms, last)));
        begins_ms = begins_ms.saturating_add(length_ms);
        if at_ms < begins_ms {
            break;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::EditList;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const A: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
    const B: &str = "01890a5d-ac96-774b-bcce-b302099a8058";

    fn edit(segments: Vec<Value>) -> Edit {
        let list = json!({"version": 1, "canvas": {"width": 540, "height": 960}, "segments": segments});
        let list: EditList = serde_json::from_value(list).unwrap();
        Edit::try_from(list).unwrap()
    }

    fn part(source: &str, start_ms: u32, end_ms: u32, speed: f64, reverse: bool) -> Value {
        json!({"source": source, "start_ms": start_ms, "end_ms": end_ms, "speed": speed, "reverse": reverse})
    }

    #[test]
    fn a_picture_is_found_where_it_went() {
        let before = edit(vec![part(A, 1000, 3000, 1.0, false), part(B, 0, 2000, 1.0, false)]);
        let head_cut = edit(vec![part(A, 1600, 3000, 1.0, false), part(B, 0, 2000, 1.0, false)]);
        assert_eq!(moment_in(&before, &head_cut, 900), Some(300));
        assert_eq!(moment_in(&before, &head_cut, 500), None);
        assert_eq!(moment_in(&before, &head_cut, 2500), Some(1900));
        let turned = edit(vec![part(B, 0, 2000, 0.5, false), part(A, 0, 3000, 2.0, true)]);
        assert_eq!(moment_in(&before, &turned, 2500), Some(1000));
        assert_eq!(moment_in(&before, &turned, 0), Some(4000 + 1000));
        // Past the end counts as the end.
        assert_eq!(moment_in(&before, &before, 90_000), Some(3999));
    }

    proptest! {
        #[test]
        fn in_the_same_list_it_is_where_it_was(
            parts in proptest::collection::vec((0_u32..5_000, 3_000_u32..5_000, 0.3_f64..3.0, any::<bool>()), 1..4),
            at_ms in 0_u32..20_000,
        ) {
            // Each from a place of its own, so that no picture is there twice.
            let parts = parts.into_iter().enumerate().map(|(number, (start, length, speed, reverse))| {
                let start = start + 10_000 * number as u32;
                part(A, start, start + length, speed, reverse)
            });
            let edit = edit(parts.collect());
            let found = moment_in(&edit, &edit, at_ms).unwrap();
            prop_assert!(found < edit.duration_ms());
            prop_assert!(found.abs_diff(at_ms.min(edit.duration_ms() - 1)) <= 4, "{at_ms} became {found}");
        }
    }
}
