//! What an upload sounds like: how loud it is, and which sound it is, bit for bit.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Job;
use crate::error::{Error, Failure};
use crate::inspect::{AudioSource, Source, absolute, input_arguments};
use crate::process::{self, Invocation, Program};
use crate::sandbox::ResourceLimits;

/// Sound below this is noise of the microphone; raising it would make it worse.
const QUIET_LUFS: f64 = -50.0;
/// Most that sound is raised.
const GAIN_MAX_DB: f64 = 12.0;
/// Sound that never gets above this is silence. The measure itself ends at -70.
const SILENT_LUFS: f64 = -60.0;
/// CPU seconds for listening to one second of sound; measured 0.01.
const LISTEN_CPU_PER_S: u64 = 1;

/// Loudness by EBU R 128, measured as stereo.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Loudness {
    /// Integrated loudness in LUFS, -70 for silence.
    pub lufs: f64,
    /// Highest sample, in decibels below full scale.
    pub peak_dbfs: f64,
}

/// What was learned by listening to an upload once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sound {
    /// SHA-256 over the packets of the chosen stream, so that uploads with the bit-identical sound can share it.
    /// `None` for silence.
    pub digest: Option<[u8; 32]>,
    /// How loud it is; `None` when nothing could be decoded.
    pub loudness: Option<Loudness>,
}

/// Gain in decibels that brings `loudness` to `target_lufs`: at most +12, and none for what is hardly audible.
pub fn gain_db(loudness: Option<Loudness>, target_lufs: f64) -> f64 {
    match loudness {
        Some(Loudness { lufs, .. }) if lufs >= QUIET_LUFS => (target_lufs - lufs).clamp(-40.0, GAIN_MAX_DB),
        _ => 0.0,
    }
}

/// SHA-256 over the packets of the upload's sound, or `None` when it has none or is silent.
///
/// [`Rendition::sound`](crate::Rendition::sound) of the first rendition has the same value at no further cost.
///
/// # Errors
/// As for every stage.
pub async fn audio_digest(job: &Job<'_>, source: &Source) -> Result<Option<[u8; 32]>, Error> {
    Ok(listen(job, source).await?.and_then(|sound| sound.digest))
}

/// How loud the upload is, or `None` when it has no sound.
///
/// [`Rendition::sound`](crate::Rendition::sound) of the first rendition has the same value at no further cost.
///
/// # Errors
/// As for every stage.
pub async fn loudness(job: &Job<'_>, source: &Source) -> Result<Option<Loudness>, Error> {
    Ok(listen(job, source).await?.and_then(|sound| sound.loudness))
}

/// Measures loudness and digest in one process.
pub(crate) async fn listen(job: &Job<'_>, source: &Source) -> Result<Option<Sound>, Error> {
    let Some(audio) = &source.audio else { return Ok(None) };
    let file = absolute(job.source)?;
    let mut args: Vec<OsString> =
        ["-nostdin", "-hide_banner", "-nostats", "-v", "info"].map(OsString::from).into();
    args.extend(input_arguments(source.container, &file));
    args.extend(listening_outputs(audio));
    let cpu_s = 20 + LISTEN_CPU_PER_S * u64::from(source.duration_ms / 1000);
    let invocation = Invocation {
        program: Program::Ffmpeg,
        args,
        dir: job.dir,
        read: vec![file],
        writes: false,
        limits: ResourceLimits { memory_bytes: job.limits.probe_memory_bytes, cpu_s, file_bytes: 0 },
        wall: Duration::from_secs(cpu_s * 3),
        silence: None,
    };
    let mut heard = Listener::default();
    let outcome = process::run(job.tools, invocation, |line| heard.line(line)).await?;
    if !outcome.succeeded() {
        // A sound that can not be decoded is left to the encode, which makes of it what it can.
        if let temporary @ Error::Temporary(_) = outcome.error(Failure::BrokenVideo) {
            return Err(temporary);
        }
    }
    Ok(Some(heard.finish(&outcome.stderr)))
}

/// Two outputs beside whatever else a process makes: the packets' digest on standard output, the loudness on standard
/// error when the filter closes.
pub(crate) fn listening_outputs(audio: &AudioSource) -> Vec<OsString> {
    let stream = format!("0:{}", audio.index);
    // Dither keeps the measuring filters out of denormal numbers, where long silence makes them seven times slower.
    let filter = "aformat=sample_fmts=fltp:channel_layouts=stereo,aresample=osf=s16:dither_method=triangular_hp,\
                  ebur128=peak=sample:framelog=verbose";
    let digest = ["-map", &stream, "-c", "copy", "-f", "hash", "-hash", "sha256", "pipe:1"];
    let loudness = ["-map", &stream, "-af", filter, "-f", "null", "-"];
    digest.iter().chain(&loudness).map(OsString::from).collect()
}

/// Collects what the two outputs say.
#[derive(Debug, Default)]
pub(crate) struct Listener {
    digest: Option<[u8; 32]>,
}

impl Listener {
    pub(crate) fn line(&mut self, line: &str) -> ControlFlow<()> {
        if let Some(text) = line.strip_prefix("SHA256=") {
            let mut digest = [0; 32];
            self.digest = hex::decode_to_slice(text.trim(), &mut digest).ok().map(|()| digest);
        }
        ControlFlow::Continue(())
    }

    pub(crate) fn finish(self, stderr: &str) -> Sound {
        let loudness = parse_loudness(stderr);
        let audible = loudness.is_some_and(|loudness| loudness.lufs > SILENT_LUFS);
        Sound { digest: self.digest.filter(|_| audible), loudness }
    }
}

/// Reads the summary that `ebur128` prints last of all.
fn parse_loudness(stderr: &str) -> Option<Loudness> {
    let (_, summary) = stderr.rsplit_once("Summary:")?;
    let value = |name: &str, unit: &str| {
        let line =
            summary.lines().map(str::trim).find(|line| line.starts_with(name) && line.ends_with(unit))?;
        line.strip_prefix(name)?.strip_suffix(unit)?.trim().parse::<f64>().ok()
    };
    let lufs = value("I:", "LUFS").filter(|lufs| lufs.is_finite())?;
    // Silence has a peak of minus infinity.
    let peak_dbfs = value("Peak:", "dBFS").filter(|peak| !peak.is_nan()).unwrap_or(0.0).clamp(-120.0, 60.0);
    Some(Loudness { lufs: lufs.clamp(-70.0, 60.0), peak_dbfs })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMARY: &str = "[Parsed_ebur128_1 @ 0x55d] Summary:\n\n  Integrated loudness:\n    I:         -16.4 LUFS\n    \
        Threshold: -26.9 LUFS\n\n  Loudness range:\n    LRA:         4.9 LU\n\n  Sample peak:\n    Peak:       -1.3 dBFS\n";

    #[test]
    fn reads_the_last_summary() {
        let spoofed = format!("title : Summary: I: -1.0 LUFS\n{SUMMARY}");
        assert_eq!(parse_loudness(&spoofed), Some(Loudness { lufs: -16.4, peak_dbfs: -1.3 }));
        assert_eq!(parse_loudness("Conversion failed!"), None);
    }

    #[test]
    fn silence_has_no_digest() {
        let mut listener = Listener::default();
        let _ = listener.line(&format!("SHA256={}", "ab".repeat(32)));
        let silent = SUMMARY.replace("-16.4", "-70.0").replace("-1.3", "-inf");
        let sound = listener.finish(&silent);
        assert_eq!(sound.digest, None);
        assert_eq!(sound.loudness, Some(Loudness { lufs: -70.0, peak_dbfs: -120.0 }));
    }

    #[test]
    fn gain_is_capped_and_spares_noise() {
        let at = |lufs| gain_db(Some(Loudness { lufs, peak_dbfs: -1.0 }), -14.0);
        assert_eq!(at(-20.0), 6.0);
        assert_eq!(at(-9.0), -5.0);
        assert_eq!(at(-40.0), 12.0);
        assert_eq!(at(-55.0), 0.0);
        assert_eq!(gain_db(None, -14.0), 0.0);
    }
}
