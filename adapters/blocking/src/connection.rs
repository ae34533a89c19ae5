//! A connection: whole messages, both ways.

use std::sync::Arc;
use std::time::Duration;

use getrandom::SysRng;
use mpconn::{
    Address, Authenticated, Dialect, Extended, Handshake, HandshakeDriver, Policy, Role,
    SendBuffer, StartError,
};
use mpconn_sockets::{Admitted, Error, Link, Parts, Peer, Receiving, timed_out};

use crate::deadline::Deadline;
use crate::platform::socket::Socket;
use crate::receiver::Receiver;
use crate::sender::Sender;
use crate::session::drive;
use crate::transport::{Duplex, Transport};

/// A connection to a Python, or to another of these: Python's `Connection`.
///
/// It carries whole messages of bytes, empty ones included. Small ones are read ahead, many with
/// one system call, and sent with one each; large ones are read straight into their destination,
/// which grows with what arrives.
///
/// Since it reads ahead, it must be the only reader of its end: it cannot share a pipe with other
/// processes that receive from it, as the workers of a Python `Queue` do.
///
/// It is a [`Receiver`] and a [`Sender`], and has their methods; [`split`](Self::split) takes them
/// apart, for two threads.
#[derive(Debug)]
pub struct Connection<T = Socket> {
    receiver: Receiver<T>,
    sender: Sender<T>,
}

impl<T> Connection<T> {
    /// Creates a connection without a handshake, over a transport that nothing was sent on yet.
    /// Anyone may be on the other side.
    ///
    /// [`ListenerOptions::authenticate`](crate::ListenerOptions::authenticate) and
    /// [`ConnectOptions::authenticate`](crate::ConnectOptions::authenticate) hold a handshake.
    ///
    /// CPython's counterpart is `Connection(handle)`.
    pub fn unauthenticated(transport: T) -> Self {
        Self::resumed(transport, Vec::new())
    }

    /// Creates a connection without a handshake, over a transport from which the bytes `unread` were
    /// received already.
    pub fn resumed(transport: T, unread: Vec<u8>) -> Self {
        Self::from_parts(Parts::new(transport, unread))
    }

    /// Continues with a connection that was [taken apart](Self::into_parts). Timeouts are not part of
    /// it, and are none.
    pub fn from_parts(parts: Parts<T>) -> Self {
        let Parts { transport, receiving, send, peer } = parts;
        let link = Arc::new(Link { transport, peer });
        let sender = Sender::new(Arc::clone(&link), send);
        Self { receiver: Receiver::new(link, receiving), sender }
    }

    pub(crate) fn opened(admitted: Admitted<T>) -> Self {
        let Admitted { socket, peer, recv, authenticated } = admitted;
        let peer = Peer { address: peer, authenticated };
        let (receiving, send) = (Receiving::new(recv), SendBuffer::new());
        Self::from_parts(Parts { transport: socket, receiving, send, peer })
    }

    pub(crate) fn receiver(&self) -> &Receiver<T> {
        &self.receiver
    }

    /// Returns the proof that both sides hold the key. Returns `None` without a key and after a close.
    #[must_use]
    pub fn authenticated(&self) -> Option<&Authenticated> {
        self.receiver.authenticated()
    }

    /// Returns the peer's address. Returns `None` if it has none, as most clients of Unix sockets, and
    /// after a close.
    #[must_use]
    pub fn peer(&self) -> Option<&Address> {
        self.receiver.peer()
    }

    /// Returns the transport, or `None` after a close.
    #[must_use]
    pub fn transport(&self) -> Option<&T> {
        self.receiver.transport()
    }

    /// See [`Receiver::set_max_message`].
    pub fn set_max_message(&mut self, bytes: u64) {
        self.receiver.set_max_message(bytes);
    }

    /// See [`Sender::set_extended`].
    pub fn set_extended(&mut self, extended: Extended) {
        self.sender.set_extended(extended);
    }

    /// See [`Receiver::set_timeout`].
    pub fn set_receive_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.receiver.set_timeout(timeout);
    }

    /// See [`Sender::set_timeout`].
    pub fn set_send_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.sender.set_timeout(timeout);
    }

    /// Closes it: Python's `close`. Whatever is called afterwards ends with [`Error::Closed`].
    pub fn close(&mut self) {
        self.receiver.close();
        self.sender.close();
    }

    /// Whether it was closed: Python's `closed`.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.receiver.is_closed()
    }

    /// See [`Receiver::is_readable`]; Python's `readable`.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.receiver.is_readable()
    }

    /// See [`Sender::is_writable`]; Python's `writable`.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.sender.is_writable()
    }

    /// Takes the connection apart: the transport, and the state of both directions. Returns `None` if
    /// it is closed.
    ///
    /// [`Parts::into_transport`] returns the transport for use by others, and
    /// [`from_parts`](Self::from_parts) continues with the connection.
    #[must_use]
    pub fn into_parts(self) -> Option<Parts<T>> {
        let Self { receiver, sender } = self;
        receiver.into_parts_with(sender.into_buffer())
    }

    /// Takes it apart into halves that two threads can use at the same time.
    #[must_use]
    pub fn split(self) -> (Receiver<T>, Sender<T>)
    where
        T: Duplex,
    {
        (self.receiver, self.sender)
    }

    /// Puts two halves together again.
    ///
    /// # Errors
    ///
    /// [`NotTheSame`] gives them back when they are not of one connection.
    pub fn reunite(receiver: Receiver<T>, sender: Sender<T>) -> Result<Self, NotTheSame<T>> {
        match (receiver.link(), sender.link()) {
            (Some(one), Some(other)) if Arc::ptr_eq(one, other) => Ok(Self { receiver, sender }),
            _ => Err(NotTheSame::new(receiver, sender)),
        }
    }
}

impl<T: Transport> Connection<T> {
    /// See [`Sender::send_bytes`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn send_bytes(&mut self, message: &[u8]) -> Result<(), Error> {
        self.sender.send_bytes(message)
    }

    /// See [`Sender::send_many`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn send_many<M: AsRef<[u8]>>(
        &mut self,
        messages: impl IntoIterator<Item = M>,
    ) -> Result<(), Error> {
        self.sender.send_many(messages)
    }

    /// See [`Sender::buffered`].
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.sender.buffered()
    }

    /// See [`Sender::flush`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.sender.flush()
    }

    /// See [`Receiver::recv_bytes`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn recv_bytes(&mut self) -> Result<Vec<u8>, Error> {
        self.receiver.recv_bytes()
    }

    /// See [`Receiver::recv_bytes_max`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn recv_bytes_max(&mut self, max: u64) -> Result<Vec<u8>, Error> {
        self.receiver.recv_bytes_max(max)
    }

    /// See [`Receiver::recv_bytes_to`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn recv_bytes_to(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.receiver.recv_bytes_to(out)
    }

    /// See [`Receiver::recv_bytes_into`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.receiver.recv_bytes_into(buffer)
    }

    /// See [`Receiver::recv_borrowed`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn recv_borrowed(&mut self) -> Result<&[u8], Error> {
        self.receiver.recv_borrowed()
    }

    /// See [`Receiver::poll`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll(&self, timeout: impl Into<Option<Duration>>) -> Result<bool, Error> {
        self.receiver.poll(timeout)
    }

    /// Challenges the peer, at any point between two messages: Python's `deliver_challenge`. It
    /// proves nothing about this side, and the connection does not become
    /// [authenticated](Self::authenticated) by it.
    ///
    /// `role` is the side of the connection that this is. After an error, close the connection: the
    /// two sides may be out of step.
    ///
    /// # Errors
    ///
    /// [`Error::Auth`] before all; [`Error::TimedOut`] after `timeout`; those of sending and
    /// receiving.
    pub fn deliver_challenge(
        &mut self,
        key: &[u8],
        role: Role,
        policy: &Policy,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<Dialect, Error> {
        self.turn(Handshake::delivering(key, role, policy, &mut SysRng), timeout.into())
    }

    /// Answers the peer's challenge, at any point between two messages: Python's
    /// `answer_challenge`. It proves nothing about the peer.
    ///
    /// # Errors
    ///
    /// As for [`deliver_challenge`](Self::deliver_challenge).
    pub fn answer_challenge(
        &mut self,
        key: &[u8],
        role: Role,
        policy: &Policy,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<Dialect, Error> {
        self.turn(Handshake::answering(key, role, policy, &mut SysRng), timeout.into())
    }

    fn turn(
        &mut self,
        handshake: Result<Handshake<&[u8], Dialect>, StartError<getrandom::Error>>,
        timeout: Option<Duration>,
    ) -> Result<Dialect, Error> {
        if !self.is_writable() && !self.is_closed() {
            return Err(Error::HalfSent);
        }
        let mut driver = HandshakeDriver::new(handshake?);
        let (transport, recv) = self.receiver.parts()?;
        let send = self.sender.buffer_mut();
        match drive(&mut driver, transport, recv, send, Deadline::after(timeout))? {
            Some(proof) => Ok(proof),
            None => {
                send.abandon();
                Err(timed_out(&driver))
            }
        }
    }
}

/// Two halves that are not of one connection, or are closed.
pub type NotTheSame<T> = mpconn_sockets::NotTheSame<Receiver<T>, Sender<T>>;
