//! Sums per video while one request is answered: a small open-addressing table.
//!
//! Invariant: entries stand in the order in which their videos were first named, so that whatever walks over them does
//! so in the same order everywhere.

use crate::signals::PATHS;

/// Sums of the signals that lead from the viewer's videos to others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Entry {
    pub(crate) video: u32,
    /// By path: see [`crate::signals`].
    pub(crate) sums: [f32; PATHS],
}

/// Entries by video.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// Place in `entries` plus one; 0 is free. The length is a power of two.
    slots: Vec<u32>,
    pub(crate) entries: Vec<Entry>,
}

impl Tally {
    /// Room for about `expected` videos; it grows beyond.
    pub(crate) fn new(expected: usize) -> Self {
        let slots = expected.saturating_mul(2).next_power_of_two().max(16);
        Self { slots: vec![0; slots], entries: Vec::with_capacity(expected) }
    }

    /// The sums of a video, zero at first.
    pub(crate) fn sums(&mut self, video: u32) -> &mut [f32; PATHS] {
        if self.entries.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let slot = self.slot(video);
        if self.slots[slot] == 0 {
            self.entries.push(Entry { video, sums: [0.0; PATHS] });
            self.slots[slot] = self.entries.len() as u32;
        }
        let place = self.slots[slot] as usize - 1;
        &mut self.entries[place].sums
    }

    /// The entry of a video, if it was named.
    pub(crate) fn get(&self, video: u32) -> Option<&Entry> {
        match self.slots[self.slot(video)] {
            0 => None,
            place => self.entries.get(place as usize - 1),
        }
    }

    /// The slot that holds the video, or the free one where it belongs. At most half are taken, so there is one.
    fn slot(&self, video: u32) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = (u64::from(video).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask;
        loop {
            match self.slots[slot] {
                0 => return slot,
                place if self.entries[place as usize - 1].video == video => return slot,
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        self.slots = vec![0; self.slots.len() * 2];
        for place in 0..self.entries.len() {
            let slot = self.slot(self.entries[place].video);
            self.slots[slot] = place as u32 + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::mix;
    use std::collections::BTreeMap;

    #[test]
    fn sums_are_kept_apart_while_it_grows() {
        let (mut tally, mut expected) = (Tally::new(4), BTreeMap::new());
        for draw in 0..5_000_u64 {
            let video = (mix(7, draw) % 900) as u32 * 65_536;
            tally.sums(video)[1] += 1.0;
            *expected.entry(video).or_insert(0.0) += 1.0;
        }
        assert_eq!(tally.entries.len(), expected.len());
        assert!(expected.iter().all(|(&video, &sum)| tally.get(video).is_some_and(|e| e.sums[1] == sum)));
        assert_eq!(tally.get(1), None);
    }
}
