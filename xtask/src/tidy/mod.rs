//! `cargo xtask tidy`: what a check can hold, a check holds. The rules are those of `docs/style.md`.
//!
//! Each rule is a pure function over the checkout's files, so that its tests need no checkout.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::{paths, shell};

mod dialect;
mod generated;
mod layering;
mod sizes;
mod store_tests;
mod text;

/// Arguments of `cargo xtask tidy`.
#[derive(Args)]
pub(crate) struct Options {
    /// Write generated files anew instead of complaining about stale ones
    #[arg(long)]
    fix: bool,
}

/// A file of the checkout.
pub(crate) struct File {
    /// Relative to the checkout's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Something that a rule objects to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) path: String,
    /// Counted from 1; 0 where the whole file is meant.
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Finding {
    fn file(file: &File, message: impl Into<String>) -> Self {
        Self::line(file, 0, message)
    }

    fn line(file: &File, line: usize, message: impl Into<String>) -> Self {
        Self { path: file.path.clone(), line, message: message.into() }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// The command.
///
/// # Errors
/// Where a rule objects.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.fix {
        generated::write()?;
    }
    check()?;
    println!("tidy");
    Ok(())
}

/// All rules.
///
/// # Errors
/// Where one objects; all findings are printed first.
pub(crate) fn check() -> Result<()> {
    let files = files(paths::root())?;
    let mut findings = Vec::new();
    findings.extend(layering::check(&files)?);
    findings.extend(sizes::check(&files));
    findings.extend(text::check(&files));
    findings.extend(dialect::check(&files));
    findings.extend(store_tests::check(&files));
    findings.extend(generated::check()?);
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings", findings.len());
    }
    Ok(())
}

/// Every text file that is tracked by git, or would be.
fn files(root: &Path) -> Result<Vec<File>> {
    let mut git = shell::command("git");
    git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let list = shell::capture(&mut git)?;
    let mut files = Vec::new();
    for path in list.split('\0').filter(|path| !path.is_empty()) {
        let bytes = match std::fs::read(root.join(PathBuf::from(path))) {
            Ok(bytes) => bytes,
            // Deleted, but not yet committed.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("reading {path}")),
        };
        // What is not UTF-8 is no text: pictures, fixtures.
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(File { path: path.to_owned(), text });
        }
    }
    Ok(files)
}

#[cfg(test)]
fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}
