//! The programs that do the work: where they are and what they can do.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::ToolsError;
use crate::sandbox::SandboxStatus;

/// Most that is looked at of what a program prints about itself.
const OUTPUT_BYTES_MAX: usize = 256 << 10;

/// FFmpeg and ffprobe, found once when the process starts.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Path of FFmpeg, absolute.
    pub ffmpeg: PathBuf,
    /// Path of ffprobe, absolute.
    pub ffprobe: PathBuf,
    /// FFmpeg's version as it states it, such as `5.1.9-0+deb12u1`.
    pub version: String,
    /// Which confinements are active for children.
    pub sandbox: SandboxStatus,
    /// HDR can be mapped to SDR (the filters `zscale` and `tonemap` are there). Without them HDR looks washed out.
    pub tone_mapping: bool,
    /// Sound is made faster and slower precisely (the filter `rubberband` is there). Without it, less precisely.
    pub rubberband: bool,
}

impl Tools {
    /// Finds both programs, at the given paths or on `PATH`, and asks them once what they can do.
    ///
    /// Blocks for about half a second; call it at start-up.
    ///
    /// # Errors
    /// When a program is missing, does not run, or can not encode H.264 and AAC.
    pub fn find(ffmpeg: Option<&Path>, ffprobe: Option<&Path>) -> Result<Self, ToolsError> {
        let ffmpeg = locate(ffmpeg, "ffmpeg")?;
        let ffprobe = locate(ffprobe, "ffprobe")?;
        let version = ask(&ffmpeg, "-version")?;
        let version = version.split_whitespace().nth(2).unwrap_or("unknown").to_owned();
        ask(&ffprobe, "-version")?;
        let encoders = ask(&ffmpeg, "-encoders")?;
        for encoder in ["libx264", "aac", "mjpeg"] {
            if !lists(&encoders, encoder) {
                let program = ffmpeg.display().to_string();
                return Err(ToolsError::Incomplete { program, missing: format!("{encoder} encoder") });
            }
        }
        let filters = ask(&ffmpeg, "-filters")?;
        let tone_mapping = lists(&filters, "zscale") && lists(&filters, "tonemap");
        let rubberband = lists(&filters, "rubberband");
        let sandbox = SandboxStatus::probe(&ffmpeg);
        Ok(Self { ffmpeg, ffprobe, version, sandbox, tone_mapping, rubberband })
    }
}

/// Whether a table printed by FFmpeg has `name` in its second column.
fn lists(table: &str, name: &str) -> bool {
    table.lines().any(|line| line.split_whitespace().nth(1) == Some(name))
}

fn locate(given: Option<&Path>, name: &str) -> Result<PathBuf, ToolsError> {
    let failed = |program: &Path, reason: String| ToolsError::NotRunnable {
        program: program.display().to_string(),
        reason,
    };
    if let Some(path) = given {
        // Links are resolved because the sandbox must name the file itself.
        return path.canonicalize().map_err(|error| failed(path, error.to_string()));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
        .and_then(|found| found.canonicalize().ok())
        .ok_or_else(|| failed(Path::new(name), "not found on PATH".into()))
}

fn ask(program: &Path, question: &str) -> Result<String, ToolsError> {
    let failed = |reason: String| ToolsError::NotRunnable { program: program.display().to_string(), reason };
    let output = Command::new(program)
        .args(["-hide_banner", question])
        .env_clear()
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    let kept = &output.stdout[..output.stdout.len().min(OUTPUT_BYTES_MAX)];
    Ok(String::from_utf8_lossy(kept).into_owned())
}
