//! Stage 0 for files whose sound alone is wanted: recordings, uploaded sounds, the sound of a video.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Job;
use crate::error::{Error, Failure};
use crate::inspect::{Container, absolute, choose_audio, milliseconds, probe_arguments, refused_decoder};
use crate::probe::{Bounds, Probe, Stop};
use crate::process::{self, Invocation, Program};
use crate::sandbox::ResourceLimits;
use crate::sniff;

/// A file that was looked at for its sound. All times are measured, none declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SoundSource {
    /// What wraps the stream.
    pub container: Container,
    /// Size of the file.
    pub bytes: u64,
    /// Index of the chosen stream in the file.
    pub index: u32,
    /// FFmpeg's name of the codec: `aac`, `opus`, ...
    pub codec: String,
    /// Channels.
    pub channels: u32,
    /// Samples for each second.
    pub sample_rate: u32,
    /// When the first sample is heard, counted from the beginning of the file, in milliseconds.
    pub start_ms: u32,
    /// From the beginning of the file to the last sample, in milliseconds.
    pub duration_ms: u32,
}

/// Looks at a file for its sound: magic bytes, then every packet through ffprobe in the sandbox. Takes what
/// [`inspect`](crate::inspect) takes, and M4A, WAV, MP3, Ogg and FLAC.
///
/// # Errors
/// [`Error::Rejected`] names what is wrong with the file; [`Error::Temporary`] is worth another try.
pub async fn inspect_sound(job: &Job<'_>) -> Result<SoundSource, Error> {
    let unreadable =
        |error: &dyn std::fmt::Display| Error::Temporary(format!("could not read the upload: {error}"));
    let path = absolute(job.source)?;
    let read = path.clone();
    let sniffed = tokio::task::spawn_blocking(move || sniff::sniff_sound(&read))
        .await
        .map_err(|error| unreadable(&error))?
        .map_err(|error| unreadable(&error))??;
    if sniffed.bytes > job.limits.bytes_max {
        let limit_bytes = job.limits.bytes_max;
        return Err(Failure::TooBig { bytes: sniffed.bytes, limit_bytes }.into());
    }
    let bounds = Bounds {
        packets_max: job.limits.packets_max,
        span_max_ms: job.limits.duration_max_ms.saturating_mul(4).saturating_add(60_000),
    };
    let cpu_s = u64::from(job.limits.probe_cpu_s);
    let invocation = Invocation {
        program: Program::Ffprobe,
        args: probe_arguments(sniffed.container, &path),
        dir: job.dir,
        read: vec![path],
        writes: false,
        limits: ResourceLimits { memory_bytes: job.limits.probe_memory_bytes, cpu_s, file_bytes: 0 },
        wall: Duration::from_secs(cpu_s * 3),
        silence: None,
    };
    let mut probe = Probe::default();
    let outcome = process::run(job.tools, invocation, |line| probe.line(line, bounds)).await?;
    let probe = probe.finish();
    if !outcome.succeeded() && !outcome.stopped && probe.streams.is_empty() {
        let otherwise = refused_decoder(&outcome.stderr).map_or(Failure::NoSoundStream, |name| {
            Failure::UnsupportedFormat { found: format!("the codec {name}") }
        });
        return Err(outcome.error(otherwise));
    }
    let too_long = |duration_ms| Failure::TooLong { duration_ms, limit_ms: job.limits.duration_max_ms };
    match probe.stopped {
        Some(Stop::TooLong(span_ms)) => return Err(too_long(span_ms).into()),
        Some(Stop::TooManyPackets) => return Err(Failure::NoSoundStream.into()),
        None => {}
    }
    let stream = choose_audio(&probe.streams).ok_or(Failure::NoSoundStream)?;
    let (heard, end) = stream.packets.start().zip(stream.packets.end()).ok_or(Failure::NoSoundStream)?;
    // Times count from the first packet of any stream, as FFmpeg counts when it seeks.
    let start = probe.streams.iter().filter_map(|stream| stream.packets.start()).min().unwrap_or(heard);
    let duration_ms = milliseconds(end - start);
    let limit_ms = job.limits.duration_max_ms.saturating_add(job.limits.duration_tolerance_ms);
    if duration_ms > limit_ms {
        return Err(too_long(duration_ms).into());
    }
    Ok(SoundSource {
        container: sniffed.container,
        bytes: sniffed.bytes,
        index: stream.index,
        codec: stream.codec.clone(),
        channels: stream.channels,
        sample_rate: stream.sample_rate,
        start_ms: milliseconds(heard - start),
        duration_ms,
    })
}
