//! What follows from what: per video, the videos that viewers liked with it, before or after it.
//!
//! One list holds three measures of each connection, because one positive event changes all three:
//! *co-watch* (liked by the same viewer, the closer together the more), *next* (liked soon after) and *walk* (one
//! positive event gives one unit in all, shared among the viewer's earlier videos, so that a viewer who likes a
//! thousand videos says no more than one who likes three).
//!
//! Invariant: only positive events enter. Sums are plain IEEE additions in the order of the log.

use serde::{Deserialize, Serialize};

/// How many of the viewer's latest liked videos before this one count as "soon before".
const NEXT_WINDOW: usize = 10;
/// What the way back says, against the way forward.
const NEXT_BACK: f32 = 0.3;

/// A video liked by viewers who liked another. Masses grow with the log's time: see [`crate::fixed::Decay`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Neighbour {
    pub(crate) video: u32,
    pub(crate) together: f32,
    pub(crate) next: f32,
    pub(crate) walk: f32,
}

impl Neighbour {
    fn new(video: u32, mass: Mass) -> Self {
        Self { video, together: mass.together, next: mass.next, walk: mass.walk }
    }

    fn add(&mut self, mass: Mass) {
        self.together += mass.together;
        self.next += mass.next;
        self.walk += mass.walk;
    }

    /// By this a full list decides whom to keep.
    fn strength(&self) -> f32 {
        self.together + self.next + self.walk
    }
}

/// What one positive event adds to one connection.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Mass {
    together: f32,
    next: f32,
    walk: f32,
}

/// A video's connections and their totals, which the shares of single neighbours are measured against.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Neighbours {
    /// Sorted by number.
    list: Vec<Neighbour>,
    /// Viewers who liked the video.
    pub(crate) liked: f32,
    pub(crate) together: f32,
    /// Over what was liked after it.
    pub(crate) next: f32,
    /// Over what it was liked after.
    pub(crate) before: f32,
    pub(crate) walk: f32,
}

impl Neighbours {
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Neighbour> {
        self.list.iter()
    }
    pub(crate) fn get(&self, video: u32) -> Option<&Neighbour> {
        self.list.binary_search_by_key(&video, |neighbour| neighbour.video).ok().map(|at| &self.list[at])
    }
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.list.capacity() * size_of::<Neighbour>()
    }

    /// The largest number that the list refers to.
    pub(crate) fn reference(&self) -> Option<u32> {
        self.list.last().map(|neighbour| neighbour.video)
    }

    /// Divides all masses by `2^halvings`; connections that are next to nothing end.
    pub(crate) fn scale(&mut self, halvings: u32) {
        // A product of halves is exact until it underflows to zero, which is right, too.
        let factor = (0..halvings.min(150)).fold(1.0_f32, |factor, _| factor * 0.5);
        for neighbour in &mut self.list {
            neighbour.together *= factor;
            neighbour.next *= factor;
            neighbour.walk *= factor;
        }
        self.list.retain(|neighbour| neighbour.strength() > 1e-6);
        for total in [&mut self.liked, &mut self.together, &mut self.next, &mut self.before, &mut self.walk] {
            *total *= factor;
        }
    }

    /// Adds to the connection to `video`: `mass` from here to there, `back` from there to here. A list may grow a quarter beyond `most`, then the weakest are dropped at once.
    pub(crate) fn connect(&mut self, video: u32, mass: Mass, back: Mass, most: usize) {
        self.together += mass.together;
        self.next += mass.next;
        self.before += back.next;
        self.walk += mass.walk;
        match self.list.binary_search_by_key(&video, |neighbour| neighbour.video) {
            Ok(at) => self.list[at].add(mass),
            Err(at) => {
                self.list.insert(at, Neighbour::new(video, mass));
                if self.list.len() > most + most / 4 {
                    self.prune(most);
                }
            }
        }
    }

    /// Keeps the strongest; of two alike the lower number goes.
    fn prune(&mut self, most: usize) {
        let drop = self.list.len().saturating_sub(most);
        if drop == 0 {
            return;
        }
        let mut order: Vec<(f32, u32)> = self.list.iter().map(|n| (n.strength(), n.video)).collect();
        order.select_nth_unstable_by(drop - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (weight, video) = order[drop - 1];
        self.list.retain(|n| n.strength().total_cmp(&weight).then(n.video.cmp(&video)).is_gt());
    }
}

/// What a positive event says of the viewer's earlier positive videos, latest first: mass forward (earlier to later)
/// and back for each place.
pub(crate) fn masses(places: usize, unit: f32) -> impl Iterator<Item = (Mass, Mass)> {
    let nearness = |place: usize| 1.0 / ((1 + place) as f32).sqrt();
    let walk_total: f32 = (0..places).map(|place| nearness(place).sqrt()).sum();
    let walk = unit / walk_total.max(1.0);
    (0..places).map(move |place| {
        let next = if place < NEXT_WINDOW { unit / (1 + place) as f32 } else { 0.0 };
        let forth = Mass { together: unit * nearness(place), next, walk: walk * nearness(place).sqrt() };
        (forth, Mass { next: next * NEXT_BACK, ..forth })
    })
}
