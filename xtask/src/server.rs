//! A `takt serve` of our own: started, waited for, stopped.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::shell::Group;
use crate::{paths, shell, signals};

const READY_STEP: Duration = Duration::from_millis(50);
const READY_STEPS_MAX: u32 = 1200;
const LOG_LINES_SHOWN: usize = 25;

/// A running server; stopped when dropped.
pub(crate) struct Server {
    process: Group,
    log: PathBuf,
    url: String,
}

impl Server {
    /// Starts `takt serve` and waits until `/readyz` says yes. Its output goes to `log`.
    ///
    /// # Errors
    /// Where the address is taken, or the server ends or does not get ready.
    pub(crate) fn start(binary: &Path, data: &Path, listen: SocketAddr, log: &Path) -> Result<Self> {
        check_free(listen)?;
        let file = std::fs::File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let mut command = shell::command(binary);
        command.arg("serve").arg("--data").arg(data).args(["--listen", &listen.to_string()]);
        command.current_dir(paths::root()).stdout(file.try_clone()?).stderr(Stdio::from(file));
        let process = Group::spawn(&mut command)?;
        let mut server = Self { process, log: log.to_owned(), url: format!("http://{}", reachable(listen)) };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// `http://ADDRESS`, without a slash at the end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Waits for the server's end. A signal to us is not an error here: it is the ordinary way to stop.
    ///
    /// # Errors
    /// Where the server ended by itself, or had to be killed.
    pub(crate) fn wait_for_signal(&mut self) -> Result<()> {
        while !signals::interrupted() {
            if let Some(status) = self.process.exited()? {
                return Err(self.ended(status));
            }
            std::thread::sleep(READY_STEP);
        }
        match self.process.stop() {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(self.ended(status)),
            None => bail!("the server did not stop in time and was killed"),
        }
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        for _ in 0..READY_STEPS_MAX {
            if let Some(status) = self.process.exited()? {
                return Err(self.ended(status));
            }
            if ureq::get(format!("{}/readyz", self.url)).call().is_ok() {
                return Ok(());
            }
            signals::sleep(READY_STEP)?;
        }
        bail!("the server did not get ready; its log is {}", self.log.display())
    }

    fn ended(&self, status: ExitStatus) -> anyhow::Error {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        anyhow::anyhow!(
            "the server ended ({status}); the end of {}:\n{}",
            self.log.display(),
            shell::tail(&log, LOG_LINES_SHOWN)
        )
    }
}

/// An address that a client on this machine can use for a listener, which may listen everywhere.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let mut address = listen;
    if listen.ip().is_unspecified() {
        address.set_ip(if listen.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    address
}

/// Says who is in the way, and a way out.
///
/// # Errors
/// Where the address is taken or not ours.
pub(crate) fn check_free(listen: SocketAddr) -> Result<()> {
    // A listener just closed by an earlier run does not count as taken: Rust's sets SO_REUSEADDR.
    if let Err(error) = TcpListener::bind(listen) {
        let other = SocketAddr::new(listen.ip(), listen.port().saturating_add(1));
        bail!(
            "cannot listen on {listen}: {error}\nstop what listens there, or choose another address, for example: \
             cargo xtask demo --listen {other}"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_address_is_named_with_a_way_out() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let message = check_free(address).unwrap_err().to_string();
        assert!(message.contains(&address.to_string()) && message.contains("--listen"), "{message}");
    }

    #[test]
    fn an_open_listener_is_reached_on_the_loopback() {
        assert_eq!(reachable("0.0.0.0:8080".parse().unwrap()).to_string(), "127.0.0.1:8080");
        assert_eq!(reachable("[::]:8080".parse().unwrap()).to_string(), "[::1]:8080");
        assert_eq!(reachable("127.0.0.1:1".parse().unwrap()).to_string(), "127.0.0.1:1");
    }
}
