//! Installs what a command needs and says so first. Asks nothing.
//!
//! Debian and Ubuntu packages come through apt-get; what their releases lack comes into `.tools/`, which belongs to
//! this checkout. Elsewhere nothing is installed: what is missing is named in one list.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::{browser, node, paths, postgres, python, shell};

/// Where apt-get's own messages go: hundreds of lines that matter only when something fails.
const APT_LOG: &str = ".tools/apt.log";

/// Something that a command needs on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// rustfmt and clippy, which rustup's minimal profile leaves out.
    Lints,
    /// A C compiler for the embedded SQLite and the allocator.
    Compiler,
    /// ffmpeg and ffprobe.
    Ffmpeg,
    /// Node and npm for the web app.
    Node,
    /// A browser for the end-to-end tests and the screenshots.
    Browser,
    /// PostgreSQL's server programs.
    Postgres,
    /// Python with venv, for the S3 server of the tests.
    Python,
    /// nginx, which the benchmark serves the same files with.
    Nginx,
}

impl Need {
    fn what_for(self) -> &'static str {
        match self {
            Self::Lints => "rustfmt and clippy: check the Rust code",
            Self::Compiler => "a C compiler: builds the embedded SQLite",
            Self::Ffmpeg => "ffmpeg: transcodes videos",
            Self::Node => "Node >= 20.19 with npm: builds the web app",
            Self::Browser => "Chromium: runs the browser tests",
            Self::Postgres => "PostgreSQL's server: the tests run on both databases",
            Self::Python => "Python 3 with venv: installs test tools into .tools/",
            Self::Nginx => "nginx: the benchmark's yardstick",
        }
    }

    fn is_met(self) -> bool {
        let has = |name| shell::find_in_path(name).is_some();
        match self {
            Self::Lints => ["fmt", "clippy"]
                .iter()
                .all(|name| shell::capture(shell::cargo().args([name, "--version"])).is_ok()),
            Self::Compiler => has("cc"),
            Self::Ffmpeg => has("ffmpeg") && has("ffprobe"),
            Self::Node => node::find().is_some(),
            Self::Browser => browser::find().is_some(),
            Self::Postgres => postgres::find_bin().is_some(),
            Self::Python => python::system_has_venv(),
            Self::Nginx => nginx().is_some(),
        }
    }

    /// Debian's and Ubuntu's packages; empty where the need is met another way.
    fn packages(self) -> Vec<&'static str> {
        match self {
            Self::Lints => vec![],
            Self::Compiler => vec!["gcc", "libc6-dev"],
            Self::Ffmpeg => vec!["ffmpeg"],
            Self::Node if node::distribution_is_new_enough() => vec!["nodejs", "npm"],
            Self::Node if python::system_has_venv() => vec![],
            Self::Node | Self::Python => vec!["python3", "python3-venv"],
            Self::Browser => browser::packages(),
            Self::Postgres => vec!["postgresql"],
            Self::Nginx => vec!["nginx-light"],
        }
    }
}

/// Makes sure that everything needed is there.
///
/// # Errors
/// Where something cannot be installed; the message names all that is missing.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let missing: Vec<Need> = needs.iter().copied().filter(|need| !need.is_met()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("Missing on this machine:\n{}", list(&missing));
    install_packages(&missing)?;
    if missing.contains(&Need::Node) && !Need::Node.is_met() {
        node::install_local()?;
    }
    if missing.contains(&Need::Lints) && shell::find_in_path("rustup").is_some() {
        println!("Installing with rustup: rustfmt clippy");
        shell::run(shell::command("rustup").args(["component", "add", "rustfmt", "clippy"]))?;
    }
    if missing.contains(&Need::Browser) && !Need::Browser.is_met() {
        browser::install_local()?;
    }
    let still: Vec<Need> = missing.into_iter().filter(|need| !need.is_met()).collect();
    if !still.is_empty() {
        bail!("installed what this system's packages offer, but this is still missing:\n{}", list(&still));
    }
    Ok(())
}

fn list(needs: &[Need]) -> String {
    needs.iter().map(|need| format!("  - {}", need.what_for())).collect::<Vec<_>>().join("\n")
}

fn install_packages(missing: &[Need]) -> Result<()> {
    let apt = Apt::find();
    // Which packages are needed depends on what the distribution has, and without package lists nobody knows.
    if let Some(apt) = &apt {
        apt.run(&["update"])?;
    }
    let mut packages: Vec<&str> = missing.iter().flat_map(|need| need.packages()).collect();
    packages.sort_unstable();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    let Some(apt) = apt else {
        bail!(
            "nothing was installed: that takes apt-get and root or sudo. On Debian and Ubuntu these packages are \
             missing: {}",
            packages.join(" ")
        );
    };
    println!("Installing with apt-get: {} (its messages go to {APT_LOG})", packages.join(" "));
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(&packages);
    apt.run(&arguments)
}

/// apt-get, and the right to use it.
struct Apt {
    /// Where we are not root ourselves.
    sudo: Option<PathBuf>,
}

impl Apt {
    fn find() -> Option<Self> {
        shell::find_in_path("apt-get")?;
        if rustix::process::geteuid().is_root() {
            return Some(Self { sudo: None });
        }
        shell::find_in_path("sudo").map(|sudo| Self { sudo: Some(sudo) })
    }

    fn run(&self, arguments: &[&str]) -> Result<()> {
        let mut command = match &self.sudo {
            Some(sudo) => shell::command(sudo),
            None => shell::command("env"),
        };
        if self.sudo.is_some() {
            command.arg("env");
        }
        command
            .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"])
            .args(arguments);
        let path = paths::root().join(APT_LOG);
        std::fs::create_dir_all(paths::tools()).context("creating .tools")?;
        let log = File::create(&path).with_context(|| format!("creating {APT_LOG}"))?;
        command.stdout(log.try_clone()?).stderr(log);
        // In the foreground, so that sudo can ask for a password on the terminal.
        shell::run_in_foreground(&mut command).with_context(|| {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            format!("the end of {APT_LOG}:\n{}\n", shell::tail(&text, 15))
        })
    }
}

/// The version that apt would install, where it knows the package.
pub(crate) fn candidate(package: &str) -> Option<String> {
    let text =
        shell::capture(shell::command("apt-cache").env("LC_ALL", "C").args(["policy", package])).ok()?;
    parse_candidate(&text)
}

fn parse_candidate(policy: &str) -> Option<String> {
    let version = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate:"))?.trim();
    (version != "(none)").then(|| version.to_owned())
}

/// nginx, which Debian puts outside a normal user's `PATH`.
pub(crate) fn nginx() -> Option<PathBuf> {
    shell::find_in_path("nginx")
        .or_else(|| Some(PathBuf::from("/usr/sbin/nginx")).filter(|path| shell::is_executable(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apt_policy_is_read() {
        let known = "nodejs:\n  Installed: (none)\n  Candidate: 20.19.2+dfsg-1\n  Version table:\n";
        assert_eq!(parse_candidate(known).as_deref(), Some("20.19.2+dfsg-1"));
        assert_eq!(parse_candidate("x:\n  Installed: (none)\n  Candidate: (none)\n"), None);
        assert_eq!(parse_candidate(""), None);
    }
}
