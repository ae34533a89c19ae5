//! The receive half with memory of its own: what every adapter over a stream keeps.
//!
//! Rules:
//!
//! 1. What was received belongs to the inbox until it is a whole message: a receive that is given
//!    up loses nothing, and the next one, into whatever memory, goes on with it.
//! 2. Small messages are read ahead, many with one call. Large ones are read straight into their
//!    destination, which grows with what arrives, not with what was announced.

use alloc::boxed::Box;
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

/// The least by which a large message's memory grows, in bytes. It doubles from there on.
const GROWTH: usize = 256 * 1024;

/// The framer asks for payload only after `Event::Begin`, which makes the memory for it.
const BEGUN: &str = "a large message has begun";

/// Receives whole messages from a stream, and owns what has arrived of them.
///
/// ```
/// use mpconn::{Inbox, Space};
/// use std::io::Read;
///
/// let mut transport: &[u8] = b"\0\0\0\x05hello\0\0\0\0";
/// let mut inbox = Inbox::new();
/// inbox.open(u64::MAX);
/// while !inbox.poll(u64::MAX, &mut Vec::new())? {
///     let n = transport.read(inbox.space().into_slice())?;
///     inbox.filled(n);
/// }
/// assert_eq!(inbox.message(), b"hello");
/// assert!(inbox.poll(u64::MAX, &mut Vec::new())?); // It was read ahead,
/// assert_eq!(inbox.message(), b""); // and it is not the end.
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Inbox {
    framer: Framer,
    /// Its length is what may be filled; it has none until the first read.
    buffer: Vec<u8>,
    buffer_len: usize,
    unread: Range<usize>,
    /// In a box: most messages are small, and most connections idle.
    large: Option<Box<Large>>,
    lent: Lent,
    /// What the last poll found missing.
    want: Want,
    /// The transport failed: whatever it says afterwards, the end came in the middle.
    #[cfg(feature = "std")]
    broken: Option<std::io::ErrorKind>,
}

/// A message that is longer than [`INLINE`].
struct Large {
    length: u64,
    /// All of it may be overwritten from `filled` on.
    bytes: Vec<u8>,
    filled: usize,
}

/// The message that [`Inbox::message`] shows.
#[derive(Debug, Clone)]
enum Lent {
    Nothing,
    Inline(Range<usize>),
    Large,
}

/// Memory for the next read.
pub enum Space<'a> {
    /// To be filled from its beginning.
    Slice(&'a mut [u8]),
    /// To be appended to, within its capacity: none of that needs to be zeroed first.
    Spare(&'a mut Vec<u8>),
}

impl Inbox {
    /// An inbox for a handshake: small, and with [`MAX_MESSAGE`] as its limit.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            framer: Framer::new(MAX_MESSAGE as u64, MAX_MESSAGE),
            buffer: Vec::new(),
            buffer_len: HANDSHAKE_BUFFER,
            unread: 0..0,
            large: None,
            lent: Lent::Nothing,
            want: Want::Buffer(1),
            #[cfg(feature = "std")]
            broken: None,
        }
    }

    /// The handshake is over, or there is none: messages of up to `max` bytes from now on.
    ///
    /// Only between two messages. What was read ahead stays: a client's `#WELCOME#` and its first
    /// message may well come together.
    pub fn open(&mut self, max: u64) {
        self.framer = Framer::new(max, INLINE);
        self.buffer_len = READ_AHEAD;
    }

    /// An inbox without a handshake, for a stream of which these bytes were received already, as
    /// [`into_unread`](Self::into_unread) gives them.
    #[must_use]
    pub fn resumed(unread: Vec<u8>, max: u64) -> Self {
        let mut inbox = Self::new();
        inbox.open(max);
        inbox.unread = 0..unread.len();
        inbox.buffer = unread;
        inbox
    }

    /// What has arrived and was not received as a message yet, as it came over the wire. Whoever
    /// takes over the transport needs it first.
    #[must_use]
    pub fn into_unread(mut self) -> Vec<u8> {
        self.forget_message();
        let mut unread = Vec::new();
        if let Some(large) = &self.large {
            unread.extend_from_slice(&EXTENDED.to_be_bytes());
            unread.extend_from_slice(&large.length.to_be_bytes());
            unread.extend_from_slice(&large.bytes[..large.filled]);
        }
        unread.extend_from_slice(&self.buffer[self.unread]);
        unread
    }

    /// Whether a receive of at most `max` bytes would find something without waiting: a message,
    /// the beginning of a large one, or an error.
    #[must_use]
    pub fn is_ready(&self, max: u64) -> bool {
        let mut framer = self.framer.clone();
        framer.set_max(max);
        let next = framer.next(&self.buffer[self.unread.clone()]);
        let too_long = self.unlent_large().is_some_and(|large| large.length > max);
        !matches!(next, Ok((_, Event::Need(_)))) || self.large_is_whole() || too_long
    }

    /// Whether an error has ended it: nothing more can be received.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        #[cfg(feature = "std")]
        if self.broken.is_some() {
            return true;
        }
        self.framer.has_failed()
    }

    /// Looks for a whole message of at most `max` bytes in what has arrived. True: it is there as
    /// [`message`](Self::message). False: read into [`space`](Self::space) first.
    ///
    /// A message too large to be read ahead takes the memory of `offer`, and grows it as need be.
    ///
    /// # Errors
    ///
    /// [`Framer::next`]'s, which are final.
    #[inline]
    pub fn poll(&mut self, max: u64, offer: &mut Vec<u8>) -> Result<bool, FrameError> {
        Ok(self.poll_ahead(max) || self.poll_any(max, offer)?)
    }

    /// What [`poll`](Self::poll) looks for first: a small message of at most `max` bytes that was
    /// read ahead whole, of which there may be thousands. False says nothing: poll then.
    #[inline]
    pub fn poll_ahead(&mut self, max: u64) -> bool {
        if self.large.is_some() {
            return false;
        }
        self.framer.set_max(max);
        let Some(payload) = self.framer.whole(&self.buffer[self.unread.clone()]) else {
            return false;
        };
        let at = self.unread.start;
        self.unread.start += payload.end;
        self.lent = Lent::Inline(at + payload.start..at + payload.end);
        true
    }

    fn poll_any(&mut self, max: u64, offer: &mut Vec<u8>) -> Result<bool, FrameError> {
        self.forget_message();
        self.framer.set_max(max);
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
                    let bytes = mem::take(offer);
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
                    return Ok(false);
                }
            }
        }
    }

    /// The last message is no longer needed, as the next [`poll`](Self::poll) will take for granted:
    /// its memory goes now.
    #[inline]
    pub fn release(&mut self) {
        self.forget_message();
        if self.unread.is_empty() {
            self.give_back();
        }
    }

    #[inline]
    fn forget_message(&mut self) {
        if let Lent::Large = self.lent {
            self.large = None;
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

    /// Where the next read goes, after [`poll`](Self::poll) found no message. Never empty.
    ///
    /// # Panics
    ///
    /// When the last call of `poll` found a message or an error, of a large message.
    pub fn space(&mut self) -> Space<'_> {
        match self.want {
            Want::Payload(left) => self.large.as_mut().expect(BEGUN).space(left),
            Want::Buffer(_) => Space::Slice(self.read_ahead()),
        }
    }

    fn read_ahead(&mut self) -> &mut [u8] {
        if self.buffer.len() < self.buffer_len {
            self.take_buffer();
        }
        if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.buffer.len() - self.unread.start < INLINE + MAX_HEADER {
            // The longest message may not fit behind what is there of it.
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        &mut self.buffer[self.unread.end..]
    }

    fn take_buffer(&mut self) {
        #[cfg(feature = "std")]
        if self.buffer.is_empty() && self.buffer_len == READ_AHEAD {
            self.buffer = spare::take();
        }
        self.buffer.resize(self.buffer_len, 0);
    }

    /// An idle connection keeps no buffer.
    #[cfg(feature = "std")]
    fn give_back(&mut self) {
        if self.unread.is_empty() && matches!(self.lent, Lent::Nothing) {
            self.unread = 0..0;
            spare::give_back(mem::take(&mut self.buffer));
        }
    }

    /// Without threads to share it in, the buffer is kept.
    #[cfg(not(feature = "std"))]
    fn give_back(&mut self) {}

    /// Reports that `n` bytes were read into [`space`](Self::space). [`poll`](Self::poll) again
    /// before the next read.
    ///
    /// # Panics
    ///
    /// When that is more than there was space for.
    pub fn filled(&mut self, n: usize) {
        match self.want {
            Want::Payload(_) => {
                let large = self.large.as_mut().expect(BEGUN);
                large.filled += n;
                assert!(large.filled <= large.bytes.len(), "filled more than the space");
                self.framer.advance(n);
            }
            Want::Buffer(_) => {
                self.unread.end += n;
                assert!(self.unread.end <= self.buffer.len(), "filled more than the space");
            }
        }
    }

    /// Reads with `read` until a whole message is there, as [`message`](Self::message). `read` gives
    /// the bytes it read, 0 at the end, or `None` when there are none for now (`WouldBlock`); then
    /// this answers false, and goes on where it was when it is called again. After an interruption
    /// (`Interrupted`), `read` tries again by itself.
    ///
    /// # Errors
    ///
    /// [`Error::Frame`], [`Error::Ended`] and [`Error::Io`], each of which is final.
    ///
    /// [`Error::Frame`]: crate::Error::Frame
    /// [`Error::Ended`]: crate::Error::Ended
    /// [`Error::Io`]: crate::Error::Io
    #[cfg(feature = "std")]
    #[inline]
    pub fn receive_with(
        &mut self,
        max: u64,
        offer: &mut Vec<u8>,
        read: impl FnMut(Space<'_>) -> std::io::Result<Option<usize>>,
    ) -> Result<bool, crate::Error> {
        Ok(self.poll(max, offer)? || self.read_with(max, offer, read)?)
    }

    #[cfg(feature = "std")]
    fn read_with(
        &mut self,
        max: u64,
        offer: &mut Vec<u8>,
        mut read: impl FnMut(Space<'_>) -> std::io::Result<Option<usize>>,
    ) -> Result<bool, crate::Error> {
        loop {
            if let Some(kind) = self.broken {
                return Err(std::io::Error::from(kind).into());
            }
            match read(self.space()) {
                Ok(None) => {
                    self.give_back();
                    return Ok(false);
                }
                Ok(Some(0)) => {
                    self.eof()?;
                    return Err(crate::Error::Ended);
                }
                Ok(Some(n)) => self.filled(n),
                Err(error) => {
                    // After a reset, the kernel would go on with what looks like a clean end.
                    self.broken = Some(error.kind());
                    return Err(error.into());
                }
            }
            if self.poll(max, offer)? {
                return Ok(true);
            }
        }
    }

    /// What the end of the stream means now: `Ok` between two messages.
    ///
    /// # Errors
    ///
    /// [`Framer::eof`]'s, final from now on.
    pub fn eof(&mut self) -> Result<(), FrameError> {
        match self.framer.eof(&self.buffer[self.unread.clone()]) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.large = None;
                Err(self.framer.poison(error))
            }
        }
    }

    /// The message that [`poll`](Self::poll) found, until it is called again.
    #[inline]
    #[must_use]
    pub fn message(&self) -> &[u8] {
        match (&self.lent, &self.large) {
            (Lent::Inline(range), _) => &self.buffer[range.clone()],
            (Lent::Large, Some(large)) => &large.bytes,
            _ => &[],
        }
    }

    /// The same, owned. A large message's memory is handed over, not copied.
    #[inline]
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        let message = match self.take_large() {
            Some(bytes) => bytes,
            None => self.message().to_vec(),
        };
        self.release();
        message
    }

    /// The same, in place of what `out` holds; its memory is used again where that helps.
    #[inline]
    pub fn take_to(&mut self, out: &mut Vec<u8>) {
        match self.take_large() {
            Some(bytes) => *out = bytes,
            None => {
                out.clear();
                out.extend_from_slice(self.message());
            }
        }
        self.release();
    }

    #[inline]
    fn take_large(&mut self) -> Option<Vec<u8>> {
        match &mut self.large {
            Some(large) if matches!(self.lent, Lent::Large) => Some(mem::take(&mut large.bytes)),
            _ => None,
        }
    }
}

// By hand, so that no payload is ever printed.
impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("framer", &self.framer)
            .field("unread", &self.unread.len())
            .field("large", &self.large.as_ref().map(|large| (large.filled, large.length)))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Space<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slice(_) => write!(f, "Slice({} bytes)", self.len()),
            Self::Spare(_) => write!(f, "Spare({} bytes)", self.len()),
        }
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
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

    fn space(&mut self, left: u64) -> Space<'_> {
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        if self.filled == self.bytes.len() {
            if self.bytes.len() == self.bytes.capacity() {
                self.bytes.reserve_exact(self.filled.max(GROWTH).min(left));
            }
            let spare = self.bytes.capacity() - self.bytes.len();
            if spare <= left {
                return Space::Spare(&mut self.bytes);
            }
            // More capacity than the message needs: a read must not run on into the next one.
            self.bytes.resize(self.filled + left.min(GROWTH), 0);
        }
        let end = self.bytes.len().min(self.filled.saturating_add(left));
        Space::Slice(&mut self.bytes[self.filled..end])
    }
}

/// One read-ahead buffer a thread, for whichever connection receives next. Taking it costs a few
/// nanoseconds, where allocating and zeroing another would cost microseconds a message.
#[cfg(feature = "std")]
mod spare {
    use core::cell::Cell;
    use std::vec::Vec;

    std::thread_local! {
        static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }

    /// Empty when there is none, or when the thread is ending.
    pub(super) fn take() -> Vec<u8> {
        SPARE.try_with(Cell::take).unwrap_or_default()
    }

    pub(super) fn give_back(buffer: Vec<u8>) {
        if buffer.len() == super::READ_AHEAD {
            let _ = SPARE.try_with(|spare| spare.set(buffer));
        }
    }
}

impl<'a> Space<'a> {
    /// How many bytes can be read into it; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        match self {
            Self::Slice(slice) => slice.len(),
            Self::Spare(vec) => vec.capacity() - vec.len(),
        }
    }

    /// For transports that can only write over memory: zeroes some where there is none.
    #[must_use]
    pub fn into_slice(self) -> &'a mut [u8] {
        match self {
            Self::Slice(slice) => slice,
            Self::Spare(vec) => {
                let filled = vec.len();
                vec.resize(vec.capacity().min(filled + GROWTH), 0);
                &mut vec[filled..]
            }
        }
    }
}

#[cfg(test)]
mod tests;
