//! Duets and stitches: whose picture is where, and that both begin together.

use serde_json::{Value, json};

use super::{Rendered, Studio, X264, id, list, plain, rainbow, segment, tone};
use crate::harness::{brightness_of, samples};
use crate::sync::flash_and_click;

const RED: [u8; 3] = [255, 0, 0];
const BLUE: [u8; 3] = [0, 0, 255];

fn duet(layout: Value) -> Rendered {
    let mut layout = layout;
    layout["video"] = json!(id(7));
    let studio =
        Studio::new().upload(1, &plain("red", 3), "own.mp4").video(7, &plain("blue", 2), "other.mp4");
    studio.render(list(json!([segment(1, 0, 2500)]), json!({"layout": layout})))
}

#[test]
fn layouts_put_each_where_it_belongs() {
    for (layout, own, other) in [
        (json!({"kind": "side_by_side", "place": "left"}), (0.75, 0.5), (0.25, 0.5)),
        (json!({"kind": "side_by_side", "place": "right"}), (0.25, 0.5), (0.75, 0.5)),
        (json!({"kind": "stacked", "place": "top"}), (0.5, 0.75), (0.5, 0.25)),
        (json!({"kind": "stacked", "place": "bottom"}), (0.5, 0.25), (0.5, 0.75)),
        (json!({"kind": "picture_in_picture", "place": "corner"}), (0.3, 0.5), (0.8, 0.25)),
    ] {
        let made = duet(layout);
        made.check_colour(0.1, own, RED);
        made.check_colour(0.1, other, BLUE);
        // The other video is over by then: its last picture stands.
        made.check_colour(2.4, other, BLUE);
        assert_eq!(made.duration(), 2.5);
    }
}

#[test]
fn the_corner_is_no_larger_than_it_says() {
    let made = duet(json!({"kind": "picture_in_picture", "place": "corner"}));
    for (across, down, colour) in
        [(0.6, 0.25, RED), (0.98, 0.25, RED), (0.8, 0.05, RED), (0.8, 0.45, RED), (0.65, 0.1, BLUE)]
    {
        made.check_colour(0.5, (across, down), colour);
    }
}

#[test]
fn a_duet_contains_or_covers_its_place() {
    // Upright in a half that is upright: contained it has black above, covered none.
    let contained = duet(json!({"kind": "side_by_side", "place": "left", "fit": "contain"}));
    contained.check_colour(0.5, (0.25, 0.1), [0; 3]);
    contained.check_colour(0.5, (0.25, 0.5), BLUE);
    duet(json!({"kind": "side_by_side", "place": "left"})).check_colour(0.5, (0.25, 0.1), BLUE);
}

#[test]
fn both_sounds_are_heard_at_their_volumes() {
    let layout = json!({"kind": "stacked", "place": "top", "video": id(7), "volume": 0.5});
    let studio =
        Studio::new().upload(1, &tone("red", 440, 3), "own.mp4").video(7, &tone("blue", 900, 3), "o.mp4");
    let made = studio.render(list(json!([segment(1, 0, 2000)]), json!({"layout": layout})));
    // Of two channels `samples` has the sum over the root of two.
    let heard: Vec<f32> =
        samples(&made.path).iter().map(|sample| sample / std::f32::consts::SQRT_2).collect();
    let strength = |hertz: f64| {
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (number, sample) in heard[9_600..86_400].iter().enumerate() {
            let angle = std::f64::consts::TAU * hertz * number as f64 / 48_000.0;
            real += f64::from(*sample) * angle.cos();
            imaginary += f64::from(*sample) * angle.sin();
        }
        2.0 * f64::hypot(real, imaginary) / 76_800.0
    };
    assert!((strength(440.0) - 0.125).abs() < 0.015, "{}", strength(440.0));
    assert!((strength(900.0) - 0.0625).abs() < 0.01, "{}", strength(900.0));
}

/// Two flash-and-click clips in one picture: their flashes are in the same frame, from any start.
#[test]
fn the_two_clips_of_a_duet_begin_together() {
    let clip = |rate| format!("{} {X264} -c:a aac", flash_and_click(rate, 6).replace("128x228", "240x426"));
    for (rate, own_ms, other_ms) in [(30, 0, 0), (30, 0, 1000), (30, 340, 1340), (25, 0, 2000)] {
        let layout = json!({"kind": "side_by_side", "place": "left", "video": id(7), "start_ms": other_ms});
        let studio = Studio::new().upload(1, &clip(30), "own.mp4").video(7, &clip(rate), "other.mp4");
        let made = studio.render(list(json!([segment(1, own_ms, own_ms + 3000)]), json!({"layout": layout})));
        // Frames at which a flash begins.
        let flashes = |part: &str| -> Vec<usize> {
            let bright: Vec<bool> =
                brightness_of(&made.path, 30, part).iter().map(|light| *light > 128).collect();
            (0..bright.len()).filter(|at| bright[*at] && (*at == 0 || !bright[at - 1])).collect()
        };
        let (own, other) = (flashes("crop=iw/2:ih:iw/2:0"), flashes("crop=iw/2:ih:0:0"));
        assert!(own.len() >= 3, "{own:?}");
        assert_eq!(own.len(), other.len(), "{own:?} {other:?}");
        let apart = own.iter().zip(&other).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(apart <= 1, "{own:?} {other:?} with {rate} {own_ms} {other_ms}");
    }
}

#[test]
fn a_stitch_begins_with_the_others_part() {
    let stitched = json!({"video": id(7), "start_ms": 1000, "end_ms": 2000});
    let studio = Studio::new().upload(1, &plain("gray", 2), "own.mp4").video(7, &rainbow(), "other.mp4");
    let made = studio.render(list(json!([stitched, segment(1, 0, 1000)]), json!({})));
    made.check_colour(0.5, (0.5, 0.5), [0, 255, 0]);
    made.check_colour(1.5, (0.5, 0.5), [128; 3]);
    assert_eq!(made.duration(), 2.0);
}
