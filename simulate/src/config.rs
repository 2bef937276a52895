//! How large a simulated cell is and how long it runs.

use serde::Serialize;

/// Milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;
/// Milliseconds of a day.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// The size of a run. Times count in days from the first session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Config {
    /// Viewers, those included who come later.
    pub viewers: usize,
    /// Creators.
    pub creators: usize,
    /// Videos at the beginning, published over the ten days before.
    pub videos_before: usize,
    /// Uploads per day.
    pub uploads_per_day: usize,
    /// Length of the run.
    pub days: i64,
    /// From this day on, sessions count: before it, every recommender learns from nothing.
    pub measured_from_day: i64,
    /// On this day, some viewers' tastes change at once.
    pub change_day: i64,
}

impl Config {
    /// What `cargo xtask simulate` runs.
    pub const FULL: Self = Self {
        viewers: 1_000,
        creators: 250,
        videos_before: 5_000,
        uploads_per_day: 150,
        days: 6,
        measured_from_day: 2,
        change_day: 3,
    };

    /// Seconds instead of minutes: what tests run. Too small for conclusions.
    pub const QUICK: Self = Self {
        viewers: 150,
        creators: 60,
        videos_before: 400,
        uploads_per_day: 50,
        days: 3,
        measured_from_day: 1,
        change_day: 2,
    };

    /// The end of the run.
    pub const fn end_ms(&self) -> i64 {
        self.days * DAY_MS
    }
    /// When sessions begin to count.
    pub const fn measured_from_ms(&self) -> i64 {
        self.measured_from_day * DAY_MS
    }
    /// When some viewers' tastes change.
    pub const fn change_ms(&self) -> i64 {
        self.change_day * DAY_MS
    }
}
