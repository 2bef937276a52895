//! `cargo xtask screenshots`: the pictures of the README, taken from a running Takt with its sample videos.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::install::{self, Need};
use crate::server::Server;
use crate::{browser, demo, demo_data, node, paths, shell, web};

/// Most bytes that one picture may have.
const PICTURE_BYTES_MAX: u64 = 300_000;

/// Arguments of `cargo xtask screenshots`.
#[derive(Args)]
pub(crate) struct Options {
    /// Folder for the pictures
    #[arg(long, default_value = "docs/images")]
    out: PathBuf,
    /// Build without optimisation
    #[arg(long)]
    dev: bool,
}

/// Builds, starts a Takt with sample videos in a temporary folder and photographs it.
///
/// # Errors
/// Where something is missing, does not build, or a picture fails or is too large.
pub(crate) fn run(options: &Options) -> Result<()> {
    install::ensure(&[Need::Compiler, Need::Ffmpeg, Need::Node, Need::Browser])?;
    let node = node::require()?;
    let e2e = paths::root().join("e2e");
    web::build(&node)?;
    web::install(&node, &e2e)?;
    let binary = demo::build_takt(!options.dev)?;

    let data = tempfile::Builder::new().prefix("takt-screenshots-").tempdir().context("creating a folder")?;
    demo_data::claim(data.path())?;
    let listen = format!("127.0.0.1:{}", shell::free_port()?).parse().context("making an address")?;
    let server = Server::start(&binary, data.path(), listen, &data.path().join("takt.log"))?;
    demo_data::fill(server.url(), data.path(), usize::MAX)?;

    // Something to choose on the upload page.
    let clip = demo_data::make_one("sunset-machine", &data.path().join("upload"))?;
    let out = paths::root().join(&options.out);
    std::fs::create_dir_all(&out).with_context(|| format!("creating {}", out.display()))?;
    let mut script = node.node(&e2e);
    script.arg("screenshots.mjs").env("TAKT_URL", server.url()).env("TAKT_IMAGES", &out);
    script.env("TAKT_CLIP", clip).env("TAKT_ACCOUNTS", demo_data::accounts_file(data.path()));
    script.env("TAKT_CHROMIUM", browser::find().context("no browser was found")?);
    shell::run(&mut script)?;
    check_sizes(&out)
}

fn check_sizes(dir: &std::path::Path) -> Result<()> {
    for entry in std::fs::read_dir(dir).with_context(|| format!("listing {}", dir.display()))? {
        let entry = entry?;
        let bytes = entry.metadata()?.len();
        if bytes > PICTURE_BYTES_MAX {
            bail!("{} has {bytes} bytes, more than {PICTURE_BYTES_MAX}", entry.path().display());
        }
    }
    Ok(())
}
