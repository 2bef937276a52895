//! Cuts, order, speed, backwards, and how exact they are.

use serde_json::json;

use super::{Studio, X264, list, plain, rainbow, segment};
use crate::harness::{probe, samples};
use crate::sync::{flash_and_click, offsets_ms};

const RED: [u8; 3] = [255, 0, 0];
const GREEN: [u8; 3] = [0, 255, 0];
const BLUE: [u8; 3] = [0, 0, 255];
const MIDDLE: (f64, f64) = (0.5, 0.5);

#[test]
fn parts_come_in_the_order_of_the_list() {
    let segments = json!([segment(1, 2000, 3000), segment(1, 0, 700), segment(2, 100, 400)]);
    let studio = Studio::new().upload(1, &rainbow(), "a.mp4").upload(2, &plain("gray", 1), "b.mp4");
    let made = studio.render(list(segments, json!({})));
    assert_eq!(made.duration(), 2.0);
    made.check_colour(0.0, MIDDLE, BLUE);
    made.check_colour(0.95, MIDDLE, BLUE);
    made.check_colour(1.02, MIDDLE, RED);
    made.check_colour(1.65, MIDDLE, RED);
    made.check_colour(1.72, MIDDLE, [128; 3]);
    assert!(!made.copied);
}

#[test]
fn speed_changes_length_and_place() {
    let segments = json!([
        {"source": super::id(1), "start_ms": 0, "end_ms": 2000, "speed": 2.0},
        {"source": super::id(1), "start_ms": 1000, "end_ms": 2000, "speed": 0.5},
    ]);
    let made = Studio::new().upload(1, &rainbow(), "a.mp4").render(list(segments, json!({})));
    assert_eq!(made.duration(), 3.0);
    made.check_colour(0.45, MIDDLE, RED);
    made.check_colour(0.55, MIDDLE, GREEN);
    made.check_colour(1.05, MIDDLE, GREEN);
    made.check_colour(2.9, MIDDLE, GREEN);
}

#[test]
fn backwards_is_backwards_over_several_pieces() {
    let segments = json!([{"source": super::id(1), "start_ms": 0, "end_ms": 4000, "reverse": true}]);
    let made = Studio::new().upload(1, &rainbow(), "a.mp4").render(list(segments, json!({})));
    assert_eq!(made.duration(), 4.0);
    for (seconds, colour) in [(0.0, [255; 3]), (0.95, [255; 3]), (1.02, BLUE), (2.5, GREEN), (3.95, RED)] {
        made.check_colour(seconds, MIDDLE, colour);
    }
}

#[test]
fn a_source_that_ends_early_stands_still() {
    let segments = json!([segment(1, 0, 1200)]);
    let text = json!([{"text": "x", "from_ms": 0, "to_ms": 200, "x": 0.9, "y": 0.9, "size": 0.02}]);
    let made =
        Studio::new().upload(1, &plain("red", 1), "a.mp4").render(list(segments, json!({"texts": text})));
    assert_eq!(made.duration(), 1.2);
    made.check_colour(1.15, MIDDLE, RED);
}

#[test]
fn a_trim_of_what_mp4_can_not_hold_is_encoded() {
    let source =
        "-f lavfi -i color=c=red:s=240x426:r=30:d=2 -f lavfi -i sine=d=2 -c:v libvpx -b:v 200k -c:a libopus";
    let made =
        Studio::new().upload(1, source, "a.webm").render(list(json!([segment(1, 500, 1500)]), json!({})));
    assert!(!made.copied);
    let said = probe(&made.path, "stream=codec_name,profile,pix_fmt");
    assert_eq!(said, ["h264", "High", "yuv420p", "aac", "LC"]);
    // What comes out is published as it is: it fits the fast path.
    assert_eq!(made.duration(), 1.0);
}

/// Sound against picture at every click, in milliseconds, after cuts at awkward places and three speeds.
#[test]
fn sound_stays_with_the_picture_through_cuts_and_speeds() {
    let source = format!("{} {X264} -c:a aac", flash_and_click(30, 10).replace("128x228", "240x426"));
    let segments = json!([
        segment(1, 1013, 3207),
        {"source": super::id(1), "start_ms": 3000, "end_ms": 6000, "speed": 0.5},
        {"source": super::id(1), "start_ms": 2111, "end_ms": 8777, "speed": 2.0},
        {"source": super::id(1), "start_ms": 900, "end_ms": 2950, "speed": 1.0},
    ]);
    let made = Studio::new().upload(1, &source, "a.mp4").render(list(segments, json!({})));
    let offsets = offsets_ms(&made.path);
    println!("{offsets:?}");
    assert!(offsets.len() >= 12, "{offsets:?}");
    assert!(offsets.iter().all(|offset| offset.abs() <= 20.0), "{offsets:?}");
}

/// Sixty seconds of cuts: the last click is where the first one is.
#[test]
fn a_minute_of_cuts_does_not_drift() {
    let source = format!("{} {X264} -c:a aac", flash_and_click(30, 4).replace("128x228", "240x426"));
    // Each begins 17 ms later than a frame and lasts 2013 ms.
    let segments: Vec<_> = (0..29).map(|_| segment(1, 117, 2130)).collect();
    let made = Studio::new().upload(1, &source, "a.mp4").render(list(json!(segments), json!({})));
    let length = samples(&made.path).len() as f64 / 48_000.0;
    assert!((length - 58.377).abs() < 0.05, "{length}");
    let offsets = offsets_ms(&made.path);
    assert_eq!(offsets.len(), 58, "{offsets:?}");
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let drift = mean(&offsets[48..]) - mean(&offsets[..10]);
    assert!(drift.abs() <= 10.0, "{drift} ms of drift: {offsets:?}");
    assert!(offsets.iter().all(|offset| offset.abs() <= 20.0), "{offsets:?}");
}
