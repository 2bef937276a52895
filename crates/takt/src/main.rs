//! The binary `takt`: one file per subcommand. What they do lives in `takt-server` and below; here they are put together.

mod check_config;
mod generate;
mod import;
mod logging;
mod migrate;
mod recommender;
mod replay;
mod serve;
mod settings;
mod verify;

use clap::{Parser, Subcommand};
use std::future::Future;
use std::process::ExitCode;

// musl's and glibc's allocators give memory back late and slow down under many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Takt: a short-video network that a community can run, inspect and hand over.
#[derive(Parser)]
#[command(name = "takt", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Options),
    /// Bring the database to this release's form, and do nothing else
    Migrate(migrate::Options),
    /// Say which configuration would be used, or what is wrong with it
    CheckConfig(check_config::Options),
    /// Import videos from files and folders into an account
    Import(import::Options),
    /// Replay the event log and compare: does the recommender's state follow from it? (the server must be stopped)
    Verify(verify::Options),
    /// Compute a page again from its receipt: is it what was served? (the server must be stopped)
    Replay(replay::Options),
    /// Answer requests on stdin with the real engine, for measuring it from outside
    #[command(hide = true)]
    Recommender(recommender::Options),
    /// Print the OpenAPI description
    #[command(hide = true)]
    Openapi,
    /// Print the configuration reference
    #[command(hide = true)]
    ConfigReference,
}

fn main() -> ExitCode {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return failed(&anyhow::anyhow!("another TLS provider is installed already"));
    }
    match Cli::parse().command {
        Command::Serve(options) => block_on(async { done(serve::run(options).await) }),
        Command::Migrate(options) => block_on(async { done(migrate::run(options).await) }),
        Command::CheckConfig(options) => done(check_config::run(&options)),
        Command::Import(options) => block_on(import::run(options)),
        Command::Verify(options) => verify::run(&options).unwrap_or_else(|error| failed(&error)),
        Command::Replay(options) => replay::run(&options).unwrap_or_else(|error| failed(&error)),
        Command::Recommender(options) => done(recommender::run(&options)),
        Command::Openapi => done(generate::openapi()),
        Command::ConfigReference => done(generate::config_reference()),
    }
}

fn block_on(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => failed(&anyhow::Error::new(error).context("can not start the runtime")),
    }
}

fn done(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}
