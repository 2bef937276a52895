//! The newest first.

use super::ranking::{Record, Spread};
use super::{Ask, Feedback, Recommender};
use crate::world::Facts;
use anyhow::Result;

/// The newest videos that the viewer has not met, newest first.
#[derive(Debug, Default)]
pub struct Chronological {
    record: Record,
}

impl Recommender for Chronological {
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
        let spread = Spread { exploration: 0.0, per_creator: ask.limit };
        Ok(self.record.page(ask, spread, |_| 0.0))
    }
}
