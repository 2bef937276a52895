//! Simulated viewers with hidden tastes drive the real recommender and the usual alternatives, side by side.
//!
//! A log of what some platform showed cannot tell what viewers would have done with other pages. A simulated cell can,
//! within its assumptions: `docs/simulation.md` says what they are and what this cannot show.
//!
//! Invariant: a run is a function of its configuration and seed. Every draw hangs on what it is for ([`chance`]), so all
//! recommenders meet the same viewers, videos and luck.

pub mod chance;
pub mod config;
pub mod experiment;
pub mod metrics;
pub mod mind;
pub mod plot;
pub mod recommender;
pub mod report;
pub mod run;
pub mod tune;
pub mod world;
