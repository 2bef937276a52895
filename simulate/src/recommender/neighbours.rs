//! Item-based nearest neighbours (Sarwar et al. 2001; Deshpande and Karypis 2004), learned at once.

use super::ranking::{Record, Spread};
use super::{Ask, Feedback, Recommender};
use crate::world::Facts;
use anyhow::Result;
use std::collections::{BTreeMap, VecDeque};

/// What the ranking may choose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NeighbourRules {
    /// How many of the viewer's latest positives are looked at.
    pub recent: usize,
    /// The part that each older one of them counts less.
    pub forgetting: f64,
    /// Viewers in common that count as none.
    pub shrink: f64,
    /// Of the share of impressions that were positive.
    pub popularity: f64,
    /// How the page is made.
    pub spread: Spread,
}

impl NeighbourRules {
    /// As tuned by `simulate --tune`.
    pub const TUNED: Self = Self {
        recent: 100,
        forgetting: 0.95,
        shrink: 100.0,
        popularity: 1.0,
        spread: Spread { exploration: 0.05, per_creator: 1 },
    };
}

/// Ranks by cosine similarity with the viewer's latest positives.
#[derive(Debug)]
pub struct Neighbours {
    rules: NeighbourRules,
    record: Record,
    positives: Vec<f32>,
    /// Per video, how many viewers liked it together with each video published before it or at that moment.
    together: Vec<Vec<f32>>,
    /// Latest first.
    recent: BTreeMap<u32, VecDeque<u32>>,
}

impl Neighbours {
    /// No video has neighbours yet.
    pub fn new(rules: NeighbourRules) -> Self {
        Self {
            rules,
            record: Record::default(),
            positives: Vec::new(),
            together: Vec::new(),
            recent: BTreeMap::new(),
        }
    }

    fn pair(&mut self, a: u32, b: u32) {
        for (row, column) in [(a as usize, b as usize), (b as usize, a as usize)] {
            let row = &mut self.together[row];
            if row.len() <= column {
                row.resize(column + 1, 0.0);
            }
            row[column] += 1.0;
        }
    }

    /// The similarity of every video with the viewer's latest positives, summed up.
    fn similarities(&self, viewer: u32) -> Vec<f32> {
        let mut sums = vec![0.0; self.record.videos.len()];
        let mut weight = 1.0;
        for &liked in self.recent.get(&viewer).into_iter().flatten() {
            let own = self.positives[liked as usize];
            for ((sum, &together), &other) in
                sums.iter_mut().zip(&self.together[liked as usize]).zip(&self.positives)
            {
                *sum += weight * together / ((own * other).sqrt() + self.rules.shrink as f32);
            }
            weight *= self.rules.forgetting as f32;
        }
        sums
    }
}

impl Recommender for Neighbours {
    fn publish(&mut self, facts: &Facts) -> Result<()> {
        self.record.publish(facts);
        self.positives.push(0.0);
        self.together.push(Vec::new());
        Ok(())
    }

    fn shown(&mut self, _now_ms: i64, viewer: u32, video: u32) -> Result<()> {
        self.record.show(viewer, video);
        Ok(())
    }

    fn watched(&mut self, _now_ms: i64, feedback: &Feedback) -> Result<()> {
        let video = feedback.video as usize;
        if !feedback.is_positive(self.record.videos[video].duration_ms) {
            return Ok(());
        }
        self.positives[video] += 1.0;
        let before: Vec<u32> = self.recent.get(&feedback.viewer).into_iter().flatten().copied().collect();
        for other in before {
            self.pair(feedback.video, other);
        }
        let recent = self.recent.entry(feedback.viewer).or_default();
        recent.push_front(feedback.video);
        recent.truncate(self.rules.recent);
        Ok(())
    }

    fn hour(&mut self, _now_ms: i64) {}

    fn page(&mut self, ask: &Ask<'_>) -> Result<Vec<u32>> {
        let similarities = self.similarities(ask.viewer);
        let score = |video: u32| {
            let video = video as usize;
            let impressions = f64::from(self.record.impressions[video]);
            let share = f64::from(self.positives[video]) / (impressions + 20.0);
            f64::from(similarities[video]) + self.rules.popularity * share
        };
        Ok(self.record.page(ask, self.rules.spread, score))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_liked_together_is_alike() {
        let mut knn = Neighbours::new(NeighbourRules { shrink: 0.0, ..NeighbourRules::TUNED });
        for video in 0..3 {
            let facts = Facts {
                video,
                creator: video,
                sound: None,
                language: 0,
                tags: vec![],
                words: vec![],
                duration_ms: 10_000,
                published_ms: 0,
            };
            knn.publish(&facts).unwrap();
        }
        let like = |viewer, video| Feedback {
            viewer,
            video,
            watch_ms: 10_000,
            loops: 1,
            liked: false,
            shared: false,
            not_interested: false,
        };
        for (viewer, video) in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (3, 0)] {
            knn.watched(0, &like(viewer, video)).unwrap();
        }
        let alike = knn.similarities(3);
        // Two viewers liked both 0 and 1; three liked 0, two liked 1.
        assert!((alike[1] - 2.0 / 6.0_f32.sqrt()).abs() < 1e-6, "{alike:?}");
        assert_eq!(alike.get(2), Some(&0.0));
    }
}
