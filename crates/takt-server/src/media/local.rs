//! Sending media files of a directory: what the page cache has at once, what is on the disk after a thread that may wait
//! has brought it there.

use super::mapped::Mapped;
use axum::body::{Body, Bytes};
use futures::stream;
use rustix::io::ReadWriteFlags;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

/// Bytes handed to the connection at once, and so brought from the disk at once.
const PIECE_BYTES: usize = 2 * 1024 * 1024;
/// Bytes read from the disk in one call.
const READ_BYTES: usize = 128 * 1024;

/// These bytes of the file, a piece at a time.
pub(super) async fn body(file: Mapped, range: Range<usize>) -> io::Result<Body> {
    let (first, rest) = piece(&file, range).await?;
    if rest.is_empty() {
        return Ok(Body::from(first));
    }
    let state = (Some(first), file, rest);
    Ok(Body::from_stream(stream::try_unfold(state, |(first, file, rest)| async move {
        if let Some(first) = first {
            return Ok::<_, io::Error>(Some((first, (None, file, rest))));
        }
        if rest.is_empty() {
            return Ok(None);
        }
        let (bytes, rest) = piece(&file, rest).await?;
        Ok(Some((bytes, (None, file, rest))))
    })))
}

/// The first piece of the range, in memory, and what is left.
async fn piece(file: &Mapped, range: Range<usize>) -> io::Result<(Bytes, Range<usize>)> {
    let end = range.end.min(range.start.saturating_add(PIECE_BYTES));
    let piece = range.start..end;
    if !is_cached(file.file(), &piece) {
        let (file, piece) = (file.clone(), piece.clone());
        let read = tokio::task::spawn_blocking(move || bring_in(file.file(), piece));
        read.await.map_err(io::Error::other)??;
    }
    Ok((file.part(piece), end..range.end))
}

/// Whether the page cache has both ends of the piece: then the kernel's reading ahead has brought what is between, or
/// will. File systems that can not tell have nothing.
fn is_cached(file: &File, piece: &Range<usize>) -> bool {
    let has = |at: usize| {
        let mut byte = [0];
        rustix::io::preadv2(file, &mut [IoSliceMut::new(&mut byte)], at as u64, ReadWriteFlags::NOWAIT)
            == Ok(1)
    };
    has(piece.start) && has(piece.end - 1)
}

fn bring_in(file: &File, piece: Range<usize>) -> io::Result<()> {
    let mut buffer = vec![0; READ_BYTES.min(piece.len())];
    for at in piece.clone().step_by(READ_BYTES) {
        let wanted = buffer.len().min(piece.end - at);
        file.read_exact_at(&mut buffer[..wanted], at as u64)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[tokio::test]
    async fn any_range_is_the_files() {
        let bytes: Vec<u8> = (0..PIECE_BYTES * 3 + 17).map(|n| (n % 251) as u8).collect();
        let mut named = tempfile::NamedTempFile::new().unwrap();
        named.write_all(&bytes).unwrap();
        let file = Mapped::new(named.reopen().unwrap()).unwrap();
        let ends = [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, PIECE_BYTES * 2, bytes.len()];
        for from in ends {
            for to in ends.into_iter().filter(|to| *to > from) {
                let body = body(file.clone(), from..to).await.unwrap();
                let read = axum::body::to_bytes(body, usize::MAX).await.unwrap();
                assert!(read == bytes[from..to], "{from}..{to}");
                bring_in(file.file(), from..to).unwrap();
            }
        }
    }
}
