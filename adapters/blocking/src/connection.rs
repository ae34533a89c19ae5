//! A connection: whole messages, both ways.

use std::time::Duration;

use mpconn::{Address, Authenticated, Error, Extended, Inbox, Outbox, Phase};

use crate::{Deadline, Socket, Transport};

/// A connection to a Python, or to another of these: Python's `Connection`.
///
/// It carries whole messages of bytes, empty ones included. Small ones are read ahead, many with
/// one system call, and sent with one each; large ones are read straight into their destination,
/// which grows with what arrives.
#[derive(Debug)]
pub struct Connection<T = Socket> {
    /// None when closed.
    transport: Option<T>,
    inbox: Inbox,
    outbox: Outbox,
    max_message: u64,
    receive_timeout: Option<Duration>,
    send_timeout: Option<Duration>,
    authenticated: Option<Authenticated>,
    peer: Option<Address>,
}

impl<T> Connection<T> {
    pub(crate) fn opened(
        transport: T,
        inbox: Inbox,
        authenticated: Option<Authenticated>,
        peer: Option<Address>,
    ) -> Self {
        Self {
            transport: Some(transport),
            inbox,
            outbox: Outbox::new(),
            max_message: crate::session::MAX_MESSAGE_BYTES,
            receive_timeout: None,
            send_timeout: None,
            authenticated,
            peer,
        }
    }

    /// The proof that both sides hold the key, and how they showed it. `None` without a key.
    #[must_use]
    pub fn authenticated(&self) -> Option<&Authenticated> {
        self.authenticated.as_ref()
    }

    /// Where the peer is, if that has an address: the client of a Unix socket seldom does.
    #[must_use]
    pub fn peer(&self) -> Option<&Address> {
        self.peer.as_ref()
    }

    /// The longest message to receive from now on, in bytes; `u64::MAX` for any.
    pub fn set_max_message(&mut self, bytes: u64) {
        self.max_message = bytes;
    }

    /// Whether messages over 2 GiB - 1 may be sent, which Python reads from 3.8 on.
    pub fn set_extended(&mut self, extended: Extended) {
        self.outbox.set_extended(extended);
    }

    /// How long a receive may wait, each time; `None`, the default, for ever.
    pub fn set_receive_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.receive_timeout = timeout.into();
    }

    /// How long a send may wait, each time; `None`, the default, for ever.
    pub fn set_send_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.send_timeout = timeout.into();
    }

    /// Closes it: Python's `close`. Whatever is called afterwards ends with [`Error::Closed`].
    pub fn close(&mut self) {
        self.transport = None;
        self.inbox = Inbox::new();
    }

    /// Whether this side was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.transport.is_none()
    }
}

impl<T: Transport> Connection<T> {
    /// Sends one message: Python's `send_bytes`.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`] and [`Error::Closed`] before a byte is sent; [`Error::TimedOut`] and
    /// [`Error::Io`], after which [`Error::HalfSent`] tells whether a part had been.
    pub fn send_bytes(&mut self, message: &[u8]) -> Result<(), Error> {
        let transport = self.transport.as_mut().ok_or(Error::Closed)?;
        let deadline = Deadline::after(self.send_timeout);
        self.outbox.send_with(message, |slices| transport.send(slices, deadline))
    }

    /// Receives one message: Python's `recv_bytes`.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] when the peer has closed; [`Error::Frame`] when it sent something too long
    /// or out of protocol, after which nothing more can be received, but still sent;
    /// [`Error::TimedOut`], which loses nothing; [`Error::Closed`] and [`Error::Io`].
    pub fn recv_bytes(&mut self) -> Result<Vec<u8>, Error> {
        self.recv_bytes_max(self.max_message)
    }

    /// Receives one message of at most `max` bytes: Python's `recv_bytes(maxlength)`. The
    /// connection's own limit holds as well.
    ///
    /// # Errors
    ///
    /// As for [`recv_bytes`](Self::recv_bytes).
    pub fn recv_bytes_max(&mut self, max: u64) -> Result<Vec<u8>, Error> {
        self.receive(max, &mut Vec::new())?;
        Ok(self.inbox.take())
    }

    /// Receives one message in place of what `out` holds, whose memory is used again: the fastest
    /// way for large messages.
    ///
    /// `out` may be empty after an error: its memory is then where the message goes on arriving.
    ///
    /// # Errors
    ///
    /// As for [`recv_bytes`](Self::recv_bytes).
    pub fn recv_bytes_to(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.receive(self.max_message, out)?;
        self.inbox.take_to(out);
        Ok(())
    }

    fn receive(&mut self, max: u64, offer: &mut Vec<u8>) -> Result<(), Error> {
        let transport = self.transport.as_mut().ok_or(Error::Closed)?;
        let deadline = Deadline::after(self.receive_timeout);
        let max = max.min(self.max_message);
        let read = |space: mpconn::Space<'_>| transport.receive(space, deadline);
        if self.inbox.receive_with(max, offer, read)? {
            Ok(())
        } else {
            Err(Error::TimedOut(Phase::Receive))
        }
    }
}
