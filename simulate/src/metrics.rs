//! Numbers made of numbers: intervals, concentration, recovery.

use serde::Serialize;

/// A mean over independent runs and half the width of its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Student's t interval at 95 %: the mean lies within plus or minus this. Infinite for one run.
    pub half_width: f64,
}

impl Estimate {
    /// Of one value per run. Nothing at all gives 0 with an infinite interval.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count.max(1.0);
        if values.len() < 2 {
            return Self { mean, half_width: f64::INFINITY };
        }
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Self { mean, half_width: t_quantile(values.len() - 1) * (variance / count).sqrt() }
    }

    /// Above 0 with its whole interval.
    pub fn is_positive(&self) -> bool {
        self.mean - self.half_width > 0.0
    }
    /// Below 0 with its whole interval.
    pub fn is_negative(&self) -> bool {
        self.mean + self.half_width < 0.0
    }
}

/// The 97.5 % quantile of Student's t distribution, from the usual table; beyond it the next lower row, which is wider.
fn t_quantile(degrees: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
        2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048,
        2.045, 2.042,
    ];
    TABLE[degrees.clamp(1, TABLE.len()) - 1]
}

/// The value at a part of a sorted list, by the nearest rank; 0 of an empty one.
pub fn quantile(sorted: &[usize], part: f64) -> usize {
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(0)
}

/// Gini coefficient: 0 when all have the same, near 1 when one has everything. 0 for nobody and for nothing.
pub fn gini(shares: &[u64]) -> f64 {
    let mut sorted = shares.to_vec();
    sorted.sort_unstable();
    let count = sorted.len() as f64;
    let total = sorted.iter().sum::<u64>() as f64;
    if total == 0.0 {
        return 0.0;
    }
    let weighted: f64 = sorted.iter().zip(1_u32..).map(|(&share, rank)| f64::from(rank) * share as f64).sum();
    2.0 * weighted / (count * total) - (count + 1.0) / count
}

/// How long it took to get back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// There was no drop to recover from.
    NoDrop,
    /// After so many swipes.
    After(usize),
    /// Not within the swipes followed.
    NotWithin(usize),
}

/// Drops below this are taken for noise.
pub const DROP_MIN: f64 = 0.04;

/// When a curve, averaged over the last `window` values, has made up `part` of what it fell: from `before` to the mean
/// of its first `window` values.
pub fn recovery(before: f64, curve: &[f64], window: usize, part: f64) -> Recovery {
    let window = window.max(1);
    if curve.len() < window {
        return Recovery::NotWithin(curve.len());
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let fallen = mean(&curve[..window]);
    let drop = before - fallen;
    if drop < DROP_MIN {
        return Recovery::NoDrop;
    }
    let enough = fallen + part * drop;
    let back = curve.windows(window).position(|values| mean(values) >= enough - 1e-12);
    back.map_or(Recovery::NotWithin(curve.len()), |place| Recovery::After(place + window))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gini_of_known_shares() {
        let check = |shares: &[u64], expected: f64| {
            assert!((gini(shares) - expected).abs() < 1e-12, "{shares:?}: {}", gini(shares));
        };
        check(&[], 0.0);
        check(&[0, 0], 0.0);
        check(&[5, 5, 5, 5], 0.0);
        check(&[0, 0, 0, 8], 0.75);
        check(&[1, 3], 0.25);
        // Half the mean absolute difference over the mean: (1+2+3+1+2+1) * 2 / (2 * 16 * 2.5).
        check(&[4, 2, 3, 1], 0.25);
    }

    #[test]
    fn recovery_of_known_curves() {
        let flat = |from: f64, len: usize| vec![from; len];
        assert_eq!(recovery(0.5, &flat(0.5, 50), 10, 0.8), Recovery::NoDrop);
        assert_eq!(recovery(0.5, &flat(0.2, 50), 10, 0.8), Recovery::NotWithin(50));
        assert_eq!(recovery(0.5, &flat(0.2, 5), 10, 0.8), Recovery::NotWithin(5));
        // Falls to 0.2, steps back to 0.5 at swipe 20: a window of 10 reaches 0.44 with its eighth good value.
        let step = [flat(0.2, 20), flat(0.5, 20)].concat();
        assert_eq!(recovery(0.5, &step, 10, 0.8), Recovery::After(28));
        assert_eq!(recovery(0.5, &step, 1, 0.8), Recovery::After(21));
        assert_eq!(recovery(0.5, &step, 10, 1.0), Recovery::After(30));
    }

    #[test]
    fn quantiles_of_known_lists() {
        let list: Vec<usize> = (1..=100).collect();
        assert_eq!((quantile(&list, 0.025), quantile(&list, 0.5), quantile(&list, 1.0)), (3, 50, 100));
        assert_eq!((quantile(&[7], 0.0), quantile(&[], 0.5)), (7, 0));
    }

    #[test]
    fn intervals_of_known_samples() {
        let estimate = Estimate::of(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert!((estimate.mean - 3.0).abs() < 1e-12);
        // t(4) = 2.776, standard error sqrt(2.5 / 5).
        assert!((estimate.half_width - 2.776 * 0.5_f64.sqrt()).abs() < 1e-9);
        assert!(estimate.is_positive() && !estimate.is_negative());
        assert!(Estimate::of(&[1.0]).half_width.is_infinite());
        assert!(!Estimate::of(&[]).is_positive());
    }

    proptest! {
        #[test]
        fn gini_is_a_share_and_knows_neither_order_nor_scale(mut shares in prop::collection::vec(0_u64..1_000, 1..50)) {
            let before = gini(&shares);
            prop_assert!((-1e-12..1.0).contains(&before));
            shares.reverse();
            prop_assert!((gini(&shares) - before).abs() < 1e-9);
            shares.iter_mut().for_each(|share| *share *= 3);
            prop_assert!((gini(&shares) - before).abs() < 1e-9);
        }

        #[test]
        fn giving_to_the_poorest_lowers_gini(mut shares in prop::collection::vec(0_u64..1_000, 2..50)) {
            shares.sort_unstable();
            prop_assume!(shares[0] + 2 <= shares[shares.len() - 1]);
            let before = gini(&shares);
            let last = shares.len() - 1;
            shares[last] -= 1;
            shares[0] += 1;
            prop_assert!(gini(&shares) < before);
        }

        #[test]
        fn asking_for_more_recovery_never_takes_fewer_swipes(curve in prop::collection::vec(0.0..1.0, 20..80)) {
            let swipes = |part| match recovery(1.0, &curve, 5, part) {
                Recovery::NoDrop => 0,
                Recovery::After(swipes) => swipes,
                Recovery::NotWithin(_) => usize::MAX,
            };
            prop_assert!(swipes(0.5) <= swipes(0.8) && swipes(0.8) <= swipes(1.0));
        }
    }
}
