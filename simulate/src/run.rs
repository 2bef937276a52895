//! One recommender in one world, event by event, and what is counted on the way.

use crate::config::{DAY_MS, HOUR_MS};
use crate::metrics::gini;
use crate::mind::{Mind, Reaction};
use crate::recommender::{Ask, Feedback, Kind, Recommender};
use crate::world::World;
use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Videos per page, and how many are left when the next one is fetched: what the web app does.
const PAGE_COUNT: usize = 6;
const REFILL_LEFT: usize = 3;
/// From one video to the next.
const SWIPE_MS: i64 = 300;
/// After a session no other begins for this long.
const PAUSE_MS: i64 = 10 * 60_000;
/// Impressions within a day that make a new video found.
const FOUND_IMPRESSIONS: u32 = 100;
/// Swipes after the change of taste that are followed, averaged and called early.
pub const FOLLOWED_SWIPES: usize = 150;
/// Swipes averaged when looking for the recovery.
pub const RECOVERY_WINDOW: usize = 15;
/// What part of the loss has to be made up.
pub const RECOVERY_PART: f64 = 0.8;
const EARLY_SWIPES: usize = 50;
/// Swipes of a newcomer that count as their beginning.
const NEWCOMER_SWIPES: u32 = 30;

/// What one run came to. Shares are from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Seconds per session that the viewer was satisfied with.
    pub satisfied_s_per_session: f64,
    /// Of all impressions, those that satisfied: the same without any weight of length.
    pub satisfied_share: f64,
    /// Videos per session.
    pub swipes_per_session: f64,
    /// Minutes per session.
    pub minutes_per_session: f64,
    /// Of a newcomer's first 30 videos, those that satisfied.
    pub newcomers_satisfied_share: f64,
    /// Of the videos published in the measured time, those that had 100 impressions within a day.
    pub found_share: f64,
    /// The same of the quarter with the highest hidden quality.
    pub found_share_best: f64,
    /// Concentration of impressions over creators.
    pub creator_gini: f64,
    /// Videos shown to a viewer who had met them.
    pub repeats: u64,
    /// Share that satisfied in the same swipes of those whose taste stayed.
    pub unchanged_share: f64,
    /// Share that satisfied in the first 50 swipes after it.
    pub after_change_share: f64,
    /// Share that satisfied, swipe by swipe after the change.
    pub change_curve: Vec<f64>,
    /// The same for those whose taste stayed, counted from the same moment.
    pub unchanged_curve: Vec<f64>,
    /// Share that satisfied, by quarter of a day from the beginning.
    pub learning_curve: Vec<f64>,
    /// What the feedback looked like, to compare with published statistics.
    pub feedback: FeedbackRates,
}

impl Outcome {
    /// What a change of taste takes, swipe by swipe: the share that satisfies less that of those whose taste stayed.
    /// Against these, since sessions begin fresh for both and both get bored.
    pub fn lost_curve(&self) -> Vec<f64> {
        self.change_curve
            .iter()
            .zip(&self.unchanged_curve)
            .map(|(changed, stayed)| changed - stayed)
            .collect()
    }
}

/// Shares of impressions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FeedbackRates {
    /// Left within 2 s.
    pub skipped: f64,
    /// Watched to the end.
    pub finished: f64,
    /// Kuaishou's label; see [`Feedback::is_positive`].
    pub positive: f64,
    /// Liked.
    pub liked: f64,
    /// Shared.
    pub shared: f64,
    /// Not interested.
    pub not_interested: f64,
    /// Impressions counted.
    pub impressions: u64,
}

/// A share while it is being counted.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    hits: u64,
    all: u64,
}

impl Share {
    fn count(&mut self, hit: bool) {
        self.hits += u64::from(hit);
        self.all += 1;
    }
    fn value(self) -> f64 {
        self.hits as f64 / self.all.max(1) as f64
    }
}

/// Something due. Ordered by time, then by this order, then by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Hour,
    Upload(u32),
    Arrival(u32),
    Swipe(u32),
}

/// A video on a screen.
#[derive(Debug, Clone, Copy)]
struct OnScreen {
    video: u32,
    reaction: Reaction,
}

/// What a viewer's device and the counting know of them.
struct Seat {
    mind: Mind,
    /// Sessions still to come, latest first.
    starts: Vec<i64>,
    queue: VecDeque<u32>,
    on_screen: Option<OnScreen>,
    met: Vec<bool>,
    began_ms: i64,
    session: Session,
    swipes_ever: u32,
    swipes_since_change: usize,
    pages: u64,
}

/// A session so far.
#[derive(Debug, Clone, Copy, Default)]
struct Session {
    swipes: u64,
    satisfied_ms: u64,
}

/// Everything counted.
struct Tally {
    sessions: u64,
    swipes: u64,
    satisfied_ms: u64,
    session_ms: i64,
    satisfied: Share,
    newcomers: Share,
    after_change: Vec<Share>,
    unchanged: Vec<Share>,
    by_quarter_day: Vec<Share>,
    creators: Vec<u64>,
    first_day_impressions: Vec<u32>,
    repeats: u64,
    skipped: u64,
    finished: u64,
    positive: u64,
    liked: u64,
    shared: u64,
    not_interested: u64,
}

/// Runs a recommender through a world.
///
/// # Errors
/// Where the recommender refuses an event or a request, or hands out a video that does not exist.
pub fn run(world: &World, kind: Kind) -> Result<Outcome> {
    run_with(world, kind.start(world).as_mut()).with_context(|| format!("running {}", kind.title()))
}

/// As [`run`], with a recommender that was made by hand.
///
/// # Errors
/// As [`run`].
pub fn run_with(world: &World, recommender: &mut dyn Recommender) -> Result<Outcome> {
    let mut cell = Cell::new(world, recommender);
    while let Some(Reverse((now_ms, due))) = cell.agenda.pop() {
        if now_ms >= world.config.end_ms() {
            break;
        }
        cell.handle(now_ms, due)?;
    }
    Ok(cell.tally.outcome(world))
}

struct Cell<'a> {
    world: &'a World,
    recommender: &'a mut dyn Recommender,
    agenda: BinaryHeap<Reverse<(i64, Due)>>,
    seats: Vec<Seat>,
    tally: Tally,
}

impl<'a> Cell<'a> {
    fn new(world: &'a World, recommender: &'a mut dyn Recommender) -> Self {
        let mut agenda = BinaryHeap::new();
        for video in &world.videos {
            agenda.push(Reverse((video.facts.published_ms, Due::Upload(video.facts.video))));
        }
        for hour in 1..world.config.days * 24 {
            agenda.push(Reverse((hour * HOUR_MS, Due::Hour)));
        }
        let mut seats = Vec::with_capacity(world.viewers.len());
        for (viewer, number) in (0..world.viewers.len()).zip(0..) {
            let mut seat = Seat::new(world, viewer);
            if let Some(start) = seat.starts.pop() {
                agenda.push(Reverse((start, Due::Arrival(number))));
            }
            seats.push(seat);
        }
        Self { world, recommender, agenda, seats, tally: Tally::new(world) }
    }

    fn handle(&mut self, now_ms: i64, due: Due) -> Result<()> {
        match due {
            Due::Hour => self.recommender.hour(now_ms),
            Due::Upload(video) => self.recommender.publish(&self.world.videos[video as usize].facts)?,
            Due::Arrival(viewer) => {
                let seat = &mut self.seats[viewer as usize];
                seat.mind.arrive(now_ms);
                seat.began_ms = now_ms;
                seat.session = Session::default();
                seat.queue.clear();
                self.show_next(now_ms, viewer)?;
            }
            Due::Swipe(viewer) => {
                self.conclude(now_ms, viewer)?;
                if self.seats[viewer as usize].mind.leaves(now_ms) {
                    self.leave(now_ms, viewer);
                } else {
                    self.show_next(now_ms, viewer)?;
                }
            }
        }
        Ok(())
    }

    /// The video on screen is left: its feedback goes out.
    fn conclude(&mut self, now_ms: i64, viewer: u32) -> Result<()> {
        let seat = &mut self.seats[viewer as usize];
        let Some(OnScreen { video, reaction }) = seat.on_screen.take() else { return Ok(()) };
        self.recommender.watched(now_ms, &Feedback::new(viewer, video, &reaction))
    }

    fn show_next(&mut self, now_ms: i64, viewer: u32) -> Result<()> {
        let seat = &mut self.seats[viewer as usize];
        if seat.queue.len() <= REFILL_LEFT {
            seat.pages += 1;
            let waiting: Vec<u32> = seat.queue.iter().copied().collect();
            let seed = self.world.key().with(2_000).with(u64::from(viewer)).with(seat.pages).bits();
            let ask = Ask { viewer, now_ms, seed, limit: PAGE_COUNT, waiting: &waiting };
            // What waits already is not queued twice: a recommender with nothing else left may hand it out again.
            let page = self.recommender.page(&ask)?;
            seat.queue.extend(page.into_iter().filter(|video| !waiting.contains(video)));
        }
        let Some(video) = seat.queue.pop_front() else {
            self.leave(now_ms, viewer);
            return Ok(());
        };
        let row = self.world.videos.get(video as usize).context("a page names an unknown video")?;
        ensure!(row.facts.published_ms <= now_ms, "a page names a video from the future");
        self.recommender.shown(now_ms, viewer, video)?;
        let met = std::mem::replace(&mut seat.met[video as usize], true);
        let reaction = seat.mind.watch(self.world, video as usize, now_ms, met);
        seat.on_screen = Some(OnScreen { video, reaction });
        seat.session.swipes += 1;
        seat.session.satisfied_ms += if reaction.satisfied { u64::from(reaction.watch_ms) } else { 0 };
        seat.swipes_ever += 1;
        self.tally.repeats += u64::from(met);
        let swipe = Swipe { now_ms, viewer: viewer as usize, video: video as usize, reaction };
        self.tally.count(self.world, seat, &swipe);
        let done_ms = now_ms + i64::from(reaction.watch_ms) + SWIPE_MS;
        self.agenda.push(Reverse((done_ms, Due::Swipe(viewer))));
        Ok(())
    }

    fn leave(&mut self, now_ms: i64, viewer: u32) {
        let seat = &mut self.seats[viewer as usize];
        self.tally.count_session(self.world, viewer as usize, seat, now_ms);
        if let Some(start) = seat.starts.pop() {
            self.agenda.push(Reverse((start.max(now_ms + PAUSE_MS), Due::Arrival(viewer))));
        }
    }
}

impl Seat {
    fn new(world: &World, viewer: usize) -> Self {
        let mut starts = world.session_starts(viewer);
        starts.reverse();
        Self {
            mind: Mind::new(world, viewer),
            starts,
            queue: VecDeque::new(),
            on_screen: None,
            met: vec![false; world.videos.len()],
            began_ms: 0,
            session: Session::default(),
            swipes_ever: 0,
            swipes_since_change: 0,
            pages: 0,
        }
    }
}

/// One video on one screen.
struct Swipe {
    now_ms: i64,
    viewer: usize,
    video: usize,
    reaction: Reaction,
}

impl Tally {
    fn new(world: &World) -> Self {
        Self {
            sessions: 0,
            swipes: 0,
            satisfied_ms: 0,
            session_ms: 0,
            satisfied: Share::default(),
            newcomers: Share::default(),
            after_change: vec![Share::default(); FOLLOWED_SWIPES],
            unchanged: vec![Share::default(); FOLLOWED_SWIPES],
            by_quarter_day: vec![Share::default(); world.config.days as usize * 4],
            creators: vec![0; world.config.creators],
            first_day_impressions: vec![0; world.videos.len()],
            repeats: 0,
            skipped: 0,
            finished: 0,
            positive: 0,
            liked: 0,
            shared: 0,
            not_interested: 0,
        }
    }

    /// Sessions of those whose taste has just changed are told apart, so that the other numbers are about calm times.
    fn is_calm(world: &World, viewer: usize, now_ms: i64) -> bool {
        now_ms >= world.config.measured_from_ms()
            && !(world.viewers[viewer].changes && now_ms >= world.config.change_ms())
    }

    fn count(&mut self, world: &World, seat: &mut Seat, swipe: &Swipe) {
        let (now_ms, row) = (swipe.now_ms, &world.viewers[swipe.viewer]);
        let video = &world.videos[swipe.video];
        let satisfied = swipe.reaction.satisfied;
        if now_ms - video.facts.published_ms < DAY_MS {
            self.first_day_impressions[swipe.video] += 1;
        }
        let has_changed = now_ms >= world.config.change_ms();
        if has_changed && row.joins_ms == 0 {
            let curve = if row.changes { &mut self.after_change } else { &mut self.unchanged };
            if let Some(share) = curve.get_mut(seat.swipes_since_change) {
                share.count(satisfied);
            }
            seat.swipes_since_change += 1;
        }
        if !(has_changed && row.changes)
            && let Some(quarter) = self.by_quarter_day.get_mut((now_ms / (DAY_MS / 4)) as usize)
        {
            quarter.count(satisfied);
        }
        if now_ms >= world.config.measured_from_ms() {
            self.creators[video.facts.creator as usize] += 1;
            if row.joins_ms > 0 && seat.swipes_ever <= NEWCOMER_SWIPES {
                self.newcomers.count(satisfied);
            }
        }
        if Self::is_calm(world, swipe.viewer, now_ms) {
            self.satisfied.count(satisfied);
            let reaction = &swipe.reaction;
            let feedback = Feedback::new(swipe.viewer as u32, swipe.video as u32, reaction);
            self.skipped += u64::from(reaction.watch_ms < 2_000);
            self.finished += u64::from(reaction.watch_ms >= video.facts.duration_ms);
            self.positive += u64::from(feedback.is_positive(video.facts.duration_ms));
            self.liked += u64::from(reaction.liked);
            self.shared += u64::from(reaction.shared);
            self.not_interested += u64::from(reaction.not_interested);
        }
    }

    fn count_session(&mut self, world: &World, viewer: usize, seat: &Seat, now_ms: i64) {
        if !Self::is_calm(world, viewer, seat.began_ms) {
            return;
        }
        self.sessions += 1;
        self.swipes += seat.session.swipes;
        self.satisfied_ms += seat.session.satisfied_ms;
        self.session_ms += now_ms - seat.began_ms;
    }

    fn outcome(&self, world: &World) -> Outcome {
        let per_session = |total: f64| total / self.sessions.max(1) as f64;
        let per_impression = |count: u64| count as f64 / self.satisfied.all.max(1) as f64;
        let values = |shares: &[Share]| shares.iter().map(|share| share.value()).collect::<Vec<f64>>();
        let (change_curve, unchanged_curve) = (values(&self.after_change), values(&self.unchanged));
        let early = |shares: &[Share]| {
            let add =
                |sum: Share, share: &Share| Share { hits: sum.hits + share.hits, all: sum.all + share.all };
            shares.iter().take(EARLY_SWIPES).fold(Share::default(), add).value()
        };
        let (found_share, found_share_best) = self.found(world);
        let mut publishes = vec![false; world.config.creators];
        for video in &world.videos {
            publishes[video.facts.creator as usize] = true;
        }
        let with_videos = self.creators.iter().zip(&publishes).filter(|(_, publishes)| **publishes);
        let shares: Vec<u64> = with_videos.map(|(&impressions, _)| impressions).collect();
        Outcome {
            satisfied_s_per_session: per_session(self.satisfied_ms as f64 / 1e3),
            satisfied_share: self.satisfied.value(),
            swipes_per_session: per_session(self.swipes as f64),
            minutes_per_session: per_session(self.session_ms as f64 / 60e3),
            newcomers_satisfied_share: self.newcomers.value(),
            found_share,
            found_share_best,
            creator_gini: gini(&shares),
            repeats: self.repeats,
            unchanged_share: early(&self.unchanged),
            after_change_share: early(&self.after_change),
            change_curve,
            unchanged_curve,
            learning_curve: self.by_quarter_day.iter().map(|share| share.value()).collect(),
            feedback: FeedbackRates {
                skipped: per_impression(self.skipped),
                finished: per_impression(self.finished),
                positive: per_impression(self.positive),
                liked: per_impression(self.liked),
                shared: per_impression(self.shared),
                not_interested: per_impression(self.not_interested),
                impressions: self.satisfied.all,
            },
        }
    }

    /// The share of new videos that were found within a day, of all and of the best quarter. Only videos whose first day
    /// lies within the measured time count.
    fn found(&self, world: &World) -> (f64, f64) {
        let last_ms = world.config.end_ms() - DAY_MS;
        let is_new = |published_ms| (world.config.measured_from_ms()..=last_ms).contains(&published_ms);
        let new: Vec<usize> =
            (0..world.videos.len()).filter(|&n| is_new(world.videos[n].facts.published_ms)).collect();
        let mut by_quality = new.clone();
        by_quality.sort_by(|&a, &b| world.videos[b].quality.total_cmp(&world.videos[a].quality));
        by_quality.truncate(new.len().div_ceil(4));
        let found = |videos: &[usize]| {
            let mut share = Share::default();
            videos.iter().for_each(|&n| share.count(self.first_day_impressions[n] >= FOUND_IMPRESSIONS));
            share.value()
        };
        (found(&new), found(&by_quality))
    }
}
