//! `cargo xtask demo`: from a fresh checkout to something to swipe at.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::install::{self, Need};
use crate::server::{self, Server};
use crate::{demo_data, node, paths, shell, signals, web};

/// Arguments of `cargo xtask demo`.
#[derive(Args)]
pub(crate) struct Options {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Folder for everything Takt stores (default: data/ in the checkout); sample videos are made only where it is empty
    #[arg(long)]
    data: Option<PathBuf>,
    /// Build without optimisation (quicker to build, slower to run)
    #[arg(long, conflicts_with = "release")]
    dev: bool,
    /// Build with optimisation (the default)
    #[arg(long)]
    release: bool,
    /// Stop after printing the address
    #[arg(long, hide = true)]
    once: bool,
    /// How many of the sample videos to make
    #[arg(long, hide = true, default_value_t = usize::MAX)]
    clips: usize,
}

impl Options {
    /// What the tests run: a small demo in a folder of its own that ends by itself.
    pub(crate) fn smoke(data: &Path, listen: SocketAddr, clips: usize) -> Self {
        Self { listen, data: Some(data.to_owned()), dev: true, release: false, once: true, clips }
    }
}

/// Runs the demo until a signal comes in.
///
/// # Errors
/// Where something cannot be installed, built, started or filled.
pub(crate) fn run(options: &Options) -> Result<()> {
    // Before the builds: nobody wants to hear of it minutes later.
    server::check_free(options.listen)?;
    install::ensure(&[Need::Compiler, Need::Ffmpeg, Need::Node])?;
    web::build(&node::require()?)?;
    let binary = build_takt(!options.dev)?;

    let data = options.data.clone().unwrap_or_else(|| paths::root().join("data"));
    let data = std::path::absolute(&data).with_context(|| format!("resolving {}", data.display()))?;
    let wants_samples = demo_data::is_wanted(&data)?;
    std::fs::create_dir_all(&data).with_context(|| format!("creating {}", data.display()))?;
    if wants_samples {
        demo_data::claim(&data)?;
    }
    signals::check()?;
    let mut server = Server::start(&binary, &data, options.listen, &data.join("demo.log"))?;
    if wants_samples {
        demo_data::fill(server.url(), &data, options.clips)?;
    }
    println!();
    let here = std::env::current_dir().unwrap_or_default();
    let shown = data.strip_prefix(&here).unwrap_or(&data);
    println!("  Takt is running: {}", server.url());
    println!();
    println!("  Data: {}   Log: {}", shown.display(), shown.join("demo.log").display());
    if let Some(hint) = demo_data::sign_in_hint(&data) {
        println!("  Sign in as a sample creator: {hint}");
    }
    if options.once {
        return Ok(());
    }
    println!("  Stop with Ctrl-C.");
    server.wait_for_signal()?;
    println!("stopped");
    Ok(())
}

/// Builds the `takt` binary and says where it is.
///
/// # Errors
/// Where it does not compile.
pub(crate) fn build_takt(release: bool) -> Result<PathBuf> {
    let mut cargo = shell::cargo();
    cargo.args(["build", "--package", "takt"]);
    if release {
        cargo.arg("--release");
    }
    shell::run(&mut cargo)?;
    Ok(paths::takt(if release { "release" } else { "debug" }))
}
