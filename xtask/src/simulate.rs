//! Simulation: passes its arguments on to the simulator in `simulate/`.

use anyhow::Result;
use clap::Args;

use crate::install::{self, Need};
use crate::{paths, shell};

/// Arguments of `cargo xtask simulate`.
#[derive(Args)]
pub(crate) struct Options {
    /// Arguments for the simulator; without any, it writes bench/simulation and the plots in docs/images anew
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds the simulator in release and runs it.
///
/// # Errors
/// Where something is missing, does not build, or the simulator fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    install::ensure(&[Need::Compiler])?;
    let mut simulate = shell::cargo();
    simulate.args(["run", "--release", "--package", "takt-simulate", "--"]).args(&options.arguments);
    if options.arguments.is_empty() {
        simulate.arg("--out").arg(paths::root().join("bench/simulation"));
        simulate.arg("--plots").arg(paths::root().join("docs/images"));
    }
    shell::run(&mut simulate)
}
