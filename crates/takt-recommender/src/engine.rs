//! The state machine: `state(n) = apply(state(n - 1), entry(n))`.

use crate::catalogue::Catalogue;
use crate::control;
use crate::event::{Event, LogEntry};
use crate::keeping;
use crate::learn;
use crate::neighbours::Neighbours;
use crate::outcomes::Outcomes;
use crate::page::{Page, PageRequest};
use crate::policy::Policy;
use crate::popular::{PopularPage, PopularRequest};
use crate::rates::{Contexts, Record, Surface};
use crate::registry::OutcomeName;
use crate::signals::SignalWeights;
use crate::snapshot::{self, RestoreError};
use crate::viewer::{TasteLimits, Viewer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use takt_core::{Timestamp, VideoId, ViewerId};

/// The last millisecond that RFC 3339 can write. Time stands still there.
const TIME_MAX_MS: i64 = 253_402_300_799_999;

/// Entries were left out: applying this one would make a state that no log explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("event log has a gap: expected position {expected}, got {got}")]
pub struct Gap {
    /// The position that has to come next.
    pub expected: u64,
    /// The position that came.
    pub got: u64,
}

/// How large the state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Entries applied.
    pub position: u64,
    /// Videos that can be recommended.
    pub videos: u64,
    /// Videos that were removed, of which only the id is left.
    pub videos_removed: u64,
    /// Viewers with a row.
    pub viewers: u64,
    /// Creators, sounds, tags, words and languages that videos have or lately had.
    pub features: u64,
    /// Rows of such that are out of use, for others to take.
    pub features_unused: u64,
    /// Words that one video alone has, of which a number is held.
    pub words_waiting: u64,
    /// Connections between videos liked together, counted at both ends.
    pub neighbours: u64,
    /// Events that named a video the log had not published, and so taught nothing.
    pub ignored: u64,
    /// Roughly the memory in use, in bytes.
    pub bytes: u64,
}

/// What entries change besides rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(crate) position: u64,
    /// The latest time of any entry so far.
    pub(crate) now_ms: i64,
    pub(crate) ignored: u64,
}

/// The recommender of one cell.
///
/// Reading ([`Engine::page`]) takes `&self` and may run on many threads behind a read lock; only [`Engine::apply`]
/// changes anything.
///
/// Memory, on 64-bit machines: a bare video takes about 500 bytes, 16 per neighbour (256 at most by the default policy), 600
/// for its vectors and their sketch once it is liked, and 4 per feature; a viewer takes about 250 bytes, 2 per video seen and judged, and up
/// to 20 kB for a taste at its limit of 512 features. `bench/recommender/memory.md` has what was measured.
#[derive(Debug)]
pub struct Engine {
    pub(crate) policy: Policy,
    pub(crate) catalogue: Catalogue,
    /// Ordered by id, so that a snapshot does not tell who came first or left.
    pub(crate) viewers: BTreeMap<ViewerId, Viewer>,
    pub(crate) counters: Counters,
    pub(crate) lore: Lore,
}

/// What is learned over all viewers and videos.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lore {
    pub(crate) signals: SignalWeights,
    pub(crate) outcomes: Outcomes,
    pub(crate) contexts: Contexts,
    /// All that was shown and what came of it.
    pub(crate) totals: Record,
}

impl Engine {
    /// An engine that has seen nothing.
    pub fn new(policy: Policy) -> Self {
        let catalogue = Catalogue::new(policy.fading(), policy.exploration.impressions_max);
        let (viewers, counters) = (BTreeMap::new(), Counters::default());
        Self { policy, catalogue, viewers, counters, lore: Lore::default() }
    }

    /// Learns the entry at `position`. Positions count from 1 without holes; one that was applied before is passed over.
    ///
    /// # Errors
    ///
    /// [`Gap`] when entries between are missing; nothing is changed then.
    pub fn apply(&mut self, position: u64, entry: &LogEntry) -> Result<(), Gap> {
        if position <= self.counters.position {
            return Ok(());
        }
        let expected = self.counters.position + 1;
        if position != expected {
            return Err(Gap { expected, got: position });
        }
        self.counters.position = position;
        let before = keeping::day(self.counters.now_ms);
        self.counters.now_ms = self.moment(entry.at);
        let today = keeping::day(self.counters.now_ms);
        self.catalogue.advance(self.counters.now_ms);
        if today > before {
            keeping::sweep(self, today);
        }
        match &entry.event {
            Event::ViewerMerged { from, into } => self.merge(*from, *into),
            Event::ViewerForgotten { viewer } => {
                self.viewers.remove(viewer);
            }
            Event::ViewerControlled { viewer, control } => control::apply(self, *viewer, control),
            Event::PageMade(page) => learn::learn(self, &page.served()),
            event => match control::held_back(self, event) {
                Some(what_is_left) => learn::learn(self, &what_is_left),
                None => learn::learn(self, event),
            },
        }
        if let Some(row) = entry.event.viewer().and_then(|viewer| self.viewers.get_mut(&viewer)) {
            row.active_day = today;
        }
        Ok(())
    }

    /// The position of the last entry applied; 0 before the first.
    pub const fn position(&self) -> u64 {
        self.counters.position
    }

    /// The time of the last entry applied, which never runs backwards.
    pub const fn time(&self) -> Timestamp {
        Timestamp::from_millis(self.counters.now_ms)
    }

    /// The policy in force.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether the video was published and not removed since.
    pub fn knows(&self, video: VideoId) -> bool {
        self.catalogue.is_live(video)
    }

    /// What to show next. A function of the state and the request: asked twice, it answers the same.
    ///
    /// The items are kept back for this viewer only once [`Event::PageServed`] has been applied. Whoever serves
    /// one viewer's requests concurrently has to apply it before computing the next page.
    pub fn page(&self, request: &PageRequest) -> Page {
        crate::page::compute(self, request)
    }

    /// A page that anybody may have: no viewer's row is read for it. It goes on after `after`, the mark of the page
    /// before, with none of its videos; a mark that can not be read is none.
    pub fn popular(&self, request: &PopularRequest<'_>) -> PopularPage {
        crate::popular::compute(self, request)
    }

    /// The best videos by score alone, best first: the same sources, filters and ranker as [`Engine::page`], without
    /// its rules for the page as a whole and its places for exploration. At most 200.
    pub fn rank(&self, request: &PageRequest) -> Vec<(VideoId, i64)> {
        crate::page::rank(self, request)
    }

    /// The probability that showing a video to a viewer, on a page or elsewhere, ends in it being watched through, liked
    /// or passed on, in micro-units. None for a video that was not published.
    pub fn predict(&self, viewer: ViewerId, video: VideoId, on_page: bool) -> Option<i64> {
        let number = self.catalogue.number(video)?;
        let surface = if on_page { Surface::Feed } else { Surface::Elsewhere };
        let features = learn::features(self, self.viewers.get(&viewer), number, surface);
        Some(self.lore.outcomes.predict(OutcomeName::Enjoyed, &features))
    }

    /// The same for every outcome: probabilities in micro-units; of `completion`, the part expected to be watched.
    pub fn predict_all(&self, viewer: ViewerId, video: VideoId, on_page: bool) -> Vec<(OutcomeName, i64)> {
        let Some(number) = self.catalogue.number(video) else { return Vec::new() };
        let surface = if on_page { Surface::Feed } else { Surface::Elsewhere };
        let features = learn::features(self, self.viewers.get(&viewer), number, surface);
        OutcomeName::ALL.iter().copied().zip(self.lore.outcomes.predict_all(&features)).collect()
    }

    /// The whole state as bytes, for [`Engine::restore`]: format version, policy, checksum and all.
    pub fn snapshot(&self) -> Vec<u8> {
        snapshot::write(self)
    }

    /// The engine a snapshot was taken of.
    ///
    /// # Errors
    ///
    /// A snapshot that is damaged, of another format version or of another policy is refused: replay the log from its
    /// beginning instead.
    pub fn restore(policy: Policy, bytes: &[u8]) -> Result<Self, RestoreError> {
        snapshot::read(policy, bytes)
    }

    /// SHA-256 of the state, the same on every machine that applied the same entries under the same policy.
    pub fn digest(&self) -> [u8; 32] {
        snapshot::digest(self)
    }

    /// SHA-256 of all that is held about one viewer; none for a viewer without a row. It depends on the catalogue and on
    /// this viewer's events alone, so it tells whether anything was left of, or lent to, someone who was forgotten.
    pub fn viewer_digest(&self, viewer: ViewerId) -> Option<[u8; 32]> {
        self.viewers.get(&viewer).map(snapshot::row_digest)
    }

    /// Whether another engine holds the same videos for seen by a viewer.
    pub fn has_same_seen(&self, other: &Self, viewer: ViewerId) -> bool {
        let seen = |engine: &Self| {
            let row = engine.viewers.get(&viewer);
            let numbers = row.into_iter().flat_map(|row| &row.seen);
            numbers.map(|number| engine.catalogue.video(number).id).collect::<std::collections::BTreeSet<_>>()
        };
        seen(self) == seen(other)
    }

    /// How large the state is. Walks all of it: for a metrics page, not for every request.
    pub fn stats(&self) -> Stats {
        let rows = &self.catalogue.rows;
        let live = self.catalogue.live.len();
        let neighbours: usize = rows.neighbours.iter().map(Neighbours::len).sum();
        let viewers: usize = self.viewers.values().map(|viewer| viewer.bytes() + 40).sum();
        Stats {
            position: self.counters.position,
            videos: live,
            videos_removed: rows.videos.len() as u64 - live,
            viewers: self.viewers.len() as u64,
            features: (rows.features.len() - self.catalogue.retired() - rows.free.len()) as u64,
            features_unused: (self.catalogue.retired() + rows.free.len()) as u64,
            words_waiting: rows.lone.len() as u64,
            neighbours: neighbours as u64,
            ignored: self.counters.ignored,
            bytes: (viewers + self.catalogue.bytes()) as u64,
        }
    }

    /// `at` as the engine takes it: not before what it has seen, not beyond the end of the calendar.
    pub(crate) fn moment(&self, at: Timestamp) -> i64 {
        at.millis().min(TIME_MAX_MS).max(self.counters.now_ms)
    }

    pub(crate) fn taste_limits(&self) -> TasteLimits {
        TasteLimits {
            half_life_ms: self.policy.taste_half_life_ms(),
            evidence_max: self.policy.taste.evidence_max.0,
            features_max: self.policy.taste.features_max as usize,
        }
    }

    fn merge(&mut self, from: ViewerId, into: ViewerId) {
        if from == into {
            return;
        }
        let Some(other) = self.viewers.remove(&from) else { return };
        let limits = self.taste_limits();
        let recent_max = self.policy.co_watch.recent_max as usize;
        self.viewers.entry(into).or_default().absorb(other, self.counters.now_ms, recent_max, limits);
    }
}
