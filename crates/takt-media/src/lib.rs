//! Video in, renditions out: probes an upload, plans what to make of it and drives FFmpeg as a sandboxed child.
//!
//! The stages, each one child process, the earliest useful result first:
//!
//! 1. [`inspect`] reads magic bytes and counts packets; nothing a file declares about its length is believed.
//! 2. [`plan`] is pure: remux when the upload already fits, otherwise a ladder of encodes.
//! 3. [`first_rendition`] makes the first playable file and measures the sound on the way.
//! 4. [`poster`] takes a still and a ThumbHash from that file, which also proves that a frame decodes.
//! 5. [`further_renditions`] makes the rest, decoding once.
//!
//! An edited video comes from several files: [`edit::render`] makes one file of them and its edit list, which then goes
//! through the stages above like an upload.
//!
//! Beside them [`samples`], [`grey_frames`], [`sound_file`] and [`without_sound`] take sound and picture apart, for
//! analysis, for the sound library and for muting; [`recognise()`] runs a program of the operator's on a sound, and
//! [`provenance()`] the one that reads Content Credentials.
//!
//! A damaged file is saved as far as it goes: when it breaks off but its index is there and at least the shortest
//! allowed clip can be decoded, it becomes a shorter video ([`Source::truncated`]), encoded, never copied. With no
//! index, or less than half of what was measured decodable, it is rejected.
//!
//! Invariant: this crate knows no database and no HTTP. Every FFmpeg and ffprobe process it starts is confined (see
//! [`SandboxStatus`]), limited in time, memory and output, and dies with the future or the process that started it.
//! Uploads are hostile: no code here trusts a number, a name or a text that a file states.

mod classify;
mod decode;
pub mod edit;
mod encode;
mod encoder;
mod error;
mod filters;
mod inspect;
mod job;
mod limits;
mod mp4;
mod plan;
mod poster;
mod probe;
mod process;
mod provenance;
mod recognise;
mod sandbox;
mod seccomp;
mod sniff;
mod sound;
mod sound_source;
mod tools;

pub use decode::{Muted, SoundFile, grey_frames, samples, sound_container, sound_file, without_sound};
pub use encode::{Rendition, first_rendition, further_renditions};
pub use error::{Error, Failure, ToolsError};
pub use inspect::{AudioSource, Container, Source, VideoSource, inspect};
pub use job::Job;
pub use limits::Limits;
pub use plan::{AudioPlan, FastPath, First, FrameRate, Plan, Rung, RungSettings, Settings, plan};
pub use poster::{Poster, poster};
pub use probe::Frame;
pub use provenance::{Provenance, provenance};
pub use recognise::{Recogniser, recognise};
pub use sandbox::SandboxStatus;
pub use sound::{Loudness, Sound, audio_digest, gain_db, loudness};
pub use sound_source::{SoundSource, inspect_sound};
pub use tools::Tools;
