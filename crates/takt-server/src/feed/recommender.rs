//! The recommender as this process runs it: caught up from snapshot and log, fed by the log, asked for pages.

use parking_lot::{Mutex, RwLock};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use takt_core::VideoId;
use takt_recommender::{Engine, LogEntry, Policy};
use takt_store::{Entry, EventLog};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const REPLAY_ENTRIES: usize = 10_000;
/// More than one, so that a page of a while ago is computed again from one that is not far before it.
const SNAPSHOTS_KEPT: usize = 6;
const SNAPSHOT_SUFFIX: &str = ".snapshot";

/// Why the state could not be brought up to the log's head.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    #[error("event log: {0}")]
    Log(#[from] takt_store::LogError),
    #[error("event {position}: {reason}")]
    Entry { position: u64, reason: String },
}

/// The engine behind a lock: many pages at once, one event at a time.
pub struct Recommender {
    /// None until caught up.
    engine: RwLock<Option<Engine>>,
    dir: PathBuf,
    snapshot_events: u64,
    /// Position of the newest snapshot on disk.
    snapshot_position: Mutex<u64>,
}

impl Recommender {
    /// An engine yet to be caught up, with its snapshots in `dir`.
    pub fn new(dir: PathBuf, snapshot_events: u64) -> Self {
        Self { engine: RwLock::new(None), dir, snapshot_events, snapshot_position: Mutex::new(0) }
    }

    /// Applies what was just appended. What comes before the engine has caught up is found in the log by then.
    pub fn follow(&self, entries: &[Entry]) {
        let mut engine = self.engine.write();
        if let Some(running) = engine.as_mut()
            && let Err(error) = apply(running, entries)
        {
            // A state with a hole must not rank: stop it, and let `run` rebuild it from the log.
            tracing::error!(%error, "recommender stopped");
            *engine = None;
        }
    }

    /// Asks the engine, or nobody while catching up. Events wait meanwhile, so it must be quick.
    pub fn with<T>(&self, ask: impl FnOnce(&Engine) -> T) -> Option<T> {
        self.engine.read().as_ref().map(ask)
    }

    /// Whether the video is in the catalogue; true for all while catching up.
    pub fn knows(&self, video: VideoId) -> bool {
        self.engine.read().as_ref().is_none_or(|engine| engine.knows(video))
    }

    /// Events applied, or none while catching up.
    pub fn position(&self) -> Option<u64> {
        self.engine.read().as_ref().map(Engine::position)
    }

    /// Catches up, then writes a snapshot every so many events.
    pub async fn run(
        self: Arc<Self>,
        log: EventLog,
        mut head: watch::Receiver<u64>,
        stop: CancellationToken,
    ) {
        loop {
            if self.position().is_none() {
                let (this, log) = (self.clone(), log.clone());
                match tokio::task::spawn_blocking(move || this.catch_up(&log)).await {
                    Ok(Ok(position)) => tracing::info!(position, "recommender is up to the log"),
                    Ok(Err(error)) => {
                        tracing::error!(%error, "recommender can not follow the log; feeds show the newest")
                    }
                    Err(error) => tracing::error!(%error, "recommender's recovery broke off"),
                }
            }
            if self.position().is_some_and(|at| at >= *self.snapshot_position.lock() + self.snapshot_events) {
                let this = self.clone();
                let _ = tokio::task::spawn_blocking(move || this.snapshot()).await;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                changed = head.changed() => if changed.is_err() { return },
            }
        }
    }

    fn catch_up(&self, log: &EventLog) -> Result<u64, RecoverError> {
        let mut engine = newest(&self.dir, log.head());
        *self.snapshot_position.lock() = engine.position();
        while replay_some(&mut engine, log)? == REPLAY_ENTRIES {}
        // The last stretch under the lock: what is appended meanwhile waits, and finds the engine in place.
        let mut place = self.engine.write();
        while replay_some(&mut engine, log)? > 0 {}
        let position = engine.position();
        *place = Some(engine);
        Ok(position)
    }

    /// Writes a snapshot, if there is something new to write.
    pub fn snapshot(&self) {
        let Some((position, bytes)) = self.engine.read().as_ref().map(|e| (e.position(), e.snapshot()))
        else {
            return;
        };
        if position == *self.snapshot_position.lock() {
            return;
        }
        match write(&self.dir, position, &bytes) {
            Ok(()) => *self.snapshot_position.lock() = position,
            Err(error) => tracing::warn!(%error, "snapshot was not written; the log still has everything"),
        }
    }
}

/// Applies the log's entries up to and with `position`.
pub(super) fn replay_to(engine: &mut Engine, log: &EventLog, position: u64) -> Result<(), RecoverError> {
    while engine.position() < position {
        let missing = usize::try_from(position - engine.position()).unwrap_or(usize::MAX);
        let entries = log.read(engine.position(), missing.min(REPLAY_ENTRIES))?;
        if entries.is_empty() {
            let reason = format!("is missing; the log ends at {}", engine.position());
            return Err(RecoverError::Entry { position, reason });
        }
        apply(engine, &entries)?;
    }
    Ok(())
}

fn replay_some(engine: &mut Engine, log: &EventLog) -> Result<usize, RecoverError> {
    let entries = log.read(engine.position(), REPLAY_ENTRIES)?;
    apply(engine, &entries)?;
    Ok(entries.len())
}

fn apply(engine: &mut Engine, entries: &[Entry]) -> Result<(), RecoverError> {
    for entry in entries {
        let position = entry.position;
        let wrong = |reason: String| RecoverError::Entry { position, reason };
        let decoded = LogEntry::decode(&entry.payload).map_err(|error| wrong(error.to_string()))?;
        engine.apply(position, &decoded).map_err(|error| wrong(error.to_string()))?;
    }
    Ok(())
}

/// The newest snapshot that can be used with a log of this length, or an empty engine.
fn newest(dir: &Path, head: u64) -> Engine {
    for (position, path) in snapshots(dir).into_iter().rev() {
        // The log ends before the snapshot: a power cut took pages that were not yet synced.
        if position > head {
            continue;
        }
        let restored = std::fs::read(&path).map_err(|e| e.to_string());
        match restored.and_then(|bytes| Engine::restore(Policy::default(), &bytes).map_err(|e| e.to_string()))
        {
            Ok(engine) => return engine,
            Err(error) => tracing::warn!(%error, snapshot = %path.display(), "snapshot is not used"),
        }
    }
    Engine::new(Policy::default())
}

/// The snapshots in `dir` with their positions, oldest first.
pub(super) fn snapshots(dir: &Path) -> Vec<(u64, PathBuf)> {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|file| file.path());
    let mut found: Vec<_> = files
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(SNAPSHOT_SUFFIX)?;
            Some((name.parse().ok()?, path))
        })
        .collect();
    found.sort();
    found
}

fn write(dir: &Path, position: u64, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    std::fs::create_dir_all(dir)?;
    let unfinished = dir.join("unfinished");
    let mut file = std::fs::File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, dir.join(format!("{position:020}{SNAPSHOT_SUFFIX}")))?;
    std::fs::File::open(dir)?.sync_all()?;
    let kept = snapshots(dir);
    for (_, old) in kept.iter().rev().skip(SNAPSHOTS_KEPT) {
        std::fs::remove_file(old)?;
    }
    Ok(())
}
