//! Takt-media with the real FFmpeg: every source here is generated on the spot.

mod clips;
mod golden;
mod harness;
mod hostile;
mod sync;
