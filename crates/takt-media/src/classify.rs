//! What the end of a child means: the upload's fault, for good, or the surroundings', for now.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use crate::error::{Error, Failure};
use crate::process::Outcome;

/// FFmpeg's exit code after a signal that it answered by stopping in good order.
const EXIT_AFTER_SIGNAL: i32 = 255;

impl Outcome {
    /// Whether the child did what it was told to.
    pub(crate) fn succeeded(&self) -> bool {
        self.status.success() && !self.out_of_time && !self.stopped
    }

    /// What a failed child means. `otherwise` is the verdict when nothing else explains it.
    pub(crate) fn error(&self, otherwise: Failure) -> Error {
        // A second of slack: the kernel looks at CPU time by ticks, and the last bit is spent on stopping.
        let spent = self.cpu + Duration::from_secs(1) >= self.cpu_limit;
        if self.out_of_time {
            // A child that was given little CPU time did not hang: the machine was busy.
            return if self.cpu * 4 < self.cpu_limit {
                Error::Temporary("ffmpeg got too little of the machine's time".into())
            } else {
                Failure::TimedOut.into()
            };
        }
        if let Some(signal) = self.status.signal() {
            return match signal {
                libc::SIGXCPU => Failure::TimedOut.into(),
                libc::SIGKILL | libc::SIGTERM | libc::SIGINT | libc::SIGHUP if spent => {
                    Failure::TimedOut.into()
                }
                libc::SIGKILL | libc::SIGTERM | libc::SIGINT | libc::SIGHUP => {
                    Error::Temporary(format!("ffmpeg was killed from outside (signal {signal})"))
                }
                libc::SIGXFSZ => Failure::OutputTooBig.into(),
                _ if self.says("Cannot allocate memory") => Failure::OutOfMemory.into(),
                _ => otherwise.into(),
            };
        }
        if self.status.code() == Some(EXIT_AFTER_SIGNAL) {
            return if spent {
                Failure::TimedOut.into()
            } else {
                Error::Temporary("ffmpeg was asked to stop from outside".into())
            };
        }
        if self.says("No space left on device") || self.says("Disk quota exceeded") {
            return Error::Temporary("no space left in the work folder".into());
        }
        if self.says("error while loading shared libraries") || self.says("Input/output error") {
            return Error::Temporary(format!("ffmpeg could not work: {}", self.last_line()));
        }
        if self.says("File too large") {
            return Failure::OutputTooBig.into();
        }
        if self.says("Cannot allocate memory") || self.says("get_buffer() failed") {
            return Failure::OutOfMemory.into();
        }
        tracing::info!(complaint = self.last_line(), "ffmpeg refused a file");
        otherwise.into()
    }

    fn says(&self, text: &str) -> bool {
        self.stderr.contains(text)
    }

    fn last_line(&self) -> &str {
        self.stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;

    fn outcome(raw: i32, cpu_s: u64, stderr: &str) -> Outcome {
        Outcome {
            status: ExitStatus::from_raw(raw),
            stderr: stderr.into(),
            cpu: Duration::from_secs(cpu_s),
            cpu_limit: Duration::from_secs(100),
            out_of_time: false,
            stopped: false,
        }
    }

    #[test]
    fn tells_the_uploads_fault_from_the_surroundings() {
        let verdict = |outcome: Outcome| match outcome.error(Failure::BrokenVideo) {
            Error::Rejected(failure) => failure.code(),
            Error::Temporary(_) => "temporary",
        };
        let exit = |code: i32| code << 8;
        assert_eq!(verdict(outcome(exit(1), 5, "Invalid data found")), "broken_video");
        assert_eq!(verdict(outcome(exit(255), 5, "")), "temporary");
        assert_eq!(verdict(outcome(exit(255), 100, "")), "timed_out");
        assert_eq!(verdict(outcome(libc::SIGKILL, 5, "")), "temporary");
        assert_eq!(verdict(outcome(libc::SIGKILL, 102, "")), "timed_out");
        assert_eq!(verdict(outcome(libc::SIGSEGV, 5, "")), "broken_video");
        assert_eq!(verdict(outcome(libc::SIGXFSZ, 5, "")), "output_too_big");
        assert_eq!(verdict(outcome(exit(1), 5, "x: No space left on device")), "temporary");
        assert_eq!(verdict(outcome(exit(1), 5, "x: Cannot allocate memory")), "out_of_memory");
        let starved = Outcome { out_of_time: true, ..outcome(libc::SIGKILL, 3, "") };
        assert_eq!(verdict(starved), "temporary");
        let hung = Outcome { out_of_time: true, ..outcome(libc::SIGKILL, 60, "") };
        assert_eq!(verdict(hung), "timed_out");
    }
}
