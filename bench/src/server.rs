//! A release `takt serve` of our own, on a free port of this machine, with its limits lifted.

use crate::cpu;
use anyhow::{Context as _, Result, bail};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const STOP_MAX: Duration = Duration::from_secs(30);
const READY_MAX: Duration = Duration::from_secs(60);
/// What a load test has to lift, since one machine plays all viewers.
const SETTINGS: [(&str, &str); 7] = [
    ("TAKT_LIMITS__REQUESTS_PER_SECOND", "0"),
    ("TAKT_LIMITS__EVENTS_PER_SECOND", "0"),
    ("TAKT_LIMITS__VIEWERS_PER_MINUTE", "0"),
    ("TAKT_LIMITS__SIGN_UP_PER_MINUTE", "0"),
    ("TAKT_LIMITS__SIGN_IN_PER_MINUTE", "0"),
    ("TAKT_LIMITS__SIGN_IN_PER_HANDLE_PER_MINUTE", "0"),
    ("TAKT_LOG__FILTER", "warn"),
];

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts `binary` on `data` and waits until its recommender has caught up.
    ///
    /// # Errors
    /// Where it does not start.
    pub(crate) fn start(binary: &Path, data: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        let mut command = Command::new(binary);
        command.arg("serve").arg("--data").arg(data).args(["--listen", "127.0.0.1:0"]);
        command.envs(SETTINGS).envs(settings.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("can not start {}", binary.display()))?;
        let out = child.stdout.take().context("no standard output")?;
        let mut line = String::new();
        let read = BufReader::new(out).read_line(&mut line);
        let address = line.trim().rsplit("http://").next().and_then(|address| address.parse().ok());
        let Some(address) = read.ok().and(address) else {
            let _ = child.kill();
            let _ = child.wait();
            bail!("the server did not say where it listens; it said: {}", line.trim());
        };
        let server = Self { child, address };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&self) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < READY_MAX {
            if ready(self.address).unwrap_or(false) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the server did not get ready within {} s", READY_MAX.as_secs())
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU seconds it and its children have used so far.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        cpu::seconds_of_tree(self.pid())
    }

    /// Its resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
    }

    /// Lets it end in its own way.
    ///
    /// # Errors
    /// Where it does not, or not well.
    pub(crate) fn stop(mut self) -> Result<()> {
        if let Some(pid) = rustix::process::Pid::from_raw(i32::try_from(self.pid())?) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        let begun = Instant::now();
        while begun.elapsed() < STOP_MAX {
            if let Some(status) = self.child.try_wait()? {
                return if status.success() { Ok(()) } else { bail!("the server ended with {status}") };
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the server did not stop within {} s", STOP_MAX.as_secs())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asked by hand, so that no runtime is needed to start a server.
fn ready(address: SocketAddr) -> std::io::Result<bool> {
    use std::io::Write as _;
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line.contains(" 200 "))
}

/// The `takt` beside this program, or the one `TAKT_BIN` names.
///
/// # Errors
/// Where there is none.
pub(crate) fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("TAKT_BIN") {
        return Ok(path.into());
    }
    let path = std::env::current_exe()?.with_file_name("takt");
    anyhow::ensure!(path.is_file(), "{} is missing: cargo build --release -p takt", path.display());
    Ok(path)
}
