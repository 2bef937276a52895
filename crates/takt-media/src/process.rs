//! Runs one child: confined, timed, its output bounded, and gone when nobody waits for it any more.

use std::ffi::OsString;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::oneshot;

use crate::Error;
use crate::sandbox::{Confinement, FileAccess, ResourceLimits};
use crate::tools::Tools;

/// Longest line taken from a child; the rest of a longer one is thrown away.
const LINE_BYTES_MAX: usize = 16 << 10;
/// Most that is read from a child's standard output.
const STDOUT_BYTES_MAX: u64 = 64 << 20;
/// How much of the beginning and of the end of a child's complaints is kept.
const STDERR_KEPT: usize = 8 << 10;

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program<'a> {
    Ffmpeg,
    Ffprobe,
    /// One that the operator named, by its absolute path without links.
    Other(&'a Path),
}

/// One child to run.
#[derive(Debug)]
pub(crate) struct Invocation<'a> {
    pub(crate) program: Program<'a>,
    pub(crate) args: Vec<OsString>,
    /// Working folder.
    pub(crate) dir: &'a Path,
    /// Files outside `dir` that it may read.
    pub(crate) read: Vec<PathBuf>,
    /// Whether it may write to `dir`.
    pub(crate) writes: bool,
    pub(crate) limits: ResourceLimits,
    pub(crate) wall: Duration,
    /// It is killed when it prints nothing for so long.
    pub(crate) silence: Option<Duration>,
}

/// How a child ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    /// Beginning and end of standard error.
    pub(crate) stderr: String,
    /// User and system time.
    pub(crate) cpu: Duration,
    /// CPU seconds it was allowed.
    pub(crate) cpu_limit: Duration,
    /// It ran out of wall time and was killed.
    pub(crate) out_of_time: bool,
    /// The reader of its lines had enough and it was killed.
    pub(crate) stopped: bool,
}

/// Runs a child to its end and hands each line of its standard output to `on_line`, which may stop it.
///
/// # Errors
/// [`Error::Temporary`] when the child can not be started or waited for.
pub(crate) async fn run(
    tools: &Tools,
    invocation: Invocation<'_>,
    mut on_line: impl FnMut(&str) -> ControlFlow<()> + Send,
) -> Result<Outcome, Error> {
    let cpu_limit = Duration::from_secs(invocation.limits.cpu_s);
    let (wall, silence) = (invocation.wall, invocation.silence.unwrap_or(invocation.wall));
    let command = build(tools, invocation)?;
    let Running { stdout, stderr, guard, end } = start(command).await?;
    let (mut stopped, mut silent) = (false, false);
    let mut complaints = Bounded::default();
    let work = async {
        let lines = async {
            match read_lines(stdout, &mut on_line, silence).await? {
                Lines::Ended => {}
                Lines::Stopped => stopped = true,
                Lines::Silent => silent = true,
            }
            if stopped || silent {
                guard.kill();
            }
            Ok::<(), io::Error>(())
        };
        let ((), ()) = tokio::try_join!(lines, read_bounded(stderr, &mut complaints))?;
        end.await.map_err(io::Error::other)?
    };
    let (ended, out_of_time) = {
        tokio::pin!(work);
        match tokio::time::timeout(wall, &mut work).await {
            Ok(ended) => (ended, false),
            Err(_) => {
                guard.kill();
                (work.await, true)
            }
        }
    };
    let (status, cpu) =
        ended.map_err(|error| Error::Temporary(format!("could not wait for ffmpeg: {error}")))?;
    let stderr = complaints.into_text();
    tracing::debug!(cpu_ms = u64::try_from(cpu.as_millis()).unwrap_or(u64::MAX), %status, "ffmpeg ended");
    Ok(Outcome { status, stderr, cpu, cpu_limit, out_of_time: out_of_time || silent, stopped })
}

fn build(tools: &Tools, invocation: Invocation<'_>) -> Result<Command, Error> {
    let program = match invocation.program {
        Program::Ffmpeg => tools.ffmpeg.as_path(),
        Program::Ffprobe => tools.ffprobe.as_path(),
        Program::Other(path) => path,
    };
    let files = FileAccess {
        program: program.to_owned(),
        read: invocation.read,
        write: invocation.writes.then(|| invocation.dir.to_owned()),
    };
    let confinement = Confinement::prepare(tools.sandbox, &files, invocation.limits)
        .map_err(|error| Error::Temporary(format!("could not prepare the sandbox: {error}")))?;
    let mut command = Command::new(program);
    command
        .args(invocation.args)
        .current_dir(invocation.dir)
        .env_clear()
        // Messages are looked at in English; few malloc arenas keep the address space of many threads small.
        .env("LC_ALL", "C")
        .env("MALLOC_ARENA_MAX", "2")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    confinement.attach(&mut command);
    Ok(command)
}

struct Running {
    stdout: ChildStdout,
    stderr: ChildStderr,
    guard: KillGuard,
    end: oneshot::Receiver<io::Result<(ExitStatus, Duration)>>,
}

/// Starts the child from a thread of its own, which then waits for it.
///
/// The parent-death signal follows the *thread* that forked. A runtime's threads may end before the runtime does; this
/// one ends after the child, or with the process.
async fn start(mut command: Command) -> Result<Running, Error> {
    let (started_tx, started_rx) = oneshot::channel();
    let (end_tx, end) = oneshot::channel();
    let waiter = move || {
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return drop(started_tx.send(Err(error))),
        };
        // The prepared sandbox holds file descriptors that are of no use any more.
        drop(command);
        let pipes = (child.stdout.take(), child.stderr.take());
        let pid = libc::pid_t::try_from(child.id()).unwrap_or(0);
        let guard = KillGuard(Arc::new(Mutex::new(Some(pid))));
        let watched = guard.0.clone();
        // When nobody listens any more the unsent guard is dropped, which kills the child.
        drop(started_tx.send(Ok((pipes, guard))));
        drop(end_tx.send(reap(pid, &watched)));
    };
    let failed = |error: io::Error| Error::Temporary(format!("could not start ffmpeg: {error}"));
    std::thread::Builder::new().name("takt-ffmpeg".into()).spawn(waiter).map_err(failed)?;
    let (pipes, guard) =
        started_rx.await.map_err(|error| failed(io::Error::other(error)))?.map_err(failed)?;
    let (Some(stdout), Some(stderr)) = pipes else {
        return Err(failed(io::Error::other("no pipes")));
    };
    let stdout = ChildStdout::from_std(stdout).map_err(failed)?;
    let stderr = ChildStderr::from_std(stderr).map_err(failed)?;
    Ok(Running { stdout, stderr, guard, end })
}

/// Kills the child's whole process group when dropped, unless it has been reaped.
struct KillGuard(Arc<Mutex<Option<libc::pid_t>>>);

impl KillGuard {
    #[expect(unsafe_code, reason = "the standard library can not signal a group")]
    fn kill(&self) {
        let pid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pid) = *pid
            && pid > 1
        {
            // SAFETY: the pid is of a child not reaped yet (the lock is held), so it can not have been reused.
            unsafe {
                libc::killpg(pid, libc::SIGKILL);
            }
        }
    }
}

impl Drop for KillGuard {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for `pid` and takes its exit status and CPU time.
#[expect(unsafe_code, reason = "the standard library's wait does not tell the CPU time")]
fn reap(pid: libc::pid_t, watched: &Mutex<Option<libc::pid_t>>) -> io::Result<(ExitStatus, Duration)> {
    // First wait without reaping, so that the pid stays ours until nobody can signal it any more.
    loop {
        // SAFETY: an all-zero siginfo_t is valid; the pointer is to a local that outlives the call.
        let result = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(libc::P_PID, pid.unsigned_abs(), &raw mut info, libc::WEXITED | libc::WNOWAIT)
        };
        if result == 0 {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
    let mut status = 0;
    // SAFETY: an all-zero rusage is valid; both pointers are to locals that outlive the call.
    let (reaped, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(pid, &raw mut status, 0, &raw mut usage), usage)
    };
    *watched = None;
    if reaped != pid {
        return Err(io::Error::last_os_error());
    }
    Ok((ExitStatus::from_raw(status), time(usage.ru_utime) + time(usage.ru_stime)))
}

fn time(value: libc::timeval) -> Duration {
    let seconds = u64::try_from(value.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(u64::try_from(value.tv_usec).unwrap_or(0))
}

/// Why no more lines are read.
#[derive(Debug, PartialEq)]
enum Lines {
    Ended,
    /// The reader had enough, or there was too much.
    Stopped,
    /// Nothing came for too long.
    Silent,
}

/// Reads lines until the end, until `on_line` has had enough, or until nothing comes for `silence`.
async fn read_lines(
    mut from: impl AsyncRead + Unpin,
    on_line: &mut (impl FnMut(&str) -> ControlFlow<()> + Send),
    silence: Duration,
) -> io::Result<Lines> {
    let mut buffer = vec![0_u8; 64 << 10];
    let mut line = Vec::new();
    let mut total = 0_u64;
    loop {
        let Ok(count) = tokio::time::timeout(silence, from.read(&mut buffer)).await else {
            return Ok(Lines::Silent);
        };
        let count = count?;
        if count == 0 {
            let stop = !line.is_empty() && on_line(&String::from_utf8_lossy(&line)).is_break();
            return Ok(if stop { Lines::Stopped } else { Lines::Ended });
        }
        total += count as u64;
        if total > STDOUT_BYTES_MAX {
            return Ok(Lines::Stopped);
        }
        for piece in buffer[..count].split_inclusive(|byte| *byte == b'\n') {
            let room = LINE_BYTES_MAX.saturating_sub(line.len());
            let (text, ends) = piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            line.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                let stop = on_line(&String::from_utf8_lossy(&line)).is_break();
                line.clear();
                if stop {
                    return Ok(Lines::Stopped);
                }
            }
        }
    }
}

async fn read_bounded(mut from: impl AsyncRead + Unpin, into: &mut Bounded) -> io::Result<()> {
    let mut buffer = vec![0_u8; 8 << 10];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        into.push(&buffer[..count]);
    }
}

/// The beginning and the end of a text of any length.
#[derive(Debug, Default)]
struct Bounded {
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Bounded {
    fn push(&mut self, bytes: &[u8]) {
        let room = STDERR_KEPT.saturating_sub(self.head.len()).min(bytes.len());
        let (head, tail) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(tail);
        if self.tail.len() > 2 * STDERR_KEPT {
            self.tail.drain(..self.tail.len() - STDERR_KEPT);
        }
    }

    fn into_text(self) -> String {
        let mut text = String::from_utf8_lossy(&self.head).into_owned();
        text.push_str(&String::from_utf8_lossy(&self.tail));
        text
    }
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
