//! `takt import`: many files from a disk into an account on a running server, through its public HTTP API.
//!
//! Invariant: one bad file never stops the rest, and what an interrupted run has sent is not sent again.

mod caption;
mod client;
mod file;
mod progress;
mod resume;
mod retry;
mod summary;
mod tus;
mod walk;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use client::{Client, SignedIn};
use file::{Choices, Run};
use progress::Progress;
use reqwest::Url;
use resume::Resume;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use summary::{Outcome, Row};
use takt_core::{Caption, Handle, Lang};
use walk::Found;

/// Some files could not be imported.
const EXIT_SOME_BAD: u8 = 1;
/// Nothing was tried: wrong usage, or no way to sign in.
const EXIT_NOT_STARTED: u8 = 2;
/// Stopped by Ctrl-C, as shells count it.
const EXIT_INTERRUPTED: u8 = 130;
const PASSWORD_VARIABLE: &str = "TAKT_PASSWORD";

/// Arguments of `takt import`.
#[derive(Args)]
pub(crate) struct Options {
    /// Video files, and folders to search for them
    #[arg(required = true, value_name = "DIR|FILE")]
    paths: Vec<PathBuf>,
    /// Address of the server, such as https://takt.example
    #[arg(long, value_name = "URL", value_parser = parse_server)]
    server: Url,
    /// Account to import into; its password comes from TAKT_PASSWORD or is asked for
    #[arg(long = "as", value_name = "HANDLE")]
    handle: Handle,
    /// Sign the account up where it does not exist yet
    #[arg(long)]
    create_account: bool,
    /// Take each caption from the file's name (the default)
    #[arg(long, conflicts_with = "caption")]
    caption_from_name: bool,
    /// The same caption for all; may be empty
    #[arg(long, value_name = "TEXT")]
    caption: Option<Caption>,
    /// Language of the videos, such as de or pt-BR
    #[arg(long, value_name = "TAG")]
    language: Option<Lang>,
    /// Label the videos as made with artificial intelligence
    #[arg(long)]
    ai_generated: bool,
    /// Do not wait until the videos are playable
    #[arg(long)]
    no_wait: bool,
    /// Files sent at the same time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    parallel: u8,
    /// Folder that remembers interrupted uploads [default: takt/import in the user's state folder]
    #[arg(long, value_name = "DIR", hide = true)]
    state: Option<PathBuf>,
}

fn parse_server(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{error}; write it like https://takt.example"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("must begin with https:// or http://".into());
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err("must be an address only, without name, password, query or fragment".into());
    }
    Ok(url)
}

/// Imports, prints the summary and says with which code to exit.
pub(crate) async fn run(options: Options) -> ExitCode {
    let begun = match begin(&options).await {
        Ok(begun) => begun,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(EXIT_NOT_STARTED);
        }
    };
    let (run, found) = begun;
    let interrupted = tokio::select! {
        () = file::import_all(&run, found, options.parallel) => false,
        _ = tokio::signal::ctrl_c() => true,
    };
    run.progress.finish();
    let rows = run.rows();
    print!("{}", summary::table(&rows));
    if interrupted {
        eprintln!("interrupted; the same command goes on where this one stopped");
        return ExitCode::from(EXIT_INTERRUPTED);
    }
    run.client.sign_out().await;
    if rows.iter().any(|row| row.outcome.is_bad()) {
        ExitCode::from(EXIT_SOME_BAD)
    } else {
        ExitCode::SUCCESS
    }
}

async fn begin(options: &Options) -> Result<(Arc<Run>, Vec<PathBuf>)> {
    let (files, rows) = look(&options.paths);
    if files.is_empty() && rows.iter().all(|row| row.outcome == Outcome::NoVideo) {
        bail!("no video files there; a file named itself is taken whatever its name");
    }
    warn_of_plain_http(&options.server);
    let password = password(options.handle.as_str())?;
    let handle = options.handle.as_str();
    let signed_in = Client::sign_in(options.server.clone(), handle, &password, options.create_account).await;
    let SignedIn { client, recovery_codes } =
        signed_in.with_context(|| format!("can not sign in at {} as {handle}", options.server))?;
    if !recovery_codes.is_empty() {
        println!("account {handle} created; each of these codes opens it once when the password is lost:");
        println!("  {}", recovery_codes.join("\n  "));
    }
    let folder = options.state.clone().unwrap_or_else(Resume::usual_folder);
    let progress = Progress::start(files.len());
    let resume = Resume::open(folder, &options.server, handle)?;
    let choices = Choices {
        caption: options.caption.clone().map(String::from),
        language: options.language.clone().map(String::from),
        ai_generated: options.ai_generated,
        wait: !options.no_wait,
    };
    Ok((Arc::new(Run::new(client, resume, progress, choices, rows)), files))
}

/// What to import, and the fates that are known already.
fn look(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<Row>) {
    let (mut files, mut rows) = (Vec::new(), Vec::new());
    for found in walk::walk(paths) {
        match found {
            Found::File(path) => files.push(path),
            Found::NoVideo(path) => rows.push(Row { path, outcome: Outcome::NoVideo }),
            Found::Unreadable(path, reason) => rows.push(Row { path, outcome: Outcome::Error(reason) }),
        }
    }
    (files, rows)
}

fn warn_of_plain_http(server: &Url) {
    let host = server.host_str().unwrap_or_default();
    let local = host == "localhost" || host == "[::1]" || host.starts_with("127.");
    if server.scheme() == "http" && !local {
        eprintln!("warning: {server} is plain HTTP; the password and the videos can be read on the way");
    }
}

fn password(handle: &str) -> Result<String> {
    match std::env::var(PASSWORD_VARIABLE) {
        Ok(password) if !password.is_empty() => return Ok(password),
        Ok(_) | Err(std::env::VarError::NotPresent) => {}
        Err(std::env::VarError::NotUnicode(_)) => bail!("{PASSWORD_VARIABLE} is not valid UTF-8"),
    }
    if !std::io::stdin().is_terminal() {
        bail!("set {PASSWORD_VARIABLE} to the password of {handle}");
    }
    let terminal = console::Term::stderr();
    terminal.write_str(&format!("password of {handle}: "))?;
    terminal.read_secure_line().context("can not read the password")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_addresses_are_checked() {
        for good in ["http://127.0.0.1:8080", "https://takt.example/", "https://example.org/takt"] {
            assert!(parse_server(good).is_ok(), "{good}");
        }
        for bad in
            ["takt.example", "localhost:8080", "ftp://takt.example", "http://a:b@takt.example", "http://x/?q"]
        {
            assert!(parse_server(bad).is_err(), "{bad}");
        }
    }
}
