//! The sending half.

use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_sink::Sink;
use mpconn::{Address, Authenticated, Extended, SendBuffer};
use mpconn_sockets::{
    Error, Link, Parts, Peer, Phase, has_room_for, is_gathered, or_drop_gathered, write_all,
};

use crate::platform::socket::Socket;
use crate::session::within;
use crate::transport::Transport;
use crate::transport::for_now;

/// [`Sender::feed`] and the [`Sink`] write out what they have buffered when it is more than this
/// many bytes.
const BUFFERED: usize = 64 * 1024;

/// The half of a [`Connection`](crate::Connection) that sends, or one end of a
/// [one-way pipe](crate::one_way_pipe).
///
/// A send that is given up, by a timeout or by dropping its future, leaves the stream whole. If
/// nothing of the message had been written, it is not sent; if a part had been, the rest is kept,
/// and goes before whatever is sent next, or with [`flush`](Self::flush).
/// [`buffered`](Self::buffered) tells. Over a transport that holds bytes back itself, as TLS does,
/// [`flush`](Self::flush) after a send that was given up.
///
/// It is a [`Sink`] of messages, anything that gives bytes.
#[derive(Debug)]
pub struct Sender<T = Socket> {
    /// None when closed.
    link: Option<Arc<Link<T>>>,
    send: SendBuffer,
    timeout: Option<Duration>,
    /// How objects are written.
    #[cfg(feature = "pickle")]
    pub(crate) encoder: mpconn_pickle::Encoder,
}

impl<T> Sender<T> {
    /// Creates a sender without a handshake, over a transport that nothing was sent on yet.
    pub fn unauthenticated(transport: T) -> Self {
        let link = Link { transport, peer: Peer::default() };
        Self::new(Arc::new(link), SendBuffer::new())
    }

    pub(crate) fn new(link: Arc<Link<T>>, send: SendBuffer) -> Self {
        Self {
            link: Some(link),
            send,
            timeout: None,
            #[cfg(feature = "pickle")]
            encoder: mpconn_pickle::Encoder::new(),
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
        let Link { transport, peer } = Arc::into_inner(self.link?)?;
        Some(Parts { send: self.send, peer, ..Parts::new(transport, Vec::new()) })
    }

    pub(crate) fn into_buffer(self) -> SendBuffer {
        self.send
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

    /// See [`Connection::set_extended`](crate::Connection::set_extended).
    pub fn set_extended(&mut self, extended: Extended) {
        self.send.set_extended(extended);
    }

    /// See [`Connection::set_send_timeout`](crate::Connection::set_send_timeout).
    pub fn set_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.timeout = timeout.into();
    }

    /// Closes this half. The transport closes with the last half. What is buffered is not sent.
    pub fn close(&mut self) {
        self.link = None;
        self.send = SendBuffer::new();
    }

    /// The buffer, for a handshake within the connection.
    pub(crate) fn buffer_mut(&mut self) -> &mut SendBuffer {
        &mut self.send
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.link.is_none()
    }

    /// See [`Connection::is_writable`](crate::Connection::is_writable).
    #[must_use]
    pub fn is_writable(&self) -> bool {
        !self.is_closed() && !self.send.is_poisoned()
    }

    /// The bytes that wait for a flush: of messages that were fed, or of one whose sending was
    /// given up half-way.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.send.buffered()
    }

    /// Buffers a message without sending it, whatever the buffer's length.
    fn start_send(&mut self, message: &[u8]) -> Result<(), Error> {
        if self.is_closed() {
            return Err(Error::Closed);
        }
        Ok(self.send.push(message)?)
    }
}

impl<T: Transport> Sender<T> {
    /// See [`Connection::send_bytes`](crate::Connection::send_bytes).
    pub async fn send_bytes(&mut self, message: &[u8]) -> Result<(), Error> {
        let timeout = self.timeout;
        let mut sending = Sending::begin(self, message)?;
        let sent = within(timeout, poll_fn(|cx| sending.poll(cx)));
        sent.await.unwrap_or(Err(Error::TimedOut(Phase::Send)))
    }

    /// See [`Connection::send_many`](crate::Connection::send_many).
    pub async fn send_many<M: AsRef<[u8]>>(
        &mut self,
        messages: impl IntoIterator<Item = M>,
    ) -> Result<(), Error> {
        let timeout = self.timeout;
        // What was there before this call stays, whatever becomes of it.
        let mut before = self.buffered();
        if self.is_closed() {
            return Err(Error::Closed);
        }
        let sent = async {
            let mut messages = messages.into_iter();
            while let Some(message) = or_drop_gathered(&mut self.send, before, || messages.next()) {
                let message = or_drop_gathered(&mut self.send, before, || message.as_ref());
                if !has_room_for(&self.send, message) {
                    self.flush_buffer().await?;
                    before = 0;
                }
                if is_gathered(message) {
                    self.send.push(message)?;
                } else {
                    let mut sending = Sending::begin(self, message)?;
                    poll_fn(|cx| sending.poll(cx)).await?;
                }
            }
            poll_fn(|cx| self.poll_flush(cx)).await
        };
        let sent = within(timeout, pin!(sent)).await.unwrap_or(Err(Error::TimedOut(Phase::Send)));
        if let Err(Error::Io(_)) = sent {
            self.send.truncate(before);
        }
        sent
    }

    /// See [`Connection::feed`](crate::Connection::feed).
    pub async fn feed(&mut self, message: &[u8]) -> Result<(), Error> {
        if self.buffered() >= BUFFERED {
            self.flush().await?;
        }
        self.start_send(message)
    }

    /// See [`Connection::flush`](crate::Connection::flush).
    pub async fn flush(&mut self) -> Result<(), Error> {
        let timeout = self.timeout;
        let flushed = poll_fn(|cx| self.poll_flush(cx));
        within(timeout, flushed).await.unwrap_or(Err(Error::TimedOut(Phase::Send)))
    }

    async fn flush_buffer(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_flush_buffer(cx)).await
    }

    /// See [`Connection::poll_flush`](crate::Connection::poll_flush).
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_flush_buffer(cx))?;
        self.poll_flush_transport(cx)
    }

    fn poll_flush_buffer(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(Link { transport, .. }) = self.link.as_deref() else {
            return Poll::Ready(Err(Error::Closed));
        };
        let write = |slices: &[IoSlice<'_>]| for_now(transport.poll_send(cx, slices));
        if write_all(&mut self.send, &[], write)? { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_flush_transport(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(Link { transport, .. }) = self.link.as_deref() else {
            return Poll::Ready(Err(Error::Closed));
        };
        Poll::Ready(Ok(ready!(transport.poll_flush(cx))?))
    }
}

/// A message that is being written. When it is dropped half-way, the sender keeps the rest. When it
/// is leaked, the sender is poisoned.
struct Sending<'a, T> {
    sender: &'a mut Sender<T>,
    message: &'a [u8],
}

impl<'a, T> Sending<'a, T> {
    fn begin(sender: &'a mut Sender<T>, message: &'a [u8]) -> Result<Self, Error> {
        sender.send.begin(message.len())?;
        Ok(Self { sender, message })
    }
}

impl<T: Transport> Sending<'_, T> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(Link { transport, .. }) = self.sender.link.as_deref() else {
            return Poll::Ready(Err(Error::Closed));
        };
        let write = |slices: &[IoSlice<'_>]| for_now(transport.poll_send(cx, slices));
        if write_all(&mut self.sender.send, self.message, write)? {
            self.sender.poll_flush_transport(cx)
        } else {
            Poll::Pending
        }
    }
}

impl<T> Drop for Sending<'_, T> {
    fn drop(&mut self) {
        self.sender.send.keep(self.message);
    }
}

impl<M: AsRef<[u8]>, T: Transport> Sink<M> for Sender<T> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.buffered() >= BUFFERED { self.poll_flush_buffer(cx) } else { Poll::Ready(Ok(())) }
    }

    fn start_send(mut self: Pin<&mut Self>, message: M) -> Result<(), Error> {
        Sender::start_send(&mut *self, message.as_ref())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Sender::poll_flush(&mut *self, cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if !self.is_closed() {
            ready!(Sender::poll_flush(&mut *self, cx))?;
            self.close();
        }
        Poll::Ready(Ok(()))
    }
}
