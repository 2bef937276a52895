//! What is generated from the code and kept in the repository: the API's description and the configuration's reference.

use anyhow::{Context as _, Result};
use std::io::Write as _;

/// Prints the OpenAPI description (JSON).
///
/// # Errors
/// Where standard output is closed.
pub(crate) fn openapi() -> Result<()> {
    print(&takt_server::openapi())
}

/// Prints the configuration's reference (Markdown).
///
/// # Errors
/// Where standard output is closed.
pub(crate) fn config_reference() -> Result<()> {
    print(&takt_server::config::reference())
}

fn print(text: &str) -> Result<()> {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    write!(std::io::stdout(), "{text}{end}").context("can not write to standard output")
}
