//! Reading media files of a directory: from the page cache at once, from the disk on a thread that may wait.

use axum::body::{Body, Bytes};
use futures::stream;
use parking_lot::Mutex;
use rustix::io::ReadWriteFlags;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// Bytes read at once. As much as a runtime's thread may copy without keeping others waiting (some 30 µs).
const PIECE_BYTES: usize = 256 * 1024;
/// Buffers kept for reuse. Fresh memory costs more than reading into it.
const POOL_BUFFERS_MAX: usize = 64;

/// Buffers for pieces of files, used again and again.
#[derive(Clone, Default)]
pub(super) struct Pool(Arc<Mutex<Vec<Box<[u8]>>>>);

impl Pool {
    fn take(&self) -> Loan {
        let buffer = self.0.lock().pop().unwrap_or_else(|| vec![0; PIECE_BYTES].into_boxed_slice());
        Loan { buffer, bytes: 0, pool: self.clone() }
    }
}

/// A buffer in use; it goes back to its pool when the last byte of it is sent.
struct Loan {
    buffer: Box<[u8]>,
    bytes: usize,
    pool: Pool,
}

impl AsRef<[u8]> for Loan {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.bytes]
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut pool = self.pool.0.lock();
        if !buffer.is_empty() && pool.len() < POOL_BUFFERS_MAX {
            pool.push(buffer);
        }
    }
}

/// These bytes of the file, a piece at a time. The file is never changed, only ever removed, so they are there.
pub(super) async fn body(pool: &Pool, file: Arc<File>, range: Range<u64>) -> io::Result<Body> {
    let (first, at) = piece(pool, file.clone(), range.clone()).await?;
    if at == range.end {
        return Ok(Body::from(first));
    }
    let state = (Some(first), pool.clone(), file, at..range.end);
    Ok(Body::from_stream(stream::try_unfold(state, |(first, pool, file, range)| async move {
        if let Some(first) = first {
            return Ok::<_, io::Error>(Some((first, (None, pool, file, range))));
        }
        if range.is_empty() {
            return Ok(None);
        }
        let (bytes, at) = piece(&pool, file.clone(), range.clone()).await?;
        Ok(Some((bytes, (None, pool, file, at..range.end))))
    })))
}

/// The first piece of the range, and where the next one begins.
async fn piece(pool: &Pool, file: Arc<File>, range: Range<u64>) -> io::Result<(Bytes, u64)> {
    let mut loan = pool.take();
    let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX).min(loan.buffer.len());
    loan.bytes = wanted;
    let have = cached(&file, &mut loan.buffer[..wanted], range.start);
    if have < wanted {
        let read = move || {
            file.read_exact_at(&mut loan.buffer[have..wanted], range.start + have as u64).map(|()| loan)
        };
        loan = tokio::task::spawn_blocking(read).await.map_err(io::Error::other)??;
    }
    Ok((Bytes::from_owner(loan), range.start + wanted as u64))
}

/// Reads what the page cache has, without waiting for the disk; how much that was. File systems that can not tell have
/// nothing.
fn cached(file: &File, buffer: &mut [u8], at: u64) -> usize {
    rustix::io::preadv2(file, &mut [IoSliceMut::new(buffer)], at, ReadWriteFlags::NOWAIT).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[tokio::test]
    async fn any_range_is_the_files_and_buffers_come_back() {
        let bytes: Vec<u8> = (0..PIECE_BYTES * 3 + 17).map(|n| (n % 251) as u8).collect();
        let mut named = tempfile::NamedTempFile::new().unwrap();
        named.write_all(&bytes).unwrap();
        let file = Arc::new(File::open(named.path()).unwrap());
        let pool = Pool::default();
        let ends = [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, PIECE_BYTES * 2, bytes.len()];
        for from in ends {
            for to in ends.into_iter().filter(|to| *to > from) {
                let body = body(&pool, file.clone(), from as u64..to as u64).await.unwrap();
                let read = axum::body::to_bytes(body, usize::MAX).await.unwrap();
                assert!(read == bytes[from..to], "{from}..{to}");
            }
        }
        // The longest range was gathered from four pieces.
        assert_eq!(pool.0.lock().len(), 4);
        let beyond = bytes.len() as u64;
        assert!(body(&pool, file, beyond..beyond + 1).await.is_err());
    }
}
