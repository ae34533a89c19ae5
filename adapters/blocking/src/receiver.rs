//! The receiving half.

use std::sync::Arc;
use std::time::Duration;

use mpconn::{Address, Authenticated, ReadBuf, RecvBuffer, SendBuffer};
use mpconn_sockets::{Error, Link, MAX_MESSAGE_BYTES, Parts, Phase, Receiving};

use crate::deadline::Deadline;
use crate::platform::socket::Socket;
use crate::transport::Transport;

/// The half of a [`Connection`](crate::Connection) that receives, or one end of a
/// [one-way pipe](crate::one_way_pipe).
///
/// A receive that runs out of time loses nothing: the next one, of whatever kind, goes on with the
/// message.
#[derive(Debug)]
pub struct Receiver<T = Socket> {
    /// None when closed.
    link: Option<Arc<Link<T>>>,
    receiving: Receiving,
    timeout: Option<Duration>,
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

    pub(crate) fn new(link: Arc<Link<T>>, receiving: Receiving) -> Self {
        Self { link: Some(link), receiving, timeout: None }
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

    /// The longest message to receive from now on, in bytes: 64 MiB by default, `u64::MAX` for any.
    pub fn set_max_message(&mut self, bytes: u64) {
        self.receiving.set_max(bytes);
    }

    /// How long a receive may wait, each time; `None`, the default, for ever.
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

    /// Whether messages can be received: not after a close, and not after one that was too long or
    /// out of protocol.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        !self.is_closed() && !self.receiving.has_failed()
    }

    /// Whether a receive would find something that has been read ahead already.
    pub(crate) fn has_read_ahead(&self) -> bool {
        self.receiving.is_ready()
    }
}

impl<T: Transport> Receiver<T> {
    /// Receives one message: Python's `recv_bytes`.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] when the peer has closed; [`Error::Frame`] when it sent something too long
    /// or out of protocol, after which nothing more can be received, but still sent;
    /// [`Error::TimedOut`], which loses nothing; [`Error::Closed`] and [`Error::Io`].
    #[inline]
    pub fn recv_bytes(&mut self) -> Result<Vec<u8>, Error> {
        self.recv_bytes_max(u64::MAX)
    }

    /// Receives one message of at most `max` bytes: Python's `recv_bytes(maxlength)`. The
    /// [connection's limit](Self::set_max_message) holds as well.
    ///
    /// # Errors
    ///
    /// As for [`recv_bytes`](Self::recv_bytes).
    #[inline]
    pub fn recv_bytes_max(&mut self, max: u64) -> Result<Vec<u8>, Error> {
        self.receive(max, &mut Vec::new())?;
        Ok(self.receiving.take())
    }

    /// Receives one message in place of what `out` holds, whose memory is used again: the fastest
    /// way for large messages.
    ///
    /// After an error `out` may be empty: its memory is then where the message goes on arriving.
    ///
    /// # Errors
    ///
    /// As for [`recv_bytes`](Self::recv_bytes).
    #[inline]
    pub fn recv_bytes_to(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.receive(u64::MAX, out)?;
        self.receiving.take_to(out);
        Ok(())
    }

    /// Receives one message into the beginning of `buffer`, and tells its length: Python's
    /// `recv_bytes_into`. A large one is received beside it first, since it is only copied when it is
    /// whole: [`recv_bytes_to`](Self::recv_bytes_to) saves that.
    ///
    /// # Errors
    ///
    /// As for [`recv_bytes`](Self::recv_bytes), and [`Error::BufferTooShort`], which carries the
    /// message.
    #[inline]
    pub fn recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.receive(u64::MAX, &mut Vec::new())?;
        self.receiving.take_into(buffer)
    }

    /// Receives one message and lends it until the next call: the fastest way for small messages,
    /// which are not copied out of what was read ahead. The connection keeps its memory meanwhile.
    ///
    /// # Errors
    ///
    /// As for [`recv_bytes`](Self::recv_bytes).
    #[inline]
    pub fn recv_borrowed(&mut self) -> Result<&[u8], Error> {
        self.receive(u64::MAX, &mut Vec::new())?;
        Ok(self.receiving.message())
    }

    #[inline]
    fn receive(&mut self, max: u64, reuse: &mut Vec<u8>) -> Result<(), Error> {
        // What was read ahead needs neither the transport nor the time.
        if self.receiving.poll(max, reuse)? { Ok(()) } else { self.read(max, reuse) }
    }

    fn read(&mut self, max: u64, reuse: &mut Vec<u8>) -> Result<(), Error> {
        let Some(Link { transport, .. }) = self.link.as_deref() else { return Err(Error::Closed) };
        let deadline = Deadline::after(self.timeout);
        let read = |space: ReadBuf<'_>| transport.receive(space, deadline);
        if self.receiving.read_with(max, reuse, read)? {
            Ok(())
        } else {
            Err(Error::TimedOut(Phase::Receive))
        }
    }

    /// Whether there is something to receive, waiting for it for at most `timeout`; `None` waits
    /// for ever. Python's `poll`.
    ///
    /// True means that a message is there, a part of one, the end, or an error: a receive may still
    /// wait for the rest of a message.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`], and [`Error::Io`], with `Unsupported` for a transport that cannot tell.
    pub fn poll(&self, timeout: impl Into<Option<Duration>>) -> Result<bool, Error> {
        let Some(Link { transport, .. }) = self.link.as_deref() else { return Err(Error::Closed) };
        Ok(self.has_read_ahead() || transport.wait_readable(Deadline::after(timeout))?)
    }

    /// The transport and the buffer, for a handshake within the connection.
    pub(crate) fn parts(&mut self) -> Result<(&T, &mut RecvBuffer), Error> {
        let Some(Link { transport, .. }) = self.link.as_deref() else { return Err(Error::Closed) };
        Ok((transport, self.receiving.buffer_mut()))
    }
}
