//! `takt migrate`: brings the database to this release's form without serving.

use crate::logging;
use crate::settings::Settings;
use anyhow::Result;
use clap::Args;

/// Arguments of `takt migrate`.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    settings: Settings,
}

/// Migrates and says so.
///
/// # Errors
/// Where the configuration or the database can not be used.
pub(crate) async fn run(options: Options) -> Result<()> {
    let config = options.settings.load()?;
    logging::install(&config.log)?;
    match takt_server::migrate(&config).await? {
        0 => println!("the database was up to date"),
        count => println!("the database is up to date; migrations run: {count}"),
    }
    Ok(())
}
