use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::FrameRate;
use crate::edit::compose::{Abilities, compose};
use crate::edit::sources::Sources;
use crate::edit::{clips, uploads};
use crate::inspect::{AudioSource, Container, Source, VideoSource};

const UPLOAD: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const OTHER: &str = "01890a5d-ac96-774b-bcce-b302099a8058";

fn list() -> Value {
    json!({
        "version": 1,
        "canvas": {"width": 720, "height": 1280},
        "segments": [
            {"source": null, "video": OTHER, "start_ms": 0, "end_ms": 3000, "speed": 1.0, "reverse": false,
             "fit": "cover", "crop": null, "volume": 1.0},
            {"source": UPLOAD, "video": null, "start_ms": 0, "end_ms": 4000, "speed": 0.5, "reverse": true,
             "fit": "contain", "crop": {"x": 0.1, "y": 0.1, "width": 0.8, "height": 0.8}, "volume": 0.5}
        ],
        "layout": {"kind": "stacked", "video": OTHER, "start_ms": 500, "volume": 0.5, "place": "top"},
        "sound": {"sound": UPLOAD, "start_ms": 12000, "volume": 1.0, "lead_ms": -40},
        "voice_over": [
            {"source": UPLOAD, "at_ms": 0, "start_ms": 0, "end_ms": 3000, "volume": 1.0},
            {"source": UPLOAD, "at_ms": 3000, "start_ms": 0, "end_ms": 3000, "volume": 1.0}
        ],
        "fade": {"in_ms": 500, "out_ms": 500},
        "texts": [{"text": "hello\nשלום 😀", "from_ms": 0, "to_ms": 3000, "x": 0.5, "y": 0.2, "width": 0.8,
                   "size": 0.06, "colour": "#ff8800", "style": "outline", "align": "centre", "rotation": -12.5}],
        "look": "warm",
        "poster_ms": 1000
    })
}

/// The list with one place set to something.
fn with(pointer: &str, value: Value) -> Value {
    let mut list = list();
    match list.pointer_mut(pointer) {
        Some(place) => *place = value,
        None => {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            list.pointer_mut(parent).unwrap()[name] = value;
        }
    }
    list
}

#[track_caller]
fn refused(list: Value, path: &str, rule: &str) {
    let refusal = parse(list).unwrap_err();
    assert_eq!(refusal.path, path, "{refusal}");
    assert!(refusal.rule.contains(rule), "{refusal}");
}

#[test]
fn a_list_with_everything_is_taken_and_written_as_it_was() {
    let edit = parse(list()).unwrap();
    assert_eq!(edit.duration_ms(), 3000 + 8000);
    let written = serde_json::to_value(&edit).unwrap();
    assert_eq!(parse(written.clone()).unwrap(), edit);
    assert_eq!(written["texts"][0]["colour"], "#ff8800");
}

#[test]
fn what_is_absent_is_as_usual() {
    let short = json!({"version": 1, "canvas": {"width": 720, "height": 1280},
        "segments": [{"source": UPLOAD, "start_ms": 0, "end_ms": 2000}]});
    let edit = parse(short).unwrap();
    let segment = &edit.list().segments[0];
    assert_eq!((segment.speed, segment.volume, edit.list().layout.kind), (1.0, 1.0, LayoutKind::Single));
}

#[test]
fn wrong_kinds_and_unknown_fields_are_named() {
    refused(json!([]), "", "struct EditList");
    refused(with("/version", json!(2)), "version", "must be 1");
    refused(with("/surprise", json!(1)), "surprise", "unknown field");
    refused(with("/segments/1/filter", json!("movie=/etc/passwd")), "segments[1].filter", "unknown field");
    refused(with("/segments/1/start_ms", json!(-1)), "segments[1].start_ms", "expected u32");
    refused(with("/segments/1/end_ms", json!(1e300)), "segments[1].end_ms", "expected u32");
    refused(with("/segments/1/end_ms", json!(null)), "segments[1].end_ms", "expected u32");
    refused(with("/segments/1/speed", json!("1;movie")), "segments[1].speed", "expected f64");
    refused(with("/segments/1/source", json!("../../etc/passwd")), "segments[1].source", "UUID");
    refused(with("/segments/1/fit", json!("stretch")), "segments[1].fit", "unknown variant");
    refused(with("/look", json!("warm,movie=x")), "look", "unknown variant");
    for colour in ["red", "#12345", "#1234567", "#gggggg", "#ff0000:alpha", "0xffffff"] {
        refused(with("/texts/0/colour", json!(colour)), "texts[0].colour", "must be a colour");
    }
}

#[test]
fn numbers_out_of_range_are_named() {
    for (pointer, path) in [
        ("/segments/1/speed", "segments[1].speed"),
        ("/segments/1/volume", "segments[1].volume"),
        ("/segments/1/crop/x", "segments[1].crop.x"),
        ("/segments/1/crop/height", "segments[1].crop.height"),
        ("/layout/volume", "layout.volume"),
        ("/sound/volume", "sound.volume"),
        ("/voice_over/1/volume", "voice_over[1].volume"),
        ("/texts/0/x", "texts[0].x"),
        ("/texts/0/size", "texts[0].size"),
        ("/texts/0/width", "texts[0].width"),
        ("/texts/0/rotation", "texts[0].rotation"),
    ] {
        refused(with(pointer, json!(-1e9)), path, "must be");
        refused(with(pointer, json!(1e300)), path, "must be");
    }
    for (pointer, value, path) in [
        ("/canvas/width", json!(721), "canvas.width"),
        ("/canvas/height", json!(100_000), "canvas.height"),
        ("/segments/1/end_ms", json!(4_000_000_000_u32), "segments[1].end_ms"),
        ("/segments/1/end_ms", json!(0), "segments[1].end_ms"),
        ("/segments/1/end_ms", json!(40), "segments[1].end_ms"),
        ("/segments/0/end_ms", json!(5001), "segments[0].end_ms"),
        ("/segments/1/crop/width", json!(0.95), "segments[1].crop.width"),
        ("/sound/lead_ms", json!(-20_000), "sound.lead_ms"),
        ("/sound/start_ms", json!(u32::MAX), "sound.start_ms"),
        ("/layout/start_ms", json!(u32::MAX), "layout.start_ms"),
        ("/voice_over/1/at_ms", json!(u32::MAX), "voice_over[1].at_ms"),
        ("/voice_over/1/at_ms", json!(2999), "voice_over[1].at_ms"),
        ("/voice_over/1/end_ms", json!(0), "voice_over[1].end_ms"),
        ("/fade/in_ms", json!(u32::MAX), "fade"),
        ("/texts/0/to_ms", json!(11_001), "texts[0].to_ms"),
        ("/texts/0/from_ms", json!(2999), "texts[0].to_ms"),
        ("/poster_ms", json!(11_000), "poster_ms"),
    ] {
        refused(with(pointer, value), path, "must");
    }
}

#[test]
fn not_a_number_is_refused_even_where_json_has_none() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut edit = EditList::from(parse(list()).unwrap());
        edit.segments[1].speed = value;
        assert_eq!(Edit::try_from(edit).unwrap_err().path, "segments[1].speed");
        let mut edit = EditList::from(parse(list()).unwrap());
        edit.texts[0].rotation = value;
        assert_eq!(Edit::try_from(edit).unwrap_err().path, "texts[0].rotation");
    }
}

#[test]
fn too_many_and_too_long_are_named() {
    let list = list();
    let many = |value: &Value, count: usize| Value::Array(vec![value.clone(); count]);
    refused(with("/segments", json!([])), "segments", "must be 1 to 60");
    refused(with("/segments", many(&list["segments"][1], 61)), "segments", "must be 1 to 60");
    refused(with("/segments", many(&list["segments"][1], 10)), "segments", "these last 80000");
    refused(with("/texts", many(&list["texts"][0], 5_000)), "texts", "must be 40 at most");
    refused(with("/voice_over", many(&list["voice_over"][0], 2)), "voice_over[1].at_ms", "overlap");
    refused(with("/voice_over", many(&list["voice_over"][0], 21)), "voice_over", "must be 20 at most");
    refused(with("/texts/0/text", json!("x".repeat(201))), "texts[0].text", "200 characters");
    refused(with("/texts/0/text", json!("x\n".repeat(9))), "texts[0].text", "8 lines");
}

#[test]
fn texts_with_nothing_or_with_control_characters_are_refused() {
    for text in ["", " \n ", "\u{3000}"] {
        refused(with("/texts/0/text", json!(text)), "texts[0].text", "something to show");
    }
    for text in ["a\0b", "a\x1b[31mb", "a\tb", "a\rb", "a\u{85}b", "a\u{7f}b"] {
        refused(with("/texts/0/text", json!(text)), "texts[0].text", "control characters");
    }
}

#[test]
fn parts_that_do_not_go_together_are_named() {
    refused(with("/segments/1/video", json!(OTHER)), "segments[1]", "either a source or a video");
    refused(with("/segments/1/source", json!(null)), "segments[1]", "either a source or a video");
    refused(with("/layout/video", json!(null)), "layout.video", "must name");
    refused(with("/layout/place", json!("left")), "layout.place", "top or bottom");
    refused(with("/layout/place", json!(null)), "layout.place", "top or bottom");
    refused(with("/layout/kind", json!("single")), "layout", "no other field");
    let list = list();
    let (theirs, own) = (&list["segments"][0], &list["segments"][1]);
    refused(with("/segments", json!([own, theirs])), "segments[1].video", "before all segments of your own");
    refused(with("/segments", json!([theirs])), "segments", "one of your own");
}

/// Sources long enough for any list, of an awkward shape.
fn sources(edit: &Edit) -> Sources {
    let audio = AudioSource {
        index: 1,
        codec: "aac".into(),
        profile: "LC".into(),
        channels: 2,
        sample_rate: 44_100,
        start_ms: 0,
        duration_ms: SOURCE_MS_MAX,
    };
    let video = VideoSource {
        index: 0,
        codec: "h264".into(),
        profile: "High".into(),
        level: 40,
        coded_width: 854,
        coded_height: 478,
        width: 478,
        height: 854,
        pixel_format: "yuv420p".into(),
        square_pixels: true,
        transformed: true,
        interlaced: true,
        hdr: false,
        hdr_is_hlg: false,
        color_matrix: String::new(),
        frame_rate: FrameRate { frames: 30_000, seconds: 1_001 },
        fps_mean: 29.97,
        bit_rate: 1_000_000,
        starts_with_key: true,
        key_gap_ms: 1_000,
        duration_ms: SOURCE_MS_MAX,
        start_ms: 0,
        frames: Vec::new(),
        edited: false,
        damaged: false,
    };
    let source = Source {
        container: Container::Mp4,
        bytes: 1,
        duration_ms: SOURCE_MS_MAX,
        truncated: false,
        video,
        audio: Some(audio),
    };
    let mut sources = Sources::default();
    for clip in clips(edit.list()) {
        sources.clips.insert(clip, ("file;[x]movie=y,'".into(), source.clone()));
    }
    let sound = crate::SoundSource {
        container: Container::Ogg,
        bytes: 1,
        index: 0,
        codec: "opus".into(),
        channels: 1,
        sample_rate: 48_000,
        start_ms: 0,
        duration_ms: SOURCE_MS_MAX,
    };
    for upload in uploads(edit.list()) {
        sources.voices.insert(upload, ("voice".into(), sound.clone()));
    }
    sources.sound = Some(("sound".into(), sound));
    sources
}

/// A graph whose every link is made once and used once, of nothing but filters this program knows.
#[track_caller]
fn check_graph(edit: &Edit, rubberband: bool) {
    let texts: Vec<_> = edit
        .list()
        .texts
        .iter()
        .map(|_| Some(crate::edit::Picture { x: 2, y: -4, width: 2, height: 2, rgba: vec![255; 16] }))
        .collect();
    let made = compose(edit, &sources(edit), &texts, Abilities { tone_mapping: true, rubberband });
    let graph = made.graph.as_str();
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "[]=:,;_+-*/.()\\|".contains(letter);
    assert!(graph.chars().all(allowed), "{graph}");
    for forbidden in ["movie", "file", "NaN", "inf", "textfile", "sendcmd"] {
        assert!(!graph.contains(forbidden), "{forbidden} in {graph}");
    }
    for number in 0.. {
        let link = format!("[l{number}]");
        let uses = graph.matches(&link).count();
        let ends = [Some(made.video), made.audio].into_iter().flatten();
        let is_end = ends.map(|pad| pad.to_string()).any(|end| end == link);
        if uses == 0 {
            break;
        }
        assert_eq!(uses, if is_end { 1 } else { 2 }, "{link} in {graph}");
    }
}

/// Any JSON at all, of names that lists have.
fn any_json() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "version", "canvas", "width", "height", "segments", "source", "start_ms", "end_ms", "speed", "texts",
        "text", "layout", "kind", "sound", "fade", "x", "colour", "crop",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!(UPLOAD)),
        Just(json!(1)),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        let names = names.clone();
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(names.prop_map(str::to_owned), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A list as an app may send it: sometimes wrong, often right.
fn likely_list() -> impl Strategy<Value = Value> {
    let segment = (0_u32..9_000, 50_u32..9_000, 0.25..3.2_f64, any::<bool>(), 0.0..2.0_f64, any::<bool>());
    let segments = prop::collection::vec(segment, 1..8).prop_map(|all| {
        let one = |(start, length, speed, reverse, volume, contain)| {
            let (end, fit) = (start + length, if contain { "contain" } else { "cover" });
            json!({"source": UPLOAD, "start_ms": start, "end_ms": end, "speed": speed, "reverse": reverse,
                   "volume": volume, "fit": fit})
        };
        Value::from(all.into_iter().map(one).collect::<Vec<_>>())
    });
    let layout = prop::sample::select(vec![
        json!({"kind": "single"}),
        json!({"kind": "side_by_side", "video": OTHER, "place": "left"}),
        json!({"kind": "stacked", "video": OTHER, "place": "bottom", "fit": "contain"}),
        json!({"kind": "picture_in_picture", "video": OTHER, "place": "corner"}),
    ]);
    let look = prop::sample::select(vec!["none", "warm", "cool", "mono", "vivid", "faded"]);
    let sizes =
        (prop::sample::select(vec![240_u32, 362, 720, 1080]), prop::sample::select(vec![240_u32, 1278]));
    let text = (".{1,40}", -0.4..1.4_f64, 0.02..0.29_f64, -180.0..180.0_f64);
    (segments, layout, look, sizes, prop::collection::vec(text, 0..4), -5_000_i32..5_000).prop_map(
        |(segments, layout, look, (width, height), texts, lead_ms)| {
            let one = |(text, x, size, rotation)| {
                json!({"text": text, "from_ms": 0, "to_ms": 900, "x": x, "y": x, "size": size,
                       "rotation": rotation})
            };
            let texts: Vec<_> = texts.into_iter().map(one).collect();
            json!({"version": 1, "canvas": {"width": width, "height": height}, "segments": segments,
                   "layout": layout, "look": look, "texts": texts,
                   "sound": {"sound": UPLOAD, "start_ms": 100, "lead_ms": lead_ms}})
        },
    )
}

proptest! {
    #[test]
    fn any_json_is_answered(json in any_json()) {
        if let Ok(edit) = parse(json) {
            check_graph(&edit, true);
        }
    }

    #[test]
    fn any_list_taken_gives_a_graph(list in likely_list(), rubberband in any::<bool>()) {
        if let Ok(edit) = parse(list) {
            check_graph(&edit, rubberband);
        }
    }
}

#[test]
fn the_list_with_everything_gives_a_graph() {
    check_graph(&parse(list()).unwrap(), true);
    check_graph(&parse(list()).unwrap(), false);
}
