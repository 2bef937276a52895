//! Implicit matrix factorisation by alternating least squares (Hu, Koren and Volinsky 2008), fitted anew every hour.
//!
//! What was shown and not liked counts as a zero of its own weight, what was never shown as one of a far smaller weight.

use super::ranking::{Record, Spread};
use super::{Ask, Feedback, Recommender};
use crate::chance::Key;
use crate::config::HOUR_MS;
use crate::world::Facts;
use anyhow::Result;

/// Length of a vector.
const FACTORS: usize = 16;
/// Alternations per fit; each fit goes on from the one before.
const SWEEPS: usize = 2;

type Vector = [f32; FACTORS];

/// What the model may choose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FactorisationRules {
    /// Weight of a video that was shown and not liked; one that was liked weighs 1.
    pub shown: f32,
    /// Weight of a video that was never shown.
    pub unknown: f32,
    /// Penalty on the vectors' length, per observation and for a few in advance.
    pub penalty: f32,
    /// After so many hours an observation weighs half.
    pub half_life_hours: f64,
    /// Of the share of impressions that were positive.
    pub popularity: f64,
    /// How the page is made.
    pub spread: Spread,
}

impl FactorisationRules {
    /// As tuned by `simulate --tune`.
    pub const TUNED: Self = Self {
        shown: 1.0,
        unknown: 0.0,
        penalty: 0.03,
        half_life_hours: 1_000.0,
        popularity: 0.6,
        spread: Spread { exploration: 0.05, per_creator: 6 },
    };
}

/// What one viewer made of one video.
#[derive(Debug, Clone, Copy)]
struct Observation {
    other: u32,
    positive: bool,
    at_ms: i64,
}

/// Ranks by the product of viewer's and video's vectors.
#[derive(Debug)]
pub struct Factorisation {
    rules: FactorisationRules,
    record: Record,
    positives: Vec<u32>,
    by_viewer: Vec<Vec<Observation>>,
    viewers: Vec<Vector>,
    videos: Vec<Vector>,
}

impl Factorisation {
    /// A model that knows nobody.
    pub fn new(rules: FactorisationRules) -> Self {
        Self {
            rules,
            record: Record::default(),
            positives: Vec::new(),
            by_viewer: Vec::new(),
            viewers: Vec::new(),
            videos: Vec::new(),
        }
    }

    fn fit(&mut self, now_ms: i64) {
        let known = self.videos.len();
        for video in known..self.record.videos.len() {
            let key = Key::new(video as u64);
            self.videos.push(std::array::from_fn(|n| 0.1 * key.with(n as u64).normal() as f32));
        }
        self.viewers.resize(self.by_viewer.len(), [0.0; FACTORS]);
        let mut by_video: Vec<Vec<Observation>> = vec![Vec::new(); self.videos.len()];
        for (observations, viewer) in self.by_viewer.iter().zip(0..) {
            for &observation in observations {
                by_video[observation.other as usize].push(Observation { other: viewer, ..observation });
            }
        }
        for _ in 0..SWEEPS {
            solve_all(&self.rules, now_ms, &mut self.viewers, &self.videos, &self.by_viewer);
            solve_all(&self.rules, now_ms, &mut self.videos, &self.viewers, &by_video);
        }
    }
}

impl Recommender for Factorisation {
    fn publish(&mut self, facts: &Facts) -> Result<()> {
        self.record.publish(facts);
        self.positives.push(0);
        Ok(())
    }

    fn shown(&mut self, _now_ms: i64, viewer: u32, video: u32) -> Result<()> {
        self.record.show(viewer, video);
        Ok(())
    }

    fn watched(&mut self, now_ms: i64, feedback: &Feedback) -> Result<()> {
        let (viewer, video) = (feedback.viewer as usize, feedback.video as usize);
        if self.by_viewer.len() <= viewer {
            self.by_viewer.resize_with(viewer + 1, Vec::new);
        }
        let positive = feedback.is_positive(self.record.videos[video].duration_ms);
        self.positives[video] += u32::from(positive);
        self.by_viewer[viewer].push(Observation { other: feedback.video, positive, at_ms: now_ms });
        Ok(())
    }

    fn hour(&mut self, now_ms: i64) {
        self.fit(now_ms);
    }

    fn page(&mut self, ask: &Ask<'_>) -> Result<Vec<u32>> {
        let viewer = self.viewers.get(ask.viewer as usize);
        let score = |video: u32| {
            let video = video as usize;
            let liking = viewer.zip(self.videos.get(video)).map_or(0.0, |(viewer, video)| dot(viewer, video));
            let impressions = f64::from(self.record.impressions[video]);
            let share = f64::from(self.positives[video]) / (impressions + 20.0);
            f64::from(liking) + self.rules.popularity * share
        };
        Ok(self.record.page(ask, self.rules.spread, score))
    }
}

fn dot(a: &Vector, b: &Vector) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Fits one side, row by row, to the other.
fn solve_all(
    rules: &FactorisationRules,
    now_ms: i64,
    rows: &mut [Vector],
    others: &[Vector],
    observations: &[Vec<Observation>],
) {
    let mut unknown = [[0.0; FACTORS]; FACTORS];
    for other in others {
        add_square(&mut unknown, other, rules.unknown);
    }
    let half_life_ms = (rules.half_life_hours * HOUR_MS as f64) as f32;
    for (row, observations) in rows.iter_mut().zip(observations) {
        if observations.is_empty() {
            *row = [0.0; FACTORS];
            continue;
        }
        let (mut matrix, mut target, mut total) = (unknown, [0.0; FACTORS], 3.0);
        for observation in observations {
            let other = &others[observation.other as usize];
            let fresh = (-((now_ms - observation.at_ms) as f32) / half_life_ms).exp2();
            let weight = fresh * if observation.positive { 1.0 } else { rules.shown };
            total += weight;
            add_square(&mut matrix, other, weight);
            if observation.positive {
                target.iter_mut().zip(other).for_each(|(target, other)| *target += weight * other);
            }
        }
        for (n, line) in matrix.iter_mut().enumerate() {
            line[n] += rules.penalty * total;
        }
        *row = solve(matrix, target);
    }
}

/// Adds `weight` times the outer product of a vector with itself, lower triangle only.
fn add_square(matrix: &mut [Vector; FACTORS], vector: &Vector, weight: f32) {
    for (line, &a) in matrix.iter_mut().zip(vector) {
        let scaled = weight * a;
        line.iter_mut().zip(vector).for_each(|(cell, &b)| *cell += scaled * b);
    }
}

/// Solves a symmetric positive definite system (Cholesky).
fn solve(mut matrix: [Vector; FACTORS], mut target: Vector) -> Vector {
    for row in 0..FACTORS {
        for column in 0..=row {
            let known: f32 = (0..column).map(|n| matrix[row][n] * matrix[column][n]).sum();
            let rest = matrix[row][column] - known;
            matrix[row][column] =
                if row == column { rest.max(1e-9).sqrt() } else { rest / matrix[column][column] };
        }
    }
    for row in 0..FACTORS {
        let known: f32 = (0..row).map(|n| matrix[row][n] * target[n]).sum();
        target[row] = (target[row] - known) / matrix[row][row];
    }
    for row in (0..FACTORS).rev() {
        let known: f32 = (row + 1..FACTORS).map(|n| matrix[n][row] * target[n]).sum();
        target[row] = (target[row] - known) / matrix[row][row];
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_system_is_solved() {
        let wanted: Vector = std::array::from_fn(|n| n as f32 - 7.5);
        let mut matrix = [[0.0; FACTORS]; FACTORS];
        for (n, line) in matrix.iter_mut().enumerate() {
            line[n] = 2.0;
        }
        add_square(&mut matrix, &std::array::from_fn(|n| (n as f32).sin()), 1.0);
        let target = std::array::from_fn(|row| dot(&matrix[row], &wanted));
        let got = solve(matrix, target);
        assert!(got.iter().zip(wanted).all(|(got, wanted)| (got - wanted).abs() < 1e-3), "{got:?}");
    }

    #[test]
    fn two_camps_are_told_apart() {
        let mut model = Factorisation::new(FactorisationRules::TUNED);
        for video in 0..20 {
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
            model.publish(&facts).unwrap();
        }
        for viewer in 0..40 {
            for video in (0..20).filter(|video| video % 3 != viewer % 3) {
                let watch_ms = if viewer % 2 == video % 2 { 10_000 } else { 500 };
                let (loops, liked, shared, not_interested) = (0, false, false, false);
                let feedback = Feedback { viewer, video, watch_ms, loops, liked, shared, not_interested };
                model.shown(0, viewer, video).unwrap();
                model.watched(0, &feedback).unwrap();
            }
        }
        (0..5).for_each(|_| model.hour(0));
        let ask = |viewer| Ask { viewer, now_ms: 0, seed: 1, limit: 3, waiting: &[] };
        for viewer in 0..40 {
            let page = model.page(&ask(viewer)).unwrap();
            let own = page.iter().filter(|&&video| video % 2 == viewer % 2).count();
            assert!(own >= 2, "viewer {viewer}: {page:?}");
        }
    }
}
