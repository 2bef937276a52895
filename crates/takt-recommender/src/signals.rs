//! How far each signal is believed: weights learned from what viewers come to like.
//!
//! Every signal says for each video how much more, or less, of the viewer's next likes it expects there than a draw would
//! give, as a logarithm. The logarithms, each times its weight, are added up: a product of experts (Hinton 2002). The
//! weights follow the likes by multinomial logistic regression: when a viewer likes a video, the weights of the signals
//! that set it apart from the others the viewer could have met grow (AdaGrad: Duchi, Hazan, Singer 2011).
//! Weights are kept apart by how much is known about the viewer, so that a stranger gets what is popular and a regular
//! what is theirs.
//!
//! Invariant: only likes teach. A video that was merely shown moves no weight, and none is below zero: what a signal
//! says for a video never speaks against it.

use crate::fixed::MICRO;
use crate::registry::TermName;
use serde::{Deserialize, Serialize};

/// How many signals there are.
pub(crate) const SIGNALS: usize = 10;

/// What leads to a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Liked by those who liked the viewer's latest videos.
    CoWatch = 0,
    /// Liked soon after the viewer's latest videos.
    Next = 1,
    /// Reached over two steps of a random walk from the viewer's videos.
    Walk = 2,
    /// Liked soon after the very last one; those after it, the one before that and the three before these.
    AfterLast = 3,
    /// Liked by many in the last hours; those after it, in the last days and weeks.
    Trending = 6,
    /// Its learned vector lies in the direction of the viewer's: see [`crate::vectors`].
    Embedding = 9,
}

/// How many signals are sums over connections: the first ones.
pub(crate) const PATHS: usize = Signal::Trending as usize;

/// The term that each signal's part of the score is.
pub(crate) const SIGNAL_TERMS: [TermName; SIGNALS] = [
    TermName::CoWatch,
    TermName::Next,
    TermName::Walk,
    TermName::AfterLast,
    TermName::AfterSecond,
    TermName::AfterEarlier,
    TermName::Trending,
    TermName::Popularity,
    TermName::Lasting,
    TermName::Embedding,
];

/// Weights by signal.
pub(crate) type BySignal = [f32; SIGNALS];
/// Logarithms to base 2 by signal, in micro-units.
pub(crate) type Logarithms = [i64; SIGNALS];

/// How many classes of viewers have weights of their own.
const CLASSES: usize = 4;
/// The length of a step before AdaGrad shortens it.
const STEP: f32 = 0.05;
/// Squared gradients that every weight is taken to have had.
const SQUARES: f32 = 1.0;
/// No weight passes this.
const WEIGHT_MAX: f32 = 4.0;

/// A video that the viewer could have liked instead, or the one they did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rival {
    pub(crate) logarithms: Logarithms,
    /// For how many videos like it it stands.
    pub(crate) weight: f32,
}

/// The weights, and the squared gradients they have had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SignalWeights {
    weights: [BySignal; CLASSES],
    squares: [BySignal; CLASSES],
}

impl Default for SignalWeights {
    fn default() -> Self {
        Self {
            weights: [
                [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.35, 0.4, 0.4, 0.0],
                [0.1, 0.2, 1.2, 0.2, 0.2, 0.2, 0.1, 0.1, 0.45, 0.5],
                [0.1, 0.2, 1.1, 0.2, 0.2, 0.2, 0.1, 0.1, 0.45, 0.5],
                [0.9, 0.5, 0.4, 0.35, 0.4, 0.45, 0.4, 0.4, 0.05, 0.85],
            ],
            squares: [[SQUARES; SIGNALS]; CLASSES],
        }
    }
}

impl SignalWeights {
    /// The weights for a viewer with so many liked videos.
    pub(crate) fn of(&self, liked: usize) -> &BySignal {
        &self.weights[class(liked)]
    }

    /// A viewer with so many liked videos liked one; `rivals` are what they could have liked, that one included.
    pub(crate) fn learn(&mut self, liked: usize, chosen: &Logarithms, rivals: &[Rival]) {
        let weights = &mut self.weights[class(liked)];
        let score = |logarithms: &Logarithms| {
            let mut score = 0.0_f32;
            for (weight, &logarithm) in weights.iter().zip(logarithms) {
                score += weight * unit(logarithm);
            }
            score
        };
        let scores: Vec<f32> = rivals.iter().map(|rival| score(&rival.logarithms)).collect();
        let highest = scores.iter().copied().fold(f32::MIN, f32::max);
        let (mut total, mut expected) = (0.0_f32, [0.0_f32; SIGNALS]);
        for (rival, score) in rivals.iter().zip(scores) {
            let likely = rival.weight * exp2(score - highest);
            total += likely;
            for (sum, &logarithm) in expected.iter_mut().zip(&rival.logarithms) {
                *sum += likely * unit(logarithm);
            }
        }
        if total <= 0.0 {
            return;
        }
        let squares = &mut self.squares[class(liked)];
        for signal in 0..SIGNALS {
            let gradient = unit(chosen[signal]) - expected[signal] / total;
            squares[signal] += gradient * gradient;
            let step = STEP * gradient / squares[signal].sqrt();
            weights[signal] = (weights[signal] + step).clamp(0.0, WEIGHT_MAX);
        }
    }
}

fn unit(micro: i64) -> f32 {
    micro as f32 / MICRO as f32
}

/// 2 to the power of `x`, to about one in a hundred thousand: additions and multiplications of IEEE 754 alone, so that it is the
/// same everywhere. 0 below the smallest normal number, the largest power above.
pub(crate) fn exp2(x: f32) -> f32 {
    if x < -126.0 {
        return 0.0;
    }
    let whole = x.min(127.0).floor();
    let rest = (x.min(127.0) - whole) * std::f32::consts::LN_2;
    // The exponential series: the rest is below 0.7.
    let mut sum = 1.0_f32;
    for n in (1_u8..=6).rev() {
        sum = 1.0 + sum * rest / f32::from(n);
    }
    sum * f32::from_bits(((whole as i32 + 127) as u32) << 23)
}

const fn class(liked: usize) -> usize {
    match liked {
        0 => 0,
        1..=2 => 1,
        3..=9 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two() {
        for x in [-200.0, -126.5, -20.3, -1.0, -0.5, 0.0, 0.1, 0.999, 1.0, 12.7, 127.0_f32] {
            let exact = if x < -126.0 { 0.0 } else { x.exp2() };
            assert!((exp2(x) - exact).abs() <= exact * 1e-5, "2^{x} = {exact}, got {}", exp2(x));
        }
        assert!(exp2(1e9).is_finite());
    }

    #[test]
    fn what_sets_the_liked_apart_gains() {
        let mut weights = SignalWeights::default();
        let before = *weights.of(20);
        let mut liked = [0; SIGNALS];
        liked[Signal::Walk as usize] = 3 * MICRO;
        let mut other = [0; SIGNALS];
        other[Signal::CoWatch as usize] = 3 * MICRO;
        let rivals = [Rival { logarithms: liked, weight: 1.0 }, Rival { logarithms: other, weight: 1.0 }];
        for _ in 0..1_000 {
            weights.learn(20, &liked, &rivals);
        }
        let after = weights.of(20);
        assert!(after[Signal::Walk as usize] > before[Signal::Walk as usize]);
        assert_eq!(after[Signal::CoWatch as usize], 0.0);
        assert_eq!(after[Signal::Next as usize], before[Signal::Next as usize]);
        assert_eq!(weights.of(0), SignalWeights::default().of(0));
    }
}
