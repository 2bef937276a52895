//! How much there is to win: a ranking that knows each viewer's taste and each video's quality.
//!
//! It knows nothing of boredom or of the luck of one viewer with one video, and it keeps no place for new videos.

use super::ranking::{Record, Spread};
use super::{Ask, Feedback, Recommender};
use crate::world::{Facts, Taste, World};
use anyhow::Result;
use std::collections::BTreeMap;

/// Ranks by true appeal.
pub struct Oracle<'a> {
    world: &'a World,
    record: Record,
    /// Per viewer, the true appeal of every video so far, and the taste it was computed with.
    appeals: BTreeMap<u32, (Taste, Vec<f64>)>,
}

impl<'a> Oracle<'a> {
    /// One that looks into this world.
    pub fn new(world: &'a World) -> Self {
        Self { world, record: Record::default(), appeals: BTreeMap::new() }
    }
}

impl Recommender for Oracle<'_> {
    fn publish(&mut self, facts: &Facts) -> Result<()> {
        self.record.publish(facts);
        Ok(())
    }
    fn shown(&mut self, _now_ms: i64, viewer: u32, video: u32) -> Result<()> {
        self.record.show(viewer, video);
        Ok(())
    }
    fn watched(&mut self, _now_ms: i64, _feedback: &Feedback) -> Result<()> {
        Ok(())
    }
    fn hour(&mut self, _now_ms: i64) {}

    fn page(&mut self, ask: &Ask<'_>) -> Result<Vec<u32>> {
        let viewer = ask.viewer as usize;
        let taste = self.world.taste(viewer, ask.now_ms);
        let (held, appeals) = self.appeals.entry(ask.viewer).or_insert_with(|| (taste.clone(), Vec::new()));
        if *held != taste {
            *held = taste;
            appeals.clear();
        }
        for video in appeals.len()..self.record.videos.len() {
            appeals.push(self.world.appeal(held, viewer, video));
        }
        let spread = Spread { exploration: 0.0, per_creator: 1 };
        Ok(self.record.page(ask, spread, |video| appeals[video as usize]))
    }
}
