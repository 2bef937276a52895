//! Fixed-point arithmetic: micro-units in `i64`, exponential decay and logarithms in integers.
//!
//! Invariant: nothing here overflows, panics or depends on the platform, whatever the arguments.

use serde::{Deserialize, Serialize};

/// One, in micro-units.
pub(crate) const MICRO: i64 = 1_000_000;

/// Masses never pass this, so that the sum of any two fits.
const MASS_MAX: i64 = 1 << 61;

/// Half-lives a decayed total may grow by before it is scaled back.
const GROWTH_MAX: i64 = 16;

/// 2^(i/256) for i in 0..=256, with 32 fractional bits.
const POWERS: [u64; 257] = powers();

const fn powers() -> [u64; 257] {
    // roots[k] = 2^(1/2^k) with 62 fractional bits, each the square root of the one before.
    let mut roots = [0_u128; 9];
    roots[0] = 2 << 62;
    let mut k = 1;
    while k < 9 {
        roots[k] = (roots[k - 1] << 62).isqrt();
        k += 1;
    }
    let mut table = [0; 257];
    let mut i = 0;
    while i <= 256 {
        let mut product = 1_u128 << 62;
        let mut bit = 0;
        while bit <= 8 {
            if i & (1 << bit) != 0 {
                product = (product * roots[8 - bit]) >> 62;
            }
            bit += 1;
        }
        table[i] = (product >> 30) as u64;
        i += 1;
    }
    table
}

/// 2^(fraction/65536) with 32 fractional bits, for a fraction of at most 65536.
fn power(fraction: u64) -> u64 {
    let fraction = fraction.min(65_536);
    let (index, rest) = ((fraction >> 8) as usize, fraction & 0xff);
    if index >= 256 {
        return POWERS[256];
    }
    POWERS[index] + (((POWERS[index + 1] - POWERS[index]) * rest) >> 8)
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// The product of two numbers in micro-units.
pub(crate) fn mul(a: i64, b: i64) -> i64 {
    match a.checked_mul(b) {
        // The usual case; division of 128 bits takes ten times as long.
        Some(product) => product / MICRO,
        None => clamp(i128::from(a) * i128::from(b) / i128::from(MICRO)),
    }
}

/// `part / whole` in micro-units; nothing of nothing is nothing.
pub(crate) fn ratio(part: i64, whole: i64) -> i64 {
    if whole <= 0 {
        return 0;
    }
    match part.checked_mul(MICRO) {
        Some(product) => product / whole,
        None => clamp(i128::from(part) * i128::from(MICRO) / i128::from(whole)),
    }
}

/// log2(1 + i/256) for i in 0..=256, in micro-units.
const LOGARITHMS: [i64; 257] = logarithms();

const fn logarithms() -> [i64; 257] {
    let mut table = [0; 257];
    let mut i = 0;
    while i < 256 {
        // The mantissa in [1, 2) with 31 fractional bits; squaring it yields the fraction bit by bit.
        let mut mantissa = (256 + i as u64) << 23;
        let mut fraction = 0_i64;
        let mut bit = 0;
        while bit < 30 {
            mantissa = (mantissa * mantissa) >> 31;
            fraction <<= 1;
            if mantissa >= 1 << 32 {
                mantissa >>= 1;
                fraction |= 1;
            }
            bit += 1;
        }
        table[i] = (fraction * MICRO) >> 30;
        i += 1;
    }
    table[256] = MICRO;
    table
}

/// The logarithm to base 2 of `value` (at least 1), in micro-units.
pub(crate) fn log2(value: u64) -> i64 {
    let value = value.max(1);
    let whole = value.ilog2();
    // The mantissa in [1, 2) with 31 fractional bits, of which 8 name the table's place and 23 what is between.
    let mantissa = if whole >= 31 { value >> (whole - 31) } else { value << (31 - whole) };
    let (index, rest) = ((mantissa >> 23 & 0xff) as usize, (mantissa & 0x7f_ffff).cast_signed());
    let between = ((LOGARITHMS[index + 1] - LOGARITHMS[index]) * rest) >> 23;
    i64::from(whole) * MICRO + LOGARITHMS[index] + between
}

/// `log2(1 + evidence)` in micro-units, for evidence in micro-units; none for negative evidence.
pub(crate) fn log2_1p(evidence: i64) -> i64 {
    let sum = evidence.max(0).saturating_add(MICRO).cast_unsigned();
    log2(sum) - log2(MICRO.cast_unsigned())
}

/// `rest / whole` in 1/65536, for a rest from 0 to below the whole.
fn part_of_65536(rest: i64, whole: i64) -> u64 {
    match rest.checked_mul(65_536) {
        Some(product) => (product / whole).cast_unsigned(),
        None => (i128::from(rest) * 65_536 / i128::from(whole)) as u64,
    }
}

/// `value` after `elapsed_ms`, halved once per half-life.
pub(crate) fn fade(value: u32, elapsed_ms: i64, half_life_ms: i64) -> u32 {
    if elapsed_ms <= 0 || value == 0 {
        return value;
    }
    let half_life_ms = half_life_ms.max(1);
    let (whole, rest) = (elapsed_ms / half_life_ms, elapsed_ms % half_life_ms);
    if whole >= 32 {
        return 0;
    }
    // 2^-x = 2^(1 - fraction) / 2^(whole + 1); whole is below 32, so all of it fits 128 bits.
    let fraction = part_of_65536(rest, half_life_ms);
    let faded = (u128::from(value) * u128::from(power(65_536 - fraction))) >> (33 + whole);
    u32::try_from(faded).unwrap_or(value)
}

/// Totals that decay with time, kept in an order that only events change.
///
/// Instead of shrinking every total as time passes, what is added grows: an event of evidence 1 adds `unit(now)`.
/// Two totals thus compare rightly at any moment without being touched. Before units grow too large, all totals
/// are divided by the same power of two: see [`Decay::advance`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decay {
    landmark_ms: i64,
    half_life_ms: i64,
}

impl Decay {
    pub(crate) fn new(half_life_ms: i64) -> Self {
        Self { landmark_ms: 0, half_life_ms: half_life_ms.max(1) }
    }

    /// Moves the landmark if time has run far ahead of it; the answer is by how many bits every total has to be
    /// shifted right.
    #[must_use]
    pub(crate) fn advance(&mut self, now_ms: i64) -> u32 {
        let halvings = now_ms.saturating_sub(self.landmark_ms) / self.half_life_ms;
        if halvings <= GROWTH_MAX {
            return 0;
        }
        self.landmark_ms = self.landmark_ms.saturating_add(halvings.saturating_mul(self.half_life_ms));
        u32::try_from(halvings.min(63)).unwrap_or(63)
    }

    /// The mass of evidence 1 at `now_ms`: 2^16 at the landmark, doubled once per half-life.
    pub(crate) fn unit(&self, now_ms: i64) -> i64 {
        let elapsed = now_ms.saturating_sub(self.landmark_ms).max(0);
        let whole = (elapsed / self.half_life_ms).min(40);
        let rest = elapsed % self.half_life_ms;
        let fraction = part_of_65536(rest, self.half_life_ms);
        ((power(fraction) >> 16) << whole).cast_signed()
    }

    /// The mass of evidence 1 at `now_ms` as a floating-point number: 1 at the landmark.
    pub(crate) fn unit_f32(&self, now_ms: i64) -> f32 {
        self.unit(now_ms) as f32 / 65_536.0
    }
}

/// The sum of two masses, held within 0 and the largest mass.
pub(crate) fn add_mass(a: i64, b: i64) -> i64 {
    a.saturating_add(b).clamp(0, MASS_MAX)
}

/// The natural logarithm of 2, in micro-units.
const LN_2: i64 = 693_147;
/// The logarithm of e to base 2, in micro-units.
const LOG2_E: i64 = 1_442_695;

/// The log-odds of a share in micro-units, in micro-units; held to within a millionth of either end.
pub(crate) fn logit(share: i64) -> i64 {
    let share = share.clamp(1, MICRO - 1).cast_unsigned();
    // A common factor keeps the logarithm's table exact to the last place.
    mul(log2(share << 20) - log2((MICRO.cast_unsigned() - share) << 20), LN_2)
}

/// The probability of log-odds in micro-units, in micro-units.
pub(crate) fn logistic(log_odds: i64) -> i64 {
    let halvings = mul(log_odds.unsigned_abs().min(40 * MICRO as u64).cast_signed(), LOG2_E).cast_unsigned();
    let (whole, rest) = (halvings / MICRO as u64, halvings % MICRO as u64);
    // 2^-x = 2^(1 - fraction) / 2^(whole + 1), with 32 fractional bits.
    let small = power(65_536 - rest * 65_536 / MICRO as u64) >> (whole + 1).min(63);
    let likelier = ((MICRO.cast_unsigned() << 32) / ((1 << 32) + small)).cast_signed();
    if log_odds < 0 { MICRO - likelier } else { likelier }
}

/// A number that looks random and is a function of its two arguments (SplitMix64's finaliser).
pub(crate) fn mix(seed: u64, salt: u64) -> u64 {
    let mut z = seed.wrapping_add(salt.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn agrees_with_floating_point() {
        for i in 0..=65_536_u64 {
            let exact = 2_f64.powf(i as f64 / 65_536.0);
            let got = power(i) as f64 / f64::from(2).powi(32);
            assert!((got - exact).abs() < 2e-6, "2^({i}/65536) = {exact}, got {got}");
        }
        for value in [1, 2, 3, 7, 1_000, 999_999, u64::from(u32::MAX), u64::MAX] {
            let exact = (value as f64).log2();
            assert!((log2(value) as f64 / 1e6 - exact).abs() < 1e-5, "log2({value})");
        }
        assert_eq!(log2_1p(MICRO), MICRO);
        assert_eq!(log2_1p(-5), 0);
    }

    #[test]
    fn log_odds_and_back() {
        for share in [1, 100, 3_000, 250_000, 500_000, 900_000, 999_000, 999_999] {
            let exact = (share as f64 / (MICRO - share) as f64).ln();
            assert!((logit(share) as f64 / 1e6 - exact).abs() < 3e-5, "{share}");
            assert!((logistic(logit(share)) - share).abs() < 20, "{share}");
        }
        assert_eq!((logistic(0), logit(MICRO / 2)), (MICRO / 2, 0));
        assert_eq!((logistic(i64::MAX), logistic(i64::MIN)), (MICRO, 0));
    }

    #[test]
    fn fading_halves_per_half_life() {
        assert_eq!(fade(1_000_000, 0, 10), 1_000_000);
        assert_eq!(fade(1_000_000, 10, 10), 500_000);
        assert_eq!(fade(1_000_000, 30, 10), 125_000);
        assert_eq!(fade(1_000_000, 5, 10), 707_106);
        assert_eq!(fade(1_000_000, i64::MAX, 10), 0);
        assert_eq!(fade(1_000_000, -1, 10), 1_000_000);
    }

    #[test]
    fn a_later_unit_weighs_more_until_all_are_scaled_back() {
        let mut decay = Decay::new(1_000);
        assert_eq!((decay.unit(0), decay.unit(2_000)), (1 << 16, 1 << 18));
        assert_eq!(decay.unit_f32(3_000), 8.0);
        assert_eq!(decay.advance(17_500), 17);
        // 17 half-lives were taken off and half of one is left.
        assert_eq!(decay.unit(17_500), (1 << 16) * 141_421 / 100_000);
    }

    proptest! {
        #[test]
        fn no_argument_breaks_it(a: i64, b: i64, c: u32, now: i64) {
            let _ = (mul(a, b), ratio(a, b), log2(a.cast_unsigned()), log2_1p(a), fade(c, a, b), logit(a), logistic(a));
            let mut decay = Decay::new(a);
            let _ = (decay.unit_f32(now), decay.advance(now), decay.unit(now));
        }

        #[test]
        fn later_evidence_weighs_more(half_life in 1_000_i64..1_000_000_000, at in 0_i64..1_000_000, later in 0_i64..1_000_000) {
            let decay = Decay::new(half_life);
            prop_assert!(decay.unit(at) <= decay.unit(at + later));
        }
    }
}
