//! The simulator as a whole, small: what has to hold in every world, whatever the numbers.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use anyhow::Result;
use takt_simulate::config::Config;
use takt_simulate::experiment::{Contender, Plan, experiment};
use takt_simulate::recommender::{Ask, Feedback, Kind, Recommender};
use takt_simulate::run::run_with;
use takt_simulate::world::{Facts, World};
use takt_simulate::{plot, report};

fn run(seeds: &[u64], kinds: &[Kind], threads: usize) -> (Plan, Vec<Contender>) {
    let plan = Plan { config: Config::QUICK, seeds: seeds.to_vec(), kinds: kinds.to_vec() };
    let contenders = experiment(&plan, threads, |_| ()).unwrap();
    (plan, contenders)
}

#[test]
fn takt_beats_the_newest_first_and_nobody_repeats() {
    let (plan, contenders) = run(&[1, 2, 3, 4], &Kind::ALL, 2);
    for contender in &contenders {
        for outcome in &contender.outcomes {
            assert_eq!(outcome.repeats, 0, "{}", contender.kind.title());
            assert!(outcome.feedback.impressions > 5_000, "{}: {outcome:?}", contender.kind.title());
        }
    }
    let of = |kind| contenders.iter().find(|contender| contender.kind == kind).unwrap();
    let (newest, takt, oracle) = (of(Kind::Chronological), of(Kind::Takt), of(Kind::Oracle));
    let satisfied = takt.above(newest, |run| run.satisfied_share);
    assert!(satisfied.is_positive(), "{satisfied:?}");
    // Nobody can do better than knowing everything: else the world leaks, or the yardstick is wrong.
    for other in contenders.iter().filter(|contender| contender.kind != Kind::Oracle) {
        let headroom = oracle.above(other, |run| run.satisfied_share);
        assert!(headroom.is_positive(), "{}: {headroom:?}", other.kind.title());
    }
    for text in [report::markdown(&plan, &contenders), report::json(&plan, &contenders).to_string()] {
        assert!(!text.contains("NaN") && !text.contains("inf") && !text.contains("null"), "{text}");
    }
    for (name, svg) in plot::plots(&contenders) {
        assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"), "{name}: {svg}");
        assert!(svg.contains(">Takt<"), "{name}");
    }
}

#[test]
fn the_same_seeds_give_the_same_bytes_on_any_number_of_threads() {
    let json = |threads| {
        let (plan, contenders) = run(&[7, 8], &Kind::ALL, threads);
        report::json(&plan, &contenders).to_string()
    };
    let once = json(1);
    assert_eq!(once, json(2));
    let (plan, others) = run(&[8, 9], &Kind::ALL, 2);
    assert_ne!(once, report::json(&plan, &others).to_string());
}

/// Shows everybody the first videos, over and over.
struct Stubborn;

impl Recommender for Stubborn {
    fn publish(&mut self, _facts: &Facts) -> Result<()> {
        Ok(())
    }
    fn shown(&mut self, _now_ms: i64, _viewer: u32, _video: u32) -> Result<()> {
        Ok(())
    }
    fn watched(&mut self, _now_ms: i64, _feedback: &Feedback) -> Result<()> {
        Ok(())
    }
    fn hour(&mut self, _now_ms: i64) {}
    fn page(&mut self, ask: &Ask<'_>) -> Result<Vec<u32>> {
        Ok((0..ask.limit as u32).collect())
    }
}

#[test]
fn repeats_and_concentration_are_seen() {
    let world = World::new(Config::QUICK, 1);
    let outcome = run_with(&world, &mut Stubborn).unwrap();
    // All but the first six of everybody's videos are repeats.
    assert!(outcome.repeats > 5_000, "{outcome:?}");
    assert!(outcome.creator_gini > 0.85, "{outcome:?}");
    assert_eq!(outcome.found_share, 0.0);
}

/// Shows a video that has not been published yet.
struct Prophet;

impl Recommender for Prophet {
    fn publish(&mut self, _facts: &Facts) -> Result<()> {
        Ok(())
    }
    fn shown(&mut self, _now_ms: i64, _viewer: u32, _video: u32) -> Result<()> {
        Ok(())
    }
    fn watched(&mut self, _now_ms: i64, _feedback: &Feedback) -> Result<()> {
        Ok(())
    }
    fn hour(&mut self, _now_ms: i64) {}
    fn page(&mut self, _ask: &Ask<'_>) -> Result<Vec<u32>> {
        Ok(vec![(Config::QUICK.videos_before + 140) as u32])
    }
}

#[test]
fn videos_from_the_future_are_refused() {
    let world = World::new(Config::QUICK, 1);
    let error = run_with(&world, &mut Prophet).unwrap_err().to_string();
    assert!(error.contains("from the future"), "{error}");
}
