//! Copies of videos: the same thing published again. Who has met one of a family need not meet the others.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Which videos are copies of which, by number. A family is an original and all its copies.
///
/// A removed video stays in its family: who had seen it has still seen the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<u32, u32>", into = "BTreeMap<u32, u32>")]
pub(crate) struct Copies {
    /// By copy, its original.
    originals: BTreeMap<u32, u32>,
    /// By original, its copies. A function of the above.
    copies: BTreeMap<u32, BTreeSet<u32>>,
}

impl From<BTreeMap<u32, u32>> for Copies {
    fn from(originals: BTreeMap<u32, u32>) -> Self {
        let mut copies = BTreeMap::<u32, BTreeSet<u32>>::new();
        for (&copy, &original) in &originals {
            copies.entry(original).or_default().insert(copy);
        }
        Self { originals, copies }
    }
}

impl From<Copies> for BTreeMap<u32, u32> {
    fn from(copies: Copies) -> Self {
        copies.originals
    }
}

impl Copies {
    /// `copy` is the same as `original`, or as what that is a copy of; said again, the latest counts.
    pub(crate) fn link(&mut self, copy: u32, original: u32) {
        let original = self.originals.get(&original).copied().unwrap_or(original);
        if copy == original {
            return;
        }
        if let Some(before) = self.originals.insert(copy, original)
            && let Some(family) = self.copies.get_mut(&before)
        {
            family.remove(&copy);
        }
        // What were its copies are copies of the same thing.
        let mut joining = self.copies.remove(&copy).unwrap_or_default();
        for &other in &joining {
            self.originals.insert(other, original);
        }
        joining.insert(copy);
        self.copies.entry(original).or_default().extend(joining);
        self.copies.retain(|_, family| !family.is_empty());
    }

    /// The others of a video's family, in order of number after the original. Costs time in their number.
    pub(crate) fn siblings(&self, video: u32) -> impl Iterator<Item = u32> {
        let original = self.originals.get(&video).copied().unwrap_or(video);
        let family = self.copies.get(&original).into_iter().flatten().copied();
        std::iter::once(original).chain(family).filter(move |&other| other != video)
    }

    /// The largest number referred to.
    pub(crate) fn reference(&self) -> Option<u32> {
        self.originals.iter().map(|(&copy, &original)| copy.max(original)).max()
    }

    /// Roughly the memory in use.
    pub(crate) fn bytes(&self) -> usize {
        self.originals.len() * 2 * 12
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn siblings(copies: &Copies, video: u32) -> Vec<u32> {
        copies.siblings(video).collect()
    }

    #[test]
    fn a_family_is_an_original_and_its_copies_however_they_are_told() {
        let mut copies = Copies::default();
        copies.link(5, 3);
        copies.link(7, 5);
        assert_eq!(siblings(&copies, 3), [5, 7]);
        assert_eq!(siblings(&copies, 7), [3, 5]);
        // An earlier one is found: all are copies of that.
        copies.link(3, 1);
        assert_eq!(siblings(&copies, 5), [1, 3, 7]);
        copies.link(1, 7);
        assert_eq!(siblings(&copies, 1), [3, 5, 7], "no family is a ring");
        // One turns out to be another thing.
        copies.link(7, 9);
        assert_eq!((siblings(&copies, 1), siblings(&copies, 7)), (vec![3, 5], vec![9]));
        assert!(siblings(&copies, 2).is_empty());
    }

    #[test]
    fn what_was_stored_is_the_same_again() {
        let mut copies = Copies::default();
        for (copy, original) in [(5, 3), (7, 5), (3, 1), (9, 8), (7, 8)] {
            copies.link(copy, original);
        }
        let bytes = postcard::to_allocvec(&copies).expect("bytes");
        assert_eq!(postcard::from_bytes::<Copies>(&bytes).expect("copies"), copies);
    }
}
