//! `takt verify`: the recommender's state is a function of the event log. Checks that it is.

use crate::settings::Settings;
use anyhow::{Context as _, Result};
use clap::Args;
use std::process::ExitCode;
use takt_server::feed;

/// Arguments of `takt verify`.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    settings: Settings,
}

/// Prints position and both digests; fails with the first difference.
///
/// # Errors
/// Where the configuration or the log can not be read.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let dir = options.settings.load()?.data.dir;
    anyhow::ensure!(dir.join("events").is_dir(), "there is no event log in {}", dir.display());
    let verdict = feed::verify(&dir).with_context(|| format!("can not verify {}", dir.display()))?;
    println!("position   {} ({} snapshots)", verdict.position, verdict.snapshots);
    println!("recovered  {}", hex::encode(verdict.recovered));
    println!("replayed   {}", hex::encode(verdict.replayed));
    match verdict.difference {
        None => {
            println!("the recommender's state follows from the event log");
            Ok(ExitCode::SUCCESS)
        }
        Some(difference) => {
            println!("not the same: {difference}");
            Ok(ExitCode::FAILURE)
        }
    }
}
