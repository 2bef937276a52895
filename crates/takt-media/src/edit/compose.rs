//! From a checked list and its sources to one filter graph and the inputs it takes. Pure.

use std::path::PathBuf;

use super::check::Edit;
use super::graph::{Graph, Pad, filter};
use super::list::{LayoutKind, Place, Segment};
use super::sources::{Clip, Sources, other_video};
use super::text::Picture;
use super::timeline::{self, Piece, Settled};
use super::{mix, picture};
use crate::inspect::{Container, Source};
use crate::plan::FrameRate;

/// Most frames a second of a result.
const FPS_MAX: u32 = 60;
/// Fewest; slide shows get these.
const FPS_MIN: FrameRate = FrameRate { frames: 12, seconds: 1 };
/// What is read before and after each part, in seconds of the source: the frame that stands at a cut began before it, and
/// sound is moved by some milliseconds.
const AROUND_S: f64 = 0.2;

/// One input of FFmpeg's: a part of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    Part {
        container: Container,
        path: PathBuf,
        from_s: f64,
        length_s: f64,
    },
    /// A painted text, by its number.
    Text(usize),
}

/// What FFmpeg is to do.
#[derive(Debug)]
pub(crate) struct Composition {
    pub(crate) inputs: Vec<Input>,
    pub(crate) graph: Graph,
    pub(crate) video: Pad,
    pub(crate) audio: Option<Pad>,
    pub(crate) rate: FrameRate,
}

/// What FFmpeg can do here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Abilities {
    pub(crate) tone_mapping: bool,
    /// There is the filter `rubberband`.
    pub(crate) rubberband: bool,
}

/// A place on the canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// A graph under construction, with what all its parts need.
pub(crate) struct Composer<'a> {
    pub(crate) edit: &'a Edit,
    pub(crate) sources: &'a Sources,
    pub(crate) abilities: Abilities,
    pub(crate) rate: FrameRate,
    pub(crate) frames: u32,
    pub(crate) samples: u32,
    pub(crate) pieces: Vec<Cut>,
    pub(crate) inputs: Vec<Input>,
    pub(crate) graph: Graph,
}

/// A piece with the input it is read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) piece: Piece,
    pub(crate) clip: Clip,
    pub(crate) input: usize,
    /// What the input has before the piece, in seconds of the source.
    pub(crate) before_s: f64,
    /// Where its frames go.
    pub(crate) settled: Settled,
}

/// Composes the graph. `texts` are the painted texts of the list, `None` for those that are not seen.
///
/// Sources must have been checked against the list.
pub(crate) fn compose(
    edit: &Edit,
    sources: &Sources,
    texts: &[Option<Picture>],
    abilities: Abilities,
) -> Composition {
    let rate = rate(edit, sources);
    let seconds = f64::from(edit.duration_ms()) / 1000.0;
    let mut composer = Composer {
        edit,
        sources,
        abilities,
        rate,
        frames: timeline::frame_at(seconds, rate),
        samples: timeline::sample_at(seconds),
        pieces: Vec::new(),
        inputs: Vec::new(),
        graph: Graph::default(),
    };
    composer.open_pieces();
    let other = composer.open_other();
    let video = picture::compose(&mut composer, other, texts);
    let audio = mix::compose(&mut composer, other);
    let Composer { inputs, graph, rate, .. } = composer;
    Composition { inputs, graph, video, audio, rate }
}

/// The rate of the fastest own source.
fn rate(edit: &Edit, sources: &Sources) -> FrameRate {
    let own = edit.list().segments.iter().filter(|segment| segment.source.is_some());
    let rates = own.filter_map(Clip::of).filter_map(|clip| sources.clips.get(&clip));
    let fastest = rates.map(|(_, source)| source.video.frame_rate).max_by(|a, b| a.fps().total_cmp(&b.fps()));
    let rate = fastest.unwrap_or(FPS_MIN).at_most(FPS_MAX);
    if rate.fps() < FPS_MIN.fps() { FPS_MIN } else { rate }
}

/// Where one's own picture and the other video's are seen.
pub(crate) fn cells(edit: &Edit) -> (Cell, Option<Cell>) {
    let list = edit.list();
    let (width, height) = (list.canvas.width, list.canvas.height);
    let whole = Cell { x: 0, y: 0, width, height };
    let (left, top) = (even(f64::from(width) / 2.0), even(f64::from(height) / 2.0));
    let first_half = |across: bool| match across {
        true => (Cell { width: left, ..whole }, Cell { x: left, width: width - left, ..whole }),
        false => (Cell { height: top, ..whole }, Cell { y: top, height: height - top, ..whole }),
    };
    match list.layout.kind {
        LayoutKind::Single => (whole, None),
        kind @ (LayoutKind::SideBySide | LayoutKind::Stacked) => {
            let (first, second) = first_half(kind == LayoutKind::SideBySide);
            if matches!(list.layout.place, Some(Place::Left | Place::Top)) {
                (second, Some(first))
            } else {
                (first, Some(second))
            }
        }
        LayoutKind::PictureInPicture => {
            const SHARE: f64 = 0.34;
            const FROM_RIGHT: f64 = 0.04;
            const FROM_TOP: f64 = 0.08;
            let (across, down) = (f64::from(width), f64::from(height));
            let (small_width, small_height) = (even(across * SHARE), even(down * SHARE));
            let corner = Cell {
                x: width - small_width - even(across * FROM_RIGHT),
                y: even(down * FROM_TOP),
                width: small_width,
                height: small_height,
            };
            (whole, Some(corner))
        }
    }
}

/// The nearest even number below, as half-size chroma wants it.
pub(crate) fn even(length: f64) -> u32 {
    (length as u32) & !1
}

impl<'a> Composer<'a> {
    /// A source that [`Sources::check`] found to be there.
    pub(crate) fn source(&self, clip: Clip) -> Option<&'a Source> {
        self.sources.clips.get(&clip).map(|(_, source)| source)
    }

    fn open_pieces(&mut self) {
        let segments = &self.edit.list().segments;
        for piece in timeline::pieces(segments, self.rate) {
            let Some(clip) = Clip::of(&segments[piece.segment]) else { continue };
            // Rounding may leave nothing of the last part of a segment.
            if piece.frames > 0
                && let Some((input, before_s)) = self.open_clip(clip, piece.from_s, piece.length_s)
            {
                let settled = self.settle(&piece, clip, &segments[piece.segment]);
                self.pieces.push(Cut { piece, clip, input, before_s, settled });
            }
        }
    }

    /// Backwards, places are counted from the other end, and frames stay where they fall.
    fn settle(&self, piece: &Piece, clip: Clip, segment: &Segment) -> Settled {
        let Some(video) = self.source(clip).map(|source| &source.video).filter(|_| !segment.reverse) else {
            return Settled::default();
        };
        let times_s = video.frames.iter().map(|frame| frame.shown_us as f64 / 1e6 - piece.from_s);
        timeline::settle(piece, segment.speed, times_s, self.rate)
    }

    /// The other video of a duet, from the moment both begin: its input and what that has before.
    fn open_other(&mut self) -> Option<Cut> {
        let video = other_video(self.edit.list())?;
        let from_s = f64::from(self.edit.list().layout.start_ms) / 1000.0;
        let length_s = f64::from(self.edit.duration_ms()) / 1000.0;
        let clip = Clip::Video(video);
        let (input, before_s) = self.open_clip(clip, from_s, length_s)?;
        let (frames, samples) = (self.frames, self.samples);
        let piece = Piece { segment: 0, from_s, length_s, first_frame: 0, frames, samples, offset_s: 0.0 };
        Some(Cut { piece, clip, input, before_s, settled: Settled::default() })
    }

    fn open_clip(&mut self, clip: Clip, from_s: f64, length_s: f64) -> Option<(usize, f64)> {
        let (path, source) = self.sources.clips.get(&clip)?;
        Some(self.open(source.container, path.clone(), from_s, length_s))
    }

    /// Adds an input around a part of a file; answers its number and how much before the part it begins, in seconds.
    pub(crate) fn open(
        &mut self,
        container: Container,
        path: PathBuf,
        from_s: f64,
        length_s: f64,
    ) -> (usize, f64) {
        let before_s = from_s.min(AROUND_S);
        let length_s = before_s + length_s + AROUND_S;
        self.inputs.push(Input::Part { container, path, from_s: from_s - before_s, length_s });
        (self.inputs.len() - 1, before_s)
    }

    /// Several parts one after the other.
    pub(crate) fn concat(&mut self, parts: &[Pad], video: bool) -> Pad {
        if let [only] = parts {
            return *only;
        }
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let (pictures, sounds) = if video { (1_u32, 0_u32) } else { (0, 1) };
        self.graph.chain(parts, [filter("concat").set("n", count).set("v", pictures).set("a", sounds)])
    }
}
