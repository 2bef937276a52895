//! What a sound or a video is like: audio fingerprints, rhythm, waveforms, picture hashes.
//!
//! Everything here takes decoded material - mono samples at [`SAMPLE_RATE`], grey frames of [`FRAME_EDGE`] pixels - and
//! gives results; decoding is done by FFmpeg in its sandbox, elsewhere.
//!
//! Invariant: nothing here reads a file, a clock or a random source, and no result is or contains a template of a face
//! or a voice. Fingerprints tell whether two recordings are the same recording; they can not tell who speaks in them.

mod fingerprint;
mod picture;
mod rhythm;
mod spectrum;
mod waveform;

pub use fingerprint::{Fingerprint, Likeness, LookupKey, index_keys, query_keys};
pub use picture::{FRAME_EDGE, FRAMES_PER_SECOND, PictureLikeness, Pictures, SoundRelation};
pub use rhythm::{Rhythm, Tempo, rhythm};
pub use waveform::{PEAKS_PER_SECOND, peaks};

/// Samples a second of all sound given to this crate, mono.
pub const SAMPLE_RATE: u32 = 11_025;
