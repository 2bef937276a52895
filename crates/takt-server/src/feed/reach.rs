//! How far videos reach: how often each was considered for a page, shown, and passed over, and why.
//!
//! Counted in memory when a page is made and written every few seconds and at a stop. A crash loses what was counted
//! since the last write, some seconds' worth; nothing else is ever lost or counted twice.

use super::store;
use crate::error::Result;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;
use takt_core::VideoId;
use takt_recommender::{Considered, Fate, SourceName};
use takt_store::{Db, Tx};
use tokio_util::sync::CancellationToken;

const WRITE_EVERY: Duration = Duration::from_secs(10);
/// Counts in memory; a new one beyond this is not kept until the others are written.
const COUNTS_MAX: usize = 500_000;
/// Counts written in one transaction.
const WRITE_AT_ONCE: usize = 2_000;
/// Before a source's name among a video's counts.
const SOURCE: &str = "source:";

/// What became of a video, or which source put it forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    Fate(Fate),
    Source(SourceName),
}

impl What {
    fn name(self) -> String {
        match self {
            Self::Fate(fate) => fate.as_str().to_owned(),
            Self::Source(source) => format!("{SOURCE}{source}"),
        }
    }
}

/// What was counted and not written yet.
pub(super) struct Reach {
    db: Db,
    counts: Mutex<HashMap<(VideoId, What), i64>>,
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
            let whats = [Some(What::Fate(one.fate)), one.source.map(What::Source)];
            for what in whats.into_iter().flatten() {
                add(&mut counts, (one.video, what), 1);
            }
        }
    }

    /// Writes now and then until `stop`, and a last time then.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(WRITE_EVERY) => false,
            };
            if let Err(error) = self.write().await {
                tracing::warn!(%error, "reach is not written; it waits in memory");
            }
            if stopped {
                return;
            }
        }
    }

    /// Writes what was counted.
    pub(super) async fn write(&self) -> Result<()> {
        // One at a time: who reads after writing finds all that was counted before.
        let _turn = self.writing.lock().await;
        let mut counted: Vec<_> = std::mem::take(&mut *self.counts.lock()).into_iter().collect();
        while !counted.is_empty() {
            let rest = counted.split_off(counted.len().min(WRITE_AT_ONCE));
            let named: Vec<_> =
                counted.iter().map(|((video, what), count)| (*video, what.name(), *count)).collect();
            let rows: Vec<_> =
                named.iter().map(|(video, name, count)| (*video, name.as_str(), *count)).collect();
            let written = self.db.write(async |tx: &mut Tx| store::add_reach(tx, &rows).await).await;
            if let Err(error) = written {
                let mut counts = self.counts.lock();
                for (key, count) in counted.into_iter().chain(rest) {
                    add(&mut counts, key, count);
                }
                return Err(error);
            }
            counted = rest;
        }
        Ok(())
    }

    /// What was counted of a video so far.
    pub(super) async fn of(&self, video: VideoId) -> Result<ReachCounts> {
        self.write().await?;
        let mut reach = ReachCounts::default();
        for row in store::reach(&self.db, video).await? {
            match row.name.strip_prefix(SOURCE) {
                Some(source) => reach.sources.push((source.to_owned(), row.count)),
                None if row.name == Fate::Shown.as_str() => reach.shown = row.count,
                None => reach.passed_over.push((row.name, row.count)),
            }
        }
        reach.eligible = reach.shown + reach.passed_over.iter().map(|(_, count)| count).sum::<i64>();
        Ok(reach)
    }
}

fn add(counts: &mut HashMap<(VideoId, What), i64>, key: (VideoId, What), more: i64) {
    let full = counts.len() >= COUNTS_MAX;
    match counts.entry(key) {
        Entry::Occupied(mut held) => *held.get_mut() += more,
        Entry::Vacant(place) if !full => {
            place.insert(more);
        }
        Entry::Vacant(_) => {}
    }
}
