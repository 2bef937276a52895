//! Trims that are copied: every picture of the result carries its number in the source, and none is missing or too many.

use std::path::Path;

use serde_json::json;
use takt_media::First;

use super::{Rendered, Studio, list, segment};
use crate::harness::{Case, decoded, samples};
use crate::sync::{flash_and_click, offsets_ms};

/// Bits of a picture's number.
const BITS: usize = 9;
/// Groups of four pictures of which the last is decoded first, the middle one next: of 0 to 8 in the order 0 4 2 1 3 8 6 5 7.
const B_FRAMES: &str = "b-adapt=0:bframes=3:scenecut=0";

/// x264 with a key frame every `every` frames.
fn x264(every: u32, more: &str) -> String {
    format!(
        "-c:v libx264 -preset veryfast -x264-params {more}:keyint={every}:min-keyint={every} -pix_fmt yuv420p -c:a aac"
    )
}

fn x265(more: &str) -> String {
    format!(
        "-c:v libx265 -preset ultrafast -x265-params log-level=error:{B_FRAMES}:keyint=30:{more} -pix_fmt yuv420p -c:a aac"
    )
}

/// A moving picture whose top has its number in stripes, lowest bit first, and a tone.
fn counted(rate: &str, seconds: u32, codecs: &str) -> String {
    format!(
        "-f lavfi -i color=gray:s={stripes}x2:r={rate}:d={seconds} -f lavfi -i testsrc2=s=240x366:r={rate}:d={seconds} \
         -f lavfi -i sine=d={seconds}:r=48000 -filter_complex \
         [0]format=yuv420p,geq=lum='if(gt(bitand(N\\,pow(2\\,floor(X/2)))\\,0)\\,235\\,16)':cb=128:cr=128,\
         scale=240:60:flags=neighbor,setsar=1[code];[1]format=yuv420p[rest];[code][rest]vstack[out] \
         -map [out] -map 2:a {codecs}",
        stripes = 2 * BITS,
    )
}

/// The numbers of all pictures that are shown.
fn numbers(path: &Path) -> Vec<usize> {
    let filter = format!("crop=iw:ih/8:0:0,scale={BITS}:1:flags=area,format=gray");
    let path = path.display().to_string();
    let bytes =
        decoded(&["-i", &path, "-an", "-vsync", "passthrough", "-vf", &filter, "-f", "rawvideo", "pipe:1"]);
    let number =
        |bits: &[u8]| bits.iter().enumerate().map(|(bit, light)| usize::from(*light > 125) << bit).sum();
    bytes.chunks(BITS).map(number).collect()
}

/// One cut, and whether it is copied and then published as it is.
struct Expected {
    cut_ms: (u32, u32),
    copied: bool,
    kept: bool,
}

const fn kept(start_ms: u32, end_ms: u32) -> Expected {
    Expected { cut_ms: (start_ms, end_ms), copied: true, kept: true }
}

/// Copied with frames that are not seen, which publishing leaves out by encoding.
const fn hidden(start_ms: u32, end_ms: u32) -> Expected {
    Expected { kept: false, ..kept(start_ms, end_ms) }
}

const fn encoded(start_ms: u32, end_ms: u32) -> Expected {
    Expected { copied: false, ..kept(start_ms, end_ms) }
}

/// Makes cuts of a source at `rate` and holds every picture against the list.
#[track_caller]
fn check(rate: &str, codecs: &str, cuts: &[Expected]) {
    let sources = Studio::new().upload(1, &counted(rate, 4, codecs), "a.mp4");
    let (frames, seconds) = rate.split_once('/').unwrap_or((rate, "1"));
    let fps = frames.parse::<f64>().unwrap() / seconds.parse::<f64>().unwrap();
    let frame_at = |ms: u32| (f64::from(ms) * fps / 1000.0).round() as usize;
    for Expected { cut_ms: (start_ms, end_ms), copied, kept } in cuts {
        let studio = Studio { files: sources.files.clone(), ..Studio::new() };
        let made = studio.render(list(json!([segment(1, *start_ms, *end_ms)]), json!({})));
        let about = format!("{start_ms} to {end_ms} ms at {rate} a second");
        assert_eq!(made.copied, *copied, "{about}: {codecs}");
        let (first, count) = (frame_at(*start_ms), frame_at(end_ms - start_ms));
        let meant: Vec<usize> = (first..first + count).collect();
        assert_eq!(numbers(&made.path), meant, "{about}: {codecs}");
        let ends = count as f64 / fps;
        let heard = samples(&made.path).len() as f64 / 48_000.0;
        // A bit of sound is 1024 samples at 48 kHz, and times of edit lists are rounded to milliseconds.
        assert!(
            (-0.002..=0.024).contains(&(heard - ends)),
            "{heard} s of sound, {ends} s of picture: {about}"
        );
        assert!((made.duration() - ends).abs() < 0.0015, "{} s, not {ends} s: {about}", made.duration());
        let (shown, as_it_is) = published(&made);
        assert_eq!(as_it_is, *kept, "{about}: {codecs}");
        // Encodes have up to 30 pictures a second.
        let every = if *kept || fps < 31.0 { 1 } else { 2 };
        assert_eq!(
            shown,
            meant.into_iter().step_by(every).collect::<Vec<_>>(),
            "{about}, published: {codecs}"
        );
    }
}

/// What is published of a rendering: its numbers, and whether it is the rendering itself.
fn published(made: &Rendered) -> (Vec<usize>, bool) {
    let done = Case::at(made.path.clone()).run().unwrap();
    (numbers(&done.first.path), matches!(done.plan.first, First::Copy(_)))
}

#[test]
fn a_copied_trim_has_its_frames_and_no_others() {
    let cuts = [
        kept(0, 1000),
        kept(1000, 3000),
        kept(2000, 4000),
        // Frames 61 to 66.
        kept(1000, 2033),
        hidden(1000, 2067),
        hidden(1000, 2100),
        hidden(1000, 2133),
        kept(1000, 2167),
        hidden(0, 2200),
        // From frames that are no key frames.
        hidden(1033, 2033),
        hidden(1300, 2900),
    ];
    check("30", &x264(30, B_FRAMES), &cuts);
}

#[test]
fn without_b_frames_every_end_is_kept() {
    let cuts = [kept(1000, 2033), kept(1000, 2067), kept(0, 2500), hidden(1033, 2067)];
    check("30", &x264(30, "bframes=0"), &cuts);
}

#[test]
fn a_trim_is_exact_at_every_rate() {
    check(
        "10",
        &x264(10, B_FRAMES),
        &[kept(0, 2000), kept(1000, 2100), hidden(1000, 2200), hidden(1300, 2300)],
    );
    let cuts = [kept(0, 1001), kept(1000, 3000), kept(1001, 2002), hidden(1000, 2500), hidden(1500, 2500)];
    check("30000/1001", &x264(30, B_FRAMES), &cuts);
    check(
        "60",
        &x264(60, B_FRAMES),
        &[kept(0, 2000), kept(1000, 2017), hidden(1000, 2050), hidden(1500, 2500)],
    );
}

/// Frames 29 and 89 are decoded after the key frames that follow them.
#[test]
fn a_trim_of_open_groups_has_its_frames() {
    let cuts = [kept(0, 2967), hidden(0, 3000), hidden(1000, 3000), hidden(1033, 2967), encoded(967, 2967)];
    check("30", &x264(30, &format!("open-gop=1:{B_FRAMES}")), &cuts);
}

/// Which is never published as it is.
#[test]
fn a_trim_of_hevc_has_its_frames() {
    for open in ["open-gop=0", "open-gop=1"] {
        check("30", &x265(open), &[hidden(0, 2000), hidden(1000, 3000), hidden(1300, 2900)]);
    }
}

/// Sound against picture after every kind of cut, in milliseconds.
#[test]
fn the_sound_of_a_copied_trim_stays_with_its_picture() {
    let source = flash_and_click(30, 6).replace("128x228", "240x426");
    let sources = Studio::new().upload(1, &format!("{source} {}", x264(30, B_FRAMES)), "a.mp4");
    for (start_ms, end_ms) in [(0, 3000), (1000, 4000), (1000, 4100), (1310, 4333), (2983, 5990)] {
        let studio = Studio { files: sources.files.clone(), ..Studio::new() };
        let made = studio.render(list(json!([segment(1, start_ms, end_ms)]), json!({})));
        assert!(made.copied);
        let offsets = offsets_ms(&made.path);
        assert!(offsets.len() == 3 && offsets.iter().all(|offset| offset.abs() <= 20.0), "{offsets:?}");
    }
}
