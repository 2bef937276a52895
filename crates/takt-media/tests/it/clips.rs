//! Real clips from phones, browsers and old cameras, when they are at hand: every one is ready and upright, or refused
//! for the stated, correct reason.
//!
//! They are looked for in the folder named by `TAKT_TEST_CLIPS`, or in `../shared/clips` beside the workspace.

use std::path::{Path, PathBuf};

use crate::harness::{Case, Picture, probe};

fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/clips");
    let folder = std::env::var_os("TAKT_TEST_CLIPS").map_or(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// What is known of each clip: name, failure or "ready", size as shown.
const CLIPS: &[(&str, &str, (u32, u32))] = &[
    ("derived/blocks-safari-rot90.mov", "ready", (540, 960)),
    ("derived/cup-game.mp4", "ready", (720, 1280)),
    ("derived/dancer-vibe.mp4", "ready", (540, 960)),
    ("derived/dog-walk.mp4", "ready", (720, 1280)),
    ("derived/nails-song.mp4", "ready", (720, 1280)),
    ("derived/nature-montage.mp4", "ready", (540, 960)),
    ("derived/squat-tabla.mp4", "ready", (720, 1280)),
    ("derived/talk-austen-2.mp4", "ready", (540, 960)),
    ("derived/talk-austen.mp4", "ready", (540, 960)),
    ("video/app-tabs-60fps.mp4", "ready", (540, 960)),
    ("video/asl-hungry.mkv", "ready", (640, 480)),
    ("video/asl-thanks.mkv", "ready", (640, 480)),
    ("video/asl-walk.mkv", "ready", (640, 480)),
    ("video/bbb-30s.webm", "ready", (1280, 720)),
    ("video/blocks.mp4", "ready", (1280, 720)),
    ("video/bottles.mp4", "ready", (640, 360)),
    ("video/chaplin-mp3audio.mp4", "ready", (640, 360)),
    ("video/chroma-man-60fps.mp4", "ready", (320, 192)),
    ("video/chrome-story.mp4", "ready", (480, 270)),
    ("video/dancer-alpha.webm", "too_long", (640, 360)),
    // Stored as 352 by 288 pixels that are 12:11 wide.
    ("video/desks-h263.3gp", "ready", (384, 288)),
    ("video/dog.mp4", "ready", (1280, 720)),
    ("video/emulator-rot270.mp4", "ready", (720, 1280)),
    ("video/flower.mp4", "ready", (960, 540)),
    ("video/flower.webm", "ready", (960, 540)),
    ("video/friday.mp4", "ready", (640, 480)),
    ("video/hands-fist-444.mp4", "ready", (620, 1080)),
    ("video/hdr10-av1-portrait.mp4", "ready", (720, 1280)),
    ("video/hevc-motionphoto-2tracks.mp4", "ready", (1080, 1440)),
    ("video/mpeg4-mp3.avi", "ready", (480, 270)),
    ("video/nails-portrait.mp4", "ready", (1080, 1916)),
    ("video/pixel-rot180.mp4", "ready", (1920, 1080)),
    ("video/rocks-stream-audioless.webm", "ready", (640, 360)),
    ("video/rocks-stream.mp4", "ready", (480, 360)),
    ("video/squats-5fps.mp4", "ready", (720, 1280)),
    ("video/tos-av1.webm", "ready", (1920, 800)),
];

const CELLS: usize = 12;

/// Mean brightness of each cell of a grid over the picture; fine patterns do not count.
fn cells(picture: &Picture) -> Vec<f64> {
    let (mut sums, mut counts) = (vec![0.0; CELLS * CELLS], vec![0.0; CELLS * CELLS]);
    for (number, pixel) in picture.rgb.as_chunks::<3>().0.iter().enumerate() {
        let (row, column) = (number / picture.width, number % picture.width);
        let cell = row * CELLS / picture.height * CELLS + column * CELLS / picture.width;
        sums[cell] += pixel.iter().map(|value| f64::from(*value)).sum::<f64>() / 3.0;
        counts[cell] += 1.0;
    }
    sums.iter().zip(&counts).map(|(sum, count)| sum / count).collect()
}

/// Mean difference of two pictures of any size, in steps of 255.
fn difference(one: &Picture, other: &Picture) -> f64 {
    let (one, other) = (cells(one), cells(other));
    one.iter().zip(&other).map(|(a, b)| (a - b).abs()).sum::<f64>() / (CELLS * CELLS) as f64
}

/// The picture turned by half: what a clip looks like that came out upside down.
fn turned(picture: &Picture) -> Picture {
    let rgb = picture.rgb.as_chunks::<3>().0.iter().rev().flatten().copied().collect();
    Picture { width: picture.width, height: picture.height, rgb }
}

fn check(folder: &Path, name: &str, expected: &str, shown: (u32, u32)) {
    let case = Case::at(folder.join(name));
    if expected != "ready" {
        assert_eq!(case.failure(), expected, "{name}");
        return;
    }
    // The first rendition and the poster only: the ladder is tried elsewhere and these files are long.
    let mut case = case;
    case.settings.further.clear();
    case.settings.first.edge = 270;
    case.settings.first.preset = "ultrafast".into();
    let done = case.run().unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!((done.source.video.width, done.source.video.height), shown, "{name}");
    assert_eq!(done.first.width > done.first.height, shown.0 > shown.1, "{name}");
    assert!(
        done.first.duration_ms.abs_diff(done.source.duration_ms) < 300,
        "{name}: {}",
        done.first.duration_ms
    );
    assert!(!done.poster.thumbhash.is_empty(), "{name}");
    // FFmpeg by itself turns pictures as players do; the same frame must look the same here.
    let index = done.source.video.index;
    let reference = case.dir.path().join("reference.png");
    crate::harness::ffmpeg(&format!(
        "-i {} -map 0:{index} -frames:v 1 {}",
        case.source.display(),
        reference.display()
    ));
    let size: Vec<u32> =
        probe(&reference, "stream=width,height").iter().map(|text| text.parse().unwrap()).collect();
    let reference = Picture::of(&reference, 0.0, (size[0], size[1]));
    let made = Picture::of(&done.poster.path, 0.0, (done.poster.width, done.poster.height));
    let (upright, upside_down) = (difference(&made, &reference), difference(&turned(&made), &reference));
    // Mapping HDR to SDR changes brightness, not shapes.
    let most = if done.source.video.hdr { 60.0 } else { 6.0 };
    assert!(upright < most && upright <= upside_down, "{name}: {upright:.1}, turned {upside_down:.1}");
}

/// In two halves, so that two cores have work.
fn check_every_second(first: usize) {
    let Some(folder) = folder() else {
        eprintln!("SKIPPED: no clips; set TAKT_TEST_CLIPS to a folder with video/ and derived/");
        return;
    };
    for (name, expected, shown) in CLIPS.iter().skip(first).step_by(2) {
        check(&folder, name, expected, *shown);
    }
}

#[test]
fn real_clips_one_half() {
    check_every_second(0);
}

#[test]
fn real_clips_other_half() {
    check_every_second(1);
}

#[test]
fn no_clip_is_forgotten() {
    let Some(folder) = folder() else {
        eprintln!("SKIPPED: no clips; set TAKT_TEST_CLIPS to a folder with video/ and derived/");
        return;
    };
    for part in ["video", "derived"] {
        for entry in std::fs::read_dir(folder.join(part)).unwrap().flatten() {
            let name = format!("{part}/{}", entry.file_name().display());
            assert!(CLIPS.iter().any(|(known, ..)| *known == name), "{name} is not in the table");
        }
    }
}
