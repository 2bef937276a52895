//! A real S3 server on the loopback for the tests: PyPI's `moto` in server mode.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::shell::Group;
use crate::{python, shell, signals};

const REQUIREMENTS: &[&str] = &["moto[server]==5.2.5"];
const START_TRIES: u32 = 600;

/// A running S3 server; stopped when dropped. It keeps its objects in memory only.
pub(crate) struct S3 {
    _server: Group,
    endpoint: String,
}

impl S3 {
    /// Installs what is missing and starts a server on a free port.
    ///
    /// # Errors
    /// Where Python packages cannot be installed or the server does not answer.
    pub(crate) fn start() -> Result<Self> {
        let venv = python::venv("s3", REQUIREMENTS)?;
        let log = log_file()?;
        let port = shell::free_port()?;
        let mut command = shell::command(venv.bin("moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let file = std::fs::File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        command.stdout(file.try_clone()?).stderr(Stdio::from(file));
        let mut server = Group::spawn(&mut command)?;
        let endpoint = format!("http://127.0.0.1:{port}");
        for _ in 0..START_TRIES {
            if let Some(status) = server.exited()? {
                bail!("the S3 server ended at once ({status}); see {}", log.display());
            }
            if ureq::get(format!("{endpoint}/moto-api/")).call().is_ok() {
                return Ok(Self { _server: server, endpoint });
            }
            signals::sleep(Duration::from_millis(100))?;
        }
        bail!("the S3 server did not answer; see {}", log.display())
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

fn log_file() -> Result<PathBuf> {
    let dir = crate::paths::target().join("xtask");
    std::fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    Ok(dir.join("s3.log"))
}
