//! Where log messages go: to standard error, as lines for people or as JSON for machines.

use anyhow::{Context as _, Result};
use std::io::IsTerminal as _;
use takt_server::config;
use tracing_subscriber::EnvFilter;

/// Installs the subscriber that `log.filter` and `log.format` ask for.
///
/// # Errors
/// Where the filter can not be read.
pub(crate) fn install(log: &config::Log) -> Result<()> {
    let filter = filter(log)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let installed = if log.format == "json" {
        builder.json().flatten_event(true).with_current_span(false).try_init()
    } else {
        builder.with_ansi(std::io::stderr().is_terminal()).try_init()
    };
    installed.map_err(|error| anyhow::anyhow!("can not start logging: {error}"))
}

/// The filter of `log.filter`.
///
/// # Errors
/// Where it can not be read.
pub(crate) fn filter(log: &config::Log) -> Result<EnvFilter> {
    EnvFilter::try_new(&log.filter).with_context(|| {
        format!("log.filter: `{}` is no filter such as `info` or `takt=debug,info`", log.filter)
    })
}
