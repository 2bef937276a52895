//! The options that say which configuration counts: flags over environment over file.

use anyhow::Result;
use clap::Args;
use std::path::PathBuf;
use takt_server::config::{self, Config};

/// Arguments of every subcommand that opens a cell.
#[derive(Args)]
pub(crate) struct Settings {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "TAKT_CONFIG")]
    config: Option<PathBuf>,
    /// Folder for the embedded stores, uploads and work files [default: data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Settings {
    /// The configuration with the flags applied.
    ///
    /// # Errors
    /// Where the file or the environment holds something that can not be used; every problem is named.
    pub(crate) fn load(&self) -> Result<Config> {
        let mut config = config::load(self.config.as_deref())?;
        if let Some(dir) = &self.data {
            config.data.dir.clone_from(dir);
        }
        Ok(config)
    }
}
