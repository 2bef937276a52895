//! Connections that send media without copying it: the pieces of a body that lie in a [`Mapped`] file leave by
//! `sendfile(2)`, everything else as on any TCP stream.

use crate::media::mapped::{self, Region};
use axum::serve::Listener;
use rustix::fs::sendfile;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Bytes sent in one call: a connection is not to keep its thread from others for long.
const CALL_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Accepts TCP connections as [`Connection`]s.
pub(crate) struct Connections(pub(crate) TcpListener);

impl Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Small answers leave at once instead of waiting for more to send with them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "connection keeps its delay");
        }
        (Connection(stream), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A client's connection.
pub(crate) struct Connection(TcpStream);

impl Connection {
    /// Calls `write` until it would not block.
    fn poll_by(
        &self,
        context: &mut Context<'_>,
        mut write: impl FnMut() -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            match self.0.try_io(Interest::WRITABLE, || write().map_err(io::Error::from)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_send_file(
        &self,
        context: &mut Context<'_>,
        (region, offset): (&Region, u64),
        bytes: usize,
    ) -> Poll<io::Result<usize>> {
        let bytes = bytes.min(CALL_BYTES_MAX);
        let sent = self.poll_by(context, || {
            let mut from = offset;
            sendfile(&self.0, &region.file, Some(&mut from), bytes)
        });
        match ready!(sent)? {
            0 => Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a media file was cut"))),
            sent => Poll::Ready(Ok(sent)),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match mapped::region(bytes) {
            Some((region, offset)) => self.poll_send_file(context, (&region, offset), bytes.len()),
            None => Pin::new(&mut self.0).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let filled = || pieces.iter().enumerate().filter(|(_, piece)| !piece.is_empty());
        let from_file = filled().find_map(|(at, piece)| Some((at, mapped::region(piece)?)));
        match (filled().next(), from_file) {
            (Some((first, piece)), Some((at, (region, offset)))) if first == at => {
                self.poll_send_file(context, (&region, offset), piece.len())
            }
            // What is in memory goes first, usually the head of an answer. The kernel is told that more follows, so that
            // both leave in the same packets.
            (_, Some((at, _))) => self.poll_by(context, || {
                let mut control = SendAncillaryBuffer::default();
                sendmsg(&self.0, &pieces[..at], &mut control, SendFlags::MORE | SendFlags::NOSIGNAL)
            }),
            (_, None) => Pin::new(&mut self.0).poll_write_vectored(context, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::mapped::Mapped;
    use std::io::Write as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// A connection to itself, and its other end.
    async fn pair() -> (Connection, TcpStream) {
        let mut listener = Connections(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (listener.accept().await.0, client)
    }

    #[tokio::test]
    async fn pieces_of_files_and_of_memory_arrive_in_order() {
        let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&content).unwrap();
        let mapped = Mapped::new(file.reopen().unwrap()).unwrap();
        let (head, tail) = (b"head".as_slice(), b"tail".as_slice());
        let (first, second) = (mapped.part(5..2_500_000), mapped.part(7..8));
        let expected = [head, &content[5..2_500_000], b"", tail, &content[7..8], tail].concat();

        let (mut connection, mut client) = pair().await;
        let sender = tokio::spawn(async move {
            let mut pieces = [head, &first, b"", tail, &second, tail].map(IoSlice::new);
            let mut left = &mut pieces[..];
            while !left.is_empty() {
                let sent = connection.write_vectored(left).await.unwrap();
                assert!(sent > 0);
                IoSlice::advance_slices(&mut left, sent);
            }
            // One piece by itself, too, as bodies after the head are written.
            connection.write_all(&first).await.unwrap();
        });
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        sender.await.unwrap();
        assert!(received[..expected.len()] == expected);
        assert!(received[expected.len()..] == content[5..2_500_000]);
    }

    #[tokio::test]
    async fn a_file_that_was_removed_is_sent_to_its_end() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[7; 100_000]).unwrap();
        let mapped = Mapped::new(file.reopen().unwrap()).unwrap();
        drop(file);
        let (mut connection, mut client) = pair().await;
        connection.write_all(&mapped.part(0..100_000)).await.unwrap();
        drop(connection);
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        assert!(received == [7; 100_000]);
    }
}
