//! The frames, by hand: what the contenders share that know nothing of mpconn.

use std::ops::Range;

use bytes::Bytes;

use crate::link::Receiving;

/// A header: the length, big-endian.
pub const HEADER: usize = 4;

/// Up to this length, a copy behind the header costs less than a second slice to write.
const COPIED: usize = 16 * 1024;

/// Messages that are sent together are written when this many bytes are there.
const BATCH: usize = 64 * 1024;

pub fn header(message: &[u8]) -> [u8; HEADER] {
    u32::try_from(message.len()).expect("no longer messages here").to_be_bytes()
}

/// What is written next.
#[derive(Default)]
pub struct Batch(pub Vec<u8>);

impl Batch {
    /// Whether messages of this length are copied behind their header.
    pub fn copies(message: &[u8]) -> bool {
        message.len() <= COPIED
    }

    pub fn is_full_for(&self, message: &[u8]) -> bool {
        self.0.len() + HEADER + message.len() > BATCH
    }

    pub fn push(&mut self, message: &Bytes) {
        self.0.extend_from_slice(&header(message));
        self.0.extend_from_slice(message);
    }
}

/// A read-ahead buffer, and the memory of a message that is longer than it.
pub struct ReadAhead {
    buffer: Box<[u8]>,
    unread: Range<usize>,
    pub message: Vec<u8>,
    receiving: Receiving,
}

/// What is in the buffer.
pub enum Next {
    /// A whole frame: its payload, for [`ReadAhead::lend`].
    Frame(Range<usize>),
    /// The header of one that is longer than the buffer: for [`ReadAhead::begin`].
    Long(usize),
    /// Read more.
    More,
}

impl ReadAhead {
    pub fn new(size: usize, receiving: Receiving) -> Self {
        Self { buffer: vec![0; size].into(), unread: 0..0, message: Vec::new(), receiving }
    }

    pub fn next(&mut self) -> Next {
        let unread = &self.buffer[self.unread.clone()];
        let Some((&header, rest)) = unread.split_first_chunk::<HEADER>() else {
            return Next::More;
        };
        let length = u32::from_be_bytes(header) as usize;
        let start = self.unread.start + HEADER;
        if HEADER + length > self.buffer.len() {
            self.unread.start = start;
            Next::Long(length)
        } else if rest.len() >= length {
            self.unread.start = start + length;
            Next::Frame(start..start + length)
        } else {
            Next::More
        }
    }

    /// Where to read to.
    pub fn space(&mut self) -> &mut [u8] {
        if self.unread.start > 0 {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        &mut self.buffer[self.unread.end..]
    }

    pub fn filled(&mut self, n: usize) {
        self.unread.end += n;
    }

    pub fn lend(&mut self, frame: Range<usize>) -> &[u8] {
        let frame = &self.buffer[frame];
        match self.receiving {
            Receiving::Borrowed => return frame,
            Receiving::Reused => {
                self.message.clear();
                self.message.extend_from_slice(frame);
            }
            Receiving::Owned | Receiving::Shared => self.message = frame.to_vec(),
        }
        &self.message
    }

    /// Makes the memory of a long message, and tells how much of it is still to be read: behind
    /// what is there if it is [fresh](Self::is_fresh), else over its end.
    pub fn begin(&mut self, length: usize) -> usize {
        let there = &self.buffer[self.unread.clone()];
        let there = &there[..there.len().min(length)];
        if self.is_fresh() {
            // The last one goes first.
            self.message = Vec::new();
            self.message.reserve_exact(length);
            self.message.extend_from_slice(there);
        } else {
            self.message.resize(length, 0);
            self.message[..there.len()].copy_from_slice(there);
        }
        self.unread.start += there.len();
        length - there.len()
    }

    /// Whether each long message has memory of its own.
    pub fn is_fresh(&self) -> bool {
        matches!(self.receiving, Receiving::Owned | Receiving::Shared)
    }
}
