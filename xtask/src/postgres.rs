//! A throw-away PostgreSQL for the tests: own folder, random loopback port, no durability, gone afterwards.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;

use crate::shell::Group;
use crate::{shell, signals};

const START_TRIES: u32 = 600;
const USER: &str = "takt";

/// A running server; stopped and deleted when dropped.
pub(crate) struct Postgres {
    // Order matters: the server is stopped before its folder is deleted.
    server: Group,
    dir: tempfile::TempDir,
    url: String,
    version: String,
}

/// Somebody who may run PostgreSQL, which refuses to run as root.
#[derive(Clone, Copy)]
struct Person {
    uid: u32,
    gid: u32,
}

impl Postgres {
    /// Makes a cluster and starts it.
    ///
    /// # Errors
    /// Where no server programs are found or the server does not answer.
    pub(crate) fn start() -> Result<Self> {
        let bin = find_bin().context("no PostgreSQL server programs were found")?;
        let version = shell::capture(shell::command(bin.join("postgres")).arg("--version"))?;
        let person = if rustix::process::geteuid().is_root() { Some(unprivileged()?) } else { None };
        let dir = tempfile::Builder::new().prefix("takt-postgres-").tempdir().context("creating a folder")?;
        if let Some(person) = person {
            std::os::unix::fs::chown(dir.path(), Some(person.uid), Some(person.gid))
                .context("handing over a folder")?;
        }
        let data = dir.path().join("data");
        let mut initdb = program(&bin, "initdb", dir.path(), person);
        initdb.args([
            "--username",
            USER,
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--no-sync",
            "-D",
        ]);
        shell::run_quietly(initdb.arg(&data))?;
        let port = shell::free_port()?;
        let server = serve(&bin, dir.path(), &data, port, person)?;
        let url = format!("postgres://{USER}@127.0.0.1:{port}/postgres");
        let mut postgres = Self { server, dir, url, version };
        postgres.wait_until_ready(&bin, port)?;
        Ok(postgres)
    }

    /// Where to connect to.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What the server says it is.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    fn wait_until_ready(&mut self, bin: &Path, port: u16) -> Result<()> {
        for _ in 0..START_TRIES {
            if let Some(status) = self.server.exited()? {
                let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
                bail!("PostgreSQL ended at once ({status}): {}", shell::tail(&log, 20));
            }
            let mut probe = shell::command(bin.join("pg_isready"));
            probe.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
            if shell::capture(&mut probe).is_ok() {
                return Ok(());
            }
            signals::sleep(Duration::from_millis(100))?;
        }
        bail!("PostgreSQL did not answer on port {port}")
    }
}

fn serve(bin: &Path, dir: &Path, data: &Path, port: u16, person: Option<Person>) -> Result<Group> {
    let log = std::fs::File::create(dir.join("log")).context("creating PostgreSQL's log")?;
    let mut command = program(bin, "postgres", dir, person);
    command.arg("-D").arg(data).stdout(log.try_clone()?).stderr(Stdio::from(log));
    for setting in [
        "listen_addresses=127.0.0.1",
        &format!("port={port}"),
        &format!("unix_socket_directories={}", dir.display()),
        "max_connections=200",
        // The data is thrown away: durability would only cost time.
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "shared_buffers=64MB",
    ] {
        command.args(["-c", setting]);
    }
    // SIGQUIT is PostgreSQL's immediate shutdown: no checkpoint for data that nobody will read.
    Ok(Group::spawn(&mut command)?.stopped_by(Signal::QUIT))
}

fn program(bin: &Path, name: &str, dir: &Path, person: Option<Person>) -> Command {
    let mut command = shell::command(bin.join(name));
    command.current_dir(dir).env("HOME", dir).env("LC_ALL", "C");
    if let Some(person) = person {
        command.uid(person.uid).gid(person.gid);
    }
    command
}

/// The folder with `initdb` and `postgres`: Debian's newest version, else the one in `PATH`.
pub(crate) fn find_bin() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = path.file_name()?.to_str()?.parse().ok()?;
            Some((version, path.join("bin")))
        })
        .filter(|(_, bin)| {
            shell::is_executable(&bin.join("initdb")) && shell::is_executable(&bin.join("postgres"))
        })
        .collect();
    versions.sort();
    let in_path = || {
        let bin = shell::find_in_path("initdb")?.parent()?.to_owned();
        shell::is_executable(&bin.join("postgres")).then_some(bin)
    };
    versions.pop().map(|(_, bin)| bin).or_else(in_path)
}

/// `postgres`, which the package creates, else `nobody`.
fn unprivileged() -> Result<Person> {
    let users = std::fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| find_person(&users, name))
        .context("PostgreSQL refuses to run as root and neither `postgres` nor `nobody` exists")
}

fn find_person(passwd: &str, name: &str) -> Option<Person> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Person { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_in_passwd() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\npostgres:x:106:113:PostgreSQL:/var/lib/postgresql:/bin/bash\n";
        let person = find_person(passwd, "postgres").unwrap();
        assert_eq!((person.uid, person.gid), (106, 113));
        assert!(find_person(passwd, "nobody").is_none());
    }
}
