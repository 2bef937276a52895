//! `cargo deny`: licences, banned crates and advisories, by the rules in `deny.toml`.

use std::path::PathBuf;

use anyhow::Result;

use crate::{paths, shell};

const VERSION: &str = "0.20.2";

/// `cargo xtask deny`: installs the tool where it is missing and runs every check.
///
/// # Errors
/// Where the tool cannot be built or finds something, or the advisory database cannot be fetched.
pub(crate) fn run() -> Result<()> {
    install()?;
    run_offline()?;
    check(&["advisories"])
}

/// Builds the tool into `.tools/` where it is missing.
///
/// # Errors
/// Where it does not build.
pub(crate) fn install() -> Result<()> {
    if find().is_some() {
        return Ok(());
    }
    println!("Installing into .tools/: cargo-deny {VERSION} (built from source once, two to three minutes)");
    let mut cargo = shell::cargo();
    cargo.args(["install", "cargo-deny", "--locked", "--quiet", "--version", VERSION, "--root"]);
    shell::run(cargo.arg(paths::tools().join("cargo")))
}

/// The tool, in `PATH` or in `.tools/`.
pub(crate) fn find() -> Option<PathBuf> {
    let local = paths::tools().join("cargo/bin/cargo-deny");
    shell::find_in_path("cargo-deny").or_else(|| Some(local).filter(|path| shell::is_executable(path)))
}

/// Runs the checks that need no network: everything but the advisories.
///
/// # Errors
/// Where the tool is missing or finds something.
pub(crate) fn run_offline() -> Result<()> {
    check(&["bans", "licenses", "sources"])
}

fn check(checks: &[&str]) -> Result<()> {
    let tool =
        find().ok_or_else(|| anyhow::anyhow!("cargo-deny is not installed: run `cargo xtask deny` once"))?;
    let mut command = shell::command(tool);
    command.current_dir(paths::root()).args(["--workspace", "check", "--hide-inclusion-graph"]).args(checks);
    shell::run(&mut command)
}
