//! `takt-bench`: many simulated viewers against a real server over real HTTP, all on this machine.
//!
//! Invariant: everything listens on and connects to 127.0.0.1, is bounded in count and time, and stops by itself.

mod client;
mod cpu;
mod http;
mod load;
mod nginx;
mod random;
mod report;
mod scenario;
mod seed;
mod server;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use load::Plan;
use scenario::{Cell, Rates, processing};
use seed::{Seeded, Size};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tempfile::TempDir;

// The server has it too: the seeding runs parts of it in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code where something was measured and a target missed.
const EXIT_MISSED: u8 = 3;

/// Measures a release `takt` under load.
#[derive(Parser)]
#[command(name = "takt-bench", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    size: SizeArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Fill a data folder with ready videos and viewers, and leave it
    Seed {
        /// A folder without a cell
        #[arg(long)]
        into: PathBuf,
    },
    /// For You pages
    Feed(Rates),
    /// Event intake
    Events(Rates),
    /// Media by byte range, beside nginx with the same files
    Media(Rates),
    /// Everything at once, as people watching cause it
    Mixed {
        /// People watching at the same time
        #[arg(long, default_value_t = 400.0)]
        watching: f64,
    },
    /// Time and CPU from upload to playable and to all renditions
    Processing(processing::Options),
    /// Each of the above (the default)
    All,
}

#[derive(Args)]
struct Load {
    /// A folder made by `seed`; it is changed. Without it one is made and removed again
    #[arg(long, global = true)]
    data: Option<PathBuf>,
    /// Folder on the disk to measure on, for folders made and removed again [default: beside this program]
    #[arg(long, global = true)]
    work: Option<PathBuf>,
    /// Seconds measured
    #[arg(long, global = true, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Seconds before that
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=60))]
    warm_up: u64,
    /// Connections
    #[arg(long, global = true, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=900))]
    connections: u16,
    /// Seed of the schedule and of what is asked
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
}

impl Load {
    fn plan(&self) -> Plan {
        Plan {
            rate: 1.0,
            warm_up: Duration::from_secs(self.warm_up),
            measured: Duration::from_secs(self.seconds),
            connections: usize::from(self.connections),
            seed: self.seed,
        }
    }

    fn work(&self) -> Result<PathBuf> {
        match &self.work {
            Some(work) => Ok(work.clone()),
            // Not the system's folder for temporary files: that may lie in memory, where syncing costs nothing.
            None => Ok(std::env::current_exe()?.parent().context("this program lies nowhere")?.to_owned()),
        }
    }
}

#[derive(Args)]
struct SizeArgs {
    /// Videos
    #[arg(long, global = true, default_value_t = 10_000)]
    videos: usize,
    /// Viewers
    #[arg(long, global = true, default_value_t = 1_000)]
    viewers: usize,
    /// Videos with bytes
    #[arg(long, global = true, default_value_t = 100)]
    media_files: usize,
    /// Bytes of each of these
    #[arg(long, global = true, default_value_t = 2_000_000)]
    media_bytes: usize,
}

impl SizeArgs {
    fn size(&self) -> Size {
        Size {
            videos: self.videos,
            viewers: self.viewers,
            media_files: self.media_files,
            media_bytes: self.media_bytes,
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: can not start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&cli)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(EXIT_MISSED),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: &Cli) -> Result<bool> {
    let plan = cli.load.plan();
    match cli.command.as_ref().unwrap_or(&Command::All) {
        Command::Seed { into } => {
            std::fs::create_dir_all(into)?;
            seeded(into, cli.size.size()).await?;
            Ok(true)
        }
        Command::Feed(rates) => scenario::feed(&open(cli).await?.cell, plan, *rates).await,
        Command::Events(rates) => scenario::events(&open(cli).await?.cell, plan, *rates).await,
        Command::Media(rates) => scenario::media(&open(cli).await?.cell, plan, *rates).await,
        Command::Mixed { watching } => scenario::mixed(&open(cli).await?.cell, plan, *watching).await,
        Command::Processing(options) => processing::run(&server::binary()?, &cli.load.work()?, options).await,
        Command::All => all(cli, plan).await,
    }
}

async fn all(cli: &Cli, plan: Plan) -> Result<bool> {
    let rates = Rates::default();
    let opened = open(cli).await?;
    let mut met = scenario::feed(&opened.cell, plan, rates).await?;
    met &= scenario::events(&opened.cell, plan, rates).await?;
    met &= scenario::media(&opened.cell, plan, rates).await?;
    met &= scenario::mixed(&opened.cell, plan, 400.0).await?;
    met &= processing::run(&server::binary()?, &cli.load.work()?, &processing::Options::default()).await?;
    Ok(met)
}

struct Opened {
    cell: Cell,
    /// Removed with this value.
    _folder: Option<TempDir>,
}

async fn open(cli: &Cli) -> Result<Opened> {
    if let Some(data) = &cli.load.data {
        println!("one synced write to this disk takes {}", report::ms(scenario::sync_time(data)?));
        let cell = Cell { data: data.clone(), seeded: Seeded::read(data)? };
        return Ok(Opened { cell, _folder: None });
    }
    let work = cli.load.work()?;
    let folder = tempfile::Builder::new().prefix("takt-bench-").tempdir_in(&work)?;
    println!("one synced write to this disk takes {}", report::ms(scenario::sync_time(folder.path())?));
    let seeded = seeded(folder.path(), cli.size.size()).await?;
    Ok(Opened { cell: Cell { data: folder.path().to_owned(), seeded }, _folder: Some(folder) })
}

async fn seeded(data: &Path, size: Size) -> Result<Seeded> {
    let begun = std::time::Instant::now();
    let seeded = seed::seed(data, size).await?;
    let seconds = begun.elapsed().as_secs_f64();
    println!("seeded {} videos and {} viewers in {seconds:.1} s", seeded.videos.len(), seeded.tokens.len());
    Ok(seeded)
}
