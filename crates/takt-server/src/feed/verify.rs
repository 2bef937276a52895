//! The check behind `takt verify`: does the recommender's state follow from the event log, and from nothing else?

use super::recommender::{RecoverError, replay_to, snapshots};
use std::path::{Path, PathBuf};
use takt_recommender::{Engine, Policy, Stats};
use takt_store::EventLog;

/// What a check of one cell's recommender found.
#[derive(Debug)]
pub struct Verdict {
    /// Entries in the log.
    pub position: u64,
    /// The state as a start would recover it: newest usable snapshot, then the rest of the log.
    pub recovered: [u8; 32],
    /// The state as the whole log gives it, read from its first entry.
    pub replayed: [u8; 32],
    /// Snapshots looked at.
    pub snapshots: usize,
    /// Where both first differ, as a sentence; `None` where they are the same.
    pub difference: Option<String>,
}

/// Compares the snapshots in `dir`, and the state recovered from them, with a fresh replay of the whole event log.
/// The log must not be open elsewhere: stop the server first.
///
/// # Errors
/// Where the log can not be opened or an entry can not be read.
pub fn verify(dir: &Path) -> Result<Verdict, RecoverError> {
    let log = EventLog::open(&dir.join("events"))?;
    let head = log.verify()?;
    let found: Vec<_> =
        snapshots(&dir.join("recommender")).into_iter().filter(|(at, _)| *at <= head).collect();
    let mut replayed = Engine::new(Policy::default());
    let mut recovered = Engine::new(Policy::default());
    let mut difference = None;
    for (position, path) in &found {
        replay_to(&mut replayed, &log, *position)?;
        match restore(path) {
            Ok(snapshot) => {
                difference = difference.or_else(|| first_difference(&snapshot, &replayed, &name(path)));
                recovered = snapshot;
            }
            Err(reason) => {
                difference = difference.or_else(|| Some(format!("{} can not be used: {reason}", name(path))))
            }
        }
    }
    replay_to(&mut recovered, &log, head)?;
    replay_to(&mut replayed, &log, head)?;
    let difference = difference.or_else(|| first_difference(&recovered, &replayed, "the recovered state"));
    Ok(Verdict {
        position: head,
        recovered: recovered.digest(),
        replayed: replayed.digest(),
        snapshots: found.len(),
        difference,
    })
}

fn restore(path: &PathBuf) -> Result<Engine, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    Engine::restore(Policy::default(), &bytes).map_err(|error| error.to_string())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Digests decide; sizes and bytes say where to look.
fn first_difference(kept: &Engine, replayed: &Engine, what: &str) -> Option<String> {
    if kept.digest() == replayed.digest() {
        return None;
    }
    let position = replayed.position();
    if kept.position() != position {
        return Some(format!("{what} claims position {} instead of {position}", kept.position()));
    }
    let (kept_sizes, replayed_sizes) = (sizes(&kept.stats()), sizes(&replayed.stats()));
    for ((what_counted, kept), (_, replayed)) in kept_sizes.into_iter().zip(replayed_sizes) {
        if kept != replayed {
            let sizes = format!("{kept} {what_counted} instead of {replayed}");
            return Some(format!("{what} differs from the replay at position {position}: it has {sizes}"));
        }
    }
    let (kept, replayed) = (kept.snapshot(), replayed.snapshot());
    let byte = kept.iter().zip(&replayed).take_while(|(a, b)| a == b).count();
    Some(format!("{what} differs from the replay at position {position}, from byte {byte} of the state on"))
}

fn sizes(stats: &Stats) -> [(&'static str, u64); 6] {
    [
        ("videos", stats.videos),
        ("removed videos", stats.videos_removed),
        ("viewers", stats.viewers),
        ("features", stats.features),
        ("neighbours", stats.neighbours),
        ("ignored events", stats.ignored),
    ]
}
