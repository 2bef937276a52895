//! What is predicted to come of showing a video: one logistic regression per outcome, learned online from every exposure,
//! those that came to nothing included.
//!
//! The features are few and named ([`crate::features`]); the weights begin as a sum of log-odds (context, video, viewer) that
//! needs no learning, and are corrected by AdaGrad (Duchi, Hazan, Singer 2011). Arithmetic is plain IEEE in the log's order.

use crate::features::{FEATURES, Features};
use crate::fixed::{MICRO, logistic};
use crate::rates::{ByOutcome, WHOLE};
use crate::registry::OutcomeName;
use serde::{Deserialize, Serialize};

/// The length of a step before AdaGrad shortens it.
const STEP: f64 = 0.1;
/// Log-odds are held within this, in units.
const LOG_ODDS_MAX: f64 = 12.0;

/// The weights of all outcomes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcomes {
    weights: ByOutcome<[f64; FEATURES]>,
    /// Sums of squared gradients.
    squares: ByOutcome<[f64; FEATURES]>,
}

impl Default for Outcomes {
    fn default() -> Self {
        // Context, video and viewer add up; what else there is has to prove itself.
        let mut weights = [0.0; FEATURES];
        weights[1..4].fill(1.0);
        Self { weights: [weights; OutcomeName::COUNT], squares: [[1.0; FEATURES]; OutcomeName::COUNT] }
    }
}

impl Outcomes {
    /// The probability of an outcome in micro-units.
    pub(crate) fn predict(&self, outcome: OutcomeName, features: &Features) -> i64 {
        let weights = &self.weights[outcome.index()];
        // One by one, in this order: the sum must not depend on how a compiler arranges it.
        let mut sum = 0.0;
        for (weight, value) in weights.iter().zip(features.of(outcome)) {
            sum += weight * value;
        }
        likely(sum)
    }

    /// The same for all outcomes at once.
    pub(crate) fn predict_all(&self, features: &Features) -> ByOutcome<i64> {
        let mut sums = ByOutcome::default();
        for feature in 0..FEATURES {
            let values = features.values(feature);
            for at in 0..OutcomeName::COUNT {
                sums[at] += self.weights[at][feature] * values[at];
            }
        }
        sums.map(likely)
    }

    /// Learns what came of an exposure, in hundredths.
    pub(crate) fn learn(&mut self, outcome: OutcomeName, features: &Features, hundredths: u32) {
        let happened = f64::from(hundredths) / WHOLE as f64;
        let error = self.predict(outcome, features) as f64 / MICRO as f64 - happened;
        let weights = &mut self.weights[outcome.index()];
        let squares = &mut self.squares[outcome.index()];
        for ((weight, square), value) in weights.iter_mut().zip(squares).zip(features.of(outcome)) {
            let gradient = error * value;
            *square += gradient * gradient;
            *weight -= STEP * gradient / square.sqrt();
        }
    }
}

/// The probability of log-odds in units, in micro-units.
fn likely(log_odds: f64) -> i64 {
    logistic((log_odds.clamp(-LOG_ODDS_MAX, LOG_ODDS_MAX) * MICRO as f64) as i64)
}
