//! A whole connection without I/O: the handshake, then messages both ways.

use alloc::vec::Vec;

use crate::driver::{HandshakeDriver, Progress};
use crate::error::ProtocolError;
use crate::handshake::{Authenticated, Handshake, MAX_MESSAGE};
use crate::recv_buffer::{ReadBuf, RecvBuffer};
use crate::send_buffer::{SendBuffer, SendError};

/// A connection as a state machine: bytes go in, events and bytes to transmit come out.
///
/// It owns the bytes that were received and not consumed, and those that are to be sent. The
/// transport, the clock and the waiting belong to the caller, who repeats these steps:
///
/// 1. [`poll`](Self::poll) until it returns `None`, and handle each [`ConnectionEvent`].
/// 2. If it [`wants_write`](Self::wants_write), write [`chunks`](Self::chunks), report with
///    [`sent`](Self::sent) how many bytes the transport took, and poll again.
/// 3. Otherwise read into [`read_buf`](Self::read_buf) and report with [`received`](Self::received) how
///    many bytes came, or with [`received_eof`](Self::received_eof) that the stream has ended.
///
/// CPython's counterpart is `multiprocessing.connection.Connection`.
///
/// # Examples
///
/// Two connections in memory:
///
/// ```
/// use mpconn::{Connection, ConnectionEvent};
///
/// let mut client = Connection::<Vec<u8>>::unauthenticated(1 << 20);
/// let mut server = Connection::<Vec<u8>>::unauthenticated(1 << 20);
/// client.send(b"hello")?;
///
/// let bytes = client.chunks().concat();
/// server.read_buf().into_slice()[..bytes.len()].copy_from_slice(&bytes);
/// client.sent(bytes.len());
/// server.received(bytes.len());
///
/// assert_eq!(server.poll()?, Some(ConnectionEvent::Message));
/// assert_eq!(server.message(), b"hello");
/// assert_eq!(server.poll()?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The [crate documentation](crate) has a loop with a handshake, over a stream.
#[derive(Debug)]
pub struct Connection<K> {
    /// None when there is no handshake, or when it has ended.
    driver: Option<HandshakeDriver<K>>,
    recv: RecvBuffer,
    send: SendBuffer,
    /// The limit for messages after the handshake.
    max: u64,
    ended: bool,
    /// The error that ended it, which every later poll returns.
    failed: Option<ProtocolError>,
}

/// What [`Connection::poll`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// The handshake is done: both sides hold the key. It comes once, before the first message, and
    /// never for a connection without a key.
    Authenticated(Authenticated),
    /// A message has arrived: [`Connection::message`] returns it.
    Message,
    /// The peer has closed the connection between two messages. Nothing comes after it.
    Ended,
}

impl<K: AsRef<[u8]>> Connection<K> {
    /// Creates a connection that begins with `handshake`, and then receives messages of at most
    /// `max` bytes.
    #[must_use]
    pub fn new(handshake: Handshake<K>, max: u64) -> Self {
        Self {
            driver: Some(HandshakeDriver::new(handshake)),
            recv: RecvBuffer::new(MAX_MESSAGE as u64),
            send: SendBuffer::new(),
            max,
            ended: false,
            failed: None,
        }
    }

    /// Creates a connection without a handshake: anyone may be on the other side.
    #[must_use]
    pub fn unauthenticated(max: u64) -> Self {
        let (recv, send) = (RecvBuffer::new(max), SendBuffer::new());
        Self { driver: None, recv, send, max, ended: false, failed: None }
    }

    /// Sets whether reads go beyond the message, or the step of the handshake, that is being received;
    /// see [`RecvBuffer::set_read_ahead`].
    pub fn set_read_ahead(&mut self, reads_ahead: bool) {
        self.recv.set_read_ahead(reads_ahead);
    }

    /// Sets whether a client sends its challenge together with its response; see
    /// [`HandshakeDriver::set_pipelining`].
    pub fn set_pipelining(&mut self, pipelines: bool) {
        if let Some(driver) = &mut self.driver {
            driver.set_pipelining(pipelines);
        }
    }

    /// Takes the next event from what was received. Returns `None` if there is none yet: write and
    /// read, then call it again.
    ///
    /// # Errors
    ///
    /// Any [`ProtocolError`]: close the transport. Every later call returns the same.
    pub fn poll(&mut self) -> Result<Option<ConnectionEvent>, ProtocolError> {
        match self.failed {
            Some(error) => Err(error),
            None => self.poll_next().inspect_err(|&error| self.failed = Some(error)),
        }
    }

    fn poll_next(&mut self) -> Result<Option<ConnectionEvent>, ProtocolError> {
        if let Some(driver) = &mut self.driver {
            return match driver.poll(&mut self.recv, &mut self.send)? {
                Progress::Done(proof) => {
                    self.driver = None;
                    self.recv.set_max(self.max);
                    Ok(Some(ConnectionEvent::Authenticated(proof)))
                }
                Progress::Read if self.ended => {
                    self.recv.eof()?;
                    Err(ProtocolError::Ended)
                }
                Progress::Read | Progress::Write => Ok(None),
            };
        }
        if self.recv.poll()? {
            return Ok(Some(ConnectionEvent::Message));
        }
        if self.ended {
            self.recv.eof()?;
            return Ok(Some(ConnectionEvent::Ended));
        }
        Ok(None)
    }

    /// Returns the message of the last [`ConnectionEvent::Message`], until the next
    /// [`poll`](Self::poll).
    #[must_use]
    pub fn message(&self) -> &[u8] {
        self.recv.message()
    }

    /// Returns the memory for the next read, which is never empty. Call it after
    /// [`poll`](Self::poll) returned `None`.
    pub fn read_buf(&mut self) -> ReadBuf<'_> {
        self.recv.read_buf()
    }

    /// Reports that `n` bytes were read into [`read_buf`](Self::read_buf).
    ///
    /// # Panics
    ///
    /// If `n` is more than the buffer had room for.
    pub fn received(&mut self, n: usize) {
        self.recv.advance(n);
    }

    /// Reports that the stream has ended. What it means is the result of the next
    /// [`poll`](Self::poll) that finds nothing else.
    pub fn received_eof(&mut self) {
        self.ended = true;
    }

    /// Returns `true` if [`chunks`](Self::chunks) has bytes to write. Call it after
    /// [`poll`](Self::poll).
    #[must_use]
    pub fn wants_write(&self) -> bool {
        !self.send.is_empty()
    }

    /// Returns the bytes to write next. Each slice may be empty; write them with one vectored call.
    #[must_use]
    pub fn chunks(&self) -> [&[u8]; 3] {
        match &self.driver {
            Some(driver) => driver.chunks(&self.send),
            None => self.send.chunks(&[]),
        }
    }

    /// Reports that the transport took the next `n` bytes of [`chunks`](Self::chunks). Returns
    /// `true` if that was all there was to write; then [`poll`](Self::poll) again.
    ///
    /// # Panics
    ///
    /// If `n` is more than is left.
    pub fn sent(&mut self, n: usize) -> bool {
        self.send.advance(n)
    }

    /// Buffers a message to be sent. To send one without copying it, [`split`](Self::split) the
    /// connection and use [`SendBuffer::begin`].
    ///
    /// # Errors
    ///
    /// [`SendError::Unauthenticated`] before [`ConnectionEvent::Authenticated`], and those of
    /// [`SendBuffer::push`].
    pub fn send(&mut self, message: &[u8]) -> Result<(), SendError> {
        if self.driver.is_some() {
            return Err(SendError::Unauthenticated);
        }
        self.send.push(message)
    }

    /// Returns the state of the handshake, or `None` if it has ended or there is none.
    #[must_use]
    pub fn handshake(&self) -> Option<&HandshakeDriver<K>> {
        self.driver.as_ref()
    }

    /// Starts a read whose memory belongs to the transport until it completes; see
    /// [`RecvBuffer::start_read`].
    ///
    /// # Panics
    ///
    /// If a read is in flight.
    pub fn start_read(&mut self) -> (Vec<u8>, usize) {
        self.recv.start_read()
    }

    /// Finishes a read; see [`RecvBuffer::finish_read`].
    ///
    /// # Panics
    ///
    /// If no read is in flight, or if `memory` is shorter than what was read.
    pub fn finish_read(&mut self, memory: Vec<u8>, n: usize) {
        self.recv.finish_read(memory, n);
    }

    /// Starts a write whose memory belongs to the transport until it completes; see
    /// [`SendBuffer::start_write`].
    ///
    /// # Panics
    ///
    /// If a write is in flight.
    pub fn start_write(&mut self) -> Option<(Vec<u8>, usize)> {
        if let Some(message) = self.driver.as_ref().and_then(HandshakeDriver::message) {
            self.send.absorb(message);
        }
        self.send.start_write(&mut Vec::new())
    }

    /// Finishes a write; see [`SendBuffer::finish_write`]. Returns `true` if that was all there was
    /// to write; then [`poll`](Self::poll) again.
    ///
    /// # Panics
    ///
    /// If no write is in flight, or if `n` is more than there was to write.
    pub fn finish_write(&mut self, memory: Vec<u8>, n: usize) -> bool {
        self.send.finish_write(memory, n, &mut Vec::new())
    }

    /// Returns both buffers, for what they can do in addition, such as sending from the caller's
    /// memory without a copy. Returns `None` while the handshake is not done.
    #[must_use]
    pub fn buffers(&mut self) -> Option<(&mut RecvBuffer, &mut SendBuffer)> {
        self.driver.is_none().then_some((&mut self.recv, &mut self.send))
    }

    /// Returns both halves, so that two threads or tasks can use them, or `None` while the
    /// handshake is not done.
    #[must_use]
    pub fn split(self) -> Option<(RecvBuffer, SendBuffer)> {
        self.driver.is_none().then_some((self.recv, self.send))
    }
}

#[cfg(test)]
mod tests;
