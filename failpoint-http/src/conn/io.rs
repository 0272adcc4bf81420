//! A stream that reports reads, writes and flushes to its [`Connection`].
//!
//! hyper writes a whole reply before it flushes, and writes in the same poll in which it gets the
//! reply. So after the next successful flush, the reply has been sent.

use crate::conn::Connection;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that reports to its connection.
pub(crate) struct TrackedIo<S> {
    stream: S,
    connection: Connection,
    /// Bytes that arrived while a request was held open: the beginning of the next one.
    early: Vec<u8>,
}

/// How much is read ahead of a peer that does not wait for its reply, in bytes.
const EARLY: usize = 32 * 1024;

impl<S> TrackedIo<S> {
    pub(crate) fn new(stream: S, connection: Connection) -> Self {
        Self { stream, connection, early: Vec::new() }
    }

    /// Where something is streamed, it goes on, or the peer is given so long.
    fn note<T>(&self, written: &Poll<io::Result<T>>) {
        if self.connection.is_held_open() {
            self.connection.stream(written.is_ready());
        }
    }
}

impl<S: AsyncRead + Unpin> TrackedIo<S> {
    /// Notices that the peer of a request that is held open is gone. hyper does not look: for it, a
    /// peer may close its half and still be answered.
    ///
    /// The end of the stream is behind all that the peer has sent. A peer that sends more than we read
    /// ahead is cut off, because we could not notice that it leaves.
    fn look_for_end(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            let mut bytes = [0; 512];
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer)? {
                Poll::Pending => return Ok(()),
                Poll::Ready(()) => {
                    let came = buffer.filled();
                    if came.is_empty() || self.early.len() + came.len() > EARLY {
                        return Err(io::ErrorKind::ConnectionAborted.into());
                    }
                    self.early.extend_from_slice(came);
                }
            }
        }
    }
}

impl<S> Drop for TrackedIo<S> {
    /// No reply can be sent any more, so the end of the process need not wait for one.
    fn drop(&mut self) {
        self.connection.release_exit();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TrackedIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            let length = self.early.len().min(buffer.remaining());
            buffer.put_slice(&self.early[..length]);
            self.early.drain(..length);
            self.connection.received();
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        if buffer.filled().len() > before {
            self.connection.received();
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TrackedIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.connection.flushed();
        // hyper flushes whenever it is polled and has nothing left to write.
        if self.connection.is_held_open() {
            self.look_for_end(cx)?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing is sent after this.
        self.connection.release_exit();
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
