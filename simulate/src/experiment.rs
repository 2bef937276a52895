//! Every recommender in the same worlds.

use crate::chance::Key;
use crate::config::Config;
use crate::metrics::{Estimate, Recovery, quantile, recovery};
use crate::recommender::Kind;
use crate::run::{Outcome, RECOVERY_PART, RECOVERY_WINDOW, run};
use crate::world::World;
use anyhow::{Context as _, Result, anyhow};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Resamplings of the runs for the interval of the recovery.
const BOOTSTRAPS: u64 = 1_000;

/// What is compared, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The size of each run.
    pub config: Config,
    /// One world each.
    pub seeds: Vec<u64>,
    /// Which recommenders.
    pub kinds: Vec<Kind>,
}

/// What one recommender came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Contender {
    /// Which one.
    pub kind: Kind,
    /// One per seed, in the plan's order.
    pub outcomes: Vec<Outcome>,
}

/// A recovery over all runs, with the 95 % interval of a bootstrap over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct RecoveryEstimate {
    /// Of the mean curve.
    pub pooled: Recovery,
    /// Lower bound in swipes.
    pub low: usize,
    /// Upper bound in swipes: the swipes followed where it was not seen.
    pub high: usize,
}

impl Contender {
    /// A number of each run, as a mean with its interval.
    pub fn estimate(&self, value: impl Fn(&Outcome) -> f64) -> Estimate {
        Estimate::of(&self.outcomes.iter().map(value).collect::<Vec<_>>())
    }

    /// By how much a number of this recommender is above the other's in the same worlds.
    pub fn above(&self, other: &Self, value: impl Fn(&Outcome) -> f64) -> Estimate {
        let pairs = self.outcomes.iter().zip(&other.outcomes);
        Estimate::of(&pairs.map(|(own, other)| value(own) - value(other)).collect::<Vec<_>>())
    }

    /// The mean over runs of a curve, point by point.
    pub fn curve(&self, curve: impl Fn(&Outcome) -> &[f64]) -> Vec<f64> {
        mean_curve(&self.outcomes.iter().map(curve).collect::<Vec<_>>())
    }

    /// Swipes until 80 % of what a change of taste took is back. Resampled runs are the bootstrap's.
    pub fn recovery(&self) -> RecoveryEstimate {
        let lost: Vec<Vec<f64>> = self.outcomes.iter().map(Outcome::lost_curve).collect();
        let of = |curves: &[&[f64]]| recovery(0.0, &mean_curve(curves), RECOVERY_WINDOW, RECOVERY_PART);
        let all: Vec<&[f64]> = lost.iter().map(Vec::as_slice).collect();
        let mut swipes: Vec<usize> = (0..BOOTSTRAPS)
            .map(|round| {
                let key = Key::new(round);
                let drawn: Vec<&[f64]> =
                    (0..lost.len()).map(|n| all[key.with(n as u64).below(all.len())]).collect();
                match of(&drawn) {
                    Recovery::NoDrop => 0,
                    Recovery::After(swipes) | Recovery::NotWithin(swipes) => swipes,
                }
            })
            .collect();
        swipes.sort_unstable();
        RecoveryEstimate { pooled: of(&all), low: quantile(&swipes, 0.025), high: quantile(&swipes, 0.975) }
    }
}

fn mean_curve(curves: &[&[f64]]) -> Vec<f64> {
    let length = curves.iter().map(|curve| curve.len()).min().unwrap_or(0);
    let mean = |n: usize| curves.iter().map(|curve| curve[n]).sum::<f64>() / curves.len() as f64;
    (0..length).map(mean).collect()
}

/// Runs the whole plan on this many threads. The result does not depend on their number.
///
/// # Errors
/// Where a run fails; the first failure in the plan's order is told.
pub fn experiment(plan: &Plan, threads: usize, progress: impl Fn(&str) + Sync) -> Result<Vec<Contender>> {
    let jobs: Vec<(Kind, u64)> =
        plan.seeds.iter().flat_map(|&seed| plan.kinds.iter().map(move |&kind| (kind, seed))).collect();
    let work = |&(kind, seed): &(Kind, u64)| {
        let outcome = run(&World::new(plan.config, seed), kind);
        progress(&format!("seed {seed}, {} done", kind.title()));
        outcome
    };
    let mut outcomes = in_parallel(&jobs, threads, work)?.into_iter();
    let mut contenders: Vec<Contender> =
        plan.kinds.iter().map(|&kind| Contender { kind, outcomes: Vec::new() }).collect();
    for _ in &plan.seeds {
        for contender in &mut contenders {
            contender.outcomes.push(outcomes.next().context("a run is missing")??);
        }
    }
    Ok(contenders)
}

/// Does all jobs on this many threads; results come in the jobs' order.
pub(crate) fn in_parallel<J: Sync, T: Send>(
    jobs: &[J],
    threads: usize,
    work: impl Fn(&J) -> T + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<T>>> = Mutex::new(jobs.iter().map(|_| None).collect());
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, jobs.len().max(1)) {
            scope.spawn(|| {
                while let Some((place, job)) = Some(next.fetch_add(1, Ordering::Relaxed))
                    .and_then(|place| jobs.get(place).map(|job| (place, job)))
                {
                    let result = work(job);
                    if let Ok(mut results) = results.lock() {
                        results[place] = Some(result);
                    }
                }
            });
        }
    });
    let results = results.into_inner().map_err(|_| anyhow!("a worker thread stopped early"))?;
    results.into_iter().collect::<Option<Vec<T>>>().context("a worker thread stopped early")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_jobs() {
        let jobs: Vec<usize> = (0..50).collect();
        assert_eq!(in_parallel(&jobs, 3, |job| job * 2).unwrap(), (0..50).map(|n| n * 2).collect::<Vec<_>>());
        assert!(in_parallel(&[] as &[usize], 3, |job| *job).unwrap().is_empty());
    }

    #[test]
    fn mean_curves_are_means() {
        assert_eq!(mean_curve(&[&[1.0, 2.0], &[3.0, 4.0]]), [2.0, 3.0]);
        assert!(mean_curve(&[]).is_empty());
    }
}
