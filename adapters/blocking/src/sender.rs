//! The sending half.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use mpconn::{Address, Authenticated, Extended, SendBuffer};
use mpconn_sockets::{
    Error, Link, Parts, Peer, Phase, has_room_for, is_gathered, or_drop_gathered, write_all,
};

use crate::deadline::Deadline;
use crate::platform::socket::Socket;
use crate::transport::Transport;

/// The half of a [`Connection`](crate::Connection) that sends, or one end of a
/// [one-way pipe](crate::one_way_pipe).
///
/// A send that runs out of time leaves the stream whole. If nothing of the message was written, it
/// is not sent; if a part was, the rest is buffered and precedes whatever is sent next.
/// [`buffered`](Self::buffered) tells, and [`flush`](Self::flush) sends it.
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

    /// Closes this half. The transport closes with the last half.
    pub fn close(&mut self) {
        self.link = None;
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

    /// See [`Connection::buffered`](crate::Connection::buffered).
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.send.buffered()
    }

    /// See [`Connection::is_writable`](crate::Connection::is_writable).
    #[must_use]
    pub fn is_writable(&self) -> bool {
        !self.is_closed() && !self.send.is_poisoned()
    }
}

impl<T: Transport> Sender<T> {
    /// See [`Connection::send_bytes`](crate::Connection::send_bytes).
    #[inline]
    pub fn send_bytes(&mut self, message: &[u8]) -> Result<(), Error> {
        let Some(Link { transport, .. }) = self.link.as_deref() else { return Err(Error::Closed) };
        self.send.begin(message.len())?;
        let deadline = Deadline::after(self.timeout);
        if !write_all(&mut self.send, message, |slices| transport.send(slices, deadline))? {
            self.send.keep(message);
            return Err(Error::TimedOut(Phase::Send));
        }
        flush_transport(transport, deadline)
    }

    /// See [`Connection::send_many`](crate::Connection::send_many).
    pub fn send_many<M: AsRef<[u8]>>(
        &mut self,
        messages: impl IntoIterator<Item = M>,
    ) -> Result<(), Error> {
        let Some(Link { transport, .. }) = self.link.as_deref() else { return Err(Error::Closed) };
        let deadline = Deadline::after(self.timeout);
        let mut write = |slices: &[IoSlice<'_>]| transport.send(slices, deadline);
        // What was there before this call stays, whatever becomes of it.
        let mut before = self.send.buffered();
        let sent = send_each(&mut self.send, messages, &mut before, &mut write);
        if let Err(Error::Io(_)) = sent {
            self.send.truncate(before);
        }
        sent?;
        flush_transport(transport, deadline)
    }

    /// See [`Connection::flush`](crate::Connection::flush).
    pub fn flush(&mut self) -> Result<(), Error> {
        let Some(Link { transport, .. }) = self.link.as_deref() else { return Err(Error::Closed) };
        let deadline = Deadline::after(self.timeout);
        flush(&mut self.send, |slices| transport.send(slices, deadline))?;
        flush_transport(transport, deadline)
    }
}

#[inline]
fn flush_transport<T: Transport>(transport: &T, deadline: Deadline) -> Result<(), Error> {
    if transport.flush(deadline)? { Ok(()) } else { Err(Error::TimedOut(Phase::Send)) }
}

fn send_each<M: AsRef<[u8]>>(
    send: &mut SendBuffer,
    messages: impl IntoIterator<Item = M>,
    before: &mut usize,
    mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<Option<usize>>,
) -> Result<(), Error> {
    let mut messages = messages.into_iter();
    while let Some(message) = or_drop_gathered(send, *before, || messages.next()) {
        let payload = or_drop_gathered(send, *before, || message.as_ref());
        if !has_room_for(send, payload) {
            flush(send, &mut write)?;
            *before = 0;
        }
        let accepted =
            if is_gathered(payload) { send.push(payload) } else { send.begin(payload.len()) };
        if let Err(error) = accepted {
            // What was gathered before it is good.
            flush(send, &mut write)?;
            return Err(error.into());
        }
        if !is_gathered(payload) && !write_all(send, payload, &mut write)? {
            send.keep(payload);
            return Err(Error::TimedOut(Phase::Send));
        }
    }
    flush(send, write)
}

fn flush(
    send: &mut SendBuffer,
    write: impl FnMut(&[IoSlice<'_>]) -> io::Result<Option<usize>>,
) -> Result<(), Error> {
    if write_all(send, &[], write)? { Ok(()) } else { Err(Error::TimedOut(Phase::Send)) }
}
