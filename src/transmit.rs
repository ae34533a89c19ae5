//! The send half of a stream: the header of a frame, and how much of both has been written.

use core::fmt;
use core::ops::Range;

use crate::frame::{EXTENDED, MAX_HEADER, SHORT_HEADER};

/// The longest payload that a short header can announce, and that CPython before 3.8 can read.
const SHORT_MAX: usize = 0x7fff_ffff;

/// Whether payloads over 2 GiB - 1 may be sent, which need an extended header.
///
/// CPython 3.8 and later read them. 3.6 and 3.7 take the header for an empty message and lose
/// step, and 2.7 asks for 4 GiB: when such a peer is possible, refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extended {
    /// Send them, as CPython 3.8 and later do.
    #[default]
    Allow,
    /// Refuse them with [`TooLong`] before a byte is written.
    Refuse,
}

/// One frame on its way out: its header, and how far the writing has come. It borrows nothing;
/// the payload stays with the caller.
///
/// CPython's counterpart is `Connection._send_bytes`.
///
/// ```
/// use mpconn::{Extended, Transmit};
///
/// let mut transmit = Transmit::new(5, Extended::Allow).unwrap();
/// assert_eq!(transmit.slices(b"hello"), [&b"\0\0\0\x05"[..], b"hello"]);
/// assert!(!transmit.advance(6));
/// assert_eq!(transmit.slices(b"hello"), [&b""[..], b"llo"]);
/// assert!(transmit.advance(3));
/// ```
#[derive(Debug, Clone)]
pub struct Transmit {
    header: [u8; MAX_HEADER],
    header_len: u8,
    header_sent: u8,
    payload_len: usize,
    payload_sent: usize,
}

impl Transmit {
    /// A frame with a payload of `payload_len` bytes, nothing of it written.
    ///
    /// # Errors
    ///
    /// [`TooLong`] when it needs an extended header and `extended` refuses that.
    #[inline]
    pub fn new(payload_len: usize, extended: Extended) -> Result<Self, TooLong> {
        let mut header = [0; MAX_HEADER];
        let header_len = match i32::try_from(payload_len) {
            Ok(length) => {
                header[..SHORT_HEADER].copy_from_slice(&length.to_be_bytes());
                SHORT_HEADER
            }
            Err(_) if extended == Extended::Refuse => return Err(TooLong { length: payload_len }),
            Err(_) => {
                header[..SHORT_HEADER].copy_from_slice(&EXTENDED.to_be_bytes());
                header[SHORT_HEADER..].copy_from_slice(&(payload_len as u64).to_be_bytes());
                MAX_HEADER
            }
        };
        #[expect(clippy::cast_possible_truncation, reason = "at most MAX_HEADER")]
        let header_len = header_len as u8;
        Ok(Self { header, header_len, header_sent: 0, payload_len, payload_sent: 0 })
    }

    /// No frame: nothing is left to write, and nothing was written.
    #[cfg(feature = "alloc")]
    pub(crate) const fn none() -> Self {
        Self {
            header: [0; MAX_HEADER],
            header_len: 0,
            header_sent: 0,
            payload_len: 0,
            payload_sent: 0,
        }
    }

    /// The header's bytes that are still to be written, all of them at first.
    #[inline]
    #[must_use]
    pub fn header(&self) -> &[u8] {
        &self.header[usize::from(self.header_sent)..usize::from(self.header_len)]
    }

    /// What is still to be written: of the header, and of the payload. Write both with one
    /// vectored call.
    ///
    /// # Panics
    ///
    /// When `payload` is not of the length that this frame was made for.
    #[inline]
    #[must_use]
    pub fn slices<'a>(&'a self, payload: &'a [u8]) -> [&'a [u8]; 2] {
        assert_eq!(payload.len(), self.payload_len, "not the payload of this frame");
        [self.header(), &payload[self.payload_sent..]]
    }

    /// The same as ranges, for completion loops, whose buffers are elsewhere while an operation is
    /// in flight: of the [whole header](Self::whole_header), and of the payload.
    #[must_use]
    pub fn ranges(&self) -> (Range<usize>, Range<usize>) {
        let header = usize::from(self.header_sent)..usize::from(self.header_len);
        (header, self.payload_sent..self.payload_len)
    }

    /// All bytes of the header, written or not.
    #[must_use]
    pub fn whole_header(&self) -> &[u8] {
        &self.header[..usize::from(self.header_len)]
    }

    /// Reports that `n` more bytes were written, of the header first. True when that was all.
    ///
    /// # Panics
    ///
    /// When `n` is more than is left.
    #[inline]
    pub fn advance(&mut self, n: usize) -> bool {
        let of_header = n.min(self.header().len());
        let left = self.payload_len - self.payload_sent;
        assert!(n - of_header <= left, "advanced past the end of the frame");
        #[expect(clippy::cast_possible_truncation, reason = "at most MAX_HEADER")]
        let header_sent = of_header as u8;
        self.header_sent += header_sent;
        self.payload_sent += n - of_header;
        self.is_done()
    }

    /// Whether all of it was written.
    #[inline]
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.header_sent == self.header_len && self.payload_sent == self.payload_len
    }

    /// Whether none of it was written.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.header_sent == 0
    }
}

/// Appends a whole frame to `out`, to be written with others: header and payload.
///
/// ```
/// use mpconn::{Extended, encode};
///
/// let mut out = Vec::new();
/// encode(b"hello", Extended::Allow, &mut out).unwrap();
/// encode(b"", Extended::Allow, &mut out).unwrap();
/// assert_eq!(out, b"\0\0\0\x05hello\0\0\0\0");
/// ```
///
/// # Errors
///
/// [`Transmit::new`]'s, before anything is appended.
#[cfg(feature = "alloc")]
#[inline]
pub fn encode(
    payload: &[u8],
    extended: Extended,
    out: &mut alloc::vec::Vec<u8>,
) -> Result<(), TooLong> {
    // A header of known length is one store, and this is where messages are gathered by the
    // million.
    if let Ok(length) = i32::try_from(payload.len()) {
        out.reserve(SHORT_HEADER + payload.len());
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.extend_from_slice(Transmit::new(payload.len(), extended)?.header());
    }
    out.extend_from_slice(payload);
    Ok(())
}

/// The caller's payload needs an extended header, and those are [refused](Extended::Refuse).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    /// Bytes of the payload.
    pub length: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a message of {} bytes is over {SHORT_MAX}, the most that Python before 3.8 can read: \
             split it, or allow extended headers",
            self.length
        )
    }
}

impl core::error::Error for TooLong {}

#[cfg(test)]
mod tests;
