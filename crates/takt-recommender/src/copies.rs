//! Copies of videos: the same thing published again. Who has met one of a family need not meet the others.

use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which videos are copies of which, by number. A family is an original and all its copies.
///
/// A removed video stays in its family: who had seen it has still seen the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<u32, u32>", into = "BTreeMap<u32, u32>")]
pub(crate) struct Copies {
    /// By copy, its original.
    originals: BTreeMap<u32, u32>,
    /// By original, all of its family, itself as well. A function of the above.
    families: BTreeMap<u32, RoaringBitmap>,
}

impl From<BTreeMap<u32, u32>> for Copies {
    fn from(originals: BTreeMap<u32, u32>) -> Self {
        let mut families = BTreeMap::<u32, RoaringBitmap>::new();
        for (&copy, &original) in &originals {
            families.entry(original).or_insert_with(|| alone(original)).insert(copy);
        }
        Self { originals, families }
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
        let original = self.original(original);
        if copy == original {
            return;
        }
        if let Some(before) = self.originals.insert(copy, original) {
            self.leave(copy, before);
        }
        // What were its copies are copies of the same thing.
        let joining = self.families.remove(&copy).unwrap_or_else(|| alone(copy));
        for other in joining.iter().filter(|&other| other != copy) {
            self.originals.insert(other, original);
        }
        *self.families.entry(original).or_insert_with(|| alone(original)) |= joining;
    }

    fn leave(&mut self, copy: u32, original: u32) {
        if let Some(family) = self.families.get_mut(&original) {
            family.remove(copy);
            if family.len() < 2 {
                self.families.remove(&original);
            }
        }
    }

    fn original(&self, video: u32) -> u32 {
        self.originals.get(&video).copied().unwrap_or(video)
    }

    /// What names a video's family; nothing for a video that was published once.
    pub(crate) fn original_of_several(&self, video: u32) -> Option<u32> {
        let original = self.original(video);
        self.families.contains_key(&original).then_some(original)
    }

    /// All that are the same as this video, itself as well; nothing for a video that was published once.
    pub(crate) fn family(&self, video: u32) -> Option<&RoaringBitmap> {
        self.families.get(&self.original(video))
    }

    /// The largest number referred to.
    pub(crate) fn reference(&self) -> Option<u32> {
        self.originals.iter().map(|(&copy, &original)| copy.max(original)).max()
    }

    /// Roughly the memory in use.
    pub(crate) fn bytes(&self) -> usize {
        let families: usize = self.families.values().map(RoaringBitmap::serialized_size).sum();
        self.originals.len() * 12 + families
    }
}

fn alone(video: u32) -> RoaringBitmap {
    std::iter::once(video).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn siblings(copies: &Copies, video: u32) -> Vec<u32> {
        let family = copies.family(video).into_iter().flatten();
        family.filter(|&other| other != video).collect()
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
    fn a_family_of_one_is_none() {
        let mut copies = Copies::default();
        copies.link(5, 3);
        assert_eq!((copies.original_of_several(5), copies.original_of_several(3)), (Some(3), Some(3)));
        copies.link(5, 9);
        assert_eq!((copies.original_of_several(5), copies.original_of_several(3)), (Some(9), None));
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
