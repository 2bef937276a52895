//! Non-destructive editing: an edit list says what to make of which sources, and [`render`] makes it.
//!
//! 1. [`parse`] takes a list in and refuses by field and rule whatever is wrong with it ([`EditList`] is the list as
//!    written, [`Edit`] one that was checked).
//! 2. [`Sources::inspect`] looks at the files, and they are held against the list.
//! 3. A filter graph is composed: pieces of the time line, pictures, the mix. Texts are painted to pictures here.
//! 4. One sandboxed FFmpeg renders it all. A list that only trims is copied instead, exactly (`trim.rs`).
//!
//! Invariant: nothing a creator wrote gets into FFmpeg's arguments. Graphs are made of numbers and of words of this
//! program (`graph.rs`), files have the names the server gave them, and texts arrive as pictures.

mod check;
mod compose;
mod graph;
mod list;
mod look;
mod mix;
mod moment;
mod picture;
mod render;
mod sources;
mod text;
mod timeline;
mod trim;
mod without;

pub use check::{
    CANVAS_EDGE_MIN, CANVAS_MAX, DURATION_MS, Edit, LEAD_MS_MAX, PART_MS_MIN, Refusal, SEGMENTS_MAX,
    SOURCE_MS_MAX, SPEED, STITCH_MS_MAX, TEXT_CHARS_MAX, TEXT_LINES_MAX, TEXT_SIZE, TEXT_WIDTH, TEXTS_MAX,
    VOICE_OVERS_MAX, VOLUME, check_text, parse,
};
pub use list::{
    Align, Backing, Canvas, Colour, Crop, EditList, Fade, Fit, Layout, LayoutKind, Look, Place, Segment,
    Text, TextStyle, VERSION, VoiceOver,
};
pub use look::Matrix;
pub use moment::moment_in;
pub use render::{RenderJob, Rendered, render, render_inspected};
pub use sources::{Clip, Files, Sources, clips, other_video, uploads, videos};
pub use text::{FONTS, Font, Picture, paint, system_fonts};
pub use without::without;
