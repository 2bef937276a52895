//! Files that are made from code must be the ones that today's code makes.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::Finding;
use crate::{demo, paths, shell};

/// A committed file and the subcommand of `takt` that prints it.
struct Generated {
    path: &'static str,
    arguments: &'static [&'static str],
}

const GENERATED: &[Generated] = &[
    Generated { path: "docs/generated/openapi.json", arguments: &["openapi"] },
    Generated { path: "docs/generated/config.md", arguments: &["config-reference"] },
];

/// Names each stale file.
///
/// # Errors
/// Where `takt` does not build or does not print the file.
pub(crate) fn check() -> Result<Vec<Finding>> {
    each(|generated, path, fresh| {
        let had = std::fs::read_to_string(path).unwrap_or_default();
        let stale = had != fresh;
        Ok(stale.then(|| Finding {
            path: generated.path.to_owned(),
            line: 0,
            message: "is stale: run `cargo xtask tidy --fix` and commit what it writes".to_owned(),
        }))
    })
}

/// Writes every generated file.
///
/// # Errors
/// As [`check`], and where a file cannot be written.
pub(crate) fn write() -> Result<()> {
    each(|_, path, fresh| {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
        }
        std::fs::write(path, fresh).with_context(|| format!("writing {}", path.display()))?;
        Ok(None)
    })?;
    Ok(())
}

fn each(mut work: impl FnMut(&Generated, &Path, &str) -> Result<Option<Finding>>) -> Result<Vec<Finding>> {
    let binary = demo::build_takt(false)?;
    let mut findings = Vec::new();
    for generated in GENERATED {
        let mut text = shell::capture(shell::command(&binary).args(generated.arguments))?;
        text.push('\n');
        findings.extend(work(generated, &paths::root().join(generated.path), &text)?);
    }
    Ok(findings)
}
