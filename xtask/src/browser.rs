//! The browser for tests and screenshots: the system's Chromium or Chrome, else one from npm in `.tools/`.
//!
//! Ubuntu's `chromium` package is a stub for a snap, which can not be driven from outside its sandbox and does not
//! install in a container at all.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::{install, node, paths, shell};

/// What the browser from npm needs from the distribution.
const LOCAL_PACKAGES: &[&str] = &["libnss3", "libexpat1"];
/// The package holds the program compressed by Brotli, which Node can undo.
const UNPACK: &str = "const z = require('node:zlib'), fs = require('node:fs'); \
     fs.writeFileSync(process.argv[2], z.brotliDecompressSync(fs.readFileSync(process.argv[1])), { mode: 0o755 });";

/// The browser to use: `TAKT_CHROMIUM`, else a Chromium or Chrome in `PATH` that is no snap, else our own.
pub(crate) fn find() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("TAKT_CHROMIUM") {
        return Some(PathBuf::from(path)).filter(|path| shell::is_executable(path));
    }
    ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser"]
        .iter()
        .filter_map(|name| shell::find_in_path(name))
        .find(|path| !is_snap(path))
        .or_else(|| Some(local()).filter(|path| shell::is_executable(path)))
}

/// The distribution's packages that provide a browser, or what our own needs from it.
pub(crate) fn packages() -> Vec<&'static str> {
    let has_real_one = install::candidate("chromium").is_some_and(|version| !version.contains("snap"));
    if has_real_one { vec!["chromium"] } else { LOCAL_PACKAGES.to_vec() }
}

/// Installs the browser from npm into `.tools/`, by the lock file in `xtask/browser/`.
///
/// # Errors
/// Where Node, npm or the file system fail.
pub(crate) fn install_local() -> Result<()> {
    println!("Installing into .tools/: a Chromium from npm (the distribution has only a snap)");
    let dir = paths::tools().join("chromium");
    std::fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    for name in ["package.json", "package-lock.json"] {
        let from = paths::root().join("xtask/browser").join(name);
        std::fs::copy(&from, dir.join(name)).with_context(|| format!("copying {}", from.display()))?;
    }
    let node = node::require()?;
    shell::run_quietly(node.npm(&dir).args(["ci", "--ignore-scripts", "--no-progress", "--loglevel=error"]))?;
    let packed = dir.join("node_modules/@sparticuz/chromium/bin/chromium.br");
    shell::run_quietly(node.node(&dir).args(["-e", UNPACK]).arg(packed).arg(local()))
}

fn local() -> PathBuf {
    paths::tools().join("chromium/chromium")
}

/// Whether a program is a snap or the stub script that would install one.
fn is_snap(path: &Path) -> bool {
    let resolved = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if resolved.starts_with("/snap") || resolved.ends_with("snap") {
        return true;
    }
    // The stub is a short shell script; a real launcher never mentions snap.
    resolved.metadata().is_ok_and(|meta| meta.len() < 16_384)
        && std::fs::read_to_string(&resolved).is_ok_and(|text| text.contains("/snap/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snap_stub_is_told_from_a_launcher() {
        let dir = tempfile::tempdir().unwrap();
        let stub = dir.path().join("stub");
        std::fs::write(&stub, "#!/bin/sh\nexec /snap/bin/chromium \"$@\"\n").unwrap();
        let launcher = dir.path().join("launcher");
        std::fs::write(&launcher, "#!/bin/sh\nexec /usr/lib/chromium/chromium \"$@\"\n").unwrap();
        assert!(is_snap(&stub));
        assert!(!is_snap(&launcher));
    }
}
