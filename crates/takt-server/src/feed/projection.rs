//! From the event log into SQL: likes and counts. Exactly once, since the position is committed with the effect.

use super::store;
use crate::error::Result;
use std::collections::{BTreeMap, HashSet, VecDeque};
use takt_core::{AccountId, ImpressionId, Timestamp, VideoId, ViewerId};
use takt_recommender::{Control, Event, LogEntry};
use takt_store::{Db, Entry, EventLog, Tx};
use tokio::sync::watch;
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;

const ENTRIES_MAX: usize = 5_000;
/// Between two commits, so that a busy cell does not sync for every page and report.
const PAUSE: Duration = Duration::from_millis(20);
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Playback that makes a view; no video is shorter.
const VIEW_MS: u32 = 1_000;
/// Impressions remembered so that two reports of one watching count as one view.
const VIEWED_MAX: usize = 100_000;

/// Follows the log and writes what it says into SQL.
pub(super) struct Projector {
    pub db: Db,
    pub log: EventLog,
    pub head: watch::Receiver<u64>,
    pub projected: watch::Sender<u64>,
}

/// What changes about one video's counts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delta {
    pub likes: i64,
    pub views: i64,
    pub shares: i64,
}

/// What has to happen in order: each depends on what is there before it.
#[derive(Debug)]
enum Step {
    Like { video: VideoId, viewer: ViewerId, at: Timestamp },
    Unlike { video: VideoId, viewer: ViewerId },
    Follow { viewer: ViewerId, creator: AccountId, at: Timestamp },
    Unfollow { viewer: ViewerId, creator: AccountId },
    Merge { from: ViewerId, into: ViewerId },
    Forget { viewer: ViewerId },
}

#[derive(Debug, Default)]
struct Batch {
    deltas: BTreeMap<VideoId, Delta>,
    steps: Vec<Step>,
}

impl Projector {
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut viewed = Viewed::default();
        let mut position = None;
        loop {
            match self.advance(&mut position, &mut viewed).await {
                Ok(true) => tokio::time::sleep(PAUSE).await,
                Ok(false) => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        changed = self.head.changed() => if changed.is_err() { return },
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "counts do not follow the log; trying again");
                    position = None;
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(RETRY_AFTER) => {}
                    }
                }
            }
        }
    }

    /// Projects the next entries; false when there are none.
    async fn advance(&self, position: &mut Option<u64>, viewed: &mut Viewed) -> Result<bool> {
        let after = match *position {
            Some(at) => at,
            None => store::projected(&self.db).await?,
        };
        *position = Some(after);
        self.projected.send_replace(after);
        let entries = self.log.read(after, ENTRIES_MAX)?;
        let Some(last) = entries.last().map(|entry| entry.position) else { return Ok(false) };
        let batch = batch(&entries, viewed);
        // Most of the log is pages served, which change no count. Reading them again after a restart costs little.
        if !batch.is_empty() {
            self.db.write(async |tx: &mut Tx| write(tx, &batch, last).await).await?;
        }
        *position = Some(last);
        self.projected.send_replace(last);
        Ok(true)
    }
}

fn batch(entries: &[Entry], viewed: &mut Viewed) -> Batch {
    let mut batch = Batch::default();
    for entry in entries {
        match LogEntry::decode(&entry.payload) {
            Ok(decoded) => batch.add(&decoded, viewed),
            // Counts can not be right about what can not be read; the recommender refuses to go past it.
            Err(error) => tracing::error!(position = entry.position, %error, "event is not counted"),
        }
    }
    batch
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.deltas.is_empty() && self.steps.is_empty()
    }

    fn add(&mut self, entry: &LogEntry, viewed: &mut Viewed) {
        match entry.event {
            Event::Watch { impression, video, watch_ms, .. }
                if watch_ms >= VIEW_MS && viewed.first(impression) =>
            {
                self.deltas.entry(video).or_default().views += 1;
            }
            Event::Share { video, .. } => self.deltas.entry(video).or_default().shares += 1,
            Event::Like { viewer, video, .. } => self.steps.push(Step::Like { video, viewer, at: entry.at }),
            Event::Unlike { viewer, video, .. } => self.steps.push(Step::Unlike { video, viewer }),
            Event::ViewerMerged { from, into } => self.steps.push(Step::Merge { from, into }),
            Event::ViewerForgotten { viewer } => self.steps.push(Step::Forget { viewer }),
            Event::ViewerControlled { viewer, control: Control::Follow { creator } } => {
                self.steps.push(Step::Follow { viewer, creator, at: entry.at });
            }
            Event::ViewerControlled { viewer, control: Control::Unfollow { creator } } => {
                self.steps.push(Step::Unfollow { viewer, creator });
            }
            _ => {}
        }
    }
}

async fn write(tx: &mut Tx, batch: &Batch, position: u64) -> Result<()> {
    let deltas: Vec<_> = batch.deltas.iter().map(|(video, delta)| (*video, *delta)).collect();
    store::add_counts(tx, &deltas).await?;
    for step in &batch.steps {
        match *step {
            Step::Like { video, viewer, at } => store::like(tx, video, viewer, at).await?,
            Step::Unlike { video, viewer } => store::unlike(tx, video, viewer).await?,
            Step::Follow { viewer, creator, at } => store::follow(tx, viewer, creator, at).await?,
            Step::Unfollow { viewer, creator } => store::unfollow(tx, viewer, creator).await?,
            Step::Merge { from, into } => {
                store::move_likes(tx, from, into).await?;
                store::move_follows(tx, from, into).await?;
            }
            Step::Forget { viewer } => {
                store::forget_likes(tx, viewer).await?;
                store::forget_follows(tx, viewer).await?;
            }
        }
    }
    store::set_projected(tx, position).await
}

/// The impressions counted lately.
#[derive(Default)]
struct Viewed {
    known: HashSet<ImpressionId>,
    order: VecDeque<ImpressionId>,
}

impl Viewed {
    fn first(&mut self, impression: Option<ImpressionId>) -> bool {
        let Some(impression) = impression else { return true };
        if !self.known.insert(impression) {
            return false;
        }
        self.order.push_back(impression);
        if self.order.len() > VIEWED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_counts_from_one_second_and_once_an_impression() {
        let (viewer, video) = (ViewerId::from_u128(1), VideoId::from_u128(2));
        let watch = |impression, watch_ms| LogEntry {
            at: Timestamp::from_millis(0),
            event: Event::Watch { viewer, impression, video, watch_ms, loops: 0, paused: false },
        };
        let first = Some(ImpressionId::from_u128(3));
        let (mut batch, mut viewed) = (Batch::default(), Viewed::default());
        for entry in [watch(first, 999), watch(first, 1_000), watch(first, 9_000), watch(None, 1_000)] {
            batch.add(&entry, &mut viewed);
        }
        assert_eq!(batch.deltas[&video], Delta { likes: 0, views: 2, shares: 0 });
    }
}
