//! Why a video was on a viewer's page: the page computed again, and computed without what may have brought it there.

use super::recommender::RecoverError;
use super::replay::{Logged, Stretch, find_page};
use super::{Feed, SignedReceipt};
use crate::error::{Error, Result};
use axum::http::StatusCode;
use moka::future::Cache;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use takt_core::{ImpressionId, Timestamp, VideoId, ViewerId};
use takt_recommender::{
    Control, Deeds, Engine, Event, Explanation, LogEntry, PageItem, PageKind, PageRequest, StageCounts,
    Subject, page_of,
};
use takt_store::EventLog;
use tokio::sync::Semaphore;

/// Replays that run at once, so that explaining leaves the machine to watching.
const AT_ONCE: usize = 2;
/// Viewers that may wait for a replay; others are asked to come again.
const WAITING_MAX: usize = 32;
const RETRY_AFTER_S: u64 = 2;
/// Answers remembered: the same question is often asked twice.
const ANSWERS_MAX: u64 = 256;
/// Things of a video that the viewer's deeds are told of.
const REASONS_MAX: usize = 8;
/// Liked videos that led to a video, of which is told.
const SEEDS_MAX: usize = 2;
/// The terms that lead from one video to another.
const LEADING: [&str; 3] = ["co_watch", "next", "walk"];
/// Of these, how many are left out in a run of their own.
const EVIDENCE_MAX: usize = 3;
/// Places above and below that are told.
const NEIGHBOURS: usize = 3;
/// Videos with something in common that a filter dropped, of which is told.
const DROPPED_MAX: usize = 6;

/// Why a video was on a page.
#[derive(Debug, Clone)]
pub struct Why {
    pub at: Timestamp,
    /// The log position the page was computed at.
    pub position: u64,
    pub policy_name: String,
    pub policy_version: u32,
    pub policy_hash: [u8; 32],
    /// From 1.
    pub rank: usize,
    pub item: PageItem,
    pub reasons: Vec<Reason>,
    pub counterfactuals: Vec<Counterfactual>,
    pub nearby: Vec<Nearby>,
    pub stages: StageCounts,
}

/// What the viewer did with videos that have something in common with this one, or with one that others
/// liked together with it: then the subject is that video.
#[derive(Debug, Clone)]
pub struct Reason {
    pub subject: Subject,
    pub deeds: Deeds,
}

/// What is left out.
#[derive(Debug, Clone)]
pub enum Without {
    /// A term of the score counts nothing.
    Term(&'static str),
    /// The viewer only saw these videos, and did nothing with them.
    Evidence(Reason),
}

/// Where the video would have been.
#[derive(Debug, Clone)]
pub struct Counterfactual {
    pub without: Without,
    /// From 1; none where it is not among the first 100.
    pub rank: Option<usize>,
    /// None where no source puts it forward.
    pub score: Option<i64>,
}

/// Another video, and what became of it.
#[derive(Debug, Clone)]
pub struct Nearby {
    pub video: VideoId,
    /// `ranked`, or the filter that dropped it.
    pub fate: &'static str,
    pub rank: Option<usize>,
    pub score: Option<i64>,
}

/// Where pages are computed again, a few at a time.
pub(super) struct Replays {
    dir: PathBuf,
    log: EventLog,
    places: Semaphore,
    waiting: Semaphore,
    answers: Cache<ImpressionId, Arc<Why>>,
}

impl Replays {
    /// Replays from the snapshots in `dir` and the log.
    pub(super) fn new(dir: PathBuf, log: EventLog) -> Self {
        let (places, waiting) = (Semaphore::new(AT_ONCE), Semaphore::new(WAITING_MAX));
        Self { dir, log, places, waiting, answers: Cache::new(ANSWERS_MAX) }
    }
}

/// Why no answer can be given.
enum Unexplained {
    Recover(RecoverError),
    TooOld,
    Differs(String),
}

impl From<RecoverError> for Unexplained {
    fn from(error: RecoverError) -> Self {
        Self::Recover(error)
    }
}

impl From<Unexplained> for Error {
    fn from(unexplained: Unexplained) -> Self {
        match unexplained {
            Unexplained::Recover(RecoverError::Log(error)) => error.into(),
            Unexplained::Recover(error) => Self::Internal(error.to_string()),
            Unexplained::TooOld => Self::refused(
                StatusCode::GONE,
                "page_too_old",
                "this page is too long ago to be computed again here; its receipt still can be checked",
            ),
            Unexplained::Differs(difference) => {
                tracing::error!(difference, "a page computed again is another page");
                let message = format!("computed again, the page is another: {difference}");
                Self::refused(StatusCode::CONFLICT, "not_reproduced", message)
            }
        }
    }
}

fn not_ranked() -> Error {
    let message = "nothing ranked this: it is not from a For You page of this server";
    Error::refused(StatusCode::NOT_FOUND, "not_ranked", message)
}

fn not_personalised() -> Error {
    let message =
        "this is not personalised: the Popular feed is the same for everybody who asks at that moment";
    Error::refused(StatusCode::NOT_FOUND, "not_personalised", message)
}

impl Feed {
    /// Why the video of an impression was on the viewer's page.
    pub async fn why(&self, viewer: ViewerId, impression: ImpressionId) -> Result<Arc<Why>> {
        let (logged, place) = self.own_page(viewer, impression).await?;
        if let Some(known) = self.replays.answers.get(&impression).await {
            return Ok(known);
        }
        let too_many = Error::TooMany { retry_after_s: RETRY_AFTER_S };
        let Ok(_waiting) = self.replays.waiting.try_acquire() else { return Err(too_many) };
        let closed = |_| Error::Internal("replays have stopped".to_owned());
        let _place = self.replays.places.acquire().await.map_err(closed)?;
        let (dir, log) = (self.replays.dir.clone(), self.replays.log.clone());
        let explained = tokio::task::spawn_blocking(move || explain(&dir, &log, &logged, place)).await;
        let why = Arc::new(explained.map_err(|error| Error::Internal(error.to_string()))??);
        self.replays.answers.insert(impression, why.clone()).await;
        Ok(why)
    }

    /// The receipt of the page an impression is of.
    pub async fn receipt(&self, viewer: ViewerId, impression: ImpressionId) -> Result<SignedReceipt> {
        let (logged, _) = self.own_page(viewer, impression).await?;
        Ok(self.receipt_of(logged.at, &logged.made))
    }

    /// The viewer's page that an impression is of, and its place there.
    async fn own_page(&self, viewer: ViewerId, impression: ImpressionId) -> Result<(Logged, usize)> {
        let (page, kind, place) = page_of(impression).ok_or_else(not_ranked)?;
        match kind {
            PageKind::ForYou => {}
            PageKind::Popular => return Err(not_personalised()),
            PageKind::Listed => return Err(not_ranked()),
        }
        let log = self.log.clone();
        let found = tokio::task::spawn_blocking(move || find_page(&log, page)).await;
        let found = found.map_err(|error| Error::Internal(error.to_string()))?;
        let logged = found.map_err(Unexplained::from)?.ok_or_else(not_ranked)?;
        if logged.made.viewer != viewer || place >= logged.made.items.len() {
            return Err(Error::not_found("impression"));
        }
        Ok((logged, place))
    }
}

fn explain(dir: &std::path::Path, log: &EventLog, logged: &Logged, place: usize) -> Result<Why, Unexplained> {
    let made = &logged.made;
    let request = made.request(logged.at);
    let stretch = Stretch::read(dir, log, made.position)?.ok_or(Unexplained::TooOld)?;
    let mut engine = stretch.run(|_| None)?;
    let explanation = engine.explain(&request);
    if let Some(difference) = engine.first_difference(made, logged.at) {
        return Err(Unexplained::Differs(difference.to_string()));
    }
    let item = explanation.places.get(place).cloned();
    let item = item.ok_or_else(|| Unexplained::Differs("length: it has no such place".to_owned()))?;
    let history = History::new(&engine, &stretch.entries, made.viewer);
    let reasons = history.reasons(&engine, made.viewer, &item);
    let mut counterfactuals = without_terms(&mut engine, &request, &item);
    for reason in reasons.iter().take(EVIDENCE_MAX) {
        let videos = &history.about[&reason.subject];
        let without = stretch.run(|entry| untaught(entry, made.viewer, videos))?.explain(&request);
        counterfactuals.push(Counterfactual {
            without: Without::Evidence(reason.clone()),
            rank: without.rank(item.video),
            score: without.score(item.video),
        });
    }
    let policy = engine.policy();
    Ok(Why {
        at: logged.at,
        position: made.position,
        policy_name: policy.name().to_owned(),
        policy_version: policy.version(),
        policy_hash: policy.hash(),
        rank: place + 1,
        nearby: nearby(&engine, &request, &explanation, place, item.video),
        stages: explanation.audited.page.stages,
        item,
        reasons,
        counterfactuals,
    })
}

fn without_terms(engine: &mut Engine, request: &PageRequest, item: &PageItem) -> Vec<Counterfactual> {
    let terms = item.terms.iter().map(|term| term.name);
    let counterfactual = |name| {
        let without = engine.explain_without(request, name)?;
        let (rank, score) = (without.rank(item.video), without.score(item.video));
        Some(Counterfactual { without: Without::Term(name), rank, score })
    };
    terms.filter_map(counterfactual).collect()
}

/// What a viewer did in a stretch of the log, by what it was about.
struct History<'e> {
    events: Vec<&'e Event>,
    /// Videos they did something with, by what these have.
    about: BTreeMap<Subject, BTreeSet<VideoId>>,
}

impl<'e> History<'e> {
    fn new(engine: &Engine, entries: &'e [LogEntry], viewer: ViewerId) -> Self {
        let mut events = Vec::new();
        for entry in entries {
            match &entry.event {
                Event::ViewerControlled { viewer: who, control: Control::Reset } if *who == viewer => {
                    events.clear();
                }
                event if taught(event).is_some_and(|(who, _)| who == viewer) => events.push(event),
                _ => {}
            }
        }
        let mut about: BTreeMap<Subject, BTreeSet<VideoId>> = BTreeMap::new();
        let videos: BTreeSet<VideoId> = events.iter().filter_map(|event| Some(taught(event)?.1)).collect();
        for video in videos {
            for subject in engine.subjects(video).into_iter().chain([Subject::Video(video)]) {
                about.entry(subject).or_default().insert(video);
            }
        }
        Self { events, about }
    }

    /// What the viewer did with videos that led to this one, and with those that have what it has, most first.
    fn reasons(&self, engine: &Engine, viewer: ViewerId, item: &PageItem) -> Vec<Reason> {
        let is_led_to = item.terms.iter().any(|term| term.value > 0 && LEADING.contains(&term.name));
        let seeds = if is_led_to { engine.led_by(viewer, item.video, SEEDS_MAX) } else { Vec::new() };
        let subjects = seeds.into_iter().map(Subject::Video).chain(engine.subjects(item.video));
        let reason = |subject: Subject| {
            let videos = self.about.get(&subject)?;
            let deeds = Deeds::count(engine, self.events.iter().copied(), |other| videos.contains(&other));
            (deeds.total() > 0).then_some(Reason { subject, deeds })
        };
        let mut reasons: Vec<_> = subjects.filter_map(reason).collect();
        // Words tell least; of the others, what there is most of tells most.
        let kind = |reason: &Reason| match reason.subject {
            Subject::Video(_) => 0,
            Subject::Word(_) | Subject::Language(_) => 2,
            _ => 1,
        };
        // Seeds stay in their order.
        let much = |reason: &Reason| if kind(reason) == 0 { 0 } else { reason.deeds.total() };
        reasons.sort_by_key(|reason| (kind(reason), std::cmp::Reverse(much(reason))));
        reasons.truncate(REASONS_MAX);
        reasons
    }
}

/// Whom and about what an event teaches.
fn taught(event: &Event) -> Option<(ViewerId, VideoId)> {
    match *event {
        Event::Watch { viewer, video, .. }
        | Event::Like { viewer, video, .. }
        | Event::Unlike { viewer, video, .. }
        | Event::Share { viewer, video, .. }
        | Event::NotInterested { viewer, video, .. } => Some((viewer, video)),
        _ => None,
    }
}

/// The event as if the viewer had only seen the video.
fn untaught(entry: &LogEntry, viewer: ViewerId, videos: &BTreeSet<VideoId>) -> Option<Event> {
    let (who, video) = taught(&entry.event)?;
    let left_out = who == viewer && videos.contains(&video);
    left_out.then_some(Event::Impression { viewer, impression: None, video })
}

/// The places around, and what was dropped although it has something in common.
fn nearby(
    engine: &Engine,
    request: &PageRequest,
    explanation: &Explanation,
    place: usize,
    video: VideoId,
) -> Vec<Nearby> {
    let first = place.saturating_sub(NEIGHBOURS);
    let around = explanation.places.iter().enumerate().skip(first).take(place - first + NEIGHBOURS + 1);
    let ranked = around.filter(|(other, _)| *other != place).map(|(other, item)| Nearby {
        video: item.video,
        fate: "ranked",
        rank: Some(other + 1),
        score: Some(item.score),
    });
    let mut nearby: Vec<_> = ranked.collect();
    let dropped = engine.dropped_nearby(request, video, DROPPED_MAX).into_iter();
    nearby.extend(dropped.map(|(video, reason)| Nearby {
        video,
        fate: reason.as_str(),
        rank: None,
        score: None,
    }));
    nearby
}
