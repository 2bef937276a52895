//! Runs one FFmpeg that writes media: within its limits, and telling how far it has come.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Failure};
use crate::process::{self, Invocation, Outcome, Program};
use crate::sandbox::ResourceLimits;
use crate::{Limits, Tools};

/// An encode that reports no progress for so long hangs. It reports twice a second.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(90);
/// Room beside the media in a file: the index and what is counted twice while it is moved to the front.
pub(crate) const FILE_SLACK_BYTES: u64 = 8 << 20;

/// What every such call begins with.
pub(crate) const GLOBAL: [&str; 9] =
    ["-nostdin", "-hide_banner", "-v", "error", "-y", "-progress", "pipe:1", "-stats_period", "0.5"];

/// What FFmpeg is to do and what that may cost.
#[derive(Debug)]
pub(crate) struct Encoding<'a> {
    pub(crate) args: Vec<OsString>,
    /// Working folder, the only place it may write to.
    pub(crate) dir: &'a Path,
    /// Files outside `dir` that it may read.
    pub(crate) read: Vec<PathBuf>,
    /// CPU time; twice as much may pass.
    pub(crate) cpu: Duration,
    /// Most bytes of media in one file.
    pub(crate) media_bytes: u64,
    /// Length of what is made.
    pub(crate) duration_ms: u32,
}

/// Runs it. `progress` is called with 0 to 1, never backwards; `on_line` sees every line that is printed.
///
/// # Errors
/// [`Error::Rejected`] when the material is at fault, [`Error::Temporary`] when another try may work.
pub(crate) async fn run(
    (tools, limits): (&Tools, &Limits),
    encoding: Encoding<'_>,
    mut progress: impl FnMut(f32) + Send,
    mut on_line: impl FnMut(&str) -> ControlFlow<()> + Send,
) -> Result<Outcome, Error> {
    let Encoding { args, dir, read, cpu, media_bytes, duration_ms } = encoding;
    let invocation = Invocation {
        program: Program::Ffmpeg,
        args,
        dir,
        read,
        writes: true,
        limits: ResourceLimits {
            memory_bytes: limits.encode_memory_bytes,
            cpu_s: cpu.as_secs(),
            file_bytes: media_bytes + FILE_SLACK_BYTES,
        },
        wall: cpu * 2,
        silence: Some(SILENCE_MAX),
    };
    let mut shown = 0.0_f32;
    let outcome = process::run(tools, invocation, |line| {
        if let Some(done) = fraction_done(line, duration_ms)
            && done > shown
        {
            shown = done;
            progress(done);
        }
        on_line(line)
    })
    .await?;
    if outcome.succeeded() {
        return Ok(outcome);
    }
    tracing::debug!(stderr = outcome.stderr, "an encoding failed");
    Err(outcome.error(Failure::BrokenVideo))
}

/// How far a line of `-progress` says the work has come, 0 to 1.
fn fraction_done(line: &str, duration_ms: u32) -> Option<f32> {
    if line == "progress=end" {
        return Some(1.0);
    }
    let micros: i64 = line.strip_prefix("out_time_us=")?.parse().ok()?;
    // The last step, moving the index to the front, comes after the last frame.
    let done = micros.max(0) as f32 / (f32::from(1_u16).max(duration_ms as f32) * 1000.0);
    Some(done.clamp(0.0, 0.99))
}
