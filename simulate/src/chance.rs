//! Draws that depend on what they are for, not on what was drawn before.
//!
//! Every draw hangs on a key: the seed of the run, a purpose, a viewer, a video. Two recommenders that show the same
//! video to the same viewer meet the same luck, however different the rest of their runs was (common random numbers).

use std::f64::consts::TAU;

/// A place in the tree of draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(u64);

impl Key {
    /// The root of a run.
    pub const fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x7461_6b74_7369_6d31))
    }

    /// The branch with this number.
    #[must_use]
    pub const fn with(self, number: u64) -> Self {
        Self(mix(self.0 ^ mix(number.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }

    /// 64 bits.
    pub const fn bits(self) -> u64 {
        mix(self.0)
    }

    /// 0 to below 1.
    pub const fn unit(self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with this probability.
    pub const fn happens(self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// 0 to below `end`, which is not 0.
    pub const fn below(self, end: usize) -> usize {
        ((self.bits() as u128 * end as u128) >> 64) as usize
    }

    /// Standard normal (Box and Muller 1958).
    pub fn normal(self) -> f64 {
        let radius = (-2.0 * (1.0 - self.with(1).unit()).ln()).sqrt();
        radius * (TAU * self.with(2).unit()).cos()
    }

    /// Exponential with mean 1.
    pub fn exponential(self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    /// A place in `weights`, each as likely as its part of their sum; the last one if they are all 0.
    pub fn choose(self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (place, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return place;
            }
        }
        weights.len().saturating_sub(1)
    }
}

/// SplitMix64's finaliser (Steele, Lea and Flood 2014).
const fn mix(bits: u64) -> u64 {
    let mut z = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_their_laws() {
        let keys: Vec<Key> = (0..100_000).map(|n| Key::new(3).with(n)).collect();
        let mean = |draw: &dyn Fn(Key) -> f64| keys.iter().map(|&key| draw(key)).sum::<f64>() / 1e5;
        assert!((mean(&Key::unit) - 0.5).abs() < 0.005);
        assert!(mean(&Key::normal).abs() < 0.01);
        assert!((mean(&|key| key.normal().powi(2)) - 1.0).abs() < 0.02);
        assert!((mean(&Key::exponential) - 1.0).abs() < 0.02);
        assert!((mean(&|key| key.choose(&[1.0, 0.0, 3.0]) as f64) - 1.5).abs() < 0.02);
    }

    #[test]
    fn a_draw_depends_on_its_key_alone() {
        let key = Key::new(1).with(2);
        assert_eq!(key.with(3).unit(), Key::new(1).with(2).with(3).unit());
        assert_ne!(key.with(3).bits(), key.with(4).bits());
        assert_ne!(key.with(3).bits(), Key::new(2).with(2).with(3).bits());
        assert_ne!(Key::new(1).with(2).with(3).bits(), Key::new(1).with(3).with(2).bits());
    }
}
