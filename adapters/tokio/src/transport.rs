//! The streams that a connection can use.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use mpconn::ReadBuf;
use tokio::io::{self as tokio_io, AsyncRead, AsyncWrite};

/// A stream of bytes. [`Socket`](crate::Socket) is one, and [`ReadWrite`] makes one of anything
/// that is `AsyncRead + AsyncWrite`.
///
/// One task may receive while another sends: each direction wakes its own.
pub trait Transport {
    /// Reads some bytes. Returns their number, or 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn poll_receive(&self, cx: &mut Context<'_>, space: ReadBuf<'_>) -> Poll<io::Result<usize>>;

    /// Writes some of these bytes, one slice after the other. Returns their number.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn poll_send(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>>;

    /// Flushes what the transport buffers itself. The default is for transports without a buffer,
    /// such as sockets.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Waits until [`poll_receive`](Self::poll_receive) would not have to wait.
    ///
    /// # Errors
    ///
    /// Those of the system, and `Unsupported` if the transport cannot be polled, which is the
    /// default.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        let error = "this transport cannot be polled";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::Unsupported, error)))
    }
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn poll_receive(&self, cx: &mut Context<'_>, space: ReadBuf<'_>) -> Poll<io::Result<usize>> {
        (**self).poll_receive(cx, space)
    }

    fn poll_send(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        (**self).poll_send(cx, slices)
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        (**self).poll_flush(cx)
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        (**self).poll_readable(cx)
    }
}

/// A transport over any `AsyncRead + AsyncWrite`, such as a TLS stream or a pipe in memory.
///
/// The stream is flushed after every message. If a send is dropped before that, the next send
/// continues with it.
#[derive(Debug)]
pub struct ReadWrite<S>(Mutex<S>);

impl<S> ReadWrite<S> {
    /// Creates a transport over `stream`.
    pub const fn new(stream: S) -> Self {
        Self(Mutex::new(stream))
    }

    /// Returns the stream.
    pub fn into_inner(self) -> S {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the stream for one poll.
    fn stream(&self) -> MutexGuard<'_, S> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transport for ReadWrite<S> {
    fn poll_receive(&self, cx: &mut Context<'_>, space: ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = tokio_io::ReadBuf::new(space.into_slice());
        ready!(Pin::new(&mut *self.stream()).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    fn poll_send(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream()).poll_write_vectored(cx, slices)
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_flush(cx)
    }
}

/// Converts a poll to what the shared code expects: `None` for `Pending`.
pub(crate) fn for_now(poll: Poll<io::Result<usize>>) -> io::Result<Option<usize>> {
    match poll {
        Poll::Ready(moved) => moved.map(Some),
        Poll::Pending => Ok(None),
    }
}

/// Flushes what the transport buffers itself.
pub(crate) async fn flush<T: Transport>(transport: &T) -> io::Result<()> {
    poll_fn(|cx| transport.poll_flush(cx)).await
}
