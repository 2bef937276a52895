//! Texts as pictures: shaped and painted here, so that no letter of a creator's ever comes near FFmpeg's arguments.
//!
//! The metrics are those of the app's preview: lines of 1.2 times the letters' size, the baseline at 0.95 of it.

mod fonts;
mod ink;
mod turn;

use std::io;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use cosmic_text::{
    Attrs, Buffer, CacheKeyFlags, Family, Metrics, Shaping, SwashCache, SwashContent, Weight, Wrap,
};

use super::list::{Align, Canvas, Text, TextStyle};
pub use fonts::{FONTS, Font, system_fonts};
use ink::{Ink, Span};

/// Height of a line, of the letters' size.
const LINE: f32 = 1.2;
/// From the top of a line to its baseline, of the letters' size.
const BASELINE: f32 = 0.95;
/// Width of the rim on each side of a stroke, of the letters' size.
const RIM: f32 = 0.06;
/// How far a box reaches beyond its line on either side, of the letters' size.
const BOX_PADDING: f32 = 0.25;
/// Radius of a box's corners, of the letters' size.
const BOX_RADIUS: f32 = 0.2;
/// Room around a block for what reaches over it: rims, boxes, long strokes.
const MARGIN: f32 = 0.6;
/// A block higher than the canvas by more than this is cut off above and below.
const HEIGHT_MAX: f32 = 2.0;

/// A painted text: straight RGBA and where its upper left corner lies on the canvas. Sides and places are even.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Of the left edge, may be negative.
    pub x: i32,
    /// Of the upper edge, may be negative.
    pub y: i32,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Four bytes a pixel.
    pub rgba: Vec<u8>,
}

impl Picture {
    /// As a PNG file.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn png(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().map_err(io::Error::other)?;
        writer.write_image_data(&self.rgba).map_err(io::Error::other)?;
        writer.finish().map_err(io::Error::other)?;
        Ok(bytes)
    }

    /// Writes it as a PNG file.
    pub(crate) fn write_png(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, self.png()?)
    }
}

/// Paints a text of a checked list as it is seen on `canvas`; `None` when nothing of it is seen.
///
/// Blocks for some milliseconds, the first time longer.
pub fn paint(text: &Text, canvas: Canvas) -> Option<Picture> {
    static PAINTER: OnceLock<Mutex<Painter>> = OnceLock::new();
    let painter = PAINTER.get_or_init(|| Mutex::new(Painter::new()));
    painter.lock().unwrap_or_else(PoisonError::into_inner).paint(text, canvas)
}

/// The fonts, read once.
struct Painter {
    fonts: cosmic_text::FontSystem,
    glyphs: SwashCache,
}

/// A block of text on a plane of its own.
struct Block {
    /// Pixels from the plane's edge to the block's.
    margin: f32,
    /// Lines that are not painted because the block is too high.
    skipped: usize,
    lines: usize,
    size: f32,
}

impl Painter {
    fn new() -> Self {
        Self { fonts: fonts::load(), glyphs: SwashCache::new() }
    }

    fn paint(&mut self, text: &Text, canvas: Canvas) -> Option<Picture> {
        let (canvas_width, canvas_height) = (canvas.width as f32, canvas.height as f32);
        let size = (text.size as f32 * canvas_height).max(1.0);
        let width = (text.width as f32 * canvas_width).max(1.0);
        let buffer = self.lay_out(text, size, width);
        let all = buffer.layout_runs().count();
        let lines = all.min((HEIGHT_MAX * canvas_height / (LINE * size)).ceil().max(1.0) as usize);
        let block = Block { margin: (MARGIN * size).ceil(), skipped: (all - lines) / 2, lines, size };
        let height = lines as f32 * LINE * size;
        let plane = (width + 2.0 * block.margin, height + 2.0 * block.margin);
        let mut ink = Ink::new(plane.0.ceil() as usize, plane.1.ceil() as usize);
        self.draw(&buffer, &block, &mut ink);
        let picture = match text.style {
            TextStyle::Plain => ink.finish(text.colour, None, &[]),
            TextStyle::Outline => ink.finish(text.colour, Some(RIM * size), &[]),
            TextStyle::Box => ink.finish(text.colour, None, &boxes(&buffer, &block)),
        };
        // The centre of the block is the centre of the plane.
        let centre = (text.x as f32 * canvas_width, text.y as f32 * canvas_height);
        let middle = (block.margin + width / 2.0, block.margin + height / 2.0);
        turn::place(&picture, middle, centre, text.rotation as f32, canvas)
    }

    fn lay_out(&mut self, text: &Text, size: f32, width: f32) -> Buffer {
        let mut buffer = Buffer::new(&mut self.fonts, Metrics::new(size, LINE * size));
        let attributes = Attrs::new()
            .family(Family::Name(fonts::FAMILY))
            .weight(Weight::BOLD)
            .cache_key_flags(CacheKeyFlags::DISABLE_HINTING);
        let align = match text.align {
            Align::Left => cosmic_text::Align::Left,
            Align::Centre => cosmic_text::Align::Center,
            Align::Right => cosmic_text::Align::Right,
        };
        buffer.set_wrap(Wrap::WordOrGlyph);
        buffer.set_size(Some(width), None);
        buffer.set_text(&text.text, &attributes, Shaping::Advanced, Some(align));
        buffer.shape_until_scroll(&mut self.fonts, false);
        buffer
    }

    fn draw(&mut self, buffer: &Buffer, block: &Block, ink: &mut Ink) {
        for (row, run) in buffer.layout_runs().skip(block.skipped).take(block.lines).enumerate() {
            let baseline = (block.margin + (row as f32 * LINE + BASELINE) * block.size).round();
            for glyph in run.glyphs {
                let placed = glyph.physical((block.margin, baseline), 1.0);
                // Not cached: sizes come from outside and would fill the cache.
                let Some(image) = self.glyphs.get_image_uncached(&mut self.fonts, placed.cache_key) else {
                    continue;
                };
                let (x, y) = (placed.x + image.placement.left, placed.y - image.placement.top);
                let size = (image.placement.width as usize, image.placement.height as usize);
                match image.content {
                    SwashContent::Mask => ink.mask((x, y), size, &image.data),
                    SwashContent::Color => ink.picture((x, y), size, &image.data),
                    // Never asked for.
                    SwashContent::SubpixelMask => {}
                }
            }
        }
    }
}

/// One box behind each line that shows something.
fn boxes(buffer: &Buffer, block: &Block) -> Vec<Span> {
    let padding = BOX_PADDING * block.size;
    let runs = buffer.layout_runs().skip(block.skipped).take(block.lines).enumerate();
    runs.filter_map(|(row, run)| {
        let left = run.glyphs.iter().map(|glyph| glyph.x).reduce(f32::min)?;
        let right = run.glyphs.iter().map(|glyph| glyph.x + glyph.w).reduce(f32::max)?;
        let top = block.margin + row as f32 * LINE * block.size;
        Some(Span {
            left: block.margin + left - padding,
            right: block.margin + right + padding,
            top,
            bottom: top + LINE * block.size,
            radius: BOX_RADIUS * block.size,
        })
    })
    .collect()
}

#[cfg(test)]
mod tests;
