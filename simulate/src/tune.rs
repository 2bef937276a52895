//! Tuning of the baselines: a random search in the simulator itself, on worlds of its own.
//!
//! The baselines are fitted to this very world; Takt is not, it runs its default policy. If that favours anybody, it is
//! the baselines.

use crate::chance::Key;
use crate::config::Config;
use crate::experiment::in_parallel;
use crate::metrics::Estimate;
use crate::recommender::{
    Factorisation, FactorisationRules, Formula, FormulaRules, NeighbourRules, Neighbours, Popularity,
    PopularityRules, Recommender, Spread,
};
use crate::run::run_with;
use crate::world::World;
use anyhow::Result;
use std::fmt::Write as _;

/// One set of parameters of one baseline.
#[derive(Debug, Clone, Copy)]
enum Rules {
    Popularity(PopularityRules),
    Formula(FormulaRules),
    Neighbours(NeighbourRules),
    Factorisation(FactorisationRules),
}

impl Rules {
    fn start(self) -> Box<dyn Recommender> {
        match self {
            Self::Popularity(rules) => Box::new(Popularity::new(rules)),
            Self::Formula(rules) => Box::new(Formula::new(rules)),
            Self::Neighbours(rules) => Box::new(Neighbours::new(rules)),
            Self::Factorisation(rules) => Box::new(Factorisation::new(rules)),
        }
    }
}

/// Tries so many sets of parameters for each baseline, the shipped one first, and lists them by satisfied watch time per
/// session.
///
/// # Errors
/// Where a run fails.
pub fn tune(config: Config, seeds: &[u64], tries: usize, threads: usize) -> Result<String> {
    let mut text = String::new();
    for (place, draw) in [popularity, formula, neighbours, factorisation].into_iter().enumerate() {
        let key = Key::new(place as u64);
        let sets: Vec<Rules> = (0..tries.max(1) as u64)
            .map(|n| if n == 0 { draw(None) } else { draw(Some(key.with(n))) })
            .collect();
        let jobs: Vec<(Rules, u64)> =
            sets.iter().flat_map(|&rules| seeds.iter().map(move |&seed| (rules, seed))).collect();
        let results = in_parallel(&jobs, threads, |&(rules, seed)| {
            run_with(&World::new(config, seed), rules.start().as_mut())
                .map(|outcome| outcome.satisfied_s_per_session)
        })?;
        let results = results.into_iter().collect::<Result<Vec<f64>>>()?;
        let mut ranked: Vec<(f64, Rules)> = results
            .chunks(seeds.len().max(1))
            .zip(sets)
            .map(|(values, rules)| (Estimate::of(values).mean, rules))
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (seconds, rules) in ranked {
            let _ = writeln!(text, "{seconds:7.1} s  {rules:?}");
        }
    }
    Ok(text)
}

/// One of these values.
fn pick<T: Copy, const N: usize>(key: Key, place: u64, values: [T; N]) -> T {
    values[key.with(place).below(N)]
}

fn spread(key: Key) -> Spread {
    Spread { exploration: pick(key, 100, [0.0, 0.05, 0.1, 0.2]), per_creator: pick(key, 101, [1, 1, 2, 6]) }
}

fn popularity(key: Option<Key>) -> Rules {
    Rules::Popularity(key.map_or(PopularityRules::TUNED, |key| PopularityRules {
        half_life_hours: pick(key, 0, [6.0, 12.0, 24.0, 48.0, 96.0, 1_000.0]),
        by_share: pick(key, 1, [0.0, 0.5, 0.8, 1.0]),
        prior: pick(key, 2, [2.0, 5.0, 10.0, 20.0, 50.0]),
        spread: spread(key),
    }))
}

fn formula(key: Option<Key>) -> Rules {
    Rules::Formula(key.map_or(FormulaRules::TUNED, |key| FormulaRules {
        likes: pick(key, 0, [0.0, 0.01, 0.03, 0.1, 0.3]),
        positives: pick(key, 1, [0.0, 0.5, 1.0, 2.0, 4.0]),
        age: pick(key, 2, [0.0, 0.05, 0.1, 0.3, 1.0]),
        age_half_life_hours: pick(key, 3, [6.0, 24.0, 72.0]),
        tags: pick(key, 4, [0.1, 0.2, 0.4, 0.8, 1.5]),
        creator: pick(key, 5, [0.0, 0.3, 1.0, 3.0]),
        recent: pick(key, 6, [20, 50, 100, 200]),
        spread: spread(key),
    }))
}

fn neighbours(key: Option<Key>) -> Rules {
    Rules::Neighbours(key.map_or(NeighbourRules::TUNED, |key| NeighbourRules {
        recent: pick(key, 0, [10, 20, 30, 60, 100]),
        forgetting: pick(key, 1, [0.9, 0.95, 0.98, 1.0]),
        shrink: pick(key, 2, [1.0, 3.0, 10.0, 30.0, 100.0]),
        popularity: pick(key, 3, [0.0, 0.3, 1.0, 3.0, 10.0]),
        spread: spread(key),
    }))
}

fn factorisation(key: Option<Key>) -> Rules {
    Rules::Factorisation(key.map_or(FactorisationRules::TUNED, |key| FactorisationRules {
        shown: pick(key, 0, [0.1, 0.3, 0.5, 1.0]),
        unknown: pick(key, 1, [0.0, 0.003, 0.01, 0.03]),
        penalty: pick(key, 2, [0.01, 0.03, 0.1, 0.3]),
        half_life_hours: pick(key, 3, [24.0, 48.0, 96.0, 1_000.0]),
        popularity: pick(key, 4, [0.0, 0.3, 0.6, 1.0, 2.0]),
        spread: spread(key),
    }))
}
