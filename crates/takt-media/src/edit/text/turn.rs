//! Puts a painted block on the canvas, turned, and keeps what is seen of it.

use super::super::list::Canvas;
use super::Picture;
use super::ink::Plane;

/// `middle` of the plane comes to lie on `centre` of the canvas, turned clockwise by `degrees`.
pub(super) fn place(
    plane: &Plane,
    middle: (f32, f32),
    centre: (f32, f32),
    degrees: f32,
    canvas: Canvas,
) -> Option<Picture> {
    let upright = degrees == 0.0;
    // Upright letters keep their sharp edges: the plane moves by whole pixels.
    let centre = if upright {
        ((centre.0 - middle.0).round() + middle.0, (centre.1 - middle.1).round() + middle.1)
    } else {
        centre
    };
    let (sine, cosine) = if upright { (0.0, 1.0) } else { degrees.to_radians().sin_cos() };
    let bounds = bounds(plane, middle, centre, (sine, cosine), canvas)?;
    let (width, height) = ((bounds.right - bounds.left) as usize, (bounds.bottom - bounds.top) as usize);
    let mut rgba = Vec::with_capacity(width * height * 4);
    let mut seen = false;
    for row in 0..height {
        for column in 0..width {
            let x = (bounds.left + column as i32) as f32 + 0.5 - centre.0;
            let y = (bounds.top + row as i32) as f32 + 0.5 - centre.1;
            // Back by the same angle.
            let (from_x, from_y) = (x * cosine + y * sine + middle.0, y * cosine - x * sine + middle.1);
            let pixel = sample(plane, from_x - 0.5, from_y - 0.5);
            seen |= pixel[3] > 0;
            rgba.extend(pixel);
        }
    }
    let (width, height) = (width as u32, height as u32);
    seen.then_some(Picture { x: bounds.left, y: bounds.top, width, height, rgba })
}

struct Bounds {
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
}

/// What the turned plane can cover of the canvas, in even numbers: half-size chroma has no odd places.
fn bounds(
    plane: &Plane,
    middle: (f32, f32),
    centre: (f32, f32),
    (sine, cosine): (f32, f32),
    canvas: Canvas,
) -> Option<Bounds> {
    let inked = inked(plane)?;
    let corners = [
        (inked.left, inked.top),
        (inked.right, inked.top),
        (inked.left, inked.bottom),
        (inked.right, inked.bottom),
    ]
    .map(|(x, y)| {
        let (x, y) = (x as f32 - middle.0, y as f32 - middle.1);
        (x * cosine - y * sine + centre.0, x * sine + y * cosine + centre.1)
    });
    let across = corners.map(|corner| corner.0);
    let down = corners.map(|corner| corner.1);
    let least =
        |values: [f32; 4]| (values.into_iter().fold(f32::INFINITY, f32::min).floor() as i32).max(0) & !1;
    let most = |values: [f32; 4], limit: u32| {
        let most = values.into_iter().fold(f32::NEG_INFINITY, f32::max).ceil() as i32;
        (most.saturating_add(1) & !1).min(i32::try_from(limit).unwrap_or(i32::MAX))
    };
    let bounds = Bounds {
        left: least(across),
        right: most(across, canvas.width),
        top: least(down),
        bottom: most(down, canvas.height),
    };
    (bounds.left < bounds.right && bounds.top < bounds.bottom).then_some(bounds)
}

/// The part of the plane that has ink.
fn inked(plane: &Plane) -> Option<Bounds> {
    let mut bounds = Bounds { left: i32::MAX, right: 0, top: i32::MAX, bottom: 0 };
    for (index, _) in plane.pixels.iter().enumerate().filter(|(_, pixel)| pixel[3] > 0) {
        let (x, y) = ((index % plane.width) as i32, (index / plane.width) as i32);
        bounds.left = bounds.left.min(x);
        bounds.right = bounds.right.max(x + 1);
        bounds.top = bounds.top.min(y);
        bounds.bottom = bounds.bottom.max(y + 1);
    }
    (bounds.right > 0).then_some(bounds)
}

/// The colour between pixels, weighed by how near and how opaque they are.
fn sample(plane: &Plane, x: f32, y: f32) -> [u8; 4] {
    let (left, top) = (x.floor(), y.floor());
    let (right_share, lower_share) = (x - left, y - top);
    let mut sums = [0.0_f32; 4];
    for (row, down) in [(0, 1.0 - lower_share), (1, lower_share)] {
        for (column, across) in [(0, 1.0 - right_share), (1, right_share)] {
            let share = down * across;
            let (x, y) = (left as i64 + column, top as i64 + row);
            if share <= 0.0 || x < 0 || y < 0 || x >= plane.width as i64 || y >= plane.height as i64 {
                continue;
            }
            let pixel = plane.pixels[y as usize * plane.width + x as usize];
            let weight = share * f32::from(pixel[3]);
            for (sum, value) in sums.iter_mut().zip(&pixel[..3]) {
                *sum += weight * f32::from(*value);
            }
            sums[3] += weight;
        }
    }
    if sums[3] <= 0.0 {
        return [0; 4];
    }
    let colour = |sum: f32| (sum / sums[3]).round() as u8;
    [colour(sums[0]), colour(sums[1]), colour(sums[2]), sums[3].round() as u8]
}
