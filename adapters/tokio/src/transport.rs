//! What a connection runs over.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use mpconn::Space;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream of bytes. [`Socket`](crate::Socket) is one, and [`ReadWrite`] makes one of anything
/// that is `AsyncRead + AsyncWrite`.
///
/// One task may receive while another sends: each direction wakes its own.
pub trait Transport {
    /// Reads some bytes: how many, 0 at the end.
    ///
    /// # Errors
    ///
    /// The system's.
    fn poll_receive(&self, cx: &mut Context<'_>, space: Space<'_>) -> Poll<io::Result<usize>>;

    /// Writes some of these bytes, one slice behind the other: how many.
    ///
    /// # Errors
    ///
    /// The system's.
    fn poll_send(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>>;

    /// Writes out whatever the transport itself holds back. A socket holds nothing back.
    ///
    /// # Errors
    ///
    /// The system's.
    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Waits until a receive would find something.
    ///
    /// # Errors
    ///
    /// The system's, and `Unsupported` where the transport cannot tell, which is the default.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        let error = "this transport cannot be polled";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::Unsupported, error)))
    }
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn poll_receive(&self, cx: &mut Context<'_>, space: Space<'_>) -> Poll<io::Result<usize>> {
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

/// Any `AsyncRead + AsyncWrite` as a transport: a TLS stream, a tunnel, a pipe in memory.
#[derive(Debug)]
pub struct ReadWrite<S>(Mutex<S>);

impl<S> ReadWrite<S> {
    /// Over this stream.
    pub const fn new(stream: S) -> Self {
        Self(Mutex::new(stream))
    }

    /// The stream.
    pub fn into_inner(self) -> S {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held for the length of one poll.
    fn stream(&self) -> MutexGuard<'_, S> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transport for ReadWrite<S> {
    fn poll_receive(&self, cx: &mut Context<'_>, space: Space<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(space.into_slice());
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

/// The core asks for bytes moved, or `None` when there are none for now; tokio says `Pending`.
pub(crate) fn for_now(poll: Poll<io::Result<usize>>) -> io::Result<Option<usize>> {
    match poll {
        Poll::Ready(moved) => moved.map(Some),
        Poll::Pending => Ok(None),
    }
}

/// Waits for what the transport holds back to be written.
pub(crate) async fn flush<T: Transport>(transport: &T) -> io::Result<()> {
    poll_fn(|cx| transport.poll_flush(cx)).await
}
