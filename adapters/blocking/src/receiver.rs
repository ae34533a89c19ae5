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
    /// How objects are read. `None` for the default: most connections have that, and it takes 40 bytes.
    #[cfg(feature = "pickle")]
    pub(crate) decoder: Option<Box<mpconn_pickle::Decoder>>,
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

    /// Whether a receive would find something that has been read ahead already.
    pub(crate) fn has_read_ahead(&self) -> bool {
        self.receiving.is_ready()
    }
}

impl<T: Transport> Receiver<T> {
    /// See [`Connection::recv_bytes`](crate::Connection::recv_bytes).
    #[inline]
    pub fn recv_bytes(&mut self) -> Result<Vec<u8>, Error> {
        self.recv_bytes_max(u64::MAX)
    }

    /// See [`Connection::recv_bytes_max`](crate::Connection::recv_bytes_max).
    #[inline]
    pub fn recv_bytes_max(&mut self, max: u64) -> Result<Vec<u8>, Error> {
        self.receive(max, &mut Vec::new())?;
        Ok(self.receiving.take())
    }

    /// See [`Connection::recv_bytes_to`](crate::Connection::recv_bytes_to).
    #[inline]
    pub fn recv_bytes_to(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.receive(u64::MAX, out)?;
        self.receiving.take_to(out);
        Ok(())
    }

    /// See [`Connection::recv_bytes_into`](crate::Connection::recv_bytes_into).
    #[inline]
    pub fn recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.receive(u64::MAX, &mut Vec::new())?;
        self.receiving.take_into(buffer)
    }

    /// See [`Connection::recv_borrowed`](crate::Connection::recv_borrowed).
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

    /// See [`Connection::poll`](crate::Connection::poll).
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
