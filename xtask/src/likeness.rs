//! Recall and precision of sound and picture recognition on a folder of clips.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::install::{self, Need};
use crate::shell;

/// Arguments of `cargo xtask likeness`.
#[derive(Args)]
pub(crate) struct Options {
    /// Folder of clips and sounds; copies of them are made with FFmpeg and compared with all of them
    #[arg(long)]
    clips: PathBuf,
    /// A recording of speech, not one of the sounds, to lay over them
    #[arg(long)]
    speech: Option<PathBuf>,
}

/// Builds the measuring program in release, runs it, and prints its report (Markdown).
///
/// # Errors
/// Where something is missing, does not build, or the program fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    install::ensure(&[Need::Compiler, Need::Ffmpeg])?;
    let mut likeness = shell::cargo();
    likeness.args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "takt-analysis",
        "--example",
        "likeness",
        "--",
    ]);
    likeness.arg("--clips").arg(std::path::absolute(&options.clips)?);
    if let Some(speech) = &options.speech {
        likeness.arg("--speech").arg(std::path::absolute(speech)?);
    }
    shell::run(&mut likeness)
}
