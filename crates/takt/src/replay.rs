//! `takt replay`: computes pages again from the data folder, and says whether they are what was served.

use crate::settings::Settings;
use anyhow::{Context as _, Result};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use takt_recommender::Policy;
use takt_server::feed::{self, Checked, Faults, Signer, Verifier};

/// Arguments of `takt replay`.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    settings: Settings,
    /// The receipt: a file as `/api/v1/impressions/{id}/receipt` gives it
    #[arg(long, required_unless_present = "all", conflicts_with = "all")]
    receipt: Option<PathBuf>,
    /// Check every page of the log instead
    #[arg(long)]
    all: bool,
    /// The key the receipt must be signed with, as `/api/v1/receipts/key` gives it; by default the data folder's
    #[arg(long, value_name = "NAME+ID+KEY")]
    key: Option<String>,
    /// The ranking policy to compute with; by default the one compiled in
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// Says `identical`, or names the first difference and fails.
///
/// # Errors
/// Where the configuration, the receipt or the log can not be read.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let dir = options.settings.load()?.data.dir;
    anyhow::ensure!(dir.join("events").is_dir(), "there is no event log in {}", dir.display());
    let policy = match &options.policy {
        None => Policy::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path);
            Policy::from_toml(&text.with_context(|| format!("can not read {}", path.display()))?)?
        }
    };
    let failed = || format!("can not replay {}", dir.display());
    let Some(path) = &options.receipt else {
        return Ok(told_all(&feed::check_all(&dir, &policy).with_context(failed)?));
    };
    let note = std::fs::read_to_string(path).with_context(|| format!("can not read {}", path.display()))?;
    let key = match &options.key {
        Some(key) => key.parse::<Verifier>()?,
        None => {
            Signer::find(&dir)?.with_context(|| format!("there is no key in {}", dir.display()))?.verifier()
        }
    };
    Ok(told(&feed::check_receipt(&dir, &note, &key, &policy).with_context(failed)?))
}

fn told(checked: &Checked) -> ExitCode {
    if let Some(difference) = &checked.difference {
        println!("different: {difference}");
        return ExitCode::FAILURE;
    }
    println!("page       {}", checked.page);
    println!("videos     {}", checked.items);
    println!("position   {} (replayed from {})", checked.position, checked.from);
    let seed = if checked.seed_revealed {
        "follows from its revealed secret"
    } else {
        "its secret is not revealed yet"
    };
    println!("seed       {seed}");
    println!("identical");
    ExitCode::SUCCESS
}

fn told_all(faults: &Faults) -> ExitCode {
    println!("log        {} events", faults.entries);
    println!("pages      {} with {} videos", faults.pages, faults.items);
    println!("seeds      {} follow from their revealed secrets", faults.seeds_checked);
    if faults.other_policies > 0 {
        println!("skipped    {} pages by other policies", faults.other_policies);
    }
    if faults.different == 0 {
        println!("identical");
        return ExitCode::SUCCESS;
    }
    for (page, difference) in &faults.first {
        println!("different: page {page}: {difference}");
    }
    println!("{} differ", faults.different);
    ExitCode::FAILURE
}
