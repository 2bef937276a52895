//! The demo's contents: sample creators, their videos, and sample viewers who have watched some of them.
//!
//! Everything goes in through the public HTTP API, so a demo shows what any client could have done. Nothing is
//! recorded: pictures come from FFmpeg's generators, music from the small synthesiser in this folder.
//! An interrupted fill goes on where it stopped.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::signals;

mod api;
mod catalogue;
mod make;
mod picture;
mod publish;
mod score;
mod state;
mod synth;
mod viewers;

use catalogue::{CLIPS, Clip};
use state::State;

/// Clips made and published at the same time.
const WORKERS: usize = 2;

/// Arguments of `cargo xtask clips`.
#[derive(Args)]
pub(crate) struct ClipOptions {
    /// Folder for the videos
    #[arg(long)]
    out: PathBuf,
    /// Only those whose slug contains this
    #[arg(long, default_value = "")]
    only: String,
}

/// Makes the sample videos without publishing them, for looking at them.
///
/// # Errors
/// Where FFmpeg fails.
pub(crate) fn make_all(options: &ClipOptions) -> Result<()> {
    let studio = make::Studio::open(&options.out)?;
    let clips: Vec<_> = CLIPS.iter().filter(|clip| clip.slug.contains(&options.only)).collect();
    in_parallel(&clips, |clip| studio.make(clip).map(|_| ()))
}

/// Makes one sample video and says where it is.
///
/// # Errors
/// Where there is none of this name, or FFmpeg fails.
pub(crate) fn make_one(slug: &str, dir: &Path) -> Result<PathBuf> {
    let clip = CLIPS
        .iter()
        .find(|clip| clip.slug == slug)
        .with_context(|| format!("no sample video is called {slug}"))?;
    make::Studio::open(dir)?.make(clip)
}

/// Whether a folder is to get sample videos: it is empty, or an earlier fill was interrupted.
///
/// # Errors
/// Where the folder or its marker cannot be read.
pub(crate) fn is_wanted(data: &Path) -> Result<bool> {
    if let Some(state) = State::load(data)? {
        return Ok(!state.done);
    }
    match std::fs::read_dir(data) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error).with_context(|| format!("listing {}", data.display())),
    }
}

/// Marks a folder as one to be filled, before the server puts its own files there.
///
/// # Errors
/// Where the marker cannot be written.
pub(crate) fn claim(data: &Path) -> Result<()> {
    if State::load(data)?.is_none() {
        State::default().save(data)?;
    }
    Ok(())
}

/// The file that names the sample creators and their passwords.
pub(crate) fn accounts_file(data: &Path) -> PathBuf {
    state::file(data)
}

/// A line that says how to sign in as a sample creator, where there are any.
pub(crate) fn sign_in_hint(data: &Path) -> Option<String> {
    let state = State::load(data).ok()??;
    let (handle, account) = state.accounts.iter().next()?;
    Some(format!("{handle} / {}", account.password))
}

/// Makes the sample videos, publishes them and lets the sample viewers watch.
///
/// # Errors
/// Where FFmpeg or the server fail; what was done so far is kept and not done again.
pub(crate) fn fill(url: &str, data: &Path, clips_max: usize) -> Result<()> {
    let state = State::load(data)?.unwrap_or_default();
    let state = Mutex::new(state);
    let studio = make::Studio::open(&data.join(".demo"))?;
    let clips: Vec<_> = CLIPS.iter().filter(|clip| studio.can_make(clip)).take(clips_max).collect();
    publish::accounts(url, data, &state)?;

    println!("Making {} sample videos by {} creators", clips.len(), lock(&state).accounts.len());
    let bar = bar(clips.len() as u64, "sample videos");
    bar.inc(lock(&state).videos.len() as u64);
    in_parallel(&clips, |clip| {
        if lock(&state).videos.contains_key(clip.slug) {
            return Ok(());
        }
        let file = studio.make(clip)?;
        publish::clip(url, data, &state, clip, &file)
            .with_context(|| format!("publishing the sample video {}", clip.slug))?;
        bar.inc(1);
        Ok(())
    })?;
    bar.finish_and_clear();

    viewers::watch_all(url, data, &state)?;
    studio.clear()?;
    let mut state = lock(&state);
    state.done = true;
    state.save(data)
}

/// Does something to every clip, several at a time; the first error ends it.
fn in_parallel(clips: &[&Clip], work: impl Fn(&Clip) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let worker = || -> Result<()> {
        while let Some(clip) = clips.get(next.fetch_add(1, Ordering::Relaxed)) {
            signals::check()?;
            if let Err(error) = work(clip) {
                // The other workers finish their clip and find nothing left to do.
                next.store(clips.len(), Ordering::Relaxed);
                return Err(error);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        Ok(())
    })
}

/// A progress bar in the house style.
fn bar(length: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>16} [{bar:32}] {pos}/{len} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    let bar = ProgressBar::new(length).with_style(style).with_message(what);
    bar.enable_steady_tick(std::time::Duration::from_millis(500));
    bar
}

/// The state, whatever happened to the other worker.
fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_made_only_in_an_empty_or_claimed_folder() {
        let dir = tempfile::tempdir().unwrap();
        assert!(is_wanted(&dir.path().join("absent")).unwrap());
        assert!(is_wanted(dir.path()).unwrap());
        claim(dir.path()).unwrap();
        std::fs::write(dir.path().join("takt.sqlite"), "x").unwrap();
        assert!(is_wanted(dir.path()).unwrap(), "an interrupted fill goes on");
        State { done: true, ..State::default() }.save(dir.path()).unwrap();
        assert!(!is_wanted(dir.path()).unwrap());

        let foreign = tempfile::tempdir().unwrap();
        std::fs::write(foreign.path().join("takt.sqlite"), "x").unwrap();
        assert!(!is_wanted(foreign.path()).unwrap(), "somebody's own data gets no samples");
    }
}
