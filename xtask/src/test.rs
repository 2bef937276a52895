//! `cargo xtask test`: every test there is, one step after the other, with a summary that a machine can read.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::install::{self, Need};
use crate::node::{self, Node};
use crate::postgres::Postgres;
use crate::s3::S3;
use crate::{browser, demo, deny, determinism, paths, shell, signals, tidy, web};

/// Sample videos in the test of the demo: enough to see that a sound is shared, quick to make.
const SMOKE_CLIPS: usize = 3;

/// The crate that reads Content Credentials.
const PROVENANCE: &str = "takt-provenance";

/// Arguments of `cargo xtask test`.
#[derive(Args)]
pub(crate) struct Options {
    /// Run only one part
    #[arg(long)]
    only: Option<Part>,
}

/// A part of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Layering, sizes, forbidden words, generated files
    Tidy,
    /// Formatting, lints and tests of the Rust code, on both databases
    Rust,
    /// Types and tests of the web app
    Web,
    /// The browser against a real server, and the demo
    E2e,
}

/// What came of one step.
struct Outcome {
    name: &'static str,
    took: Duration,
    error: Option<anyhow::Error>,
}

/// Runs steps, remembers what came of them and goes on after a failure.
struct Run {
    only: Option<Part>,
    outcomes: Vec<Outcome>,
}

/// Installs, runs everything and prints a summary.
///
/// # Errors
/// Where something cannot be installed or a step fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    install::ensure(&needs(options.only))?;
    let mut run = Run { only: options.only, outcomes: Vec::new() };
    let node = if run.wants(Part::Rust) || run.wants(Part::Web) || run.wants(Part::E2e) {
        let node = node::require()?;
        // First: the binary embeds the web app, whichever step builds it.
        run.step("web build", &[Part::Rust, Part::Web, Part::E2e], || web::build(&node))?;
        Some(node)
    } else {
        None
    };
    rust_steps(&mut run)?;
    if let Some(node) = &node {
        web_steps(&mut run, node)?;
        e2e_steps(&mut run, node)?;
    }
    run.step("tidy", &[Part::Tidy], tidy::check)?;
    run.finish()
}

fn needs(only: Option<Part>) -> Vec<Need> {
    match only {
        Some(Part::Tidy) => vec![Need::Compiler],
        Some(Part::Web) => vec![Need::Node],
        Some(Part::Rust) => {
            vec![Need::Lints, Need::Compiler, Need::Ffmpeg, Need::Node, Need::Postgres, Need::Python]
        }
        Some(Part::E2e) => vec![Need::Compiler, Need::Ffmpeg, Need::Node, Need::Browser],
        None => vec![
            Need::Lints,
            Need::Compiler,
            Need::Ffmpeg,
            Need::Node,
            Need::Browser,
            Need::Postgres,
            Need::Python,
        ],
    }
}

fn rust_steps(run: &mut Run) -> Result<()> {
    let part = &[Part::Rust];
    run.step("rust format", part, || shell::run(shell::cargo().args(["fmt", "--all", "--check"])))?;
    run.step("rust lints", part, || {
        let mut clippy = shell::cargo();
        clippy.args([
            "clippy",
            "--quiet",
            "--workspace",
            "--exclude",
            PROVENANCE,
            "--all-targets",
            "--locked",
            "--",
            "--deny",
            "warnings",
        ]);
        shell::run(&mut clippy)
    })?;
    // First: the tests of the server have its program run.
    run.step("provenance", part, provenance)?;
    run.step("rust tests", part, rust_tests)?;
    run.step("determinism", part, determinism::run)?;
    // Building the tool takes minutes, so a developer gets the step only with the tool; CI gets it always.
    if deny::find().is_some() || std::env::var_os("CI").is_some() {
        run.step("licences", part, || deny::install().and_then(|()| deny::run_offline()))?;
    }
    Ok(())
}

/// Lints and tests the reader of Content Credentials, by itself so that what it depends on changes nothing elsewhere.
///
/// The compiler is Clippy's here: `cargo clippy` would check its three hundred crates once more (60 CPU seconds).
fn provenance() -> Result<()> {
    let mut cargo = shell::cargo();
    cargo.args(["test", "--package", PROVENANCE, "--locked"]);
    cargo
        .env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver")
        .env("CLIPPY_ARGS", "--deny__CLIPPY_HACKERY__warnings");
    shell::run(&mut cargo)
}

fn rust_tests() -> Result<()> {
    let servers = Servers::start()?;
    let mut cargo = shell::cargo();
    if shell::find_in_path("cargo-nextest").is_some() {
        cargo.args(["nextest", "run"]);
    } else {
        cargo.arg("test");
    }
    cargo.args(["--workspace", "--exclude", PROVENANCE, "--locked"]);
    cargo.envs(servers.environment()).env("TAKT_TEST_REQUIRE_PROVENANCE", "1");
    shell::run(&mut cargo)
}

/// What the store's tests run against besides SQLite and a folder.
struct Servers {
    postgres: Postgres,
    s3: S3,
}

impl Servers {
    fn start() -> Result<Self> {
        let servers = Self { postgres: Postgres::start()?, s3: S3::start()? };
        println!("{} and an S3 server (moto) are running", servers.postgres.version());
        Ok(servers)
    }

    /// REQUIRE turns the skip that a developer without these servers sees into a failure.
    fn environment(&self) -> [(&'static str, &str); 4] {
        [
            ("TAKT_TEST_POSTGRES", self.postgres.url()),
            ("TAKT_TEST_REQUIRE_POSTGRES", "1"),
            ("TAKT_TEST_S3", self.s3.endpoint()),
            ("TAKT_TEST_REQUIRE_S3", "1"),
        ]
    }
}

/// `cargo xtask servers`: for running single tests by hand.
///
/// # Errors
/// Where a server does not start.
pub(crate) fn servers() -> Result<()> {
    install::ensure(&[Need::Postgres, Need::Python])?;
    let servers = Servers::start()?;
    for (name, value) in servers.environment() {
        println!("export {name}={value}");
    }
    println!("# stop with Ctrl-C");
    while !signals::interrupted() {
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn web_steps(run: &mut Run, node: &Node) -> Result<()> {
    let dir = paths::root().join("web");
    let script = |name: &str| shell::run(node.npm(&dir).args(["run", "--silent", name]));
    run.step("web types", &[Part::Web], || script("check"))?;
    run.step("web lint", &[Part::Web], || script("lint"))?;
    run.step("web tests", &[Part::Web], || script("test"))
}

fn e2e_steps(run: &mut Run, node: &Node) -> Result<()> {
    let dir = paths::root().join("e2e");
    if !run.wants(Part::E2e) {
        return Ok(());
    }
    run.step("demo", &[Part::E2e], demo_twice)?;
    if !dir.join("package.json").exists() {
        println!("skipping the browser tests: e2e/ has no package.json");
        return Ok(());
    }
    run.step("browser tests", &[Part::E2e], || browser_tests(node, &dir))
}

fn browser_tests(node: &Node, dir: &Path) -> Result<()> {
    web::install(node, dir)?;
    let binary = demo::build_takt(false)?;
    let mut npm = node.npm(dir);
    npm.args(["run", "--silent", "test"]).env("TAKT_BIN", binary);
    // Some of them measure with `cargo xtask sync`, which is this program.
    npm.env("TAKT_XTASK", std::env::current_exe().context("finding this program")?);
    npm.env("TAKT_CHROMIUM", browser::find().context("no browser was found")?);
    shell::run(&mut npm)
}

/// The README's first command, shortened: the first start makes samples, the second has nothing left to do.
fn demo_twice() -> Result<()> {
    let dir = tempfile::Builder::new().prefix("takt-demo-").tempdir().context("creating a folder")?;
    let data = dir.path().join("data");
    let listen = format!("127.0.0.1:{}", shell::free_port()?).parse().context("making an address")?;
    for _ in 0..2 {
        demo::run(&demo::Options::smoke(&data, listen, SMOKE_CLIPS))?;
    }
    Ok(())
}

impl Run {
    fn wants(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }

    /// Runs a step that belongs to any of these parts.
    ///
    /// # Errors
    /// Only where a signal came in: a step's own failure is kept for the summary.
    fn step(&mut self, name: &'static str, parts: &[Part], work: impl FnOnce() -> Result<()>) -> Result<()> {
        if !parts.iter().any(|part| self.wants(*part)) {
            return Ok(());
        }
        println!("\n== {name}");
        let start = Instant::now();
        let error = work().err();
        signals::check()?;
        if let Some(error) = &error {
            println!("== {name} failed: {error:#}");
        }
        self.outcomes.push(Outcome { name, took: start.elapsed(), error });
        Ok(())
    }

    /// Prints the summary.
    ///
    /// # Errors
    /// Where a step failed.
    fn finish(self) -> Result<()> {
        println!("\n{}", summary(&self.outcomes));
        let failed = self.outcomes.iter().filter(|outcome| outcome.error.is_some()).count();
        if failed > 0 {
            bail!("{failed} of {} steps failed", self.outcomes.len());
        }
        Ok(())
    }
}

/// A line per step and a closing line in the plain form that CI systems read.
fn summary(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        let verdict = if outcome.error.is_some() { "FAILED" } else { "ok" };
        text.push_str(&format!("{:<16} {:>7.1} s  {verdict}\n", outcome.name, outcome.took.as_secs_f32()));
        if let Some(error) = &outcome.error {
            text.push_str(&format!("    {}\n", shell::tail(&format!("{error:#}"), 3)));
        }
    }
    let failed = outcomes.iter().filter(|outcome| outcome.error.is_some()).count();
    text.push_str(&format!("\n{} passed, {failed} failed", outcomes.len() - failed));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_the_summary_counts_steps() {
        let outcome = |error| Outcome { name: "x", took: Duration::from_secs(2), error };
        let text = summary(&[outcome(None), outcome(Some(anyhow::anyhow!("broken"))), outcome(None)]);
        assert!(text.ends_with("\n2 passed, 1 failed"), "{text}");
        assert!(text.contains("FAILED") && text.contains("broken"), "{text}");
    }

    #[test]
    fn a_failing_step_does_not_stop_the_next() {
        let mut run = Run { only: None, outcomes: Vec::new() };
        run.step("first", &[Part::Tidy], || bail!("no")).unwrap();
        run.step("second", &[Part::Tidy], || Ok(())).unwrap();
        assert_eq!(run.outcomes.len(), 2);
        assert!(run.finish().is_err());
    }

    #[test]
    fn only_runs_the_chosen_part() {
        let mut run = Run { only: Some(Part::Web), outcomes: Vec::new() };
        run.step("rust", &[Part::Rust], || bail!("must not run")).unwrap();
        run.step("build", &[Part::Rust, Part::Web], || Ok(())).unwrap();
        assert_eq!(run.outcomes.len(), 1);
    }
}
