//! The sending half of a connection: whole messages in, bytes to transmit out.

use alloc::vec::Vec;
use core::fmt;

use self::in_flight::InFlight;
use crate::transmit::{Extended, TooLong, Transmit, encode};

mod in_flight;

/// Buffers what is to be sent on a stream, and tracks whether the stream is between two messages.
///
/// A message is either copied into the buffer with [`push`](Self::push), or begun with
/// [`begin`](Self::begin), in which case its payload stays with the caller until it has been written.
/// [`chunks`](Self::chunks) returns the bytes to write next, and [`advance`](Self::advance) reports how
/// many of them the transport took.
///
/// An idle buffer holds no memory. CPython's counterpart is `Connection._send_bytes`, which buffers
/// nothing and blocks.
///
/// # Examples
///
/// ```
/// use mpconn::SendBuffer;
///
/// let mut send = SendBuffer::new();
/// send.push(b"one")?;
/// send.begin(5)?;
/// assert_eq!(send.chunks(b"hello"), [&b"\0\0\0\x03one"[..], b"\0\0\0\x05", b"hello"]);
/// assert!(!send.advance(13)); // The transport took 13 bytes,
/// assert_eq!(send.chunks(b"hello"), [&b""[..], b"", b"llo"]);
/// send.keep(b"hello"); // and the caller's payload goes away: the rest is buffered.
/// assert_eq!(send.chunks(b""), [&b"llo"[..], b"", b""]);
/// assert!(send.advance(3));
/// # Ok::<(), mpconn::SendError>(())
/// ```
pub struct SendBuffer {
    /// Whole messages, or the rest of one, that precede the begun message.
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were written.
    written: usize,
    /// The begun message; done if there is none.
    transmit: Transmit,
    extended: Extended,
    /// `buffer` starts inside a message.
    inside: bool,
    poisoned: bool,
    in_flight: InFlight,
}

/// Why a message was not accepted for sending. Nothing of it was buffered or sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The message needs an extended header, and those are [refused](Extended::Refuse).
    TooLong(TooLong),
    /// An earlier send stopped inside a message, so that the stream is out of step.
    Poisoned,
    /// The handshake is not done yet; see [`Connection::send`](crate::Connection::send).
    Unauthenticated,
}

impl SendBuffer {
    /// Creates a send buffer at the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            buffer: Vec::new(),
            written: 0,
            transmit: Transmit::none(),
            extended: Extended::Allow,
            inside: false,
            poisoned: false,
            in_flight: InFlight::Nothing,
        }
    }

    /// Sets whether messages over 2 GiB - 1 are sent or refused. Allowed by default.
    pub fn set_extended(&mut self, extended: Extended) {
        self.extended = extended;
    }

    /// Returns `true` if an earlier send stopped inside a message, after which no message can be
    /// sent.
    #[must_use]
    pub const fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// Returns `true` if nothing is left to write.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buffered() == 0 && self.transmit.is_done() && !self.is_writing()
    }

    /// Returns the number of buffered bytes, without those of a begun message or of a write in
    /// flight.
    #[inline]
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.written
    }

    /// Copies a whole message into the buffer.
    ///
    /// # Errors
    ///
    /// [`SendError::Poisoned`] and [`SendError::TooLong`].
    #[inline]
    pub fn push(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.check()?;
        encode(payload, self.extended, &mut self.buffer).map_err(SendError::TooLong)
    }

    /// Begins a message of `payload_len` bytes behind what is buffered. Pass its payload to
    /// [`chunks`](Self::chunks) until it is written.
    ///
    /// A message that was begun before, and was neither written nor [kept](Self::keep), is given
    /// up, since its payload is gone. If some of it was written, that poisons the buffer.
    ///
    /// # Errors
    ///
    /// [`SendError::Poisoned`] and [`SendError::TooLong`].
    #[inline]
    pub fn begin(&mut self, payload_len: usize) -> Result<(), SendError> {
        self.check()?;
        self.transmit = Transmit::new(payload_len, self.extended).map_err(SendError::TooLong)?;
        Ok(())
    }

    /// The stream is between two messages, or will be when the buffer is written.
    #[inline]
    fn check(&mut self) -> Result<(), SendError> {
        if self.is_inside_begun() {
            self.abandon();
        }
        self.transmit = Transmit::none();
        if self.poisoned { Err(SendError::Poisoned) } else { Ok(()) }
    }

    /// Returns the bytes to write next: what is buffered, then the unwritten rest of the begun
    /// message's header and `payload`. Each may be empty; write them with one vectored call.
    ///
    /// Without a begun message, pass an empty payload.
    ///
    /// # Panics
    ///
    /// If `payload` does not have the length that the message was begun with, or if a write is in
    /// flight.
    #[inline]
    #[must_use]
    pub fn chunks<'a>(&'a self, payload: &'a [u8]) -> [&'a [u8]; 3] {
        assert!(!self.is_writing(), "a write is in flight");
        let buffered = &self.buffer[self.written..];
        if self.transmit.is_done() {
            return [buffered, &[], &[]];
        }
        let [header, payload] = self.transmit.slices(payload);
        [buffered, header, payload]
    }

    /// Reports that the transport took the next `n` bytes of [`chunks`](Self::chunks). Returns
    /// `true` if that was all there was to write.
    ///
    /// # Panics
    ///
    /// If `n` is more than is left.
    #[inline]
    pub fn advance(&mut self, n: usize) -> bool {
        let buffered = self.buffered();
        if buffered == 0 {
            return self.transmit.advance(n);
        }
        let of_buffer = n.min(buffered);
        self.written += of_buffer;
        if of_buffer == buffered {
            self.clear();
        }
        self.transmit.advance(n - of_buffer) && of_buffer == buffered
    }

    /// Buffers the unwritten rest of a begun message whose payload the caller is about to give up.
    /// A message of which nothing was written is forgotten.
    ///
    /// # Panics
    ///
    /// If `payload` does not have the length that the message was begun with.
    pub fn keep(&mut self, payload: &[u8]) {
        let transmit = core::mem::replace(&mut self.transmit, Transmit::none());
        if !transmit.is_untouched() && !transmit.is_done() && !self.poisoned {
            for rest in transmit.slices(payload) {
                self.buffer.extend_from_slice(rest);
            }
            self.inside = true;
        }
    }

    /// Gives up sending, because the transport has failed or the payload is gone. A begun message
    /// of which nothing was written is forgotten. If the stream is left inside a message, the
    /// buffer is poisoned and what it holds is dropped; otherwise that stays.
    pub fn abandon(&mut self) {
        if self.is_inside() {
            self.poisoned = true;
            self.clear();
        }
        self.transmit = Transmit::none();
    }

    /// Drops what was pushed since so many bytes were [buffered](Self::buffered), after an error,
    /// so that it is not sent later. Does nothing if some of the buffer was written, or is in
    /// flight.
    pub fn truncate(&mut self, buffered: usize) {
        if self.written == 0 && !self.is_writing() {
            self.buffer.truncate(buffered);
        }
    }

    /// A part of a message has been written, and its rest has not.
    fn is_inside(&self) -> bool {
        let in_buffer = self.buffered() > 0 && (self.written > 0 || self.inside);
        in_buffer || self.is_writing() || self.is_inside_begun()
    }

    #[inline]
    fn is_inside_begun(&self) -> bool {
        !self.transmit.is_untouched() && !self.transmit.is_done()
    }

    fn clear(&mut self) {
        self.buffer = Vec::new();
        self.written = 0;
        self.inside = false;
    }
}

impl Default for SendBuffer {
    fn default() -> Self {
        Self::new()
    }
}

// By hand, so that no payload is printed.
impl fmt::Debug for SendBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendBuffer")
            .field("buffered", &self.buffered())
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(error) => error.fmt(f),
            Self::Poisoned => f.write_str("an earlier send stopped inside a message"),
            Self::Unauthenticated => f.write_str("the handshake is not done"),
        }
    }
}

impl core::error::Error for SendError {}

#[cfg(test)]
mod tests;
