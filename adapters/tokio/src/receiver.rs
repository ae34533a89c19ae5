//! The receiving half.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use mpconn::{Address, Authenticated, ReadBuf, RecvBuffer, SendBuffer};
use mpconn_sockets::{Error, Link, MAX_MESSAGE_BYTES, Parts, Phase, Receiving};
use tokio::task::coop::poll_proceed;

use crate::platform::socket::Socket;
use crate::session::within;
use crate::transport::Transport;
use crate::transport::for_now;

/// The half of a [`Connection`](crate::Connection) that receives, or one end of a
/// [one-way pipe](crate::one_way_pipe).
///
/// A receive that is given up, by a timeout or by dropping its future, loses nothing: the next one,
/// of whatever kind, goes on with the message.
///
/// It is a [`Stream`] of messages as [`Bytes`], which ends when the peer closes, and after an
/// error.
#[derive(Debug)]
pub struct Receiver<T = Socket> {
    /// None when closed.
    link: Option<Arc<Link<T>>>,
    receiving: Receiving,
    timeout: Option<Duration>,
    /// How objects are read. `None` for the default: most connections have that, and it takes 40 bytes.
    #[cfg(feature = "pickle")]
    pub(crate) decoder: Option<Box<mpconn_pickle::Decoder>>,
    stream_is_over: bool,
}

impl<T> Receiver<T> {
    /// Creates a receiver without a handshake, over a transport that nothing was received from yet.
    pub fn unauthenticated(transport: T) -> Self {
        Self::resumed(transport, Vec::new())
    }

    /// Creates a receiver without a handshake, over a transport from which the bytes `unread` were
    /// received already.
    pub fn resumed(transport: T, unread: Vec<u8>) -> Self {
        let Parts { transport, receiving, peer, .. } = Parts::new(transport, unread);
        Self::new(Arc::new(Link { transport, peer }), receiving)
    }

    /// Makes a challenge as the first message an error.
    pub(crate) fn refuse_challenge(&mut self) {
        self.receiving.refuse_challenge();
    }

    pub(crate) fn new(link: Arc<Link<T>>, receiving: Receiving) -> Self {
        Self {
            link: Some(link),
            receiving,
            timeout: None,
            #[cfg(feature = "pickle")]
            decoder: None,
            stream_is_over: false,
        }
    }

    /// Returns the transport, or `None` after a close.
    #[must_use]
    pub fn transport(&self) -> Option<&T> {
        self.link.as_ref().map(|link| &link.transport)
    }

    pub(crate) fn link(&self) -> Option<&Arc<Link<T>>> {
        self.link.as_ref()
    }

    /// Returns the parts of this half. Returns `None` if it is closed, or if the other half has the
    /// transport too.
    #[must_use]
    pub fn into_parts(self) -> Option<Parts<T>> {
        self.into_parts_with(SendBuffer::new())
    }

    pub(crate) fn into_parts_with(self, send: SendBuffer) -> Option<Parts<T>> {
        let Self { link, receiving, .. } = self;
        let Link { transport, peer } = Arc::into_inner(link?)?;
        Some(Parts { transport, receiving, send, peer })
    }

    /// See [`Connection::authenticated`](crate::Connection::authenticated).
    #[must_use]
    pub fn authenticated(&self) -> Option<&Authenticated> {
        self.link.as_ref()?.peer.authenticated.as_ref()
    }

    /// See [`Connection::peer`](crate::Connection::peer).
    #[must_use]
    pub fn peer(&self) -> Option<&Address> {
        self.link.as_ref()?.peer.address.as_ref()
    }

    /// See [`Connection::set_max_message`](crate::Connection::set_max_message).
    pub fn set_max_message(&mut self, bytes: u64) {
        self.receiving.set_max(bytes);
    }

    /// See [`Connection::set_read_ahead`](crate::Connection::set_read_ahead).
    pub fn set_read_ahead(&mut self, reads_ahead: bool) {
        self.receiving.set_read_ahead(reads_ahead);
    }

    /// See [`Connection::set_receive_timeout`](crate::Connection::set_receive_timeout).
    pub fn set_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.timeout = timeout.into();
    }

    /// Closes this half. The transport closes with the last half.
    pub fn close(&mut self) {
        self.link = None;
        self.receiving = Receiving::new(RecvBuffer::new(MAX_MESSAGE_BYTES));
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.link.is_none()
    }

    /// See [`Connection::is_readable`](crate::Connection::is_readable).
    #[must_use]
    pub fn is_readable(&self) -> bool {
        !self.is_closed() && !self.receiving.has_failed()
    }
}

impl<T: Transport> Receiver<T> {
    /// See [`Connection::recv_bytes`](crate::Connection::recv_bytes).
    pub async fn recv_bytes(&mut self) -> Result<Vec<u8>, Error> {
        self.receive(u64::MAX, &mut Vec::new()).await?;
        Ok(self.receiving.take())
    }

    /// See [`Connection::recv_bytes_max`](crate::Connection::recv_bytes_max).
    pub async fn recv_bytes_max(&mut self, max: u64) -> Result<Vec<u8>, Error> {
        self.receive(max, &mut Vec::new()).await?;
        Ok(self.receiving.take())
    }

    /// See [`Connection::recv_bytes_to`](crate::Connection::recv_bytes_to).
    pub async fn recv_bytes_to(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.receive(u64::MAX, out).await?;
        self.receiving.take_to(out);
        Ok(())
    }

    /// See [`Connection::recv_bytes_into`](crate::Connection::recv_bytes_into).
    pub async fn recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.receive(u64::MAX, &mut Vec::new()).await?;
        self.receiving.take_into(buffer)
    }

    /// See [`Connection::recv_borrowed`](crate::Connection::recv_borrowed).
    pub async fn recv_borrowed(&mut self) -> Result<&[u8], Error> {
        self.receive(u64::MAX, &mut Vec::new()).await?;
        Ok(self.receiving.message())
    }

    /// See [`Connection::recv_shared`](crate::Connection::recv_shared).
    pub async fn recv_shared(&mut self) -> Result<Bytes, Error> {
        self.recv_bytes().await.map(Bytes::from)
    }

    /// See [`Connection::poll_recv`](crate::Connection::poll_recv).
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Error>> {
        if !ready!(self.poll_read_ahead(cx, u64::MAX, &mut Vec::new()))? {
            ready!(self.poll_read(cx, u64::MAX, &mut Vec::new()))?;
        }
        Poll::Ready(Ok(self.receiving.take().into()))
    }

    async fn receive(&mut self, max: u64, reuse: &mut Vec<u8>) -> Result<(), Error> {
        // What was read ahead needs no timer.
        if poll_fn(|cx| self.poll_read_ahead(cx, max, reuse)).await? {
            return Ok(());
        }
        let read = within(self.timeout, poll_fn(|cx| self.poll_read(cx, max, reuse)));
        read.await.unwrap_or(Err(Error::TimedOut(Phase::Receive)))
    }

    /// Looks for a message that was read ahead. It uses up the budget of the task as a read does, so
    /// that a loop over many messages lets other tasks run.
    fn poll_read_ahead(
        &mut self,
        cx: &mut Context<'_>,
        max: u64,
        reuse: &mut Vec<u8>,
    ) -> Poll<Result<bool, Error>> {
        let budget = ready!(poll_proceed(cx));
        let found = self.receiving.poll(max, reuse)?;
        if found {
            budget.made_progress();
        }
        Poll::Ready(Ok(found))
    }

    /// For when nothing was read ahead.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        max: u64,
        reuse: &mut Vec<u8>,
    ) -> Poll<Result<(), Error>> {
        let Some(Link { transport, .. }) = self.link.as_deref() else {
            return Poll::Ready(Err(Error::Closed));
        };
        let read = |space: ReadBuf<'_>| for_now(transport.poll_receive(cx, space));
        if self.receiving.read_with(max, reuse, read)? {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    /// See [`Connection::poll`](crate::Connection::poll).
    pub async fn poll(&mut self, timeout: impl Into<Option<Duration>>) -> Result<bool, Error> {
        let Some(Link { transport, .. }) = self.link.as_deref() else { return Err(Error::Closed) };
        if self.receiving.is_ready() {
            return Ok(true);
        }
        match within(timeout.into(), poll_fn(|cx| transport.poll_readable(cx))).await {
            Some(readable) => Ok(readable.map(|()| true)?),
            None => Ok(false),
        }
    }

    /// The transport and the buffer, for a handshake within the connection.
    pub(crate) fn parts(&mut self) -> Result<(&T, &mut RecvBuffer), Error> {
        let Some(Link { transport, .. }) = self.link.as_deref() else { return Err(Error::Closed) };
        Ok((transport, self.receiving.buffer_mut()))
    }
}

impl<T: Transport> Stream for Receiver<T> {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.stream_is_over {
            return Poll::Ready(None);
        }
        let received = ready!(self.poll_recv(cx));
        self.stream_is_over = received.is_err();
        Poll::Ready(match received {
            Err(Error::Ended) => None,
            received => Some(received),
        })
    }
}
