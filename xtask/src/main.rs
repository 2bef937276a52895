//! The project's own commands: `cargo xtask demo`, `cargo xtask test` and the smaller ones they are made of.
//!
//! Invariant: nothing here is part of the product. `takt` never depends on this crate, and this crate talks to
//! `takt` only as a stranger would, through its command line and its HTTP API.

use anyhow::Result;
use clap::{Parser, Subcommand};

mod bench;
mod browser;
mod demo;
mod demo_data;
mod deny;
mod determinism;
mod install;
mod likeness;
mod node;
mod paths;
mod postgres;
mod python;
mod s3;
mod screenshots;
mod server;
mod shell;
mod signals;
mod simulate;
mod sync;
mod test;
mod tidy;
mod web;
mod yardstick;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Takt's own commands", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing, build, start Takt with sample videos and print the address
    Demo(demo::Options),
    /// Every test: tidy, Rust on both databases, web, browser
    Test(test::Options),
    /// Start the tests' PostgreSQL and S3 and print how to use them, until Ctrl-C
    Servers,
    /// Layering, sizes, forbidden words, generated files
    Tidy(tidy::Options),
    /// Make the demo's sample videos in a folder, without a server
    #[command(hide = true)]
    Clips(demo_data::ClipOptions),
    /// Licences, advisories and banned crates (needs cargo-deny)
    Deny,
    /// Write the pictures of docs/images from a running Takt
    Screenshots(screenshots::Options),
    /// The recommender's state in debug and release builds, with one and two threads around it, must be the same
    Determinism,
    /// Load generator and media benchmarks (passes its arguments on)
    Bench(bench::Options),
    /// Measure how far sound and picture of a flash-and-click video are apart, and whether they drift
    Sync(sync::Options),
    /// Simulated viewers compare Takt's recommender with the usual alternatives (passes its arguments on)
    Simulate(simulate::Options),
    /// Measure how well sounds and videos are recognised, on copies made of a folder of clips
    Likeness(likeness::Options),
    /// Measure the recommender with programs outside this repository, and write the table
    Yardstick(yardstick::Options),
}

fn main() {
    let cli = Cli::parse();
    let result: Result<()> = signals::catch().and_then(|()| match cli.command {
        Command::Demo(options) => demo::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Servers => test::servers(),
        Command::Tidy(options) => tidy::run(&options),
        Command::Clips(options) => demo_data::make_all(&options),
        Command::Deny => deny::run(),
        Command::Screenshots(options) => screenshots::run(&options),
        Command::Determinism => determinism::run(),
        Command::Bench(options) => bench::run(&options),
        Command::Sync(options) => sync::run(&options),
        Command::Simulate(options) => simulate::run(&options),
        Command::Likeness(options) => likeness::run(&options),
        Command::Yardstick(options) => yardstick::run(&options),
    });
    if let Err(error) = result {
        if signals::interrupted() {
            eprintln!("interrupted");
            std::process::exit(130);
        }
        eprintln!("error: {error:#}");
        std::process::exit(1);
    }
}
