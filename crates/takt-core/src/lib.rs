//! Takt's vocabulary: typed ids, time and bounded text.
//!
//! Invariant: no I/O, no async, no knowledge of any other crate of the workspace. The only ambient things here
//! are the system clock and the system's randomness, and both sit behind [`Clock`] and the ids' `mint`.

mod id;
mod text;
mod time;

pub use id::{
    AccountId, DraftId, EventId, ImpressionId, InvalidId, JobId, PageId, SessionId, SoundId, UploadId,
    VideoId, ViewerId,
};
pub use text::{CAPTION_CHARS_MAX, Caption, Handle, InvalidText, Lang};
pub use time::{Clock, InvalidTimestamp, Timestamp};
