//! The receiving half of a connection: bytes in, whole messages out.
//!
//! What was received belongs to the buffer until it is a whole message: a receive that is given up
//! loses nothing, and the next one, into whatever memory, continues with it.

use alloc::boxed::Box;
use alloc::collections::TryReserveError;
use alloc::vec::Vec;
use core::fmt;
use core::mem;
use core::ops::Range;

use crate::frame::EXTENDED;
use crate::{Event, FrameError, Framer, MAX_HEADER, MAX_MESSAGE, Want};

/// The longest message that is read ahead, in bytes; longer ones are read into place.
const INLINE: usize = 64 * 1024;

/// The bytes of the read-ahead buffer: a message of 64 KiB with its header, and room for the next
/// ones behind it. With 64 KiB in all, such a message would take two reads.
const READ_AHEAD: usize = 80 * 1024;

/// The bytes of the buffer until the peer is authenticated: one handshake message and its header.
const HANDSHAKE_BUFFER: usize = MAX_MESSAGE + MAX_HEADER;

/// The most of an unfinished message, in bytes, for which a waiting connection gets memory of its own
/// in place of a read-ahead buffer. More would be copied back and forth at each wait.
const PARKED: usize = READ_AHEAD / 4;

/// The least by which a large message's memory grows, in bytes. It doubles from there on, so that it is
/// never more than twice what has arrived.
const LEAST_GROWTH: usize = 16 * 1024;

/// The most that is zeroed for one read, in bytes.
const ZEROED: usize = 256 * 1024;

/// The framer asks for payload only after `Event::Begin`, which makes the memory for it.
const BEGUN: &str = "a large message has begun";

/// Receives whole messages from a stream, and owns what has arrived of them.
///
/// [`poll`](Self::poll) looks for a message in what has arrived. If there is none, read into
/// [`read_buf`](Self::read_buf), report the bytes with [`advance`](Self::advance), and poll again.
///
/// Messages of up to 64 KiB are read ahead, many with one read; longer ones are read into their
/// destination, which grows with what arrives. The read-ahead buffer has 80 KiB, or 268 bytes while
/// the limit is that of the handshake, [`MAX_MESSAGE`]. A program with many connections can lend it
/// to the ones that are active: see [`attach`](Self::attach).
///
/// CPython's counterpart is `Connection._recv_bytes`.
///
/// # Examples
///
/// ```
/// use mpconn::RecvBuffer;
/// use std::io::Read;
///
/// let mut transport: &[u8] = b"\0\0\0\x05hello\0\0\0\0";
/// let mut recv = RecvBuffer::new(1 << 20);
/// while !recv.poll()? {
///     let n = transport.read(recv.read_buf().into_slice())?;
///     recv.advance(n);
/// }
/// assert_eq!(recv.message(), b"hello");
/// assert!(recv.poll()?); // It was read ahead,
/// assert_eq!(recv.message(), b""); // and an empty message is not the end.
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RecvBuffer {
    framer: Framer,
    /// All of it may be written to; empty until the first read.
    buffer: Vec<u8>,
    unread: Range<usize>,
    /// In a box: most messages are small, and most connections idle.
    large: Option<Box<Large>>,
    lent: Lent,
    /// What the last poll found missing.
    want: Want,
    /// Whether reads go beyond the message that is missing.
    reads_ahead: bool,
}

/// A message that is longer than [`INLINE`].
struct Large {
    length: u64,
    /// All of it may be overwritten from `filled` on.
    bytes: Vec<u8>,
    filled: usize,
}

/// The message that [`RecvBuffer::message`] returns.
#[derive(Debug, Clone)]
enum Lent {
    Nothing,
    Inline(Range<usize>),
    Large,
    /// None: a read owns the memory. This is its unread range, if that is the read-ahead buffer.
    InFlight(Range<usize>),
}

/// Memory for the next read.
pub enum ReadBuf<'a> {
    /// To be filled from its beginning.
    Slice(&'a mut [u8]),
    /// To be appended to, within its capacity: none of that needs to be zeroed first.
    Spare(&'a mut Vec<u8>),
}

impl RecvBuffer {
    /// Creates a buffer at the start of a stream, for messages of at most `max` bytes.
    ///
    /// Pass [`MAX_MESSAGE`] for a handshake, and raise the limit with [`set_max`](Self::set_max)
    /// when it is done.
    #[must_use]
    pub const fn new(max: u64) -> Self {
        Self {
            framer: Framer::new(max, INLINE),
            buffer: Vec::new(),
            unread: 0..0,
            large: None,
            lent: Lent::Nothing,
            want: Want::Buffer(1),
            reads_ahead: true,
        }
    }

    /// Creates a buffer for a stream of which the bytes `unread` were received already, as
    /// [`into_unread`](Self::into_unread) returns them.
    #[must_use]
    pub fn resumed(unread: Vec<u8>, max: u64) -> Self {
        Self { unread: 0..unread.len(), buffer: unread, ..Self::new(max) }
    }

    /// Returns the limit in bytes.
    #[must_use]
    pub const fn max(&self) -> u64 {
        self.framer.max()
    }

    /// Sets the limit, in bytes, for every message that was not received yet.
    pub fn set_max(&mut self, max: u64) {
        self.framer.set_max(max);
    }

    /// Sets whether reads go beyond the message that is being received. The default is `true`.
    ///
    /// With `false`, [`read_buf`](Self::read_buf) has room for a header first, and then for the rest of
    /// its message: bytes behind the message stay in the transport, for whoever reads from it next.
    /// Each message then takes two reads or more. What was read ahead before remains in the buffer.
    pub fn set_read_ahead(&mut self, reads_ahead: bool) {
        self.reads_ahead = reads_ahead;
    }

    /// Returns the bytes that have arrived beyond the last message, as they came over the wire.
    /// Whoever takes over the transport needs them first.
    ///
    /// Returns `None` if bytes are missing: a read is in flight, or an error has ended the stream.
    #[must_use]
    pub fn into_unread(mut self) -> Option<Vec<u8>> {
        if self.is_reading() || self.has_failed() {
            return None;
        }
        self.forget_message();
        let mut unread = Vec::new();
        if let Some(large) = &self.large {
            unread.extend_from_slice(&EXTENDED.to_be_bytes());
            unread.extend_from_slice(&large.length.to_be_bytes());
            unread.extend_from_slice(&large.bytes[..large.filled]);
        }
        unread.extend_from_slice(&self.buffer[self.unread]);
        Some(unread)
    }

    /// Returns `true` if a [`poll`](Self::poll) would find something without another read: a
    /// message, the beginning of a large one, or an error.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let next = self.framer.clone().next(&self.buffer[self.unread.clone()]);
        let too_long = self.unlent_large().is_some_and(|large| large.length > self.max());
        !matches!(next, Ok((_, Event::Need(_)))) || self.large_is_whole() || too_long
    }

    /// Returns `true` if an error has ended the stream: nothing more can be received.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.framer.has_failed()
    }

    /// Looks for a whole message in what has arrived. Returns `true` if
    /// [`message`](Self::message) is the next one, and `false` if more must be read into
    /// [`read_buf`](Self::read_buf) first.
    ///
    /// # Errors
    ///
    /// Those of [`Framer::next`], and [`FrameError::OutOfMemory`]. They are final: every later call
    /// returns the same.
    #[inline]
    pub fn poll(&mut self) -> Result<bool, FrameError> {
        self.poll_reusing(u64::MAX, &mut Vec::new())
    }

    /// Looks for a whole message, as [`poll`](Self::poll) does, of at most `max` bytes, and at most
    /// the buffer's own limit. A message that is too large to be read ahead takes the memory of
    /// `reuse`, which is empty then, and grows it as needed.
    ///
    /// # Errors
    ///
    /// As for [`poll`](Self::poll).
    #[inline]
    pub fn poll_reusing(&mut self, max: u64, reuse: &mut Vec<u8>) -> Result<bool, FrameError> {
        // Most messages are small and were read ahead: this much goes into the caller's loop.
        let whole = match self.large {
            None => self.framer.whole(&self.buffer[self.unread.clone()]),
            Some(_) => None,
        };
        if let Some(payload) = whole.filter(|payload| payload.len() as u64 <= max) {
            let at = self.unread.start;
            self.unread.start += payload.end;
            self.lent = Lent::Inline(at + payload.start..at + payload.end);
            return Ok(true);
        }
        let limit = self.max();
        if max >= limit {
            return self.poll_any(reuse);
        }
        self.framer.set_max(max);
        let found = self.poll_any(reuse);
        self.framer.set_max(limit);
        found
    }

    fn poll_any(&mut self, reuse: &mut Vec<u8>) -> Result<bool, FrameError> {
        self.forget_message();
        if self.is_reading() {
            return Ok(false);
        }
        let max = self.max();
        // Nobody will ask for what came of it: its memory goes, and later calls find this error.
        if let Some(large) = self.large.take_if(|large| large.length > max) {
            let error = FrameError::TooLong { length: large.length, max };
            return Err(self.framer.poison(error));
        }
        loop {
            let (used, event) = self.framer.next(&self.buffer[self.unread.clone()])?;
            let at = self.unread.start;
            self.unread.start += used;
            match event {
                Event::Frame(payload) => {
                    self.lent = Lent::Inline(at + payload.start..at + payload.end);
                    return Ok(true);
                }
                Event::Begin(length) => {
                    let bytes = mem::take(reuse);
                    self.large = Some(Box::new(Large { length, bytes, filled: 0 }));
                }
                Event::Chunk { data, left } => {
                    let large = self.large.as_mut().expect(BEGUN);
                    large.push(&self.buffer[at + data.start..at + data.end]);
                    if left == 0 {
                        self.lend_large();
                        return Ok(true);
                    }
                }
                Event::Need(_) if self.large_is_whole() => {
                    self.lend_large();
                    return Ok(true);
                }
                Event::Need(want) => {
                    self.want = want;
                    let Some(large) = &mut self.large else { return Ok(false) };
                    if large.make_room().is_err() {
                        let error = FrameError::OutOfMemory { length: large.length };
                        self.large = None;
                        return Err(self.framer.poison(error));
                    }
                    return Ok(false);
                }
            }
        }
    }

    /// Frees the memory of the last [`message`](Self::message), if it was a large one. The next
    /// [`poll`](Self::poll) does the same.
    #[inline]
    pub fn release(&mut self) {
        self.forget_message();
    }

    #[inline]
    fn forget_message(&mut self) {
        match self.lent {
            Lent::InFlight(_) => return,
            Lent::Large => self.large = None,
            Lent::Nothing | Lent::Inline(_) => {}
        }
        self.lent = Lent::Nothing;
    }

    /// Whole, and not lent out yet.
    fn large_is_whole(&self) -> bool {
        self.unlent_large().is_some_and(|large| large.filled as u64 == large.length)
    }

    fn unlent_large(&self) -> Option<&Large> {
        self.large.as_deref().filter(|_| !matches!(self.lent, Lent::Large))
    }

    fn lend_large(&mut self) {
        if let Some(large) = &mut self.large {
            large.bytes.truncate(large.filled);
        }
        self.lent = Lent::Large;
    }

    /// Returns the memory for the next read, after [`poll`](Self::poll) found no message. It is
    /// never empty.
    ///
    /// # Panics
    ///
    /// If the last poll found a message or an error while a large message was being received, if a
    /// read is in flight, or if a large message was read into and not polled for since.
    pub fn read_buf(&mut self) -> ReadBuf<'_> {
        self.assert_whole();
        match self.want {
            Want::Payload(left) => self.large.as_mut().expect(BEGUN).read_buf(left),
            Want::Buffer(missing) => ReadBuf::Slice(self.read_ahead(missing)),
        }
    }

    fn read_ahead(&mut self, missing: usize) -> &mut [u8] {
        // More than a handshake needs may be there, after a wait.
        let wanted = self.buffer_len().max(self.unread.len() + MAX_HEADER);
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.buffer.len() - self.unread.start < INLINE + MAX_HEADER {
            // The longest message may not fit behind what is there of it.
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        let end = if self.reads_ahead { self.buffer.len() } else { self.unread.end + missing };
        &mut self.buffer[self.unread.end..end]
    }

    fn buffer_len(&self) -> usize {
        if self.max() <= MAX_MESSAGE as u64 { HANDSHAKE_BUFFER } else { READ_AHEAD }
    }

    /// Returns `true` if the next [`read_buf`](Self::read_buf) would allocate a read-ahead buffer,
    /// which [`attach`](Self::attach) can provide instead.
    #[inline]
    #[must_use]
    pub fn wants_memory(&self) -> bool {
        matches!(self.want, Want::Buffer(_))
            && self.buffer.len() < READ_AHEAD
            && self.buffer_len() == READ_AHEAD
    }

    /// Provides the memory for reading ahead, such as what [`detach_idle`](Self::detach_idle) took
    /// from another connection. It costs a few nanoseconds, where allocating and zeroing a buffer
    /// costs microseconds. Bytes that were read ahead already are moved into it.
    ///
    /// # Panics
    ///
    /// If a read is in flight.
    pub fn attach(&mut self, mut memory: Vec<u8>) {
        self.assert_whole();
        let unread = &self.buffer[self.unread.clone()];
        let wanted = READ_AHEAD.max(unread.len());
        if memory.len() < wanted {
            memory.resize(wanted, 0);
        }
        if !unread.is_empty() {
            memory[..unread.len()].copy_from_slice(unread);
        }
        self.unread = 0..self.unread.len();
        self.lent = Lent::Nothing;
        self.buffer = memory;
    }

    /// Takes the read-ahead buffer back if it holds nothing unread, so that an idle connection
    /// keeps no memory. A [`message`](Self::message) that was read ahead is forgotten.
    #[inline]
    pub fn detach_idle(&mut self) -> Option<Vec<u8>> {
        if !self.unread.is_empty() || self.buffer.len() < READ_AHEAD {
            return None;
        }
        if let Lent::Inline(_) = self.lent {
            self.lent = Lent::Nothing;
        }
        self.unread = 0..0;
        Some(mem::take(&mut self.buffer))
    }

    /// Takes the read-ahead buffer back before a wait, after [`poll`](Self::poll) found no message. What
    /// has arrived of one, if that is at most 20 KiB, moves into memory of its own, and back with
    /// [`attach`](Self::attach) or the next [`read_buf`](Self::read_buf).
    pub fn detach_waiting(&mut self) -> Option<Vec<u8>> {
        if self.is_reading() || self.unread.len() > PARKED || self.buffer.len() < READ_AHEAD {
            return None;
        }
        self.forget_message();
        let unread = self.buffer[self.unread.clone()].to_vec();
        self.unread = 0..unread.len();
        Some(mem::replace(&mut self.buffer, unread))
    }

    /// Reports that `n` bytes were read into [`read_buf`](Self::read_buf). Call
    /// [`poll`](Self::poll) again before the next read.
    ///
    /// # Panics
    ///
    /// If `n` is more than the buffer had room for, which is none while a read is in flight.
    #[inline]
    pub fn advance(&mut self, n: usize) {
        match self.want {
            Want::Payload(_) => {
                let large = self.large.as_mut().expect(BEGUN);
                large.filled += n;
                assert!(
                    large.filled <= large.bytes.len(),
                    "advanced past the end of the read buffer"
                );
                self.framer.advance(n);
            }
            Want::Buffer(_) => {
                self.unread.end += n;
                assert!(
                    self.unread.end <= self.buffer.len(),
                    "advanced past the end of the read buffer"
                );
            }
        }
    }

    /// Reports the end of the stream. It is clean between two messages.
    ///
    /// # Errors
    ///
    /// [`FrameError::TruncatedHeader`] and [`FrameError::TruncatedPayload`] inside a message. They are
    /// final.
    ///
    /// # Panics
    ///
    /// If a read is in flight: finish it first, with 0 bytes.
    pub fn eof(&mut self) -> Result<(), FrameError> {
        self.assert_whole();
        match self.framer.eof(&self.buffer[self.unread.clone()]) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.large = None;
                Err(self.framer.poison(error))
            }
        }
    }

    /// Returns the message that the last [`poll`](Self::poll) found, or an empty slice if it found
    /// none, or if it was taken.
    #[inline]
    #[must_use]
    pub fn message(&self) -> &[u8] {
        match (&self.lent, &self.large) {
            (Lent::Inline(range), _) => &self.buffer[range.clone()],
            (Lent::Large, Some(large)) => &large.bytes,
            _ => &[],
        }
    }

    /// Returns the [`message`](Self::message) as a vector. The memory of a large one is handed
    /// over, not copied.
    #[inline]
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        let message = match (&self.lent, &mut self.large) {
            (Lent::Inline(range), _) => self.buffer[range.clone()].to_vec(),
            (Lent::Large, Some(large)) => mem::take(&mut large.bytes),
            _ => return Vec::new(),
        };
        self.forget_message();
        message
    }

    /// Replaces what `out` holds by the [`message`](Self::message), reusing its memory where that
    /// saves an allocation.
    #[inline]
    pub fn take_to(&mut self, out: &mut Vec<u8>) {
        match (&self.lent, &mut self.large) {
            (Lent::Large, Some(large)) => mem::swap(out, &mut large.bytes),
            _ => {
                out.clear();
                out.extend_from_slice(self.message());
            }
        }
        self.forget_message();
    }
}

// By hand, so that no payload is ever printed.
impl fmt::Debug for RecvBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvBuffer")
            .field("framer", &self.framer)
            .field("unread", &self.unread.len())
            .field("large", &self.large.as_ref().map(|large| (large.filled, large.length)))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ReadBuf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slice(_) => write!(f, "Slice({} bytes)", self.len()),
            Self::Spare(_) => write!(f, "Spare({} bytes)", self.len()),
        }
    }
}

impl Large {
    fn push(&mut self, chunk: &[u8]) {
        // Memory that was handed back for reuse is overwritten where it is.
        let (over, beyond) = chunk.split_at(chunk.len().min(self.bytes.len() - self.filled));
        self.bytes[self.filled..][..over.len()].copy_from_slice(over);
        self.bytes.extend_from_slice(beyond);
        self.filled += chunk.len();
    }

    /// Makes room for the next read. It is as much again as has arrived, at most.
    fn make_room(&mut self) -> Result<(), TryReserveError> {
        if self.filled < self.bytes.len() || self.bytes.len() < self.bytes.capacity() {
            return Ok(());
        }
        let left = usize::try_from(self.length - self.filled as u64).unwrap_or(usize::MAX);
        self.bytes.try_reserve_exact(self.filled.max(LEAST_GROWTH).min(left))
    }

    fn read_buf(&mut self, left: u64) -> ReadBuf<'_> {
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        if self.filled == self.bytes.len() {
            let spare = self.bytes.capacity() - self.bytes.len();
            assert!(spare > 0, "read again without a poll");
            if spare <= left {
                return ReadBuf::Spare(&mut self.bytes);
            }
            // More capacity than the message needs: a read must not run on into the next one.
            self.bytes.resize(self.filled + left.min(ZEROED), 0);
        }
        let end = self.bytes.len().min(self.filled.saturating_add(left));
        ReadBuf::Slice(&mut self.bytes[self.filled..end])
    }
}

impl<'a> ReadBuf<'a> {
    /// Returns how many bytes can be read into it, which is never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        match self {
            Self::Slice(slice) => slice.len(),
            Self::Spare(vec) => vec.capacity() - vec.len(),
        }
    }

    /// Returns it as initialized memory, for transports that need that: zeroes up to 256 KiB of
    /// spare capacity.
    #[must_use]
    pub fn into_slice(self) -> &'a mut [u8] {
        match self {
            Self::Slice(slice) => slice,
            Self::Spare(vec) => {
                let filled = vec.len();
                vec.resize(vec.capacity().min(filled + ZEROED), 0);
                &mut vec[filled..]
            }
        }
    }
}

mod in_flight;
#[cfg(test)]
mod tests;
