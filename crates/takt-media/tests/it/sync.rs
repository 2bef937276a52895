//! Sound and picture stay together: a flash and a click at the same moments, measured in what comes out.
//!
//! [`offsets_ms`] is the measuring tool; it works on any file with white flashes on black and clicks in silence.

use std::path::Path;

use crate::harness::{Case, brightness, samples};

/// Steps of the picture's time line, in milliseconds.
const STEP_MS: u32 = 5;
/// Most that sound and picture may drift apart.
const TOLERANCE_MS: f64 = 40.0;

/// For each flash, how much later its click is heard, in milliseconds.
pub(crate) fn offsets_ms(path: &Path) -> Vec<f64> {
    let flashes = rises(
        brightness(path, 1000 / STEP_MS).iter().map(|light| f64::from(*light) / 255.0),
        f64::from(STEP_MS),
    );
    let clicks = rises(samples(path).iter().map(|sample| f64::from(sample.abs())), 1000.0 / 48_000.0);
    let nearest = |flash: &f64| {
        clicks
            .iter()
            .map(|click| click - flash)
            .min_by(|a, b| a.abs().total_cmp(&b.abs()))
            .unwrap_or(f64::INFINITY)
    };
    flashes.iter().map(nearest).collect()
}

/// When a signal rises above a third of its greatest, at least 300 ms after it did before.
fn rises(signal: impl Iterator<Item = f64> + Clone, step_ms: f64) -> Vec<f64> {
    let threshold = signal.clone().fold(0.0, f64::max) / 3.0;
    let mut found: Vec<f64> = Vec::new();
    for (number, value) in signal.enumerate() {
        let at = number as f64 * step_ms;
        if value > threshold.max(0.01) && found.last().is_none_or(|last| at - last > 300.0) {
            found.push(at);
        }
    }
    found
}

/// Two inputs: a flash of two frames and a click of 30 ms in every second, from half a second on.
pub(crate) fn flash_and_click(rate: u32, seconds: u32) -> String {
    format!(
        "-f lavfi -i color=c=black:s=128x228:r={rate}:d={seconds},drawbox=c=white:t=fill:enable='between(mod(t\\,1)\\,0.499\\,0.56)' \
         -f lavfi -i aevalsrc='0.5*sin(2*PI*1000*t)*between(mod(t\\,1)\\,0.5\\,0.53)':s=48000:d={seconds}"
    )
}

#[track_caller]
fn check(case: &Case, flashes: usize) {
    let done = case.run().unwrap();
    for rendition in std::iter::once(&done.first).chain(&done.further) {
        let offsets = offsets_ms(&rendition.path);
        assert_eq!(offsets.len(), flashes, "{offsets:?} in {:?}", rendition.path);
        let apart = offsets.iter().any(|offset| offset.abs() > TOLERANCE_MS);
        assert!(!apart, "{offsets:?} ms in {:?}; source {:?}", rendition.path, offsets_ms(&case.source));
    }
}

fn made(inputs: &str, codecs: &str, name: &str) -> Case {
    let mut case = Case::made(&format!("{inputs} {codecs}"), name);
    // Small rungs, so that small sources give several renditions.
    case.settings.first.edge = 112;
    for (rung, edge) in case.settings.further.iter_mut().zip([128, 80]) {
        rung.edge = edge;
    }
    case
}

const X264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";

#[test]
fn copied() {
    let mut case = made(&flash_and_click(30, 3), &format!("{X264} -bf 2 -g 30 -c:a aac"), "a.mp4");
    check(&case, 3);
    // The same file when nothing may be copied.
    case.settings.fast_path.edge_max = 0;
    check(&case, 3);
}

#[test]
fn opus_in_webm() {
    check(
        &made(&flash_and_click(30, 3), "-c:v libvpx -deadline realtime -b:v 300k -c:a libopus", "a.webm"),
        3,
    );
}

#[test]
fn vorbis_in_matroska_with_copied_picture_codec() {
    check(&made(&flash_and_click(25, 3), &format!("{X264} -c:a libvorbis"), "a.mkv"), 3);
}

#[test]
fn mp3_in_avi() {
    check(&made(&flash_and_click(30, 3), "-c:v mpeg4 -c:a libmp3lame", "a.avi"), 3);
}

#[test]
fn transport_stream_that_starts_late() {
    check(&made(&flash_and_click(30, 3), &format!("{X264} -c:a aac -output_ts_offset 7"), "a.ts"), 3);
}

#[test]
fn sixty_frames_a_second() {
    check(&made(&flash_and_click(60, 3), &format!("{X264} -c:a aac -movflags +frag_keyframe"), "a.mp4"), 3);
}

#[test]
fn five_frames_a_second() {
    // Flashes fall on frames: 0.6 s with 5 fps; the click is moved there as well.
    let inputs =
        flash_and_click(5, 3).replace("0.499\\,0.56", "0.59\\,0.79").replace("0.5\\,0.53", "0.6\\,0.63");
    check(&made(&inputs, &format!("{X264} -c:a aac"), "a.mp4"), 3);
}

#[test]
fn picture_that_starts_late() {
    let inputs = flash_and_click(30, 3).replacen("-f lavfi", "-itsoffset 0.4 -f lavfi", 1);
    // The flashes now come 0.4 s after the clicks; a click 0.4 s later matches again.
    let inputs = inputs.replace("0.5\\,0.53", "0.9\\,0.93");
    check(&made(&inputs, &format!("{X264} -c:a aac"), "a.mp4"), 3);
}

#[test]
fn sound_that_starts_late() {
    let inputs =
        flash_and_click(30, 4).replace("-f lavfi -i aevalsrc", "-itsoffset 0.3 -f lavfi -i aevalsrc");
    let inputs = inputs.replace("0.5\\,0.53", "0.2\\,0.23");
    check(&made(&inputs, &format!("{X264} -c:a aac -t 3.3"), "a.mp4"), 3);
}

#[test]
fn cut_by_an_edit_list() {
    let whole = made(&flash_and_click(30, 6), &format!("{X264} -g 60 -bf 2 -c:a aac"), "whole.mp4");
    let mut case = made(&format!("-ss 1.3 -i {}", whole.source.display()), "-c copy", "cut.mp4");
    check(&case, 5);
    case.settings.fast_path.edge_max = 0;
    check(&case, 5);
}

#[test]
fn variable_frame_rate() {
    // Only every fifth frame is kept in the second half, as screen recorders do.
    let keep = "-filter:v select='lt(t\\,2)+not(mod(n\\,5))' -fps_mode vfr";
    let case = made(&flash_and_click(30, 5), &format!("{keep} {X264} -c:a aac"), "a.mp4");
    check(&case, 5);
}

#[test]
fn sound_with_a_hole() {
    let hole = "-af aselect='not(between(t\\,0.8\\,1.2))'";
    check(&made(&flash_and_click(30, 3), &format!("{hole} {X264} -c:a pcm_s16le"), "a.mkv"), 3);
}
