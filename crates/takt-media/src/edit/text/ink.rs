//! Painting: letters, their rim and what is behind them, on a plane that grows from nothing.

use super::super::list::Colour;

/// How black the box behind a line is.
const BOX_ALPHA: f32 = 0.6;
/// Farther than any distance on a plane, squared.
const FAR: f32 = 1e12;

/// A rectangle with round corners.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) left: f32,
    pub(super) right: f32,
    pub(super) top: f32,
    pub(super) bottom: f32,
    pub(super) radius: f32,
}

/// Straight RGBA with parts of full scale.
#[derive(Debug, Clone)]
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<[u8; 4]>,
}

/// What the letters cover, before colours.
pub(super) struct Ink {
    width: usize,
    height: usize,
    /// Coverage by letters.
    mask: Vec<u8>,
    /// Letters that bring their own colours; empty until there is one.
    pictures: Vec<[u8; 4]>,
}

impl Ink {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, mask: vec![0; width * height], pictures: Vec::new() }
    }

    /// Adds a letter of one byte a pixel.
    pub(super) fn mask(&mut self, at: (i32, i32), size: (usize, usize), data: &[u8]) {
        for (index, alpha) in self.cells(at, size).zip(data) {
            if let Some(pixel) = index.and_then(|index| self.mask.get_mut(index)) {
                *pixel = (*pixel).max(*alpha);
            }
        }
    }

    /// Adds a letter of four bytes a pixel.
    pub(super) fn picture(&mut self, at: (i32, i32), size: (usize, usize), data: &[u8]) {
        if self.pictures.is_empty() {
            self.pictures = vec![[0; 4]; self.width * self.height];
        }
        for (index, colour) in self.cells(at, size).zip(data.as_chunks::<4>().0) {
            if let Some(pixel) = index.and_then(|index| self.pictures.get_mut(index))
                && colour[3] > pixel[3]
            {
                *pixel = *colour;
            }
        }
    }

    /// Where the pixels of something at `at` lie; `None` for those outside.
    fn cells(
        &self,
        (x, y): (i32, i32),
        (width, height): (usize, usize),
    ) -> impl Iterator<Item = Option<usize>> + use<> {
        let (plane_width, plane_height) = (self.width, self.height);
        (0..width * height).map(move |number| {
            let column = usize::try_from(i64::from(x) + (number % width) as i64).ok()?;
            let row = usize::try_from(i64::from(y) + (number / width) as i64).ok()?;
            (column < plane_width && row < plane_height).then(|| row * plane_width + column)
        })
    }

    /// Puts box, rim, letters and pictures on top of each other.
    pub(super) fn finish(self, colour: Colour, rim: Option<f32>, boxes: &[Span]) -> Plane {
        let (width, height) = (self.width, self.height);
        let [red, green, blue] = colour.0;
        let mut pixels = vec![[0_u8; 4]; width * height];
        for span in boxes {
            paint_box(&mut pixels, (width, height), span);
        }
        if let Some(radius) = rim {
            let distances = self.distances();
            for (pixel, distance) in pixels.iter_mut().zip(distances) {
                let cover = (radius + 0.5 - distance.sqrt()).clamp(0.0, 1.0);
                over(pixel, [0, 0, 0], cover);
            }
        }
        for (pixel, alpha) in pixels.iter_mut().zip(&self.mask) {
            over(pixel, [red, green, blue], f32::from(*alpha) / 255.0);
        }
        for (pixel, [red, green, blue, alpha]) in pixels.iter_mut().zip(self.pictures) {
            over(pixel, [red, green, blue], f32::from(alpha) / 255.0);
        }
        Plane { width, height, pixels }
    }

    /// Squared distance of each pixel to the letters' edge, by the two passes of Felzenszwalb and Huttenlocher
    /// (Distance Transforms of Sampled Functions, 2012). A half-covered pixel counts as lying on the edge.
    fn distances(&self) -> Vec<f32> {
        let covered = |index: usize| {
            let own = self.pictures.get(index).map_or(0, |pixel| pixel[3]);
            f32::from(self.mask[index].max(own)) / 255.0
        };
        let mut field: Vec<f32> = (0..self.width * self.height)
            .map(|index| match covered(index) {
                alpha if alpha <= 0.0 => FAR,
                alpha => (0.5 - alpha).max(0.0).powi(2),
            })
            .collect();
        let mut scratch = Scratch::new(self.width.max(self.height));
        for column in 0..self.width {
            scratch.sweep(&mut field, column, self.width, self.height);
        }
        for row in 0..self.height {
            scratch.sweep(&mut field, row * self.width, 1, self.width);
        }
        field
    }
}

/// Room for one row or column of the distance transform.
struct Scratch {
    values: Vec<f32>,
    vertices: Vec<usize>,
    bounds: Vec<f32>,
}

impl Scratch {
    fn new(length: usize) -> Self {
        Self { values: vec![0.0; length], vertices: vec![0; length], bounds: vec![0.0; length + 1] }
    }

    /// Lower envelope of the parabolas over every `step`th value from `start` on, `count` of them.
    fn sweep(&mut self, field: &mut [f32], start: usize, step: usize, count: usize) {
        for (number, value) in self.values.iter_mut().take(count).enumerate() {
            *value = field[start + number * step];
        }
        let height = |at: usize, values: &[f32]| values[at] + (at * at) as f32;
        let mut last = 0;
        self.vertices[0] = 0;
        (self.bounds[0], self.bounds[1]) = (f32::NEG_INFINITY, f32::INFINITY);
        for at in 1..count {
            loop {
                let other = self.vertices[last];
                let meets =
                    (height(at, &self.values) - height(other, &self.values)) / (2 * (at - other)) as f32;
                if meets > self.bounds[last] {
                    last += 1;
                    self.vertices[last] = at;
                    (self.bounds[last], self.bounds[last + 1]) = (meets, f32::INFINITY);
                    break;
                }
                if last == 0 {
                    self.vertices[0] = at;
                    break;
                }
                last -= 1;
            }
        }
        let mut vertex = 0;
        for number in 0..count {
            while self.bounds[vertex + 1] < number as f32 {
                vertex += 1;
            }
            let from = self.vertices[vertex];
            field[start + number * step] = (number.abs_diff(from) as f32).powi(2) + self.values[from];
        }
    }
}

fn paint_box(pixels: &mut [[u8; 4]], (width, height): (usize, usize), span: &Span) {
    let rows = span.top.max(0.0) as usize..(span.bottom.max(0.0).ceil() as usize).min(height);
    for row in rows {
        let columns = span.left.max(0.0) as usize..(span.right.max(0.0).ceil() as usize).min(width);
        for column in columns {
            let (x, y) = (column as f32 + 0.5, row as f32 + 0.5);
            // Distance to the rectangle shrunk by its radius.
            let across = (span.left + span.radius - x).max(x - span.right + span.radius).max(0.0);
            let down = (span.top + span.radius - y).max(y - span.bottom + span.radius).max(0.0);
            let cover = (span.radius + 0.5 - across.hypot(down)).clamp(0.0, 1.0);
            let pixel = &mut pixels[row * width + column];
            // Boxes of neighbouring lines touch; where they do, the darker one counts.
            pixel[3] = pixel[3].max((cover * BOX_ALPHA * 255.0).round() as u8);
        }
    }
}

/// Lays a colour over a pixel.
fn over(pixel: &mut [u8; 4], colour: [u8; 3], alpha: f32) {
    if alpha <= 0.0 {
        return;
    }
    let below = f32::from(pixel[3]) / 255.0 * (1.0 - alpha);
    let sum = alpha + below;
    for (channel, value) in pixel.iter_mut().zip(colour) {
        *channel = ((f32::from(value) * alpha + f32::from(*channel) * below) / sum).round() as u8;
    }
    pixel[3] = (sum * 255.0).round() as u8;
}
