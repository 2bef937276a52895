//! How far each signal is believed: a mixture whose weights are learned from what viewers come to like.
//!
//! Every signal says for each video how large a share of the viewer's next likes it expects there. When a viewer likes a
//! video, the signals that expected it gain weight at the expense of those that did not: one step of
//! expectation-maximisation for mixture weights (Dempster, Laird, Rubin 1977; online form of Cappé, Moulines 2009).
//! Weights are kept apart by how much is known about the viewer, so that a stranger gets what is popular and a regular
//! what is theirs.
//!
//! Invariant: only likes teach. A video that was merely shown moves no weight.

use crate::registry::TermName;
use serde::{Deserialize, Serialize};

/// How many signals there are.
pub(crate) const SIGNALS: usize = 6;

/// What leads to a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Liked by those who liked the viewer's latest videos.
    CoWatch = 0,
    /// Liked soon after the viewer's latest videos.
    Next = 1,
    /// Reached over two steps of a random walk from the viewer's videos.
    Walk = 2,
    /// Liked by many in the last hours; those after it, in the last days and weeks.
    Trending = 3,
}

/// The term that each signal's part of the score is.
pub(crate) const SIGNAL_TERMS: [TermName; SIGNALS] = [
    TermName::CoWatch,
    TermName::Next,
    TermName::Walk,
    TermName::Trending,
    TermName::Popularity,
    TermName::Lasting,
];

/// Weights or shares, by signal.
pub(crate) type BySignal = [f32; SIGNALS];

/// How many classes of viewers have weights of their own.
const CLASSES: usize = 4;
/// What one like changes.
const RATE: f32 = 0.02;
/// No signal is given up: it may become useful again.
const LEAST: f32 = 0.002;
/// A like that no signal expected says nothing about which of them to believe.
const SHARE_MIN: f32 = 1e-12;

/// The weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Gate {
    weights: [BySignal; CLASSES],
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            weights: [
                [0.01, 0.01, 0.01, 0.25, 0.32, 0.4],
                [0.3, 0.12, 0.3, 0.12, 0.08, 0.08],
                [0.4, 0.2, 0.2, 0.12, 0.05, 0.03],
                [0.5, 0.2, 0.05, 0.2, 0.03, 0.02],
            ],
        }
    }
}

impl Gate {
    /// The weights for a viewer with so many liked videos. They sum to about 1.
    pub(crate) fn weights(&self, liked: usize) -> &BySignal {
        &self.weights[class(liked)]
    }

    /// A viewer with so many liked videos liked one in which the signals had seen these shares.
    pub(crate) fn learn(&mut self, liked: usize, shares: &BySignal) {
        let weights = &mut self.weights[class(liked)];
        let mut expected = *weights;
        let mut total = 0.0;
        for (part, share) in expected.iter_mut().zip(shares) {
            *part *= share;
            total += *part;
        }
        if total < SHARE_MIN {
            return;
        }
        for (weight, part) in weights.iter_mut().zip(expected) {
            *weight = (*weight + RATE * (part / total - *weight)).max(LEAST);
        }
    }
}

const fn class(liked: usize) -> usize {
    match liked {
        0 => 0,
        1..=2 => 1,
        3..=9 => 2,
        _ => 3,
    }
}
