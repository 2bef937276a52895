//! Determinism: the recommender's digest example in debug and release builds, with one and with two threads around it.

use anyhow::{Result, ensure};

use crate::install::{self, Need};
use crate::shell;

/// Builds and runs all four, and compares what they print.
///
/// # Errors
/// Where one does not build or run, or prints something else than the first.
pub(crate) fn run() -> Result<()> {
    install::ensure(&[Need::Compiler])?;
    let mut first: Option<(String, String)> = None;
    for build in ["debug", "release"] {
        for threads in ["1", "2"] {
            let mut digest = shell::cargo();
            digest.args([
                "run",
                "--quiet",
                "--locked",
                "--package",
                "takt-recommender",
                "--example",
                "digest",
            ]);
            if build == "release" {
                digest.arg("--release");
            }
            let printed = shell::capture(digest.args(["--", threads]))?;
            let name = format!("{build}, {threads} thread{}", if threads == "1" { "" } else { "s" });
            let (one, expected) = first.get_or_insert_with(|| (name.clone(), printed.clone()));
            ensure!(
                printed == *expected,
                "the same log gives different states:\n{one}:\n{expected}\n{name}:\n{printed}"
            );
        }
    }
    if let Some((_, printed)) = first {
        println!("the same in debug and release builds, with 1 and 2 threads:\n{}", printed.trim_end());
    }
    Ok(())
}
