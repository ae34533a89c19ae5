//! The sending half.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use mpconn::{Error, Extended, Outbox};

use crate::{Deadline, Socket, Transport};

/// The half of a [`Connection`](crate::Connection) that sends, or one end of a
/// [one-way pipe](crate::one_way_pipe).
#[derive(Debug)]
pub struct Sender<T = Socket> {
    /// None when closed.
    transport: Option<Arc<T>>,
    outbox: Outbox,
    timeout: Option<Duration>,
}

impl<T> Sender<T> {
    /// Over a transport that nothing was sent on yet, without a handshake.
    pub fn unauthenticated(transport: T) -> Self {
        Self::opened(Arc::new(transport))
    }

    pub(crate) fn opened(transport: Arc<T>) -> Self {
        Self { transport: Some(transport), outbox: Outbox::new(), timeout: None }
    }

    pub(crate) fn transport(&self) -> Option<&Arc<T>> {
        self.transport.as_ref()
    }

    /// The transport. `None` after a close, and while the other half has it too.
    #[must_use]
    pub fn into_transport(self) -> Option<T> {
        Arc::into_inner(self.transport?)
    }

    /// Whether messages over 2 GiB - 1 are sent, which Python reads from 3.8 on, or refused.
    pub fn set_extended(&mut self, extended: Extended) {
        self.outbox.set_extended(extended);
    }

    /// How long a send may wait, each time; `None`, the default, for ever.
    pub fn set_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.timeout = timeout.into();
    }

    /// Closes this half. The transport closes with the last half.
    pub fn close(&mut self) {
        self.transport = None;
    }

    /// A handshake stopped inside a frame.
    pub(crate) fn break_off(&mut self) {
        self.outbox.break_off();
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.transport.is_none()
    }

    /// Whether messages can be sent: not after a close, and not after a send that stopped inside a
    /// message.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        !self.is_closed() && !self.outbox.is_half_sent()
    }
}

impl<T: Transport> Sender<T> {
    /// Sends one message: Python's `send_bytes`. For a part of a buffer, pass that part.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`] and [`Error::Closed`] before a byte is sent. [`Error::TimedOut`] and
    /// [`Error::Io`]: if a part had been sent by then, every later send ends with
    /// [`Error::HalfSent`].
    pub fn send_bytes(&mut self, message: &[u8]) -> Result<(), Error> {
        let transport = self.transport.as_deref().ok_or(Error::Closed)?;
        let deadline = Deadline::after(self.timeout);
        self.outbox.send_with(message, |slices| transport.send(slices, deadline))
    }

    /// Sends many messages with few system calls: small ones are gathered, 256 KiB a call. The
    /// timeout is for all of them.
    ///
    /// # Errors
    ///
    /// As for [`send_bytes`](Self::send_bytes). How many had been sent is not known then.
    pub fn send_many<M: AsRef<[u8]>>(
        &mut self,
        messages: impl IntoIterator<Item = M>,
    ) -> Result<(), Error> {
        let transport = self.transport.as_deref().ok_or(Error::Closed)?;
        let deadline = Deadline::after(self.timeout);
        let write = |slices: &[IoSlice<'_>]| transport.send(slices, deadline);
        self.outbox.send_many_with(messages, write)
    }
}
