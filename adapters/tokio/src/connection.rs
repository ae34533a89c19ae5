//! A connection: whole messages, both ways.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use getrandom::SysRng;
use mpconn::{
    Address, Authenticated, Dialect, Extended, Handshake, HandshakeDriver, Policy, Role,
    SendBuffer, StartError,
};
use mpconn_sockets::{Admitted, Error, Link, Parts, Peer, Phase, Receiving, timed_out};
use tokio::time::Instant;

use crate::platform::socket::Socket;
use crate::receiver::Receiver;
use crate::sender::Sender;
use crate::session::{negotiate, within};
use crate::transport::Transport;

/// A connection to a Python, or to another of these: Python's `Connection`.
///
/// It carries whole messages of bytes, empty ones included. Small ones are read ahead, many with
/// one system call, and sent with one each; large ones are read straight into their destination,
/// which grows with what arrives.
///
/// Since it reads ahead, it must be the only reader of its end: it cannot share a pipe with other
/// processes that receive from it, as the workers of a Python `Queue` do.
///
/// It is a [`Receiver`] and a [`Sender`], and has their methods, and it is a [`Stream`] and a
/// [`Sink`] as they are; [`halves`](Self::halves) lends them, and [`split`](Self::split) takes them
/// apart, for two tasks.
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

    /// Both halves, to be used at the same time in one task.
    pub fn halves(&mut self) -> (&mut Receiver<T>, &mut Sender<T>) {
        (&mut self.receiver, &mut self.sender)
    }

    /// Takes it apart into halves that two tasks can use at the same time.
    #[must_use]
    pub fn split(self) -> (Receiver<T>, Sender<T>) {
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
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub fn send_bytes(&mut self, message: &[u8]) -> impl Future<Output = Result<(), Error>> {
        self.sender.send_bytes(message)
    }

    /// See [`Sender::send_many`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn send_many<M: AsRef<[u8]>>(
        &mut self,
        messages: impl IntoIterator<Item = M>,
    ) -> Result<(), Error> {
        self.sender.send_many(messages).await
    }

    /// See [`Sender::feed`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub fn feed(&mut self, message: &[u8]) -> impl Future<Output = Result<(), Error>> {
        self.sender.feed(message)
    }

    /// See [`Sender::flush`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub fn flush(&mut self) -> impl Future<Output = Result<(), Error>> {
        self.sender.flush()
    }

    /// See [`Sender::poll_flush`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.sender.poll_flush(cx)
    }

    /// See [`Receiver::recv_bytes`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub fn recv_bytes(&mut self) -> impl Future<Output = Result<Vec<u8>, Error>> {
        self.receiver.recv_bytes()
    }

    /// See [`Receiver::recv_bytes_max`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub fn recv_bytes_max(&mut self, max: u64) -> impl Future<Output = Result<Vec<u8>, Error>> {
        self.receiver.recv_bytes_max(max)
    }

    /// See [`Receiver::recv_bytes_to`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub fn recv_bytes_to(&mut self, out: &mut Vec<u8>) -> impl Future<Output = Result<(), Error>> {
        self.receiver.recv_bytes_to(out)
    }

    /// See [`Receiver::recv_bytes_into`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub fn recv_bytes_into(
        &mut self,
        buffer: &mut [u8],
    ) -> impl Future<Output = Result<usize, Error>> {
        self.receiver.recv_bytes_into(buffer)
    }

    /// See [`Receiver::recv_borrowed`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub fn recv_borrowed(&mut self) -> impl Future<Output = Result<&[u8], Error>> {
        self.receiver.recv_borrowed()
    }

    /// See [`Receiver::recv_shared`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub fn recv_shared(&mut self) -> impl Future<Output = Result<Bytes, Error>> {
        self.receiver.recv_shared()
    }

    /// See [`Receiver::poll_recv`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Error>> {
        self.receiver.poll_recv(cx)
    }

    /// See [`Receiver::poll`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub fn poll(
        &self,
        timeout: impl Into<Option<Duration>>,
    ) -> impl Future<Output = Result<bool, Error>> {
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
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: close the connection then.
    pub async fn deliver_challenge(
        &mut self,
        key: &[u8],
        role: Role,
        policy: &Policy,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<Dialect, Error> {
        self.turn(Handshake::delivering(key, role, policy, &mut SysRng), timeout.into()).await
    }

    /// Answers the peer's challenge, at any point between two messages: Python's
    /// `answer_challenge`. It proves nothing about the peer.
    ///
    /// # Errors
    ///
    /// As for [`deliver_challenge`](Self::deliver_challenge).
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: close the connection then.
    pub async fn answer_challenge(
        &mut self,
        key: &[u8],
        role: Role,
        policy: &Policy,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<Dialect, Error> {
        self.turn(Handshake::answering(key, role, policy, &mut SysRng), timeout.into()).await
    }

    async fn turn(
        &mut self,
        handshake: Result<Handshake<&[u8], Dialect>, StartError<getrandom::Error>>,
        timeout: Option<Duration>,
    ) -> Result<Dialect, Error> {
        let mut driver = HandshakeDriver::new(handshake?);
        let started = Instant::now();
        // What was given up half-way goes before the challenge.
        let flushed = within(timeout, pin!(self.sender.flush())).await;
        flushed.unwrap_or(Err(Error::TimedOut(Phase::Handshake)))?;
        let left = timeout.map(|timeout| timeout.saturating_sub(started.elapsed()));
        let (transport, recv) = self.receiver.parts()?;
        let send = self.sender.buffer_mut();
        let negotiated = negotiate(&mut driver, transport, recv, send, left).await;
        negotiated.unwrap_or_else(|| {
            send.abandon();
            Err(timed_out(&driver))
        })
    }
}

impl<T: Transport> Stream for Connection<T> {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.receiver).poll_next(cx)
    }
}

impl<M: AsRef<[u8]>, T: Transport> Sink<M> for Connection<T> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Sink::<M>::poll_ready(Pin::new(&mut self.sender), cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: M) -> Result<(), Error> {
        Sink::<M>::start_send(Pin::new(&mut self.sender), message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Sink::<M>::poll_flush(Pin::new(&mut self.sender), cx)
    }

    /// Sends what is buffered, and closes both halves.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let closed = Sink::<M>::poll_close(Pin::new(&mut self.sender), cx);
        if let Poll::Ready(Ok(())) = closed {
            self.close();
        }
        closed
    }
}

/// Two halves that are not of one connection, or are closed.
pub type NotTheSame<T> = mpconn_sockets::NotTheSame<Receiver<T>, Sender<T>>;
