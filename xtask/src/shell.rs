//! Running other programs: with their output shown, captured, or with a way to stop them.

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::signals;

/// How long a program gets to end by itself after SIGTERM.
const STOP_PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(25);

/// A command without what Cargo put into the environment for this binary, which would make a nested Cargo rebuild
/// crates that watch these variables.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO_BIN_NAME" {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Cargo itself: the one that runs this binary, else the one in `PATH`.
pub(crate) fn cargo() -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = command(cargo);
    command.current_dir(crate::paths::root());
    command
}

/// Runs to the end with the output shown.
///
/// # Errors
/// Where the program cannot be started, fails, or a signal comes in (then the program and its children are stopped).
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = describe(command);
    let mut group = Group::spawn(command)?;
    let status = group.wait()?;
    if !status.success() {
        bail!("`{name}` failed ({status})");
    }
    Ok(())
}

/// Runs in the terminal's foreground, so that a program like sudo can ask for a password.
///
/// # Errors
/// Where the program cannot be started or fails.
pub(crate) fn run_in_foreground(command: &mut Command) -> Result<()> {
    let name = describe(command);
    let status = command.stdin(Stdio::inherit()).status().with_context(|| format!("starting `{name}`"))?;
    signals::check()?;
    if !status.success() {
        bail!("`{name}` failed ({status})");
    }
    Ok(())
}

/// Runs to the end and gives back standard output, trimmed. Standard error is part of the error message.
///
/// # Errors
/// Where the program cannot be started or fails.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let name = describe(command);
    let output = command.output().with_context(|| format!("starting `{name}`"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{name}` failed ({}): {}", output.status, tail(&stderr, 20));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs to the end without showing anything, unless it fails.
///
/// # Errors
/// As [`run`]; the message carries the end of standard error.
pub(crate) fn run_quietly(command: &mut Command) -> Result<()> {
    let name = describe(command);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut group = Group::spawn(command)?;
    let stderr = group.child.stderr.take();
    // Read beside waiting: a full pipe would stop the program for ever.
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stderr) = stderr {
            // A broken pipe only shortens the message below.
            let _ = stderr.read_to_end(&mut bytes);
        }
        bytes
    });
    let status = group.wait()?;
    let stderr = reader.join().unwrap_or_default();
    if !status.success() {
        bail!("`{name}` failed ({status}): {}", tail(&String::from_utf8_lossy(&stderr), 20));
    }
    Ok(())
}

/// A program in a process group of its own; the whole group is stopped when this is dropped.
pub(crate) struct Group {
    child: Child,
    name: String,
    stop_signal: Signal,
}

impl Group {
    /// Starts the program.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        let name = describe(command);
        let child = command.process_group(0).spawn().with_context(|| format!("starting `{name}`"))?;
        Ok(Self { child, name, stop_signal: Signal::TERM })
    }

    /// Uses another signal than SIGTERM to ask the program to stop.
    pub(crate) fn stopped_by(mut self, signal: Signal) -> Self {
        self.stop_signal = signal;
        self
    }

    /// Waits for the program's end; a signal to us stops it and is an error.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.exited()? {
                return Ok(status);
            }
            signals::check()?;
            std::thread::sleep(POLL);
        }
    }

    /// The exit status where the program has ended.
    pub(crate) fn exited(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("waiting for `{}`", self.name))
    }

    /// Asks the program to stop and waits; after [`STOP_PATIENCE`], or on a second signal to us, it is killed. `None` where it had to be killed.
    pub(crate) fn stop(&mut self) -> Option<ExitStatus> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Some(status);
        }
        self.signal(self.stop_signal);
        let deadline = Instant::now() + STOP_PATIENCE;
        while Instant::now() < deadline && !signals::interrupted_again() {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(POLL);
        }
        self.signal(Signal::KILL);
        // Only reaps the process: nothing can be done about a failure.
        let _ = self.child.wait();
        None
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // An error means that the group is gone already.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The first executable file of this name in `PATH`.
pub(crate) fn find_in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| is_executable(file))
}

/// Whether the path is a file that may be executed.
pub(crate) fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// A TCP port on the loopback that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    Ok(listener.local_addr().context("looking for a free port")?.port())
}

/// The last lines of a text.
pub(crate) fn tail(text: &str, lines_max: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(lines_max)..].join("\n")
}

fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    for argument in command.get_args().take(6) {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    if command.get_args().len() > 6 {
        text.push_str(" …");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_names_itself_and_what_it_said() {
        let error = capture(command("sh").args(["-c", "echo broken >&2; exit 3"])).unwrap_err().to_string();
        assert!(error.contains("`sh -c") && error.contains("broken") && error.contains('3'), "{error}");
    }

    #[test]
    fn stopping_reaches_children_of_the_program() {
        let dir = tempfile::tempdir().unwrap();
        let pid_file = dir.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid_file.display());
        let mut group = Group::spawn(command("sh").args(["-c", &script])).unwrap();
        let child_pid = loop {
            match std::fs::read_to_string(&pid_file).ok().and_then(|text| text.trim().parse::<i32>().ok()) {
                Some(pid) => break pid,
                None => std::thread::sleep(POLL),
            }
        };
        group.stop();
        let pid = Pid::from_raw(child_pid).unwrap();
        // The orphan is reaped by init a moment later; a zombie also counts as ended.
        for _ in 0..200 {
            let state = std::fs::read_to_string(format!("/proc/{child_pid}/stat")).unwrap_or_default();
            if rustix::process::test_kill_process(pid).is_err() || state.contains(") Z ") {
                return;
            }
            std::thread::sleep(POLL);
        }
        panic!("the grandchild {child_pid} is still running");
    }

    #[test]
    fn tail_keeps_the_end() {
        assert_eq!(tail("a\nb\nc", 2), "b\nc");
        assert_eq!(tail("a", 2), "a");
    }
}
