//! The receive half of a stream: bytes in, frames out.
//!
//! The wire, as CPython 2.7 to 3.15 write it (`Connection._send_bytes`):
//!
//! ```text
//! 0 ..= 0x7fff_ffff bytes   | i32 length         | payload |     every version
//! more                      | i32 -1 | u64 length | payload |    3.8 and later
//! ```
//!
//! Rules, each of which holds for every way of cutting the input up:
//!
//! 1. A frame of at most `inline` bytes is one [`Event::Frame`]; a longer one is [`Event::Begin`]
//!    and then its payload. Which of the two depends on the length alone.
//! 2. A byte of the input is consumed only by the event that delivers it.
//! 3. An extended header need not be minimal: CPython reads `-1, 3` as three bytes, and so do we.
//! 4. An error is final. The stream has no way to find the next header again.

use core::fmt;
use core::ops::Range;

/// The bytes of the shortest header.
pub(crate) const SHORT_HEADER: usize = 4;

/// The bytes of the longest header.
///
/// A read buffer must hold `inline + MAX_HEADER` bytes, so that the longest [`Event::Frame`] fits.
pub const MAX_HEADER: usize = 12;

/// The header value that announces a 64-bit length.
pub(crate) const EXTENDED: i32 = -1;

/// Turns the received bytes of one stream into frames, and holds no byte itself.
///
/// The caller owns the buffer: it appends what it reads from its transport, hands the unread part
/// to [`next`](Self::next), and drops from the front as many bytes as `next` says it used.
///
/// CPython's counterpart is `Connection._recv_bytes`.
///
/// ```
/// use mpconn::{Event, Framer, Want};
///
/// let mut framer = Framer::new(1024, 64);
/// assert_eq!(framer.next(b"\0\0\0"), Ok((0, Event::Need(Want::Buffer(1)))));
/// assert_eq!(framer.next(b"\0\0\0\x05hel"), Ok((0, Event::Need(Want::Buffer(2)))));
/// assert_eq!(framer.next(b"\0\0\0\x05hello\0"), Ok((9, Event::Frame(4..9))));
/// ```
#[derive(Debug, Clone)]
pub struct Framer {
    max: u64,
    inline: usize,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    /// Between frames, or inside a header or an inline frame that stays in the caller's input.
    Header,
    /// Inside the payload of a frame that was begun; never 0.
    Payload(u64),
    Failed(FrameError),
}

/// What [`Framer::next`] found. Ranges point into the input it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The payload of a whole frame of at most `inline` bytes. It may be empty: an empty message
    /// is legal, and never the end of the stream.
    Frame(Range<usize>),
    /// A longer frame of this many bytes begins. This is what a header claims, not what has
    /// arrived: let the memory grow with the payload.
    Begin(u64),
    /// Payload of the frame that was begun, which was already in the input.
    Chunk {
        /// Where in the input it is; never empty.
        data: Range<usize>,
        /// Bytes of this frame still to come; 0 ends it.
        left: u64,
    },
    /// Nothing more can be said before more bytes arrive.
    Need(Want),
}

/// Where the next bytes are needed, and how many at most are of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// At least this many more bytes behind the input. Reading ahead of it is welcome.
    Buffer(usize),
    /// The input is used up, and this many bytes of payload are missing. They may be read straight
    /// into their destination and reported with [`Framer::advance`], or go through the input.
    Payload(u64),
}

impl Framer {
    /// A framer at the start of a stream, for frames of at most `max` bytes, of which those of at
    /// most `inline` bytes are delivered whole.
    ///
    /// The buffer that is handed to [`next`](Self::next) must be able to hold
    /// `inline + `[`MAX_HEADER`] bytes; with a shorter one, a frame may never fit.
    #[must_use]
    pub const fn new(max: u64, inline: usize) -> Self {
        // No slice is longer than `isize::MAX`, so that this changes nothing but that a frame's end
        // can be computed for every length a peer may claim.
        let longest = isize::MAX.unsigned_abs() - MAX_HEADER;
        let inline = if inline < longest { inline } else { longest };
        Self { max, inline, state: State::Header }
    }

    /// Changes the limit for every frame that has been neither delivered nor begun.
    ///
    /// CPython's counterpart is the `maxlength` argument of `Connection.recv_bytes`.
    #[inline]
    pub fn set_max(&mut self, max: u64) {
        self.max = max;
    }

    /// Returns the limit in bytes.
    #[inline]
    #[must_use]
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// Takes the next event from `input`, and says how many of its bytes are used up.
    ///
    /// One event a call. Call again, without the used bytes, until the answer is
    /// [`Event::Need`]. Work is constant a call, whatever the input's length.
    ///
    /// # Errors
    ///
    /// [`FrameError::TooLong`] and [`FrameError::InvalidLength`], as soon as the header says so.
    /// Nothing of the frame is consumed, and every later call answers the same.
    #[inline]
    pub fn next(&mut self, input: &[u8]) -> Result<(usize, Event), FrameError> {
        // Most frames are short and here already: this much goes into the caller's loop.
        match self.whole(input) {
            Some(payload) => Ok((payload.end, Event::Frame(payload))),
            None => self.next_of_any(input),
        }
    }

    fn next_of_any(&mut self, input: &[u8]) -> Result<(usize, Event), FrameError> {
        match self.state {
            State::Header => self.header(input),
            State::Payload(left) => Ok(self.payload(input, left)),
            State::Failed(error) => Err(error),
        }
    }

    /// The payload of a frame with a short header that is whole in `input`, if one is next.
    #[inline]
    pub(crate) fn whole(&self, input: &[u8]) -> Option<Range<usize>> {
        // A negative one is no length, however long the input.
        let length = u32::try_from(i32::from_be_bytes(*input.first_chunk()?)).ok()?;
        let is_fit = u64::from(length) <= self.max && matches!(self.state, State::Header);
        let length =
            usize::try_from(length).ok().filter(|&length| is_fit && length <= self.inline)?;
        // No more than isize::MAX, see `new`.
        let end = SHORT_HEADER + length;
        (end <= input.len()).then_some(SHORT_HEADER..end)
    }

    fn header(&mut self, input: &[u8]) -> Result<(usize, Event), FrameError> {
        let Some((short, rest)) = input.split_first_chunk() else {
            return Ok((0, Event::Need(Want::Buffer(SHORT_HEADER - input.len()))));
        };
        let (header, length) = match i32::from_be_bytes(*short) {
            EXTENDED => match rest.first_chunk() {
                Some(long) => (MAX_HEADER, u64::from_be_bytes(*long)),
                None => return Ok((0, Event::Need(Want::Buffer(MAX_HEADER - input.len())))),
            },
            length => match u32::try_from(length) {
                Ok(length) => (SHORT_HEADER, u64::from(length)),
                Err(_) => return Err(self.fail(FrameError::InvalidLength(length))),
            },
        };
        if length > self.max {
            return Err(self.fail(FrameError::TooLong { length, max: self.max }));
        }
        match usize::try_from(length) {
            Ok(length) if length <= self.inline => {
                let end = header + length;
                if input.len() < end {
                    return Ok((0, Event::Need(Want::Buffer(end - input.len()))));
                }
                Ok((end, Event::Frame(header..end)))
            }
            _ => {
                self.state = State::Payload(length);
                Ok((header, Event::Begin(length)))
            }
        }
    }

    fn payload(&mut self, input: &[u8], left: u64) -> (usize, Event) {
        if input.is_empty() {
            return (0, Event::Need(Want::Payload(left)));
        }
        let taken = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
        self.advance(taken);
        (taken, Event::Chunk { data: 0..taken, left: left - taken as u64 })
    }

    #[cold]
    fn fail(&mut self, error: FrameError) -> FrameError {
        self.state = State::Failed(error);
        error
    }

    /// Ends the stream with an error of the caller's finding: every later [`next`](Self::next)
    /// answers it.
    #[cfg(feature = "alloc")]
    pub(crate) fn poison(&mut self, error: FrameError) -> FrameError {
        self.fail(error)
    }

    /// Whether an error has ended the stream.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self.state, State::Failed(_))
    }

    /// Reports that `n` bytes of payload, asked for with [`Want::Payload`], were received without
    /// passing through the input. The frame is over when all of them have been.
    ///
    /// # Panics
    ///
    /// When `n` is more than the frame lacks.
    #[inline]
    pub fn advance(&mut self, n: usize) {
        if n == 0 {
            return;
        }
        let State::Payload(left) = self.state else { panic!("no payload is under way") };
        self.state = match left.checked_sub(n as u64) {
            Some(0) => State::Header,
            Some(left) => State::Payload(left),
            None => panic!("advanced past the end of the frame"),
        };
    }

    /// What the end of the stream means at this point, with `input` left unread: a clean end, if
    /// it comes between two frames.
    ///
    /// CPython raises `EOFError` between frames, and also right after a header, which here is
    /// [`FrameError::TruncatedPayload`].
    ///
    /// # Errors
    ///
    /// [`FrameError::TruncatedHeader`] or [`FrameError::TruncatedPayload`] inside a frame, and an
    /// earlier error again.
    pub fn eof(&self, input: &[u8]) -> Result<(), FrameError> {
        let (mut rest, mut input) = (self.clone(), input);
        loop {
            match rest.next(input)? {
                (_, Event::Need(Want::Payload(missing))) => {
                    return Err(FrameError::TruncatedPayload { missing });
                }
                (_, Event::Need(Want::Buffer(_))) if input.is_empty() => return Ok(()),
                (_, Event::Need(Want::Buffer(missing))) if header_is_whole(input) => {
                    return Err(FrameError::TruncatedPayload { missing: missing as u64 });
                }
                (_, Event::Need(Want::Buffer(_))) => return Err(FrameError::TruncatedHeader),
                (used, _) => input = &input[used..],
            }
        }
    }
}

fn header_is_whole(input: &[u8]) -> bool {
    match input.first_chunk() {
        Some(short) if i32::from_be_bytes(*short) == EXTENDED => input.len() >= MAX_HEADER,
        short => short.is_some(),
    }
}

/// Why a stream cannot be read any further: the peer's fault, or a shortage of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// A frame is longer than the limit. CPython says `bad message length`.
    TooLong {
        /// Bytes that the header claims.
        length: u64,
        /// The limit in bytes.
        max: u64,
    },
    /// A negative length other than the -1 of extended headers. CPython reads these as an empty
    /// message and goes on out of step.
    InvalidLength(i32),
    /// The stream ended inside a header.
    TruncatedHeader,
    /// The stream ended inside a payload, or between a header and its payload.
    TruncatedPayload {
        /// Bytes of the payload that never came.
        missing: u64,
    },
    /// The system has no memory for more of a message. A [`RecvBuffer`](crate::RecvBuffer) asks for as
    /// much again as has arrived. CPython raises `MemoryError`.
    OutOfMemory {
        /// Bytes of the whole message.
        length: u64,
    },
}

impl FrameError {
    /// Returns `true` if the peer closed the connection in the middle of a message.
    #[must_use]
    pub fn is_disconnect(&self) -> bool {
        matches!(self, Self::TruncatedHeader | Self::TruncatedPayload { .. })
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length, max } => write!(
                f,
                "the peer announced a message of {length} bytes, and the limit is {max}: \
                 raise the limit if such messages are expected"
            ),
            Self::InvalidLength(length) => write!(
                f,
                "the peer sent the message length {length}, which no Python writes: \
                 it is not a multiprocessing connection, or out of step"
            ),
            Self::TruncatedHeader => f.write_str("the peer closed inside a message header"),
            Self::TruncatedPayload { missing } => {
                write!(f, "the peer closed with {missing} bytes of a message still to come")
            }
            Self::OutOfMemory { length } => {
                write!(f, "no memory is left for a message of {length} bytes")
            }
        }
    }
}

impl core::error::Error for FrameError {}

#[cfg(test)]
mod tests;
