//! Taking an upload's bytes: one connection at a time, synced before they are acknowledged.

use crate::error::{Error, Result};
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures::StreamExt as _;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use takt_core::UploadId;
use tokio::fs::File;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _, SeekFrom};
use tokio_util::sync::CancellationToken;

/// A connection that sends nothing for so long is given up; what it sent is kept.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// How long a newer request waits for an older one to let go of the file.
const TAKE_OVER_MAX: Duration = Duration::from_secs(20);
const BEYOND_LENGTH: &str = "beyond_length";
/// How much of a refused body is still read, and for how long.
const DRAIN_BYTES_MAX: u64 = 64 * 1024 * 1024;
const DRAIN_MAX: Duration = Duration::from_secs(10);
/// Bytes between two syncs, so that the last one is never long.
const SYNC_BYTES: u64 = 32 * 1024 * 1024;

/// Uploads being written at this moment in this process. The files they write are this process's own, so nobody else
/// needs to know; the ids are unique, so it may be shared by every cell of the process.
static UNDER_WAY: LazyLock<Mutex<HashMap<UploadId, Arc<Gate>>>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Gate {
    file: Arc<tokio::sync::Mutex<()>>,
    holder: Mutex<CancellationToken>,
}

/// The right to write one upload's file. Whoever holds it stops when somebody newer asks for it.
pub(super) struct Turn {
    upload: UploadId,
    newer: CancellationToken,
    gate: Arc<Gate>,
    lock: Option<tokio::sync::OwnedMutexGuard<()>>,
}

impl Turn {
    /// Takes the turn from whoever has it. The usual former holder is a connection of the same client that broke without
    /// a word, so the newer one is right.
    pub(super) async fn take(upload: UploadId) -> Result<Self> {
        let gate = UNDER_WAY.lock().entry(upload).or_default().clone();
        let newer = CancellationToken::new();
        std::mem::replace(&mut *gate.holder.lock(), newer.clone()).cancel();
        let mut turn = Self { upload, newer, gate, lock: None };
        let lock = tokio::time::timeout(TAKE_OVER_MAX, turn.gate.file.clone().lock_owned()).await;
        turn.lock = Some(lock.map_err(|_| {
            let message = "another request is still writing this upload; try again";
            Error::refused(StatusCode::LOCKED, "upload_locked", message)
        })?);
        Ok(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.lock = None;
        let mut under_way = UNDER_WAY.lock();
        // The map's and ours: nobody else waits. Clones are only made under the map's lock.
        if Arc::strong_count(&self.gate) == 2 {
            under_way.remove(&self.upload);
        }
    }
}

/// What arrived.
pub(super) struct Received {
    /// Bytes of the upload that are on disk and synced.
    pub(super) offset: u64,
    /// Why it is not all of the body.
    pub(super) broken: Option<Error>,
    /// What is left of the body, where more may come.
    pub(super) rest: Body,
}

/// Where the bytes of one request go.
pub(super) struct Target {
    pub(super) path: PathBuf,
    pub(super) offset: u64,
    pub(super) bytes_total: u64,
}

/// Appends `body` to the file, in a task of its own so that what arrived is synced even when the client is gone and with
/// it the request. Memory: what the connection buffers and one write.
pub(super) async fn receive(turn: Turn, target: Target, body: Body) -> Result<Received> {
    let task = tokio::spawn(async move {
        let received = write(&turn, &target, body).await;
        drop(turn);
        received
    });
    task.await.map_err(|error| Error::Internal(format!("receiving an upload failed: {error}")))?
}

async fn write(turn: &Turn, target: &Target, body: Body) -> Result<Received> {
    let mut file = File::options().write(true).open(&target.path).await?;
    file.seek(SeekFrom::Start(target.offset)).await?;
    let mut offset = target.offset;
    let mut synced = target.offset;
    let mut pieces = body.into_data_stream();
    let broken = loop {
        let piece = tokio::select! {
            biased;
            () = turn.newer.cancelled() => break Some(taken_over()),
            piece = tokio::time::timeout(IDLE_MAX, pieces.next()) => piece,
        };
        let piece: Bytes = match piece {
            Err(_) => {
                break Some(Error::refused(
                    StatusCode::REQUEST_TIMEOUT,
                    "too_slow",
                    "no bytes came for a minute",
                ));
            }
            Ok(None) => break None,
            Ok(Some(Err(_))) => {
                let message = "the body could not be read to its end; resume the upload";
                break Some(Error::refused(StatusCode::BAD_REQUEST, "broken_body", message));
            }
            Ok(Some(Ok(piece))) => piece,
        };
        if piece.len() as u64 > target.bytes_total - offset {
            break Some(beyond_length());
        }
        if let Err(error) = file.write_all(&piece).await {
            break Some(error.into());
        }
        offset += piece.len() as u64;
        if offset - synced >= SYNC_BYTES {
            if let Err(error) = file.sync_data().await {
                break Some(error.into());
            }
            synced = offset;
        }
    };
    // Whatever broke: what the system took is made durable. A full disk shows here at the latest.
    let flushed = file.flush().await;
    let flushed = flushed.and(file.sync_data().await);
    let broken = broken.or(flushed.err().map(Error::from));
    let offset = if broken.is_none() { offset } else { file.metadata().await?.len() };
    let refused = matches!(broken, Some(Error::Unavailable(_) | Error::Refused { code: BEYOND_LENGTH, .. }));
    let rest = if refused { Body::new(pieces) } else { Body::empty() };
    Ok(Received { offset, broken, rest })
}

/// Reads on and drops what comes, for a while: a client that is still sending would otherwise find its connection closed
/// before it reads why.
pub(super) async fn drain(rest: Body) {
    let read = async {
        let mut pieces = rest.into_data_stream();
        let mut bytes = 0;
        while let Some(Ok(piece)) = pieces.next().await {
            bytes += piece.len() as u64;
            if bytes > DRAIN_BYTES_MAX {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN_MAX, read).await;
}

fn taken_over() -> Error {
    Error::refused(StatusCode::LOCKED, "taken_over", "a newer request goes on with this upload")
}

/// The body holds more than the upload's length leaves.
pub(super) fn beyond_length() -> Error {
    let message = "the body has more bytes than Upload-Length announced";
    Error::refused(StatusCode::PAYLOAD_TOO_LARGE, BEYOND_LENGTH, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;

    fn pieces(bytes: &'static [&'static [u8]]) -> Body {
        Body::from_stream(stream::iter(
            bytes.iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece))),
        ))
    }

    fn upload() -> (UploadId, tempfile::NamedTempFile) {
        let id = UploadId::mint(&takt_core::Clock::system());
        (id, tempfile::NamedTempFile::new().unwrap())
    }

    fn target(file: &tempfile::NamedTempFile, offset: u64, bytes_total: u64) -> Target {
        Target { path: file.path().to_owned(), offset, bytes_total }
    }

    #[tokio::test]
    async fn bytes_arrive_in_order_and_a_broken_body_keeps_what_came() {
        let (id, file) = upload();
        let turn = Turn::take(id).await.unwrap();
        let received = receive(turn, target(&file, 0, 6), pieces(&[b"ab", b"c"])).await.unwrap();
        assert!(received.offset == 3 && received.broken.is_none());

        let broken = stream::iter([Ok(Bytes::from_static(b"de")), Err(std::io::Error::other("gone"))]);
        let turn = Turn::take(id).await.unwrap();
        let received = receive(turn, target(&file, 3, 6), Body::from_stream(broken)).await.unwrap();
        assert!(received.offset == 5 && received.broken.is_some());
        assert_eq!(std::fs::read(file.path()).unwrap(), b"abcde");
        assert!(!UNDER_WAY.lock().contains_key(&id));
    }

    #[tokio::test]
    async fn never_more_than_was_announced() {
        let (id, file) = upload();
        let turn = Turn::take(id).await.unwrap();
        let received = receive(turn, target(&file, 0, 4), pieces(&[b"abc", b"def"])).await.unwrap();
        assert_eq!(received.offset, 3);
        assert!(matches!(received.broken, Some(Error::Refused { code: "beyond_length", .. })));
    }

    #[tokio::test]
    async fn a_newer_request_takes_over_from_one_that_hangs() {
        let (id, file) = upload();
        let hanging =
            stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"abc"))]).chain(stream::pending());
        let turn = Turn::take(id).await.unwrap();
        let former = tokio::spawn(receive(turn, target(&file, 0, 6), Body::from_stream(hanging)));
        while std::fs::metadata(file.path()).unwrap().len() < 3 {
            tokio::task::yield_now().await;
        }
        let turn = Turn::take(id).await.unwrap();
        let former = former.await.unwrap().unwrap();
        assert!(matches!(former.broken, Some(Error::Refused { code: "taken_over", .. })));
        assert_eq!(former.offset, 3);
        let received = receive(turn, target(&file, former.offset, 6), pieces(&[b"def"])).await.unwrap();
        assert!(received.offset == 6 && received.broken.is_none());
        assert_eq!(std::fs::read(file.path()).unwrap(), b"abcdef");
    }
}
