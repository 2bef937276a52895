//! Numbers that look random and are the same in every run: SplitMix64 (Steele, Lea, Flood 2014).

/// A generator. Copies go on alike.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// The sequence of this seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from((u128::from(self.bits()) * end as u128) >> 64).unwrap_or(0)
    }

    /// 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True so often out of a hundred.
    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// The gap to the next arrival of a Poisson process, in multiples of its mean.
    pub(crate) fn gap(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    /// A rank of a Zipf-like law (exponent 1): small ones far more often, 0 to below `end`.
    pub(crate) fn rank(&mut self, end: usize) -> usize {
        let rank = ((end as f64 + 1.0).powf(self.unit()) - 1.0) as usize;
        rank.min(end - 1)
    }

    /// An id such as clients make (UUID version 4).
    pub(crate) fn uuid(&mut self) -> uuid::Uuid {
        uuid::Builder::from_random_bytes(
            ((u128::from(self.bits()) << 64) | u128::from(self.bits())).to_be_bytes(),
        )
        .into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_have_the_mean_and_ranks_the_law() {
        let mut random = Random::new(1);
        let mean = (0..100_000).map(|_| random.gap()).sum::<f64>() / 100_000.0;
        assert!((0.98..1.02).contains(&mean), "{mean}");
        let ranks: Vec<usize> = (0..10_000).map(|_| random.rank(1000)).collect();
        assert!(ranks.iter().all(|rank| *rank < 1000));
        let first_ten = ranks.iter().filter(|rank| **rank < 10).count();
        assert!((3000..4000).contains(&first_ten), "{first_ten}");
    }
}
