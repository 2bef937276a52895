//! Takt-media with the real FFmpeg: every source here is generated on the spot.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod clips;
mod decode;
mod edit;
mod golden;
mod harness;
mod hostile;
mod sync;
