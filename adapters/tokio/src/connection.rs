//! Connections, which carry whole messages both ways.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use mpconn::{
    Address, AuthKey, Authenticated, Dialect, Extended, HandshakeDriver, Policy, Role, SendBuffer,
};
use mpconn_sockets::{
    Admitted, ChallengeOptions, ChallengeTurn, Error, Link, Parts, Peer, Receiving, timed_out,
};
use tokio::time::Instant;

use crate::platform::socket::Socket;
use crate::receiver::Receiver;
use crate::sender::Sender;
use crate::session::{negotiate, within};
use crate::transport::Transport;

/// A connection to a Python process or to another program that uses this library.
///
/// It carries whole messages of bytes, which may be empty. Small messages are read ahead, many with
/// one system call, and each is sent with one. Large messages are read into their destination,
/// which grows with the bytes that arrive.
///
/// A connection must be the only reader of its end, since it reads ahead: it cannot share a pipe
/// with other processes that receive from it, as the workers of a Python `Queue` do.
///
/// It is a [`Stream`] of messages and a [`Sink`] for them. [`split`](Self::split) returns a
/// [`Receiver`] and a [`Sender`], for two tasks, and [`halves`](Self::halves) borrows them.
///
/// CPython's counterpart is `multiprocessing.connection.Connection`.
///
/// # Examples
///
/// ```
/// use mpconn_tokio::{Error, pipe};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let (mut one, mut other) = pipe()?;
/// one.send_many(["first", "second"]).await?;
/// assert_eq!(other.recv_bytes().await?, b"first");
/// assert_eq!(other.recv_borrowed().await?, b"second");
/// one.close();
/// assert!(matches!(other.recv_bytes().await, Err(Error::Ended)));
/// # Ok(())
/// # }
/// ```
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

    /// Creates a connection without a handshake, over a transport from which the bytes `unread`
    /// were received already.
    pub fn resumed(transport: T, unread: Vec<u8>) -> Self {
        Self::from_parts(Parts::new(transport, unread))
    }

    /// Continues with a connection that was [taken apart](Self::into_parts). Timeouts are not
    /// carried over.
    pub fn from_parts(parts: Parts<T>) -> Self {
        let Parts { transport, receiving, send, peer } = parts;
        let link = Arc::new(Link { transport, peer });
        let sender = Sender::new(Arc::clone(&link), send);
        Self { receiver: Receiver::new(link, receiving), sender }
    }

    pub(crate) fn opened(admitted: Admitted<T>, own: (Role, Policy)) -> Self {
        let Admitted { socket, peer, recv, authenticated } = admitted;
        let (mut receiving, send) = (Receiving::new(recv), SendBuffer::new());
        if authenticated.is_some() {
            receiving.peer_is_known();
        }
        let peer = Peer { address: peer, authenticated, own: Some(own) };
        Self::from_parts(Parts { transport: socket, receiving, send, peer })
    }

    pub(crate) fn receiver(&self) -> &Receiver<T> {
        &self.receiver
    }

    /// Returns the proof that both sides hold the key. Returns `None` without a key and after a
    /// close.
    #[must_use]
    pub fn authenticated(&self) -> Option<&Authenticated> {
        self.receiver.authenticated()
    }

    /// Returns the peer's address. Returns `None` if it has none, as most clients of Unix sockets,
    /// and after a close.
    #[must_use]
    pub fn peer(&self) -> Option<&Address> {
        self.receiver.peer()
    }

    /// Returns the transport, or `None` after a close.
    #[must_use]
    pub fn transport(&self) -> Option<&T> {
        self.receiver.transport()
    }

    /// Sets the limit for messages to receive from now on, in bytes. The default is 64 MiB;
    /// `u64::MAX` means no limit.
    pub fn set_max_message(&mut self, bytes: u64) {
        self.receiver.set_max_message(bytes);
    }

    /// Sets whether reads go beyond the message that is being received. The default is `true`: many
    /// small messages arrive with one system call.
    ///
    /// With `false`, every byte behind that message stays in the socket, so that another process can
    /// continue with it after any message. A message then takes two reads or more: one for its header
    /// of 4 bytes (two for one of 12 bytes, over 2 GiB), and one for the rest. What was read ahead
    /// before the call is received first.
    ///
    /// A connection that is handed over right after the handshake needs the option
    /// [`ListenerOptions::read_ahead`](crate::ListenerOptions::read_ahead) or
    /// [`ConnectOptions::read_ahead`](crate::ConnectOptions::read_ahead), since a client's first
    /// message may arrive together with its part of the handshake. That costs a handshake one read for
    /// each of the three messages that a side receives.
    pub fn set_read_ahead(&mut self, reads_ahead: bool) {
        self.receiver.set_read_ahead(reads_ahead);
    }

    /// Sets whether messages over 2 GiB - 1 are sent or refused. CPython reads them from 3.8 on.
    pub fn set_extended(&mut self, extended: Extended) {
        self.sender.set_extended(extended);
    }

    /// Sets how long each receive may wait. `None`, the default, means without limit.
    pub fn set_receive_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.receiver.set_timeout(timeout);
    }

    /// Sets how long each send may wait. `None`, the default, means without limit.
    pub fn set_send_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.sender.set_timeout(timeout);
    }

    /// Closes the connection. Every later operation returns [`Error::Closed`]. Bytes that are
    /// buffered are not sent.
    ///
    /// CPython's counterpart is `Connection.close`.
    pub fn close(&mut self) {
        self.receiver.close();
        self.sender.close();
    }

    /// Returns `true` after [`close`](Self::close). CPython's counterpart is `Connection.closed`.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.receiver.is_closed()
    }

    /// Returns `true` if messages can be received: the connection is not closed, and no receive has
    /// failed with [`Error::Frame`] or [`Error::Io`]. CPython's counterpart is
    /// `Connection.readable`.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.receiver.is_readable()
    }

    /// Returns `true` if messages can be sent: the connection is not closed, and no send has failed
    /// inside a message. A timeout is not such a failure. CPython's counterpart is
    /// `Connection.writable`.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.sender.is_writable()
    }

    /// Takes the connection apart: the transport, and the state of both directions. Returns `None`
    /// if it is closed.
    ///
    /// [`Parts::into_transport`] returns the transport for use by others, and
    /// [`from_parts`](Self::from_parts) continues with the connection.
    #[must_use]
    pub fn into_parts(self) -> Option<Parts<T>> {
        let Self { receiver, sender } = self;
        receiver.into_parts_with(sender.into_buffer())
    }

    /// Returns both halves, to be used at the same time in one task.
    pub fn halves(&mut self) -> (&mut Receiver<T>, &mut Sender<T>) {
        (&mut self.receiver, &mut self.sender)
    }

    /// Splits the connection into halves that two tasks can use at the same time. The transport is
    /// closed with the last half.
    #[must_use]
    pub fn split(self) -> (Receiver<T>, Sender<T>) {
        (self.receiver, self.sender)
    }

    /// Joins two halves of one connection.
    ///
    /// # Errors
    ///
    /// [`NotTheSame`] returns the halves if they are not of one connection, or closed.
    pub fn reunite(receiver: Receiver<T>, sender: Sender<T>) -> Result<Self, NotTheSame<T>> {
        match (receiver.link(), sender.link()) {
            (Some(one), Some(other)) if Arc::ptr_eq(one, other) => Ok(Self { receiver, sender }),
            _ => Err(NotTheSame::new(receiver, sender)),
        }
    }
}

impl<T: Transport> Connection<T> {
    /// Sends one message, after any bytes that are buffered.
    ///
    /// CPython's counterpart is `Connection.send_bytes`. Instead of an offset and a size, pass a
    /// part of the slice.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`] and [`Error::Closed`] before a byte is sent. [`Error::TimedOut`]: if a
    /// part of the message was sent, the rest stays buffered and precedes the next message.
    /// [`Error::Io`]: if a part of the message was sent, every later send returns
    /// [`Error::HalfSent`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe for the stream: either nothing of the message is sent, or its unsent rest stays
    /// buffered and precedes the next message. [`buffered`](Self::buffered) tells which.
    pub fn send_bytes(&mut self, message: &[u8]) -> impl Future<Output = Result<(), Error>> {
        self.sender.send_bytes(message)
    }

    /// Sends many messages with few system calls. Small ones are gathered, up to 256 KiB for each
    /// call. The send timeout is for all of them.
    ///
    /// # Errors
    ///
    /// As for [`send_bytes`](Self::send_bytes). It is not known how many messages were sent.
    ///
    /// # Panics
    ///
    /// Panics if the iterator or `as_ref` panics. What was gathered and not sent by then is dropped,
    /// and the connection remains usable.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe for the stream: messages that were taken from the iterator and gathered stay
    /// buffered, and precede the next message. The others are not sent.
    pub async fn send_many<M: AsRef<[u8]>>(
        &mut self,
        messages: impl IntoIterator<Item = M>,
    ) -> Result<(), Error> {
        self.sender.send_many(messages).await
    }

    /// Buffers a message, to be sent with the next ones or by [`flush`](Self::flush). If more than
    /// 64 KiB are buffered, they are sent first.
    ///
    /// # Errors
    ///
    /// As for [`send_bytes`](Self::send_bytes).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: if the future is dropped, the message is not buffered.
    pub fn feed(&mut self, message: &[u8]) -> impl Future<Output = Result<(), Error>> {
        self.sender.feed(message)
    }

    /// Returns the number of bytes that are buffered: those of messages that were fed, and the rest
    /// of a message whose send was given up.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.sender.buffered()
    }

    /// Sends the bytes that are buffered.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], [`Error::Closed`], [`Error::HalfSent`] and [`Error::Io`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: bytes that were not written stay buffered.
    pub fn flush(&mut self) -> impl Future<Output = Result<(), Error>> {
        self.sender.flush()
    }

    /// Polls [`flush`](Self::flush), for tasks that poll by themselves. The send timeout is not
    /// applied.
    ///
    /// # Errors
    ///
    /// As for [`flush`](Self::flush).
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.sender.poll_flush(cx)
    }

    /// Receives one message.
    ///
    /// CPython's counterpart is `Connection.recv_bytes`.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] if the peer has closed the connection between two messages.
    /// [`Error::Frame`] if a message is too long, or if the connection ends inside a message;
    /// nothing more can be received then. [`Error::TimedOut`], after which the next receive
    /// continues. [`Error::Closed`] and [`Error::Io`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: bytes that have arrived stay for the next receive.
    pub fn recv_bytes(&mut self) -> impl Future<Output = Result<Vec<u8>, Error>> {
        self.receiver.recv_bytes()
    }

    /// Receives one message of at most `max` bytes. The [limit of the
    /// connection](Self::set_max_message) applies as well.
    ///
    /// CPython's counterpart is `Connection.recv_bytes(maxlength)`.
    ///
    /// # Errors
    ///
    /// As for [`recv_bytes`](Self::recv_bytes).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, as [`recv_bytes`](Self::recv_bytes).
    pub fn recv_bytes_max(&mut self, max: u64) -> impl Future<Output = Result<Vec<u8>, Error>> {
        self.receiver.recv_bytes_max(max)
    }

    /// Receives one message into `out`, replacing what it holds and reusing its memory. This is the
    /// fastest way to receive large messages.
    ///
    /// After an error `out` may be empty, since its memory may already hold a part of the message.
    ///
    /// # Errors
    ///
    /// As for [`recv_bytes`](Self::recv_bytes).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, as [`recv_bytes`](Self::recv_bytes). `out` may be empty afterwards.
    pub fn recv_bytes_to(&mut self, out: &mut Vec<u8>) -> impl Future<Output = Result<(), Error>> {
        self.receiver.recv_bytes_to(out)
    }

    /// Receives one message into the beginning of `buffer`, and returns its length. A large message
    /// is received into memory of its own first, and copied when it is whole;
    /// [`recv_bytes_to`](Self::recv_bytes_to) avoids that.
    ///
    /// CPython's counterpart is `Connection.recv_bytes_into`.
    ///
    /// # Errors
    ///
    /// As for [`recv_bytes`](Self::recv_bytes), and [`Error::BufferTooShort`], which contains the
    /// message.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, as [`recv_bytes`](Self::recv_bytes). `buffer` is not written to.
    pub fn recv_bytes_into(
        &mut self,
        buffer: &mut [u8],
    ) -> impl Future<Output = Result<usize, Error>> {
        self.receiver.recv_bytes_into(buffer)
    }

    /// Receives one message, and borrows it until the next call. This is the fastest way to receive
    /// small messages, which are not copied. The connection keeps its read-ahead buffer until the
    /// next call.
    ///
    /// # Errors
    ///
    /// As for [`recv_bytes`](Self::recv_bytes).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, as [`recv_bytes`](Self::recv_bytes).
    pub fn recv_borrowed(&mut self) -> impl Future<Output = Result<&[u8], Error>> {
        self.receiver.recv_borrowed()
    }

    /// Receives one message as [`Bytes`]. A large message is not copied.
    ///
    /// # Errors
    ///
    /// As for [`recv_bytes`](Self::recv_bytes).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, as [`recv_bytes`](Self::recv_bytes).
    pub fn recv_shared(&mut self) -> impl Future<Output = Result<Bytes, Error>> {
        self.receiver.recv_shared()
    }

    /// Polls [`recv_shared`](Self::recv_shared), for tasks that poll by themselves. The receive
    /// timeout is not applied.
    ///
    /// # Errors
    ///
    /// As for [`recv_bytes`](Self::recv_bytes).
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Error>> {
        self.receiver.poll_recv(cx)
    }

    /// Waits for at most `timeout` until a receive would find something: a message or a part of
    /// one, the end, or an error. Returns `false` if the time is up; `None` waits without limit. A
    /// receive may still have to wait for the rest of a message.
    ///
    /// CPython's counterpart is `Connection.poll`.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`], and [`Error::Io`], with `Unsupported` if the transport cannot be polled.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is received.
    pub fn poll(
        &mut self,
        timeout: impl Into<Option<Duration>>,
    ) -> impl Future<Output = Result<bool, Error>> {
        self.receiver.poll(timeout)
    }

    /// Challenges the peer, between two messages, and verifies that it holds `key`. It proves nothing
    /// about this side, and the connection does not become [authenticated](Self::authenticated).
    ///
    /// The challenge is held as the connection's own handshake was;
    /// [`deliver_challenge_with`](Self::deliver_challenge_with) takes options. After an error, close the
    /// connection, since the two sides may be out of step.
    ///
    /// CPython's counterpart is `deliver_challenge`.
    ///
    /// # Errors
    ///
    /// [`Error::Auth`] if the response is wrong, [`Error::TimedOut`] after 10 s, [`Error::NoRole`] if the
    /// connection was not made by a listener or a client, and the errors of sending and receiving.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: close the connection if the future is dropped.
    pub async fn deliver_challenge(&mut self, key: &AuthKey) -> Result<Dialect, Error> {
        self.turn(ChallengeTurn::Deliver, key, &ChallengeOptions::default()).await
    }

    /// Challenges the peer, as [`deliver_challenge`](Self::deliver_challenge) does, with options.
    ///
    /// # Errors
    ///
    /// As for [`deliver_challenge`](Self::deliver_challenge).
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: close the connection if the future is dropped.
    pub async fn deliver_challenge_with(
        &mut self,
        key: &AuthKey,
        options: &ChallengeOptions,
    ) -> Result<Dialect, Error> {
        self.turn(ChallengeTurn::Deliver, key, options).await
    }

    /// Answers a challenge of the peer, between two messages. It proves nothing about the peer.
    ///
    /// CPython's counterpart is `answer_challenge`.
    ///
    /// # Errors
    ///
    /// As for [`deliver_challenge`](Self::deliver_challenge).
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: close the connection if the future is dropped.
    pub async fn answer_challenge(&mut self, key: &AuthKey) -> Result<Dialect, Error> {
        self.turn(ChallengeTurn::Answer, key, &ChallengeOptions::default()).await
    }

    /// Answers a challenge, as [`answer_challenge`](Self::answer_challenge) does, with options.
    ///
    /// # Errors
    ///
    /// As for [`deliver_challenge`](Self::deliver_challenge).
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: close the connection if the future is dropped.
    pub async fn answer_challenge_with(
        &mut self,
        key: &AuthKey,
        options: &ChallengeOptions,
    ) -> Result<Dialect, Error> {
        self.turn(ChallengeTurn::Answer, key, options).await
    }

    async fn turn(
        &mut self,
        turn: ChallengeTurn,
        key: &AuthKey,
        options: &ChallengeOptions,
    ) -> Result<Dialect, Error> {
        let peer = &self.receiver.link().ok_or(Error::Closed)?.peer;
        let mut driver = HandshakeDriver::new(options.handshake(turn, key, peer)?);
        let started = Instant::now();
        // What was given up half-way goes before the challenge.
        let flushed = within(options.timeout, pin!(self.sender.flush())).await;
        flushed.unwrap_or_else(|| Err(timed_out(&driver)))?;
        let left = options.timeout.map(|timeout| timeout.saturating_sub(started.elapsed()));
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
