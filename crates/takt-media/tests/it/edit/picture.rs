//! Crop, fit, looks and texts.

use serde_json::{Value, json};
use takt_media::edit::{Look, paint};

use super::{Studio, X264, id, list, parse, plain, segment};
use crate::harness::corners;

fn with_corners(width: u32, height: u32) -> String {
    format!("-f lavfi -i {} {X264}", corners(width, height, 30, 2))
}

fn one(rest: Value) -> Value {
    let mut part = segment(1, 0, 1000);
    for (name, value) in rest.as_object().unwrap() {
        part[name] = value.clone();
    }
    json!([part])
}

#[test]
fn cover_cuts_both_sides_off_and_contain_shows_all() {
    let cover =
        Studio::new().upload(1, &with_corners(640, 360), "a.mp4").render(list(one(json!({})), json!({})));
    // The middle third is seen: no corners left, grey.
    cover.check_colour(0.5, (0.5, 0.5), [128; 3]);
    cover.check_colour(0.5, (0.02, 0.1), [128; 3]);
    let contain = Studio::new()
        .upload(1, &with_corners(640, 360), "a.mp4")
        .render(list(one(json!({"fit": "contain"})), json!({})));
    contain.check_colour(0.5, (0.5, 0.2), [0; 3]);
    contain.check_colour(0.5, (0.5, 0.8), [0; 3]);
    contain.check_colour(0.5, (0.1, 0.37), [255, 0, 0]);
    contain.check_colour(0.5, (0.9, 0.63), [255, 255, 0]);
}

#[test]
fn a_crop_is_what_is_seen() {
    // The lower left quarter of an upright source: its corner is blue.
    let crop = json!({"crop": {"x": 0.0, "y": 0.5, "width": 0.5, "height": 0.5}});
    let made = Studio::new().upload(1, &with_corners(240, 426), "a.mp4").render(list(one(crop), json!({})));
    made.check_colour(0.5, (0.2, 0.8), [0, 0, 255]);
    made.check_colour(0.5, (0.8, 0.2), [128; 3]);
    assert_eq!(made.duration(), 1.0);
}

#[test]
fn a_turned_source_is_cropped_upright() {
    let mut studio = Studio::new();
    let flat = studio.make(&with_corners(426, 240), "flat.mp4");
    let turned = studio.make(&format!("-i {} -c copy -metadata:s:v rotate=90", flat.display()), "turned.mp4");
    studio.files.clips.insert(takt_media::edit::Clip::Upload(takt_core::UploadId::from_u128(1)), turned);
    let crop = json!({"crop": {"x": 0.5, "y": 0.0, "width": 0.5, "height": 0.5}});
    let turned_by = |made: &super::Rendered| made.frame(0.5).at(0.8, 0.2);
    let quarter = turned_by(&studio.render(list(one(crop), json!({}))));
    // Red stood at the upper left; a quarter turn either way brings red or yellow to the upper right.
    assert!(quarter[0] > 200 && quarter[2] < 60, "{quarter:?}");
}

#[test]
fn every_look_is_the_sum_it_says() {
    let colours = [[200_u8, 60, 40], [40, 160, 90], [70, 80, 200], [128, 128, 128]];
    for look in Look::ALL {
        for colour in colours {
            let source = plain(&format!("0x{}", hex(colour)), 1);
            let made = Studio::new()
                .upload(1, &source, "a.mp4")
                .render(list(one(json!({})), json!({"look": look.name()})));
            let expected = look.matrix().unwrap().map(|[red, green, blue, constant]| {
                let sum =
                    red * f64::from(colour[0]) + green * f64::from(colour[1]) + blue * f64::from(colour[2]);
                (sum + constant * 255.0).clamp(0.0, 255.0).round() as u8
            });
            made.check_colour(0.5, (0.5, 0.5), expected);
        }
    }
}

fn hex(colour: [u8; 3]) -> String {
    colour.map(|part| format!("{part:02x}")).concat()
}

fn text(rest: Value) -> Value {
    let mut text = json!({"text": "██", "from_ms": 400, "to_ms": 800, "x": 0.5, "y": 0.25, "size": 0.1});
    for (name, value) in rest.as_object().unwrap() {
        text[name] = value.clone();
    }
    text
}

#[test]
fn texts_are_seen_when_and_where_they_say_in_their_colour() {
    let texts = json!([text(json!({"text": "HHH", "size": 0.2, "width": 1.0, "colour": "#ff8020"}))]);
    let list = list(one(json!({})), json!({"texts": texts}));
    let painted = paint(&parse(list.clone()).list().texts[0], parse(list.clone()).list().canvas).unwrap();
    let made = Studio::new().upload(1, &plain("blue", 1), "a.mp4").render(list);
    // Every opaque pixel of the painted text, away from its edges, is on the frame; outside its time none is.
    let (during, before, after) = (made.frame(0.5), made.frame(0.36), made.frame(0.84));
    let (mut seen, mut checked) = (0, 0);
    for y in (4..painted.height - 4).step_by(3) {
        for x in (4..painted.width - 4).step_by(3) {
            let solid = |dx: i64, dy: i64| {
                let (x, y) = (i64::from(x) + dx, i64::from(y) + dy);
                painted.rgba[((y * i64::from(painted.width) + x) * 4 + 3) as usize] == 255
            };
            if !(-3..=3).all(|step| solid(step, 0) && solid(0, step)) {
                continue;
            }
            let (across, down) = (x + painted.x as u32, y + painted.y as u32);
            let at = ((down * 240 + across) * 3) as usize;
            let near = |rgb: &[u8], colour: [u8; 3]| rgb.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= 24);
            checked += 1;
            seen += usize::from(near(&during.rgb[at..at + 3], [255, 128, 32]));
            assert!(near(&before.rgb[at..at + 3], [0, 0, 255]) && near(&after.rgb[at..at + 3], [0, 0, 255]));
        }
    }
    assert!(checked > 40 && seen * 100 >= checked * 95, "{seen} of {checked}");
}

#[test]
fn texts_lie_over_the_look_and_over_each_other() {
    let texts = json!([
        text(
            json!({"text": "HH", "size": 0.3, "width": 1.0, "colour": "#ff0000", "from_ms": 0, "to_ms": 1000})
        ),
        text(
            json!({"text": "HH", "size": 0.3, "width": 1.0, "colour": "#00ff00", "from_ms": 500, "to_ms": 1000})
        ),
    ]);
    let made = Studio::new()
        .upload(1, &plain("yellow", 1), "a.mp4")
        .render(list(one(json!({})), json!({"texts": texts, "look": "mono"})));
    let count = |seconds: f64, wanted: fn([u8; 3]) -> bool| {
        made.frame(seconds).rgb.as_chunks::<3>().0.iter().filter(|pixel| wanted(**pixel)).count()
    };
    assert!(count(0.2, |[red, green, _]| red > 200 && green < 60) > 500);
    assert!(count(0.8, |[red, green, _]| red < 60 && green > 200) > 500);
    assert_eq!(count(0.8, |[red, green, _]| red > 200 && green < 60), 0);
}

#[test]
fn text_meant_to_break_graphs_is_only_shown() {
    let nasty = "'];movie=/etc/passwd[x];[x]\\,drawtext=textfile=/etc/shadow %{pts} $(id)";
    let texts = json!([text(json!({"text": nasty, "size": 0.04, "style": "box", "rotation": 20.0}))]);
    let made = Studio::new()
        .upload(1, &plain("blue", 1), "a.mp4")
        .render(list(one(json!({})), json!({"texts": texts})));
    let white =
        made.frame(0.5).rgb.as_chunks::<3>().0.iter().filter(|pixel| pixel.iter().all(|v| *v > 200)).count();
    assert!(white > 100, "{white}");
}

#[test]
fn the_largest_list_is_rendered_within_its_memory() {
    let segments: Vec<_> = (0..60).map(|number| segment(1, number * 20, number * 20 + 120)).collect();
    let texts: Vec<_> = (0..40)
        .map(|number| text(json!({"text": format!("{number}"), "from_ms": 0, "to_ms": 7000})))
        .collect();
    let sound =
        format!("-f lavfi -i color=c=gray:s=240x426:r=30:d=3 -f lavfi -i sine=d=3 {X264} -c:a aac -g 90");
    let list = list(json!(segments), json!({"texts": texts}));
    let made = Studio::new().upload(1, &sound, "a.mp4").render(list);
    assert_eq!(made.duration(), 7.2);
    let _ = id(1);
}
