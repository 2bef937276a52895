//! Media by byte range, as players ask.

use crate::http::{self, Answer, Outgoing};
use crate::load::Workload;
use crate::random::Random;
use crate::seed::MediaFile;
use anyhow::{Result, ensure};
use hyper::Request;
use hyper::header::RANGE;
use std::net::SocketAddr;
use std::sync::Arc;

/// Part of the requests that ask for a piece only, in percent; the others ask from the begin to the end, as
/// browsers do for a clip they will play.
const PIECES_PERCENT: usize = 50;
const PIECE_BYTES: u64 = 256 * 1024;

/// Every request is a range of a file, popular files more often.
pub(crate) struct Ranges {
    pub(crate) address: SocketAddr,
    pub(crate) files: Arc<[MediaFile]>,
}

impl Workload for Ranges {
    fn request(&self, random: &mut Random) -> Result<Outgoing> {
        let file = &self.files[random.rank(self.files.len())];
        let range = if random.percent(PIECES_PERCENT) && file.bytes > PIECE_BYTES {
            let pieces = file.bytes / PIECE_BYTES;
            let first = random.below(usize::try_from(pieces)?) as u64 * PIECE_BYTES;
            format!("bytes={first}-{}", first + PIECE_BYTES - 1)
        } else {
            "bytes=0-".to_owned()
        };
        http::finish(Request::get(&file.path).header(RANGE, range), self.address, None, bytes::Bytes::new())
    }

    fn keeps_body(&self) -> bool {
        false
    }

    fn judge(&self, answer: &Answer) -> Result<u64> {
        ensure!(answer.status.as_u16() == 206, "status {}", answer.status);
        let length = answer.headers.get("content-length").and_then(|v| v.to_str().ok()?.parse().ok());
        ensure!(length == Some(answer.bytes) && answer.bytes > 0, "wrong length");
        Ok(1)
    }
}
