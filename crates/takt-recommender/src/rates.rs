//! Rates of outcomes given exposure: how often what was shown was watched through, liked, skipped.
//!
//! Invariant: exposures are the denominator. Being shown alone lowers every rate.

use crate::fixed::{MICRO, logit, ratio};
use crate::registry::OutcomeName;
use serde::{Deserialize, Serialize};

/// An outcome in hundredths: 100 for one that happened, between for a completion.
pub(crate) const WHOLE: i64 = 100;

/// Values by outcome, in hundredths.
pub(crate) type ByOutcome<T> = [T; OutcomeName::COUNT];

/// How often something or someone was shown, or shown to, and what came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) shown: u32,
    /// Sums in hundredths.
    sums: ByOutcome<u32>,
}

impl Record {
    pub(crate) fn show(&mut self) {
        self.shown = self.shown.saturating_add(1);
    }

    pub(crate) fn count(&mut self, outcome: OutcomeName, hundredths: u32) {
        let sum = &mut self.sums[outcome.index()];
        *sum = sum.saturating_add(hundredths);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.shown = self.shown.saturating_add(other.shown);
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            *sum = sum.saturating_add(more);
        }
    }

    /// The rate of an outcome in micro-units, drawn towards `expected` by so many exposures' worth of doubt. Not more
    /// than one, also where outcomes are known of exposures that are not.
    pub(crate) fn rate(&self, outcome: OutcomeName, expected: i64, doubt: i64) -> i64 {
        let happened = i64::from(self.sums[outcome.index()]) * (MICRO / WHOLE) + expected * doubt;
        ratio(happened, (i64::from(self.shown) + doubt) * MICRO).clamp(0, MICRO)
    }

    /// How much the log-odds of an outcome differ from what is expected, in micro-units.
    pub(crate) fn deviation(&self, outcome: OutcomeName, expected: Expected, doubt: i64) -> i64 {
        certain_logit(self.rate(outcome, expected.rate, doubt)) - expected.log_odds
    }
}

/// How much more often something was enjoyed than was expected of those who were shown it, before anything was known of
/// it itself. A rate alone says as much about the viewers as about the video: who is shown one by their taste likes it
/// better than others would.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Surplus {
    /// In micro-units.
    sum: i64,
    exposures: u32,
}

/// Exposures' worth of doubt in a surplus.
const SURPLUS_DOUBT: i64 = 20;

impl Surplus {
    /// One more exposure: what came of it and what was expected, in micro-units.
    pub(crate) fn count(&mut self, happened: i64, expected: i64) {
        self.sum = self.sum.saturating_add(happened - expected);
        self.exposures = self.exposures.saturating_add(1);
    }

    /// Per exposure, drawn towards nothing; -1 to 1 in micro-units.
    pub(crate) fn mean(self) -> i64 {
        (self.sum / (i64::from(self.exposures) + SURPLUS_DOUBT)).clamp(-MICRO, MICRO)
    }
}

/// A rate to compare with, in micro-units.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expected {
    rate: i64,
    log_odds: i64,
}

impl Expected {
    pub(crate) fn new(rate: i64) -> Self {
        Self { rate, log_odds: certain_logit(rate) }
    }
    pub(crate) const fn log_odds(self) -> i64 {
        self.log_odds
    }
}

/// Log-odds of a rate that is never taken for quite certain.
fn certain_logit(rate: i64) -> i64 {
    logit(rate.clamp(MICRO / 1_000, MICRO - MICRO / 1_000))
}

/// Where a video was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Surface {
    /// On a page of the feed.
    Feed = 0,
    /// Anywhere else: a profile, a link, a search.
    Elsewhere = 1,
}

const SURFACES: usize = 2;
/// Lengths are told apart by half-powers of two, from a second to six minutes.
const LENGTHS: usize = 18;
/// Exposures' worth of doubt in the rate of one length on one surface.
const CONTEXT_DOUBT: i64 = 20;

/// Rates by where a video was met and how long it is: what makes long and short ones comparable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contexts {
    /// By surface, then by length.
    records: Vec<Record>,
    surfaces: [Record; SURFACES],
    all: Record,
}

impl Default for Contexts {
    fn default() -> Self {
        Self {
            records: vec![Record::default(); SURFACES * LENGTHS],
            surfaces: [Record::default(); SURFACES],
            all: Record::default(),
        }
    }
}

impl Contexts {
    /// Whether a snapshot's table has the size that the code counts on.
    pub(crate) fn is_whole(&self) -> bool {
        self.records.len() == SURFACES * LENGTHS
    }

    pub(crate) fn learn(&mut self, surface: Surface, duration_ms: u32, outcomes: &ByOutcome<u32>) {
        let context = &mut self.records[place(surface, duration_ms)];
        for record in [context, &mut self.surfaces[surface as usize], &mut self.all] {
            record.show();
            for &outcome in OutcomeName::ALL {
                record.count(outcome, outcomes[outcome.index()]);
            }
        }
    }

    /// The rate of an outcome over all exposures, in micro-units.
    pub(crate) fn average(&self, outcome: OutcomeName) -> i64 {
        self.all.rate(outcome, prior(outcome), CONTEXT_DOUBT)
    }

    /// The rates of an outcome on a surface by class of length, in micro-units.
    pub(crate) fn rates(&self, surface: Surface, outcome: OutcomeName) -> impl Iterator<Item = i64> {
        let there = self.surfaces[surface as usize].rate(outcome, self.average(outcome), CONTEXT_DOUBT);
        let first = surface as usize * LENGTHS;
        let records = self.records[first..first + LENGTHS].iter();
        records.map(move |record| record.rate(outcome, there, CONTEXT_DOUBT))
    }

    /// The log-odds of every outcome on a surface, by length, in units.
    pub(crate) fn log_odds(&self, surface: Surface) -> Vec<ByOutcome<f64>> {
        let there = by_outcome(|outcome| {
            self.surfaces[surface as usize].rate(outcome, self.average(outcome), CONTEXT_DOUBT)
        });
        let first = surface as usize * LENGTHS;
        let log_odds = |record: &Record| {
            by_outcome(|outcome| {
                let rate = record.rate(outcome, there[outcome.index()], CONTEXT_DOUBT);
                certain_logit(rate) as f64 / MICRO as f64
            })
        };
        self.records[first..first + LENGTHS].iter().map(log_odds).collect()
    }
}

/// What an outcome's rate is taken for before anything is known, in micro-units.
pub(crate) const fn prior(outcome: OutcomeName) -> i64 {
    match outcome {
        OutcomeName::Enjoyed => 300_000,
        OutcomeName::Completion => 450_000,
        OutcomeName::Like => 30_000,
        OutcomeName::Share | OutcomeName::Follow | OutcomeName::NotInterested => 5_000,
        OutcomeName::Skip => 300_000,
    }
}

fn place(surface: Surface, duration_ms: u32) -> usize {
    surface as usize * LENGTHS + length(duration_ms)
}

/// The class of a length.
pub(crate) fn length(duration_ms: u32) -> usize {
    // log2 of the square, so that half-powers count.
    let seconds = u64::from(duration_ms / 1_000) + 1;
    ((seconds * seconds).ilog2() as usize).min(LENGTHS - 1)
}

/// One value for every outcome.
pub(crate) fn by_outcome<T: Copy + Default>(value: impl Fn(OutcomeName) -> T) -> ByOutcome<T> {
    let mut values = [T::default(); OutcomeName::COUNT];
    for &outcome in OutcomeName::ALL {
        values[outcome.index()] = value(outcome);
    }
    values
}
