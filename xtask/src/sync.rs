//! How far sound and picture are apart: finds white flashes on black and clicks in silence, and compares their times.
//!
//! The picture is looked at in steps of a millisecond by the times its frames are shown, the sound sample by sample. With
//! `--halves` the flashes of the left and of the right half (or of the upper and the lower) are compared as well, as for
//! duets. Knows nothing of how the file was made. `--tone` listens to clicks of one frequency, so that two kinds of them in
//! one file are told apart; `--json` prints the moments alone, for tests that know more about them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::shell;

/// Steps of the picture's time line in a second.
const STEPS_PER_S: f64 = 1000.0;
/// Samples of sound in a second.
const SAMPLES_PER_S: f64 = 48_000.0;
/// A flash or click within so long after another is the same one.
const SAME_S: f64 = 0.15;
/// Quieter or darker than this part of full scale is nothing.
const NOTHING: f64 = 0.05;
/// A tone is told from others that are this far away or a multiple of it, in hertz.
const TONE_APART: f64 = 100.0;
/// A click farther from its flash belongs to another one.
const PAIR_S: f64 = 0.25;

/// Arguments of `cargo xtask sync`.
#[derive(Args)]
pub(crate) struct Options {
    /// A video with flashes and clicks
    file: PathBuf,
    /// Compare the flashes of two halves, too
    #[arg(long)]
    halves: Option<Halves>,
    /// Listen only to clicks of this frequency, in hertz
    #[arg(long)]
    tone: Option<f64>,
    /// Print what was found as JSON, in seconds, and judge nothing
    #[arg(long)]
    json: bool,
}

/// Ways to halve a picture.
#[derive(Clone, Copy, ValueEnum)]
enum Halves {
    /// Left and right
    SideBySide,
    /// Above and below
    Stacked,
}

/// A click and the flash it belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pair {
    /// When the flash is seen, in seconds.
    at_s: f64,
    /// How much later the click is heard, in milliseconds.
    late_ms: f64,
}

/// Measures and prints.
///
/// # Errors
/// Where FFmpeg is missing or can not read the file, or nothing is found in it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let parts = match options.halves {
        Some(Halves::SideBySide) => Some(["crop=iw/2:ih:0:0", "crop=iw/2:ih:iw/2:0"]),
        Some(Halves::Stacked) => Some(["crop=iw:ih/2:0:0", "crop=iw:ih/2:0:ih/2"]),
        None => None,
    };
    if options.json {
        let mut found = serde_json::json!({"clicks": clicks(&options.file, options.tone)?});
        match parts {
            Some(parts) => {
                found["halves"] =
                    parts.map(|part| flashes(&options.file, part)).into_iter().collect::<Result<_>>()?
            }
            None => found["flashes"] = flashes(&options.file, "null")?.into(),
        }
        println!("{found}");
        return Ok(());
    }
    let pairs = measure(&options.file, options.tone)?;
    if pairs.is_empty() {
        bail!("no flash with a click in {}", options.file.display());
    }
    for pair in &pairs {
        println!("{:8.3} s  sound {:+6.1} ms", pair.at_s, pair.late_ms);
    }
    let worst = pairs.iter().map(|pair| pair.late_ms.abs()).fold(0.0, f64::max);
    let mean = pairs.iter().map(|pair| pair.late_ms).sum::<f64>() / pairs.len() as f64;
    println!(
        "{} clicks, worst {worst:.1} ms, mean {mean:+.1} ms, drift {:+.1} ms over 60 s",
        pairs.len(),
        drift_ms_per_minute(&pairs)
    );
    if let Some([first, second]) = parts {
        let (first, second) = (flashes(&options.file, first)?, flashes(&options.file, second)?);
        let apart = pair_up(&first, &second);
        if apart.is_empty() || first.len() != second.len() {
            bail!("{} flashes in one half, {} in the other", first.len(), second.len());
        }
        let worst = apart.iter().map(|pair| pair.late_ms.abs()).fold(0.0, f64::max);
        println!("{} flashes in each half, at most {worst:.1} ms apart", apart.len());
    }
    Ok(())
}

/// Every flash that has a click.
fn measure(file: &Path, tone: Option<f64>) -> Result<Vec<Pair>> {
    Ok(pair_up(&flashes(file, "null")?, &clicks(file, tone)?))
}

/// When a click begins, in seconds.
fn clicks(file: &Path, tone: Option<f64>) -> Result<Vec<f64>> {
    let samples: Vec<f64> = samples(file)?.into_iter().map(f64::from).collect();
    Ok(match tone {
        Some(hertz) => onsets(&strength(&samples, hertz)),
        None => rises(samples.iter().map(|sample| sample.abs()), SAMPLES_PER_S),
    })
}

/// How loud one tone is at each sample: the Fourier sum over a window with the sample in its middle. A tone that begins
/// fills half of the window at its first sample, so it rises above half of its greatest strength just then.
fn strength(samples: &[f64], hertz: f64) -> Vec<f64> {
    let half = (SAMPLES_PER_S / TONE_APART / 2.0) as usize;
    let (mut sums, mut sum) = (Vec::with_capacity(samples.len() + 1), (0.0, 0.0));
    sums.push(sum);
    for (number, sample) in samples.iter().enumerate() {
        let (sine, cosine) = (std::f64::consts::TAU * hertz * number as f64 / SAMPLES_PER_S).sin_cos();
        sum = (sum.0 + sample * cosine, sum.1 + sample * sine);
        sums.push(sum);
    }
    let at = |number: usize| sums.get(number).copied().unwrap_or(sum);
    let window = |number: usize| {
        let (from, to) = (at(number.saturating_sub(half)), at(number + half));
        f64::hypot(to.0 - from.0, to.1 - from.1) / half as f64
    };
    (0..samples.len()).map(window).collect()
}

/// When a flash begins in a part of the picture, in seconds.
fn flashes(file: &Path, part: &str) -> Result<Vec<f64>> {
    let filter = format!("{part},scale=1:1:flags=area,format=gray,fps={STEPS_PER_S}:start_time=0:round=up");
    let args = ["-an", "-vf", &filter, "-f", "rawvideo", "pipe:1"];
    let light = decoded(file, &args)?;
    Ok(rises(light.into_iter().map(|light| f64::from(light) / 255.0), STEPS_PER_S))
}

/// The sound from time zero, gaps filled.
fn samples(file: &Path) -> Result<Vec<f32>> {
    let filter = "aresample=48000:async=1:first_pts=0";
    let bytes = decoded(file, &["-vn", "-af", filter, "-ac", "1", "-f", "f32le", "pipe:1"])?;
    Ok(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

fn decoded(file: &Path, args: &[&str]) -> Result<Vec<u8>> {
    let ffmpeg = shell::find_in_path("ffmpeg").context("FFmpeg is missing: apt install ffmpeg")?;
    let output = Command::new(ffmpeg)
        .args(["-nostdin", "-v", "error", "-i"].map(OsStr::new))
        .arg(file)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .context("running FFmpeg")?;
    if !output.status.success() {
        bail!("FFmpeg can not read {}: {}", file.display(), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}

/// When a signal rises above half of its greatest value, in seconds.
fn rises(signal: impl Iterator<Item = f64> + Clone, per_s: f64) -> Vec<f64> {
    let threshold = (signal.clone().fold(0.0, f64::max) / 2.0).max(NOTHING);
    let mut found = Vec::new();
    let mut last_above: Option<f64> = None;
    for (number, value) in signal.enumerate() {
        if value < threshold {
            continue;
        }
        let at = number as f64 / per_s;
        if last_above.is_none_or(|last| at - last > SAME_S) {
            found.push(at);
        }
        last_above = Some(at);
    }
    found
}

/// When each click begins: above half of its own greatest strength, since some are softer than others once stretched.
fn onsets(strength: &[f64]) -> Vec<f64> {
    let same = (SAME_S * SAMPLES_PER_S) as usize;
    let threshold = (strength.iter().copied().fold(0.0, f64::max) / 4.0).max(NOTHING);
    let (mut found, mut quiet_since) = (Vec::new(), None::<usize>);
    for (number, value) in strength.iter().enumerate() {
        if *value < threshold {
            continue;
        }
        if quiet_since.is_none_or(|last| number - last > same) {
            let (from, to) = (number.saturating_sub(same), (number + same).min(strength.len()));
            let half = strength[number..to].iter().copied().fold(0.0, f64::max) / 2.0;
            let begins = strength[from..to].iter().position(|value| *value >= half).unwrap_or(number - from);
            found.push((from + begins) as f64 / SAMPLES_PER_S);
        }
        quiet_since = Some(number);
    }
    found
}

/// Each of `first` with the nearest of `second`, unless that is far.
fn pair_up(first: &[f64], second: &[f64]) -> Vec<Pair> {
    let nearest = |at: f64| second.iter().map(|other| other - at).min_by(|a, b| a.abs().total_cmp(&b.abs()));
    let pair =
        |at_s: f64| Some(Pair { at_s, late_ms: nearest(at_s).filter(|late| late.abs() <= PAIR_S)? * 1000.0 });
    first.iter().filter_map(|at| pair(*at)).collect()
}

/// Slope of the line through all pairs (least squares), in milliseconds a minute.
fn drift_ms_per_minute(pairs: &[Pair]) -> f64 {
    let count = pairs.len() as f64;
    let mean = |value: fn(&Pair) -> f64| pairs.iter().map(value).sum::<f64>() / count;
    let (at, late) = (mean(|pair| pair.at_s), mean(|pair| pair.late_ms));
    let spread: f64 = pairs.iter().map(|pair| (pair.at_s - at).powi(2)).sum();
    let joint: f64 = pairs.iter().map(|pair| (pair.at_s - at) * (pair.late_ms - late)).sum();
    if spread > 0.0 { joint / spread * 60.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clip whose click comes `late_ms` after its flash, and a little later each second.
    fn clip(late_ms: u32, drift_ms_per_s: f64, seconds: u32) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("clip.mkv");
        let picture = format!(
            "color=c=black:s=64x64:r=30:d={seconds},drawbox=c=white:t=fill:enable='between(mod(t\\,1)\\,0.499\\,0.56)'"
        );
        // The click of each second begins where its phase passes the delay.
        let from = 0.5 + f64::from(late_ms) / 1000.0;
        let phase = format!("(t-floor(t)-{from}-floor(t)*{})", drift_ms_per_s / 1000.0);
        let sound =
            format!("aevalsrc='0.5*cos(2*PI*1000*{phase})*between({phase}\\,0\\,0.01)':s=48000:d={seconds}");
        let status = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound])
            .args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le"])
            .arg(&file)
            .status()
            .unwrap();
        assert!(status.success());
        (dir, file)
    }

    #[test]
    fn a_known_offset_is_measured() {
        for late_ms in [0, 37, 120] {
            let (_dir, file) = clip(late_ms, 0.0, 6);
            let pairs = measure(&file, None).unwrap();
            assert_eq!(pairs.len(), 6, "{pairs:?}");
            for pair in &pairs {
                assert!((pair.late_ms - f64::from(late_ms)).abs() <= 1.5, "{pair:?} is not {late_ms} ms");
            }
            assert!(drift_ms_per_minute(&pairs).abs() < 2.0, "{pairs:?}");
        }
    }

    #[test]
    fn a_known_drift_is_measured() {
        let (_dir, file) = clip(10, 0.5, 20);
        let pairs = measure(&file, None).unwrap();
        let drift = drift_ms_per_minute(&pairs);
        assert!((drift - 30.0).abs() < 1.5, "{drift}: {pairs:?}");
    }

    #[test]
    fn one_tone_is_heard_among_others() {
        // Clicks of 40 ms each second: of 1000 Hz from 0.30 s on, louder ones of 1500 Hz from 0.32 s on.
        let click = |at_s: f64, from_s: f64, hertz: f64| {
            let within = (at_s - from_s).rem_euclid(1.0);
            if within < 0.04 { (std::f64::consts::TAU * hertz * within).sin() } else { 0.0 }
        };
        let sample = |number: u32| {
            let at_s = f64::from(number) / SAMPLES_PER_S;
            // The second one of each kind is softer.
            let volume = if at_s.floor() == 1.0 { 0.4 } else { 1.0 };
            volume * (0.3 * click(at_s, 0.3, 1000.0) + 0.6 * click(at_s, 0.32, 1500.0))
        };
        let samples: Vec<f64> = (0..3 * 48_000).map(sample).collect();
        for (hertz, from_s) in [(1000.0, 0.3), (1500.0, 0.32)] {
            let found = onsets(&strength(&samples, hertz));
            assert_eq!(found.len(), 3, "{found:?}");
            for (second, at_s) in found.iter().enumerate() {
                assert!((at_s - from_s - second as f64).abs() < 0.001, "{hertz} Hz: {found:?}");
            }
        }
    }

    #[test]
    fn flashes_without_clicks_are_no_pairs() {
        assert_eq!(
            pair_up(&[0.5, 1.5], &[1.6]),
            [Pair { at_s: 1.5, late_ms: pair_up(&[1.5], &[1.6])[0].late_ms }]
        );
        assert!(pair_up(&[0.5], &[]).is_empty());
        assert!(rises([0.0, 0.01, 0.02].into_iter(), 10.0).is_empty());
    }
}
