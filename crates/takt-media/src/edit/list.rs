//! The edit list as it is written: what a creator did to the sources, and nothing of what came out.
//!
//! `docs/edit-list.md` describes it for people. Times are milliseconds, places and sizes fractions of the canvas.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use takt_core::{SoundId, UploadId, VideoId};

/// The version written, and the only one read.
pub const VERSION: u32 = 1;

/// An edit list. Take one in with [`parse`](super::parse), which also checks it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditList {
    /// [`VERSION`].
    pub version: u32,
    /// Size of the picture.
    pub canvas: Canvas,
    /// What is played, one after the other.
    pub segments: Vec<Segment>,
    /// How the picture is shared with another video.
    #[serde(default)]
    pub layout: Layout,
    /// A sound of the library.
    #[serde(default)]
    pub sound: Option<Backing>,
    /// Recordings spoken over it.
    #[serde(default)]
    pub voice_over: Vec<VoiceOver>,
    /// Fades of the whole sound.
    #[serde(default)]
    pub fade: Fade,
    /// Texts, the first one undermost.
    #[serde(default)]
    pub texts: Vec<Text>,
    /// A filter over the picture, texts apart.
    #[serde(default)]
    pub look: Look,
    /// Where the poster is taken, on the time line of the result.
    #[serde(default)]
    pub poster_ms: u32,
}

/// Size of the picture in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canvas {
    /// Even.
    pub width: u32,
    /// Even.
    pub height: u32,
}

/// A part of a source: of an upload of one's own (`source`), or of another video (`video`) that is stitched before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// The upload it is taken from.
    #[serde(default)]
    pub source: Option<UploadId>,
    /// The video it is taken from.
    #[serde(default)]
    pub video: Option<VideoId>,
    /// Where it begins in the source.
    pub start_ms: u32,
    /// Where it ends in the source.
    pub end_ms: u32,
    /// 2 is twice as fast. The pitch stays.
    #[serde(default = "one")]
    pub speed: f64,
    /// Played backwards.
    #[serde(default)]
    pub reverse: bool,
    /// How it fills the canvas.
    #[serde(default)]
    pub fit: Fit,
    /// The part of the source's picture that is used.
    #[serde(default)]
    pub crop: Option<Crop>,
    /// Of its own sound: 1 as it is, 0 silent.
    #[serde(default = "one")]
    pub volume: f64,
}

/// How a picture of another shape fills its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// All of the place is filled; what is over is cut off on both sides.
    #[default]
    Cover,
    /// All of the picture is seen; the rest of the place is black.
    Contain,
}

/// A part of a picture, in fractions of its upright size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// How the picture is shared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Which way. With `single` nothing else is given.
    pub kind: LayoutKind,
    /// The other video.
    #[serde(default)]
    pub video: Option<VideoId>,
    /// Where the other video begins, in its own time; both start together.
    #[serde(default)]
    pub start_ms: u32,
    /// Of the other video's sound.
    #[serde(default = "one")]
    pub volume: f64,
    /// Where the other video is seen.
    #[serde(default)]
    pub place: Option<Place>,
    /// How the other video fills its place.
    #[serde(default)]
    pub fit: Fit,
}

impl Default for Layout {
    fn default() -> Self {
        let kind = LayoutKind::Single;
        Self { kind, video: None, start_ms: 0, volume: 1.0, place: None, fit: Fit::Cover }
    }
}

/// Ways of sharing the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayoutKind {
    /// Not shared.
    #[default]
    Single,
    /// Halves, left and right.
    SideBySide,
    /// Halves, above and below.
    Stacked,
    /// The other video small in the upper right corner.
    PictureInPicture,
}

/// Where the other video is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Of `side_by_side`.
    Left,
    /// Of `side_by_side`.
    Right,
    /// Of `stacked`.
    Top,
    /// Of `stacked`.
    Bottom,
    /// Of `picture_in_picture`.
    Corner,
}

/// A library sound laid under the whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backing {
    /// Which one.
    pub sound: SoundId,
    /// Place in the sound that is heard at `lead_ms`.
    pub start_ms: u32,
    /// 1 as it is.
    #[serde(default = "one")]
    pub volume: f64,
    /// Measured when recording: time of the video at which `start_ms` is heard. Negative where it was heard before the
    /// first picture.
    #[serde(default)]
    pub lead_ms: i32,
}

/// A recording spoken over the video.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoiceOver {
    /// The upload it is taken from.
    pub source: UploadId,
    /// Where it begins in the result.
    pub at_ms: u32,
    /// Where it begins in the source.
    pub start_ms: u32,
    /// Where it ends in the source.
    pub end_ms: u32,
    /// 1 as it is.
    #[serde(default = "one")]
    pub volume: f64,
}

/// Lengths of the fades of the whole sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fade {
    /// From silence at the beginning.
    #[serde(default)]
    pub in_ms: u32,
    /// To silence at the end.
    #[serde(default)]
    pub out_ms: u32,
}

/// A text over the picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// What it says; lines are broken at its width, and where it says so.
    pub text: String,
    /// First seen.
    pub from_ms: u32,
    /// No longer seen.
    pub to_ms: u32,
    /// Centre of the block, from the left.
    pub x: f64,
    /// Centre of the block, from above.
    pub y: f64,
    /// Width of the block, of the canvas' width.
    #[serde(default = "text_width")]
    pub width: f64,
    /// Size of the letters, of the canvas' height.
    pub size: f64,
    /// Of the letters.
    #[serde(default)]
    pub colour: Colour,
    /// What sets it off from the picture.
    #[serde(default)]
    pub style: TextStyle,
    /// Where its lines stand in the block.
    #[serde(default)]
    pub align: Align,
    /// Degrees clockwise about the centre of the block.
    #[serde(default)]
    pub rotation: f64,
}

/// A colour, written `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

impl Default for Colour {
    fn default() -> Self {
        Self([255; 3])
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", hex::encode(self.0))
    }
}

impl Serialize for Colour {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut parts = [0; 3];
        let read = text.strip_prefix('#').map(|digits| hex::decode_to_slice(digits, &mut parts));
        match read {
            Some(Ok(())) => Ok(Self(parts)),
            _ => Err(serde::de::Error::custom("must be a colour such as #ff8800")),
        }
    }
}

/// What sets a text off from the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextStyle {
    /// Nothing.
    #[default]
    Plain,
    /// A black rim.
    Outline,
    /// A black, see-through box behind each line.
    Box,
}

/// Where lines stand in their block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Align {
    /// At the left edge.
    Left,
    /// In the middle.
    #[default]
    Centre,
    /// At the right edge.
    Right,
}

/// A filter over the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// As it is.
    #[default]
    None,
    /// More red, less blue.
    Warm,
    /// More blue, less red.
    Cool,
    /// Black and white.
    Mono,
    /// Stronger colours and contrast.
    Vivid,
    /// Paler, with lifted shadows.
    Faded,
}

fn one() -> f64 {
    1.0
}

fn text_width() -> f64 {
    0.9
}
