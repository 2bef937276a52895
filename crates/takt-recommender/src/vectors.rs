//! Learned vectors: videos that lead to each other lie in one direction.
//!
//! Every liked video has two: one for what it says about a viewer who liked it, one for what it is as the next. A
//! viewer's direction is the sum of their liked videos' first vectors, the latest counting most; what lies in it is
//! likely to be liked next. Learned online by sampled softmax (Bengio, Senécal 2003) with AdaGrad per vector
//! (Duchi, Hazan, Singer 2011); half of the samples are drawn evenly, half from the latest likes.
//!
//! Where lists of neighbours hold the strongest connections, vectors hold the sum of many weak ones.
//!
//! Invariant: only likes teach. Arithmetic is plain IEEE in a fixed order.

use crate::fixed::mix;
use crate::signals::exp2;
use serde::{Deserialize, Serialize};
use std::f32::consts::LOG2_E;

/// Sums are kept apart in so many lanes, which compilers turn into few instructions without changing the order.
const LANES: usize = 8;
/// How long a vector is.
const DIMENSIONS: usize = 64;
/// Videos that one like is set apart from.
const SAMPLES: u64 = 32;
/// The length of a step before AdaGrad shortens it.
const STEP: f32 = 0.2;
/// Squared gradients that every vector is taken to have had.
const SQUARES: f32 = 1e-4;
/// How long a first vector is at the beginning, per dimension.
const START: f32 = 0.05;
/// Latest likes that samples are drawn from.
const LATEST: usize = 4_096;
/// Likes of doubt in what one video is: few say little.
const DOUBT: f32 = 2.0;
/// Nothing is more than so many halvings likelier or less likely than anything else by its vector.
const LOG_MAX: f32 = 16.0;

/// A direction.
pub(crate) type Direction = [[f32; LANES]; DIMENSIONS / LANES];

const NOWHERE: Direction = [[0.0; LANES]; DIMENSIONS / LANES];

/// What is learned of one video.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// Whose it is.
    pub(crate) video: u32,
    /// What it says about who liked it.
    says: Direction,
    /// What it is as the next.
    is: Direction,
    squares: [f32; 2],
    /// How often it was liked after something.
    likes: u32,
}

/// What a video is as the next, in small whole numbers, for looking through many.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sketch {
    video: u32,
    parts: [i8; DIMENSIONS],
    /// What one of the numbers stands for.
    scale: f32,
}

/// Numbers of a sketch go from minus this to this.
const SKETCH_MAX: f32 = 127.0;
/// Numbers of a direction that sketches are compared with: products of both, summed, stay far within 32 bits.
const POINTER_MAX: f32 = 4_095.0;

/// A direction in whole numbers, to compare sketches with.
pub(crate) struct Pointer([i16; DIMENSIONS]);

/// All vectors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Vectors {
    pub(crate) rows: Vec<Row>,
    /// By row; derived from the rows.
    #[serde(skip)]
    sketches: Vec<Sketch>,
    /// The rows of the latest likes, a ring.
    latest: Vec<u32>,
    turn: u32,
}

impl Vectors {
    /// A row for a video that has none; `salt` is the video's own.
    pub(crate) fn add(&mut self, video: u32, salt: u64) -> Option<u32> {
        let place = u32::try_from(self.rows.len()).ok()?;
        let mut says = NOWHERE;
        for (value, draw) in says.as_flattened_mut().iter_mut().zip(0..) {
            *value = START * ((mix(salt, draw) >> 40) as f32 / (1 << 23) as f32 - 1.0);
        }
        let row = Row { video, says, is: NOWHERE, squares: [SQUARES; 2], likes: 0 };
        self.sketches.push(row.sketch());
        self.rows.push(row);
        Some(place)
    }

    /// Takes a row out. The last one comes into its place; the answer is which video that is.
    pub(crate) fn remove(&mut self, place: u32) -> Option<u32> {
        let last = self.rows.len().checked_sub(1)? as u32;
        self.rows.swap_remove(place as usize);
        self.sketches.swap_remove(place as usize);
        self.latest.retain_mut(|row| {
            let stays = *row != place;
            if *row == last {
                *row = place;
            }
            stays
        });
        self.turn = 0;
        self.rows.get(place as usize).map(|row| row.video)
    }

    /// Derives what a snapshot does not hold.
    pub(crate) fn derive(&mut self) {
        self.sketches = self.rows.iter().map(Row::sketch).collect();
    }

    /// Whether everything refers to rows that are there, and every number is one.
    pub(crate) fn is_whole(&self) -> bool {
        let is_finite =
            |row: &Row| row.says.as_flattened().iter().chain(row.is.as_flattened()).all(|x| x.is_finite());
        self.rows.iter().all(is_finite)
            && self.latest.iter().all(|&row| (row as usize) < self.rows.len())
            && self.latest.len() <= LATEST
    }

    pub(crate) fn bytes(&self) -> usize {
        self.rows.capacity() * size_of::<Row>()
            + self.sketches.capacity() * size_of::<Sketch>()
            + self.latest.capacity() * size_of::<u32>()
    }

    /// Where a viewer goes who liked these, latest first.
    pub(crate) fn direction(&self, liked: impl Iterator<Item = Option<u32>>) -> Direction {
        let mut sum = NOWHERE;
        for (row, share) in shares(liked.collect()) {
            add(&mut sum, &self.rows[row as usize].says, share);
        }
        sum
    }

    /// How much likelier than a draw a video is to be next, as a logarithm to base 2, in units.
    pub(crate) fn logarithm(&self, direction: &Direction, row: u32) -> f32 {
        let row = &self.rows[row as usize];
        (row.known() * dot(direction, &row.is) * LOG2_E).clamp(-LOG_MAX, LOG_MAX)
    }

    /// The same, about, of every `stride`th row from `first`, in units of the pointer's: those in its direction, with
    /// their videos.
    pub(crate) fn towards(&self, pointer: &Pointer, first: usize, stride: usize) -> Vec<(f32, u32)> {
        let every = self.sketches.get(first..).unwrap_or_default().chunks(stride);
        let mut found = vec![(0.0, 0); every.len()];
        let mut count = 0;
        for chunk in every {
            // Half of all are: a branch on it would be guessed wrong half of the time.
            let likeness = chunk[0].likeness(pointer);
            found[count] = (likeness, chunk[0].video);
            count += usize::from(likeness > 0.0);
        }
        found.truncate(count);
        found
    }

    /// A viewer who liked these, latest first, liked `next`. `seed` decides the samples.
    pub(crate) fn learn(&mut self, liked: Vec<Option<u32>>, next: u32, seed: u64) {
        let shares = shares(liked);
        if !shares.is_empty() {
            let mut direction = NOWHERE;
            for &(row, share) in &shares {
                add(&mut direction, &self.rows[row as usize].says, share);
            }
            let samples = self.samples(next, seed);
            let change = self.set_apart(&direction, &samples);
            let likes = &mut self.rows[next as usize].likes;
            *likes = likes.saturating_add(1);
            for (row, share) in shares {
                let row = &mut self.rows[row as usize];
                let steps = step(&mut row.squares[0], share * share * dot(&change, &change));
                add(&mut row.says, &change, -steps * share);
            }
            for row in samples {
                self.sketches[row as usize] = self.rows[row as usize].sketch();
            }
        }
        let turn = self.turn as usize % LATEST;
        match self.latest.get_mut(turn) {
            Some(row) => *row = next,
            None => self.latest.push(next),
        }
        self.turn = (turn as u32 + 1) % LATEST as u32;
    }

    /// The liked one first, then others, some of them perhaps twice.
    fn samples(&self, next: u32, seed: u64) -> Vec<u32> {
        let mut samples = vec![next];
        for draw in 0..SAMPLES {
            let number = mix(seed, draw);
            let row = if draw % 2 == 0 || self.latest.is_empty() {
                (number % self.rows.len() as u64) as u32
            } else {
                self.latest[(number % self.latest.len() as u64) as usize]
            };
            if row != next {
                samples.push(row);
            }
        }
        samples
    }

    /// Moves what the samples are, the first towards the direction and the others away; the answer is the gradient for
    /// the direction.
    fn set_apart(&mut self, direction: &Direction, samples: &[u32]) -> Direction {
        let mut likely: Vec<f32> =
            samples.iter().map(|&row| dot(direction, &self.rows[row as usize].is) * LOG2_E).collect();
        let highest = likely.iter().copied().fold(f32::MIN, f32::max);
        let mut total = 0.0;
        for value in &mut likely {
            *value = exp2(*value - highest);
            total += *value;
        }
        let size = dot(direction, direction);
        let mut change = NOWHERE;
        for (place, (&row, likely)) in samples.iter().zip(likely).enumerate() {
            let error = likely / total - if place == 0 { 1.0 } else { 0.0 };
            let row = &mut self.rows[row as usize];
            add(&mut change, &row.is, error);
            let steps = step(&mut row.squares[1], error * error * size);
            add(&mut row.is, direction, -steps * error);
        }
        change
    }
}

impl Row {
    /// How much is known of what the video is, from 0 to 1.
    fn known(&self) -> f32 {
        self.likes as f32 / (self.likes as f32 + DOUBT)
    }

    fn sketch(&self) -> Sketch {
        let (parts, scale) = whole_numbers(&self.is, SKETCH_MAX);
        Sketch { video: self.video, parts: parts.map(|part| part as i8), scale: scale * self.known() }
    }
}

impl Sketch {
    fn likeness(&self, pointer: &Pointer) -> f32 {
        let mut lanes = [0_i32; LANES];
        for (a, b) in pointer.0.chunks_exact(LANES).zip(self.parts.chunks_exact(LANES)) {
            for lane in 0..LANES {
                lanes[lane] += i32::from(a[lane]) * i32::from(b[lane]);
            }
        }
        let sum: i32 = lanes.iter().sum();
        sum as f32 * self.scale
    }
}

impl Pointer {
    pub(crate) fn new(direction: &Direction) -> Self {
        Self(whole_numbers(direction, POINTER_MAX).0.map(|part| part as i16))
    }
}

/// The numbers scaled so that the largest is `most`, and rounded; and what one of them stands for.
fn whole_numbers(direction: &Direction, most: f32) -> ([f32; DIMENSIONS], f32) {
    let largest = direction.as_flattened().iter().fold(0.0_f32, |largest, part| largest.max(part.abs()));
    let scale = largest / most;
    let factor = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    let mut parts = [0.0; DIMENSIONS];
    for (whole, part) in parts.iter_mut().zip(direction.as_flattened()) {
        // A half is added for rounding; conversions cut off.
        *whole = part * factor + if *part < 0.0 { -0.5 } else { 0.5 };
    }
    (parts, scale)
}

/// The rows with what each counts; the squares of the shares sum to 1, so that directions are of about one length.
fn shares(liked: Vec<Option<u32>>) -> Vec<(u32, f32)> {
    // (1 + place) to the power of -3/4.
    let nearness = |place: usize| {
        let root = ((1 + place) as f32).sqrt();
        1.0 / (root * root.sqrt())
    };
    let known = liked.into_iter().enumerate();
    let known: Vec<(u32, f32)> = known.filter_map(|(place, row)| Some((row?, nearness(place)))).collect();
    let mut squares = 0.0_f32;
    for (_, nearness) in &known {
        squares += nearness * nearness;
    }
    let length = squares.max(f32::MIN_POSITIVE).sqrt();
    known.into_iter().map(|(row, nearness)| (row, nearness / length)).collect()
}

/// How far to go for a gradient of this squared length.
fn step(squares: &mut f32, gradient: f32) -> f32 {
    *squares += gradient / DIMENSIONS as f32;
    STEP / squares.sqrt()
}

fn add(sum: &mut Direction, other: &Direction, times: f32) {
    for (sum, other) in sum.iter_mut().zip(other) {
        for lane in 0..LANES {
            sum[lane] += times * other[lane];
        }
    }
}

fn dot(a: &Direction, b: &Direction) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (b + f)) + ((c + g) + (d + h))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two kinds of viewers like the videos of one half each, in no order.
    fn two_halves() -> Vectors {
        let mut vectors = Vectors::default();
        for video in 0..20 {
            vectors.add(video, u64::from(video) * 7);
        }
        for round in 0..4_000_u64 {
            let half = round % 2 * 10;
            let draw = |n: u64| (mix(round, n) % 10 + half) as u32;
            vectors.learn((0..5).map(|n| Some(draw(n))).collect(), draw(9), round);
        }
        vectors
    }

    #[test]
    fn what_is_liked_together_lies_in_one_direction() {
        let vectors = two_halves();
        for video in 0..20 {
            let direction = vectors.direction(std::iter::once(Some(video)));
            let own = (0..20).filter(|other| (video < 10) == (*other < 10));
            let least = own.map(|other| vectors.logarithm(&direction, other)).fold(f32::MAX, f32::min);
            let others = (0..20).filter(|other| (video < 10) != (*other < 10));
            let most = others.map(|other| vectors.logarithm(&direction, other)).fold(f32::MIN, f32::max);
            assert!(least > most + 1.0, "video {video}: {least} and {most}");
        }
    }

    #[test]
    fn sketches_tell_what_vectors_tell() {
        let mut vectors = two_halves();
        for video in 0..20 {
            let direction = vectors.direction(std::iter::once(Some(video)));
            let pointer = Pointer::new(&direction);
            let ranking = |of: &dyn Fn(u32) -> f32| {
                let mut rows: Vec<u32> = (0..20).collect();
                rows.sort_by(|&a, &b| of(b).total_cmp(&of(a)));
                rows.truncate(10);
                rows.sort_unstable();
                rows
            };
            let exact = ranking(&|row| vectors.logarithm(&direction, row));
            let sketched = |row: u32| vectors.sketches[row as usize].likeness(&pointer);
            assert_eq!(ranking(&sketched), exact, "video {video}");
        }
        let kept = vectors.clone();
        vectors.sketches.clear();
        vectors.derive();
        assert_eq!(vectors, kept);
    }

    #[test]
    fn rows_come_and_go() {
        let mut vectors = two_halves();
        assert_eq!(vectors.remove(3), Some(19));
        assert_eq!(vectors.rows[3].video, 19);
        assert_eq!(vectors.remove(18), None);
        assert!(vectors.is_whole());
        for round in 0..10_000 {
            vectors.learn(vec![Some(1), None], 2, round);
        }
        assert!(vectors.is_whole());
        assert!(vectors.rows.iter().all(|row| dot(&row.is, &row.is).is_finite()));
    }
}
