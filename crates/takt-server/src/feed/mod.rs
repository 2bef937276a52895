//! The feed: the event log, the recommender that follows it, and what is projected from it into SQL.
//!
//! Data flows one way: an event is appended to the log, made durable, applied to the recommender and only then
//! acknowledged. Counts and likes follow from the log by [`projection`].

pub mod audit_routes;
mod projection;
mod reach;
mod recommender;
mod replay;
pub mod routes;
mod seeds;
mod signer;
mod store;
mod verify;
mod why;

pub use reach::ReachCounts;
pub use recommender::{Recommender, RecoverError};
pub use replay::{Checked, Faults, check_all, check_receipt};
pub use signer::{NoteError, Signer, Verifier};
pub use verify::{Verdict, verify};
pub use why::Why;

use crate::error::{Error, Result};
use reach::Reach;
use seeds::Seeds;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;
use takt_core::{AccountId, Clock, EventId, ImpressionId, PageId, Timestamp, VideoId, ViewerId};
use takt_recommender::{
    AuditedPage, Control, Event, LogEntry, MadeItem, MadePage, PageItem, PageKind, PageRequest, PopularPage,
    PopularRequest, Receipt, Taste, impression_of, page_id,
};
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
    seeds: Seeds,
    signer: Signer,
    reach: Arc<Reach>,
    replays: why::Replays,
    clock: Clock,
    tasks: Mutex<Vec<tokio::task::JoinHandle<()>>>,
    stop: CancellationToken,
}

/// A page of For You: what to show, and where in the log it was computed.
pub struct ForYou {
    pub position: u64,
    pub items: Vec<(ImpressionId, PageItem)>,
    /// None where the page could not be recorded, or is empty.
    pub receipt: Option<SignedReceipt>,
}

/// A page's receipt: the text, and the same signed.
pub struct SignedReceipt {
    pub page: PageId,
    pub text: String,
    /// A signed note.
    pub note: String,
    /// The signature's line of it.
    pub signature: String,
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
        let receipts = dir.join("receipts");
        let signer = Signer::open(&receipts)?;
        let reach = Arc::new(Reach::new(db.clone()));
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
            tokio::spawn(reach.clone().run(stop.clone())),
        ];
        Ok(Self {
            replays: why::Replays::new(dir.join("recommender"), log.clone()),
            log,
            recommender,
            projected,
            turns: (0..TURNS).map(|_| Mutex::new(())).collect(),
            seeds: Seeds::new(&receipts),
            signer,
            reach,
            clock,
            tasks: Mutex::new(tasks),
            stop,
        })
    }

    /// Stops following, writes a snapshot and closes the log. Nothing acknowledged is lost without this; with it the
    /// next start is quicker.
    pub async fn close(&self) {
        self.stop.cancel();
        for task in self.tasks.lock().await.drain(..) {
            let _ = task.await;
        }
        if let Err(error) = self.end_epoch().await {
            tracing::warn!(%error, "the secret of this hour's seeds is revealed by the next start");
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
        let now = self.clock.now();
        let epoch = match self.epoch(now).await {
            Ok(epoch) => Some(epoch),
            Err(error) => {
                // The log takes nothing at the moment. A page that can not be checked later is better than none.
                tracing::warn!(%error, "page is served without a receipt");
                None
            }
        };
        let made = self.recommender.with(|engine| {
            let seed = epoch.as_ref().map_or(0, |epoch| epoch.seed(viewer, engine.position()));
            let request = PageRequest { viewer, account, limit, now, seed };
            (request, engine.audited_page(&request))
        });
        let Some((request, audited)) = made else { return Ok(None) };
        self.reach.count(&audited.considered);
        let page = page_id(PageId::mint(&self.clock), PageKind::ForYou);
        let made = made_page(page, &request, &audited, epoch.as_ref().map(|epoch| epoch.commitment()));
        let position = audited.page.position;
        let items = audited.page.items.into_iter().enumerate();
        let items: Vec<_> = items.map(|(place, item)| (impression_of(page, place), item)).collect();
        if items.is_empty() {
            return Ok(Some(ForYou { position, items, receipt: None }));
        }
        let receipt = epoch.as_ref().map(|_| self.receipt_of(now, &made));
        // Losing this to a power cut repeats a page at worst, so it does not wait for the disk.
        let entries = vec![(dedup(&[PAGE_IDENTITY, page.bytes()]), Event::PageMade(made))];
        let appended = self.append_at(entries, Sync::Buffered, now).await;
        let receipt = match appended {
            Ok(_) => receipt,
            Err(error) => {
                tracing::warn!(%error, "page was served without being recorded");
                None
            }
        };
        Ok(Some(ForYou { position, items, receipt }))
    }

    /// A page for anybody, without a look at who asks; none while the recommender is catching up.
    pub fn popular(&self, limit: usize, seed: u64, after: &[u8]) -> Option<PopularPage> {
        let request = PopularRequest { limit, now: self.clock.now(), seed, after };
        self.recommender.with(|engine| engine.popular(&request))
    }

    /// What the recommender holds of a viewer's taste; refused while it is catching up.
    pub fn taste(&self, viewer: ViewerId, subjects_max: usize) -> Result<Taste> {
        let now = self.clock.now();
        let taste = self.recommender.with(|engine| engine.taste(viewer, now, subjects_max));
        taste.ok_or_else(|| Error::Unavailable("the recommender is catching up".into()))
    }

    /// What a viewer asks of their feed. The next page obeys, and what SQL holds of it has followed.
    pub async fn control(&self, viewer: ViewerId, control: Control) -> Result<()> {
        self.record_now(Event::ViewerControlled { viewer, control }).await
    }

    /// Like [`Feed::control`], for several things at once: all or none.
    pub async fn control_all(&self, viewer: ViewerId, controls: Vec<Control>) -> Result<()> {
        let entry = |control| {
            let id = EventId::mint(&self.clock);
            (dedup(&[b"own", id.bytes()]), Event::ViewerControlled { viewer, control })
        };
        let appended = self.append(controls.into_iter().map(entry).collect(), Sync::Durable).await?;
        if let Some(last) = appended.last() {
            self.wait_projected(last.position).await;
        }
        Ok(())
    }

    /// How far a video reaches.
    pub async fn reach(&self, video: VideoId) -> Result<ReachCounts> {
        self.reach.of(video).await
    }

    fn receipt_of(&self, at: Timestamp, made: &MadePage) -> SignedReceipt {
        let text = Receipt::of(self.signer.cell(), at, made).text();
        let signature = self.signer.signature_line(&text);
        SignedReceipt { page: made.page, note: format!("{text}\n{signature}\n"), text, signature }
    }

    /// The key that receipts are verified with.
    pub fn verifier(&self) -> Verifier {
        self.signer.verifier()
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

/// With a page's id, what names its entry in the log.
const PAGE_IDENTITY: &[u8] = b"page";

/// What the log is told of a page.
fn made_page(
    page: PageId,
    request: &PageRequest,
    audited: &AuditedPage,
    seeds: Option<[u8; 32]>,
) -> MadePage {
    let items = audited.page.items.iter();
    MadePage {
        page,
        viewer: request.viewer,
        account: request.account,
        limit: u32::try_from(request.limit).unwrap_or(u32::MAX),
        seed: request.seed,
        position: audited.page.position,
        policy: audited.page.policy,
        seeds: seeds.unwrap_or_default(),
        candidates: audited.candidates,
        items: items.map(|item| MadeItem { video: item.video, score: item.score }).collect(),
    }
}
