//! `cargo xtask simulate`: every recommender in the same worlds, a table, a JSON file and plots.

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use std::path::{Path, PathBuf};
use takt_simulate::config::Config;
use takt_simulate::experiment::{Plan, experiment};
use takt_simulate::recommender::Kind;
use takt_simulate::{plot, report, tune};

// The server has it, too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Seeds that baselines are tuned on begin here, and those of a comparison at 1: no world is used for both.
const TUNING_SEEDS_FROM: u64 = 1_001;

/// Simulated viewers with hidden tastes, watching what each recommender shows them.
#[derive(Parser)]
#[command(name = "cargo xtask simulate")]
struct Cli {
    /// A small world for a look within seconds; nothing is written unless --out or --plots is given
    #[arg(long)]
    quick: bool,
    /// Worlds
    #[arg(long, default_value_t = 8)]
    worlds: u64,
    /// Runs at a time; the result does not depend on it
    #[arg(long)]
    threads: Option<usize>,
    /// Folder for results.json and results.md
    #[arg(long)]
    out: Option<PathBuf>,
    /// Folder for the plots
    #[arg(long)]
    plots: Option<PathBuf>,
    /// Run only these, by the titles of their columns, instead of all
    #[arg(long)]
    only: Vec<String>,
    /// Search the baselines' parameters instead, trying so many sets for each
    #[arg(long)]
    tune: Option<usize>,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    ensure!(cli.worlds >= 2, "--worlds must be at least 2: intervals are taken over worlds");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cli.threads.unwrap_or(cores);
    let config = if cli.quick { Config::QUICK } else { Config::FULL };
    if let Some(tries) = cli.tune {
        let seeds: Vec<u64> = (TUNING_SEEDS_FROM..TUNING_SEEDS_FROM + cli.worlds).collect();
        print!("{}", tune::tune(config, &seeds, tries, threads)?);
        return Ok(());
    }
    let asked = |kind: &Kind| cli.only.is_empty() || cli.only.iter().any(|name| name == kind.title());
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(asked).collect();
    ensure!(!kinds.is_empty(), "--only must name one of {}", Kind::ALL.map(Kind::title).join(", "));
    let plan = Plan { config, seeds: (1..=cli.worlds).collect(), kinds };
    let contenders = experiment(&plan, threads, |line| eprintln!("{line}"))?;
    let table = report::markdown(&plan, &contenders);
    print!("{table}");
    if let Some(folder) = &cli.out {
        let json = serde_json::to_string_pretty(&report::json(&plan, &contenders)).context("writing JSON")?;
        write(folder, "results.json", &format!("{json}\n"))?;
        write(folder, "results.md", &format!("# Results of the simulation\n\n{table}"))?;
    }
    if let Some(folder) = &cli.plots {
        for (name, svg) in plot::plots(&contenders) {
            write(folder, name, &svg)?;
        }
    }
    Ok(())
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    eprintln!("wrote {}", path.display());
    Ok(())
}
