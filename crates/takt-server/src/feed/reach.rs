//! How far videos reach: how often each was considered for a page, shown, and passed over, and why.
//!
//! Counted in memory when a page is made and written a little at a time and at a stop. A crash loses what was not
//! written yet, some twenty seconds' worth with 10,000 videos; nothing else is ever lost or counted twice.

use super::store;
use crate::error::Result;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;
use takt_core::VideoId;
use takt_recommender::{Considered, Fate, SourceName};
use takt_store::{Db, Tx};
use tokio_util::sync::CancellationToken;

const WRITE_EVERY: Duration = Duration::from_secs(15);
/// Rest between two transactions, so that viewers' requests hardly notice.
const WRITE_PAUSE: Duration = Duration::from_millis(20);
/// Videos whose counts are in memory; those of another are not kept until some are written.
const VIDEOS_MAX: usize = 200_000;
/// Videos whose counts are written in one transaction.
const WRITE_AT_ONCE: usize = 32;
/// Before a source's name among a video's counts.
const SOURCE: &str = "source:";

/// What became of a video, and which source put it forward.
type What = (Fate, Option<SourceName>);
/// Counts by video; a video has few. Some thousand are looked up per page, by ids that only the server mints: a quick hash
/// will do.
type Counts = FxHashMap<VideoId, Vec<(What, i64)>>;

/// What was counted and not written yet.
pub(super) struct Reach {
    db: Db,
    counts: Mutex<Counts>,
    writing: tokio::sync::Mutex<()>,
}

/// How far one video reaches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReachCounts {
    /// How often a source put it forward: shown and passed over together.
    pub eligible: i64,
    /// How often it was on a page.
    pub shown: i64,
    /// How often it was not, by reason.
    pub passed_over: Vec<(String, i64)>,
    /// How often each source put it forward, where no filter dropped it.
    pub sources: Vec<(String, i64)>,
}

impl Reach {
    pub(super) fn new(db: Db) -> Self {
        Self { db, counts: Mutex::default(), writing: tokio::sync::Mutex::default() }
    }

    /// Counts what became of one page's candidates.
    pub(super) fn count(&self, considered: &[Considered]) {
        let mut counts = self.counts.lock();
        for one in considered {
            add(&mut counts, one.video, (one.fate, one.source), 1);
        }
    }

    /// Writes now and then until `stop`, and a last time then.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(WRITE_EVERY) => false,
            };
            if let Err(error) = self.write(if stopped { Duration::ZERO } else { WRITE_PAUSE }).await {
                tracing::warn!(%error, "reach is not written; it waits in memory");
            }
            if stopped {
                return;
            }
        }
    }

    /// Writes as much as was counted when it began, a little at a time.
    async fn write(&self, pause: Duration) -> Result<()> {
        let videos = self.counts.lock().len();
        for _ in 0..videos.div_ceil(WRITE_AT_ONCE) {
            self.write_some().await?;
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    async fn write_some(&self) -> Result<()> {
        // Whoever reads waits for this turn, and so finds every count either in memory or written.
        let _turn = self.writing.lock().await;
        let counted = take(&mut self.counts.lock());
        let named = named(&counted);
        let rows: Vec<_> =
            named.iter().map(|((video, name), count)| (*video, name.as_str(), *count)).collect();
        let written = self.db.write(async |tx: &mut Tx| store::add_reach(tx, &rows).await).await;
        if written.is_err() {
            let mut counts = self.counts.lock();
            for (video, whats) in counted {
                for (what, count) in whats {
                    add(&mut counts, video, what, count);
                }
            }
        }
        written
    }

    /// What was counted of a video so far.
    pub(super) async fn of(&self, video: VideoId) -> Result<ReachCounts> {
        let _turn = self.writing.lock().await;
        let waiting = self.counts.lock().get(&video).cloned().unwrap_or_default();
        let mut counts = named(&[(video, waiting)]);
        for row in store::reach(&self.db, video).await? {
            *counts.entry((video, row.name)).or_default() += row.count;
        }
        let mut reach = ReachCounts::default();
        for ((_, name), count) in counts {
            match name.strip_prefix(SOURCE) {
                Some(source) => reach.sources.push((source.to_owned(), count)),
                None if name == Fate::Shown.as_str() => reach.shown = count,
                None => reach.passed_over.push((name, count)),
            }
        }
        reach.eligible = reach.shown + reach.passed_over.iter().map(|(_, count)| count).sum::<i64>();
        Ok(reach)
    }
}

/// Some videos' counts, taken out.
fn take(counts: &mut Counts) -> Vec<(VideoId, Vec<(What, i64)>)> {
    let videos: Vec<_> = counts.keys().take(WRITE_AT_ONCE).copied().collect();
    videos.iter().filter_map(|video| counts.remove_entry(video)).collect()
}

/// By video and name: fates, and sources apart.
fn named(counted: &[(VideoId, Vec<(What, i64)>)]) -> BTreeMap<(VideoId, String), i64> {
    let mut named = BTreeMap::new();
    for (video, whats) in counted {
        for ((fate, source), count) in whats {
            let source = source.map(|source| format!("{SOURCE}{source}"));
            for name in [Some(fate.as_str().to_owned()), source].into_iter().flatten() {
                *named.entry((*video, name)).or_default() += count;
            }
        }
    }
    named
}

fn add(counts: &mut Counts, video: VideoId, what: What, more: i64) {
    let full = counts.len() >= VIDEOS_MAX;
    let whats = match counts.entry(video) {
        Entry::Occupied(held) => held.into_mut(),
        Entry::Vacant(place) if !full => place.insert(Vec::new()),
        Entry::Vacant(_) => return,
    };
    match whats.iter_mut().find(|(held, _)| *held == what) {
        Some((_, count)) => *count += more,
        None => whats.push((what, more)),
    }
}
