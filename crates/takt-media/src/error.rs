//! Why an upload can not become a video, in words for its creator, and what else can go wrong.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The programs are missing or unusable.
#[derive(Debug, thiserror::Error)]
pub enum ToolsError {
    /// A program was not found or did not start.
    #[error("could not run {program}: {reason}; install ffmpeg (apt install ffmpeg) or set its path")]
    NotRunnable {
        /// Name or path of the program.
        program: String,
        /// What the system said.
        reason: String,
    },
    /// The program lacks a part that Takt needs.
    #[error("{program} has no {missing}; install a full build of ffmpeg, version 5.1 or later")]
    Incomplete {
        /// Name or path of the program.
        program: String,
        /// The missing encoder.
        missing: String,
    },
}

/// What stopped a stage.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The upload itself is at fault: the same bytes will fail again. Show the failure to the creator.
    #[error("{}", .0.message())]
    Rejected(Failure),
    /// Something around the upload is at fault (full disk, missing program, killed child): try again later.
    #[error("{0}")]
    Temporary(String),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Rejected(failure)
    }
}

/// Why an upload can not become a video.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Failure {
    /// Zero bytes.
    EmptyFile,
    /// Something else than a video.
    NotAVideo {
        /// What it seems to be, with its article: "a PNG picture".
        found: String,
    },
    /// A video in a container or codec that is not taken.
    UnsupportedFormat {
        /// Name of the container or codec.
        found: String,
    },
    /// The end or the index of the file is missing and nothing can be saved.
    Truncated,
    /// Sound only, or pictures only.
    NoVideoStream,
    /// Longer than allowed.
    TooLong {
        /// Measured length; at least this long when the count was cut short.
        duration_ms: u32,
        /// The limit.
        limit_ms: u32,
    },
    /// Shorter than allowed.
    TooShort {
        /// Measured length.
        duration_ms: u32,
        /// The limit.
        limit_ms: u32,
    },
    /// More bytes than allowed.
    TooBig {
        /// Size of the upload.
        bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// A frame has more pixels than allowed.
    TooManyPixels {
        /// Width of the frame.
        width: u32,
        /// Height of the frame.
        height: u32,
        /// Longest edge allowed.
        limit_edge: u32,
        /// Most pixels allowed.
        limit_pixels: u64,
    },
    /// A frame is smaller than allowed.
    TooFewPixels {
        /// Width of the frame.
        width: u32,
        /// Height of the frame.
        height: u32,
        /// Shortest edge allowed.
        limit_edge: u32,
    },
    /// More frames per second than allowed.
    FrameRateTooHigh {
        /// Measured rate.
        fps: u32,
        /// The limit.
        limit_fps: u32,
    },
    /// Far wider than high or the other way round.
    BadAspect {
        /// Width as shown.
        width: u32,
        /// Height as shown.
        height: u32,
        /// Longer edge divided by shorter edge, at most.
        limit_ratio: u32,
    },
    /// More streams than allowed.
    TooManyStreams {
        /// Streams found.
        streams: u32,
        /// The limit.
        limit_streams: u32,
    },
    /// The pictures can not be decoded.
    BrokenVideo,
    /// Pictures only, where sound is needed.
    NoSoundStream,
    /// An edit list asks for more than its sources have.
    EditBeyondSource {
        /// The field of the list.
        path: String,
        /// What it must be.
        rule: String,
    },
    /// Work on it took longer than any sane clip of its length would.
    TimedOut,
    /// Work on it needed more memory than any sane clip would.
    OutOfMemory,
    /// What came out was larger than any sane clip would give.
    OutputTooBig,
}

impl Failure {
    /// Stable name for interfaces and for looking things up.
    pub fn code(&self) -> &'static str {
        match self {
            Self::EmptyFile => "empty_file",
            Self::NotAVideo { .. } => "not_a_video",
            Self::UnsupportedFormat { .. } => "unsupported_format",
            Self::Truncated => "truncated",
            Self::NoVideoStream => "no_video_stream",
            Self::TooLong { .. } => "too_long",
            Self::TooShort { .. } => "too_short",
            Self::TooBig { .. } => "too_big",
            Self::TooManyPixels { .. } => "too_many_pixels",
            Self::TooFewPixels { .. } => "too_few_pixels",
            Self::FrameRateTooHigh { .. } => "frame_rate_too_high",
            Self::BadAspect { .. } => "bad_aspect",
            Self::TooManyStreams { .. } => "too_many_streams",
            Self::BrokenVideo => "broken_video",
            Self::NoSoundStream => "no_sound_stream",
            Self::EditBeyondSource { .. } => "edit_beyond_source",
            Self::TimedOut => "timed_out",
            Self::OutOfMemory => "out_of_memory",
            Self::OutputTooBig => "output_too_big",
        }
    }

    /// One or two plain sentences for the creator. Names the limit and what was measured.
    pub fn message(&self) -> String {
        match self {
            Self::EmptyFile => "This file is empty.".into(),
            Self::NotAVideo { found } => format!("This file is {found}, not a video."),
            Self::UnsupportedFormat { found } => {
                format!("Takt can not read {found}. MP4, MOV, WebM and MKV files work.")
            }
            Self::Truncated => {
                "This file is incomplete: it was cut off while being saved or copied, and nothing in it can be played."
                    .into()
            }
            Self::NoVideoStream => "This file has no moving picture in it.".into(),
            Self::TooLong { duration_ms, limit_ms } => {
                format!("This clip is {} s long; Takt takes up to {} s.", seconds(*duration_ms), seconds(*limit_ms))
            }
            Self::TooShort { duration_ms, limit_ms } => format!(
                "This clip is {} s long; Takt takes clips from {} s.",
                seconds(*duration_ms),
                seconds(*limit_ms)
            ),
            Self::TooBig { bytes, limit_bytes } => format!(
                "This file has {} MB; Takt takes up to {} MB.",
                megabytes_up(*bytes),
                limit_bytes / 1_000_000
            ),
            Self::TooManyPixels { width, height, limit_edge, limit_pixels } => format!(
                "The picture is {width} by {height} pixels; Takt takes up to {limit_edge} on the longer edge and {} megapixels.",
                tenths(*limit_pixels)
            ),
            Self::TooFewPixels { width, height, limit_edge } => format!(
                "The picture is {width} by {height} pixels; Takt needs at least {limit_edge} on the shorter edge."
            ),
            Self::FrameRateTooHigh { fps, limit_fps } => {
                format!("This clip has {fps} frames per second; Takt takes up to {limit_fps}.")
            }
            Self::BadAspect { width, height, limit_ratio } => format!(
                "The picture is {width} by {height} pixels; Takt takes pictures at most {limit_ratio} times as long as wide."
            ),
            Self::TooManyStreams { streams, limit_streams } => {
                format!("This file has {streams} tracks; Takt takes up to {limit_streams}.")
            }
            Self::BrokenVideo => "This file is damaged: its pictures can not be decoded.".into(),
            Self::NoSoundStream => "This file has no sound in it.".into(),
            Self::EditBeyondSource { path, rule } => {
                format!("This edit asks for more than its clips have: {path} {rule}.")
            }
            Self::TimedOut => "Working on this file took far longer than its length explains, so Takt gave up.".into(),
            Self::OutOfMemory => "Working on this file needed too much memory, so Takt gave up.".into(),
            Self::OutputTooBig => "This file grew far too large while being converted, so Takt gave up.".into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

/// Seconds with one decimal, which is left out when it is zero.
fn seconds(ms: u32) -> String {
    // Rounded up above the limit would read "60 s; up to 60 s", so tenths are always shown when there are any.
    let tenths = ms.div_ceil(100);
    if tenths.is_multiple_of(10) {
        format!("{}", tenths / 10)
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

fn megabytes_up(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

fn tenths(pixels: u64) -> String {
    let tenths = pixels / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}
