//! The feed: the event log, the recommender that follows it, and what is projected from it into SQL.
//!
//! Data flows one way: an event is appended to the log, made durable, applied to the recommender and only then
//! acknowledged. Counts and likes follow from the log by [`projection`].

mod projection;
mod recommender;
pub mod routes;
mod store;
mod verify;

pub use recommender::{Recommender, RecoverError};
pub use verify::{Verdict, verify};

use crate::error::{Error, Result};
use crate::session::getrandom_fill;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;
use takt_core::{AccountId, Clock, EventId, ImpressionId, Timestamp, VideoId, ViewerId};
use takt_recommender::{Event, LogEntry, PageItem, PageRequest, ServedItem};
use takt_store::{Appended, Db, EventLog, NewEntry, Sync};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

/// Pages of one viewer are made one after the other; viewers share this many turns.
const TURNS: usize = 1024;
/// How long an answer waits for the counts to follow the log. Past it, they follow later.
const PROJECTION_WAIT_MS: u64 = 2_000;

/// Event log, recommender and projection of one cell.
pub struct Feed {
    log: EventLog,
    recommender: Arc<Recommender>,
    projected: watch::Receiver<u64>,
    turns: Vec<Mutex<()>>,
    clock: Clock,
    tasks: Mutex<Vec<tokio::task::JoinHandle<()>>>,
    stop: CancellationToken,
}

/// A page of For You: what to show, and where in the log it was computed.
pub struct ForYou {
    pub position: u64,
    pub items: Vec<(ImpressionId, PageItem)>,
}

/// How many events were new, and how many had been told before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    pub accepted: usize,
    pub duplicate: usize,
}

impl Feed {
    /// Opens the log in `dir`, starts catching the recommender up and projecting.
    pub fn open(dir: &Path, db: Db, clock: Clock, snapshot_events: u64) -> Result<Self> {
        let log = EventLog::open(&dir.join("events")).map_err(|error| Error::Internal(error.to_string()))?;
        let recommender = Arc::new(Recommender::new(dir.join("recommender"), snapshot_events));
        let (head, head_seen) = watch::channel(log.head());
        let follower = recommender.clone();
        log.start(move |entries| {
            follower.follow(entries);
            if let Some(last) = entries.last() {
                head.send_replace(last.position);
            }
        });
        let stop = CancellationToken::new();
        let (projected_sender, projected) = watch::channel(0);
        let projector = projection::Projector {
            db,
            log: log.clone(),
            head: head_seen.clone(),
            projected: projected_sender,
        };
        let tasks = vec![
            tokio::spawn(projector.run(stop.clone())),
            tokio::spawn(recommender.clone().run(log.clone(), head_seen, stop.clone())),
        ];
        let turns = (0..TURNS).map(|_| Mutex::new(())).collect();
        Ok(Self { log, recommender, projected, turns, clock, tasks: Mutex::new(tasks), stop })
    }

    /// Stops following, writes a snapshot and closes the log. Nothing acknowledged is lost without this; with it the
    /// next start is quicker.
    pub async fn close(&self) {
        self.stop.cancel();
        for task in self.tasks.lock().await.drain(..) {
            let _ = task.await;
        }
        self.recommender.snapshot();
        self.log.clone().close().await;
    }

    /// Appends one event durably and answers its position. `identity` names the event: the same one twice is one.
    pub async fn record(&self, event: Event, identity: &[&[u8]]) -> Result<u64> {
        let appended = self.append(vec![(dedup(identity), event)], Sync::Durable).await?;
        appended
            .first()
            .map(|first| first.position)
            .ok_or_else(|| Error::Internal("nothing was appended".into()))
    }

    /// Appends what a viewer's client reports, all or nothing.
    pub async fn record_reported(&self, viewer: ViewerId, events: Vec<(EventId, Event)>) -> Result<Recorded> {
        if events.is_empty() {
            return Ok(Recorded { accepted: 0, duplicate: 0 });
        }
        let entries = events
            .into_iter()
            .map(|(id, event)| (dedup(&[b"reported", viewer.bytes(), id.bytes()]), event))
            .collect();
        let appended = self.append(entries, Sync::Durable).await?;
        let duplicate = appended.iter().filter(|one| one.duplicate).count();
        Ok(Recorded { accepted: appended.len() - duplicate, duplicate })
    }

    /// Likes a video; liking it twice is liking it once. The count has followed when this returns.
    pub async fn like(&self, viewer: ViewerId, video: VideoId) -> Result<()> {
        self.record_now(Event::Like { viewer, impression: None, video }).await
    }

    /// Takes a like back, if there is one.
    pub async fn unlike(&self, viewer: ViewerId, video: VideoId) -> Result<()> {
        self.record_now(Event::Unlike { viewer, impression: None, video }).await
    }

    async fn record_now(&self, event: Event) -> Result<()> {
        let id = EventId::mint(&self.clock);
        let position = self.record(event, &[b"own", id.bytes()]).await?;
        self.wait_projected(position).await;
        Ok(())
    }

    /// Waits until counts and likes have followed the log up to `position`, but not for ever.
    pub async fn wait_projected(&self, position: u64) {
        let mut projected = self.projected.clone();
        let reached = projected.wait_for(|at| *at >= position);
        let _ = tokio::time::timeout(std::time::Duration::from_millis(PROJECTION_WAIT_MS), reached).await;
    }

    /// The next page for a viewer, or none while the recommender is still catching up.
    pub async fn for_you(
        &self,
        viewer: ViewerId,
        account: Option<AccountId>,
        limit: usize,
    ) -> Result<Option<ForYou>> {
        let _turn = self.turn(viewer).lock().await;
        let request = PageRequest { viewer, account, limit, now: self.clock.now(), seed: seed() };
        let Some(page) = self.recommender.page(&request) else { return Ok(None) };
        let items: Vec<_> =
            page.items.into_iter().map(|item| (ImpressionId::mint(&self.clock), item)).collect();
        if let Some((first, _)) = items.first() {
            let served =
                items.iter().map(|(id, item)| ServedItem { impression: *id, video: item.video }).collect();
            let event = Event::PageServed {
                viewer,
                seed: request.seed,
                position: page.position,
                policy: page.policy,
                items: served,
            };
            // Losing this to a power cut repeats a page at worst, so it does not wait for the disk.
            let entries = vec![(dedup(&[b"served", first.bytes()]), event)];
            if let Err(error) = self.append_at(entries, Sync::Buffered, request.now).await {
                tracing::warn!(%error, "page was served without being recorded");
            }
        }
        Ok(Some(ForYou { position: page.position, items }))
    }

    fn turn(&self, viewer: ViewerId) -> &Mutex<()> {
        // The last bytes of a UUIDv7 are random.
        let bytes = viewer.bytes();
        &self.turns[usize::from(u16::from_be_bytes([bytes[14], bytes[15]])) % TURNS]
    }

    /// Whether the recommender has been told of this video; true for all while it is catching up.
    pub fn knows(&self, video: VideoId) -> bool {
        self.recommender.knows(video)
    }

    /// Position, durability and size, for `/readyz` and `/metrics`.
    pub fn status(&self) -> FeedStatus {
        FeedStatus {
            log_position: self.log.head(),
            recommender_position: self.recommender.position(),
            projected_position: *self.projected.borrow(),
        }
    }

    async fn append(&self, entries: Vec<([u8; 32], Event)>, sync: Sync) -> Result<Vec<Appended>> {
        self.append_at(entries, sync, self.clock.now()).await
    }

    async fn append_at(
        &self,
        entries: Vec<([u8; 32], Event)>,
        sync: Sync,
        at: Timestamp,
    ) -> Result<Vec<Appended>> {
        let entries = entries
            .into_iter()
            .map(|(dedup, event)| NewEntry { dedup, payload: LogEntry { at, event }.encode() })
            .collect();
        Ok(self.log.append(entries, sync).await?)
    }
}

/// How far log, recommender and projection are.
#[derive(Debug, Clone, Copy, serde::Serialize, utoipa::ToSchema)]
pub struct FeedStatus {
    /// Events appended.
    pub log_position: u64,
    /// Events the recommender has applied; absent while it catches up.
    pub recommender_position: Option<u64>,
    /// Events counted in SQL.
    pub projected_position: u64,
}

/// SHA-256 over the parts, each preceded by its length, so that no two lists of parts run together.
fn dedup(identity: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in identity {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn seed() -> u64 {
    let mut bytes = [0; 8];
    getrandom_fill(&mut bytes);
    u64::from_be_bytes(bytes)
}
