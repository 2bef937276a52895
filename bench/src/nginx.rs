//! An nginx that serves the very files the server has, for comparison: the same machine, the same load.

use crate::cpu;
use crate::seed::MediaFile;
use anyhow::{Context as _, Result, bail};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const READY_STEPS_MAX: u32 = 200;
const READY_STEP: Duration = Duration::from_millis(25);

/// A running nginx; stopped when dropped.
pub(crate) struct Nginx {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Nginx {
    /// Serves `files` at their addresses, tuned as for static files: sendfile, file descriptors kept open, no access log.
    ///
    /// # Errors
    /// Where nginx is missing or does not start.
    pub(crate) fn start(data: &Path, files: &[MediaFile]) -> Result<Self> {
        let folder = tempfile::tempdir().context("can not make a folder for nginx")?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let root = folder.path().join("root");
        for file in files {
            let link = root.join(file.path.trim_start_matches('/'));
            std::fs::create_dir_all(link.parent().context("an address without a folder")?)?;
            std::os::unix::fs::symlink(data.join(&file.file).canonicalize()?, link)?;
        }
        let configuration = configuration(address, &root, folder.path());
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration)?;
        let child = Command::new("nginx")
            .arg("-p")
            .arg(folder.path())
            .arg("-e")
            .arg(folder.path().join("error.log"))
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .context("can not start nginx; is it installed?")?;
        let mut nginx = Self { child, address, _folder: folder };
        nginx.wait_until_ready()?;
        Ok(nginx)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        for _ in 0..READY_STEPS_MAX {
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("nginx ended with {status}");
            }
            std::thread::sleep(READY_STEP);
        }
        bail!("nginx did not get ready")
    }

    /// CPU seconds all its processes have used so far.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        cpu::seconds_of_tree(self.child.id())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        // Only the master passes the end on to its workers; killing it would leave them.
        let told =
            pid.is_some_and(|pid| rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_ok());
        if !told {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

fn configuration(address: SocketAddr, root: &Path, folder: &Path) -> String {
    let (root, folder) = (root.display(), folder.display());
    format!(
        "daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_timeout 65;
    keepalive_requests 1000000;
    open_file_cache max=1000 inactive=60s;
    types {{ video/mp4 mp4; }}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {address};
        location /media/ {{
            root {root};
            add_header Cache-Control \"public, max-age=31536000, immutable\";
        }}
    }}
}}
"
    )
}
