//! Benchmarks: passes its arguments on to the load generator in `bench/`.

use anyhow::{Result, bail};
use clap::Args;

use crate::install::{self, Need};
use crate::{paths, shell};

/// Arguments of `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct Options {
    /// Arguments for the load generator; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds the server as releases are made and the load generator, and runs the latter.
///
/// # Errors
/// Where something is missing, does not build, or the load generator fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !paths::root().join("bench/Cargo.toml").exists() {
        bail!("bench/ holds no load generator in this checkout");
    }
    install::ensure(&[Need::Compiler, Need::Ffmpeg, Need::Nginx])?;
    shell::run(shell::cargo().args(["build", "--profile", "dist", "--package", "takt"]))?;
    let mut bench = shell::cargo();
    bench.args(["run", "--release", "--package", "takt-bench", "--"]).args(&options.arguments);
    shell::run(bench.env("TAKT_BIN", paths::takt("dist")))
}
