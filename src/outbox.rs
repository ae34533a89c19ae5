//! The send half: whole messages out, with as few writes as can be.

use core::fmt;
use std::io::{self, IoSlice};
use std::vec::Vec;

use crate::{Error, Extended, Phase, Transmit, encode};

/// Messages sent together are gathered up to this many bytes, and written with one call: a fifth
/// faster for those of 4 KiB than with a quarter of it.
const BATCH: usize = 256 * 1024;

/// Messages over this many bytes are not worth a copy: they are written from where they are.
const GATHERED: usize = 16 * 1024;

/// One message of at most this many bytes is copied behind its header, since a write of two pieces
/// costs more than that.
const JOINED: usize = 4 * 1024;

/// Sends whole messages over a stream, and knows whether the stream is between two of them.
///
/// The methods that write take a `write`, which tells how many bytes it wrote, or `None` when it
/// cannot write any for now (`WouldBlock`). After an interruption (`Interrupted`), it tries again by
/// itself.
#[derive(Default)]
pub struct Outbox {
    extended: Extended,
    half_sent: bool,
    /// Whole messages, or the rest of one, that go before anything else.
    buffer: Vec<u8>,
    written: usize,
    /// What is buffered begins inside a message.
    inside: bool,
}

impl Outbox {
    /// An outbox at the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            extended: Extended::Allow,
            half_sent: false,
            buffer: Vec::new(),
            written: 0,
            inside: false,
        }
    }

    /// Whether messages over 2 GiB - 1 are sent or refused.
    pub fn set_extended(&mut self, extended: Extended) {
        self.extended = extended;
    }

    /// Whether an earlier send stopped inside a message, after which none can be sent.
    #[must_use]
    pub const fn is_half_sent(&self) -> bool {
        self.half_sent
    }

    /// The stream is not between two messages any more, by somebody else's doing.
    pub fn break_off(&mut self) {
        self.half_sent = true;
    }

    /// The bytes that wait for a flush.
    #[must_use]
    #[inline]
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.written
    }

    /// Begins a message, to be written with [`transmit_with`](Self::transmit_with).
    ///
    /// # Errors
    ///
    /// [`Error::HalfSent`] and [`Error::TooLong`].
    pub fn begin(&self, payload: &[u8]) -> Result<Transmit, Error> {
        if self.half_sent {
            return Err(Error::HalfSent);
        }
        Ok(Transmit::new(payload.len(), self.extended)?)
    }

    /// Writes what is buffered, then this message: header and payload with one write, if the
    /// transport takes them. False: call it again when the transport takes more, or
    /// [`keep`](Self::keep) the rest.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn transmit_with(
        &mut self,
        transmit: &mut Transmit,
        payload: &[u8],
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<Option<usize>>,
    ) -> Result<bool, Error> {
        if !self.flush_with(&mut write)? {
            return Ok(false);
        }
        while !transmit.is_done() {
            let [header, rest] = transmit.slices(payload);
            let written = if rest.len() <= JOINED {
                joined::with([header, rest], |joined| write(&[IoSlice::new(joined)]))
            } else {
                write(&[IoSlice::new(header), IoSlice::new(rest)])
            };
            match wrote(written) {
                Ok(Some(n)) => transmit.advance(n),
                Ok(None) => return Ok(false),
                Err(error) => {
                    self.half_sent = !transmit.is_untouched();
                    return Err(error);
                }
            };
        }
        Ok(true)
    }

    /// Buffers what is left of a message that was begun to be written. One of which nothing was
    /// written is forgotten.
    pub fn keep(&mut self, transmit: &Transmit, payload: &[u8]) {
        if !transmit.is_untouched() && !transmit.is_done() && !self.half_sent {
            for rest in transmit.slices(payload) {
                self.buffer.extend_from_slice(rest);
            }
            self.inside = true;
        }
    }

    /// Buffers a message.
    ///
    /// # Errors
    ///
    /// As for [`begin`](Self::begin).
    #[inline]
    pub fn feed(&mut self, payload: &[u8]) -> Result<(), Error> {
        if self.half_sent {
            return Err(Error::HalfSent);
        }
        Ok(encode(payload, self.extended, &mut self.buffer)?)
    }

    /// Takes back what was fed since so many bytes were [buffered](Self::buffered), unless some of
    /// the buffer has been written: after an error, so that it is not sent later.
    pub fn take_back(&mut self, buffered: usize) {
        if self.written == 0 {
            self.buffer.truncate(buffered);
        }
    }

    /// Writes what is buffered. False: call it again when the transport takes more.
    ///
    /// # Errors
    ///
    /// [`Error::HalfSent`] and [`Error::Io`].
    pub fn flush_with(
        &mut self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<Option<usize>>,
    ) -> Result<bool, Error> {
        if self.half_sent {
            return Err(Error::HalfSent);
        }
        if self.buffer.is_empty() {
            return Ok(true);
        }
        while self.written < self.buffer.len() {
            match wrote(write(&[IoSlice::new(&self.buffer[self.written..])])) {
                Ok(Some(n)) => self.written += n,
                Ok(None) => return Ok(false),
                Err(error) => {
                    self.half_sent = self.written > 0;
                    return Err(error);
                }
            }
        }
        self.forget();
        Ok(true)
    }

    /// An idle connection keeps no memory.
    fn forget(&mut self) {
        self.buffer = Vec::new();
        self.written = 0;
        self.inside = false;
    }

    /// Sends one message, and gives up for good when the transport takes no more.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`] before a byte is written, [`Error::TimedOut`], [`Error::Io`], and
    /// [`Error::HalfSent`] for every message after one of which a part was written.
    pub fn send_with(
        &mut self,
        payload: &[u8],
        write: impl FnMut(&[IoSlice<'_>]) -> io::Result<Option<usize>>,
    ) -> Result<(), Error> {
        let mut transmit = self.begin(payload)?;
        if self.transmit_with(&mut transmit, payload, write)? {
            return Ok(());
        }
        self.half_sent = !transmit.is_untouched();
        Err(Error::TimedOut(Phase::Send))
    }

    /// Sends many messages: small ones are gathered, so that one write carries thousands. It gives
    /// up for good when the transport takes no more.
    ///
    /// # Errors
    ///
    /// As for [`send_with`](Self::send_with). How many of the messages were sent before is not
    /// known then.
    #[inline]
    pub fn send_many_with<M: AsRef<[u8]>>(
        &mut self,
        messages: impl IntoIterator<Item = M>,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<Option<usize>>,
    ) -> Result<(), Error> {
        for message in messages {
            let payload = message.as_ref();
            if !self.has_room_for(payload) {
                self.flush_or_give_up(&mut write)?;
            }
            let fed = if Self::gathers(payload) {
                self.feed(payload)
            } else {
                self.send_with(payload, &mut write)
            };
            if let Err(error @ Error::TooLong(_)) = fed {
                // What was gathered before it is good.
                self.flush_or_give_up(&mut write)?;
                return Err(error);
            }
            fed?;
        }
        self.flush_or_give_up(&mut write)
    }

    /// Whether another message is worth gathering before what is buffered is written.
    #[must_use]
    #[inline]
    pub fn has_room_for(&self, payload: &[u8]) -> bool {
        self.buffered() == 0 || (Self::gathers(payload) && self.buffered() + payload.len() <= BATCH)
    }

    /// Whether a message is small enough to be gathered with others, rather than written from
    /// where it is.
    #[must_use]
    #[inline]
    pub fn gathers(payload: &[u8]) -> bool {
        payload.len() <= GATHERED
    }

    fn flush_or_give_up(
        &mut self,
        write: impl FnMut(&[IoSlice<'_>]) -> io::Result<Option<usize>>,
    ) -> Result<(), Error> {
        let flushed = self.flush_with(write);
        if let Ok(true) = flushed {
            return Ok(());
        }
        // What is kept may be the rest of a message, of which some is out already.
        self.half_sent |= self.written > 0 || self.inside;
        self.forget();
        flushed.and(Err(Error::TimedOut(Phase::Send)))
    }
}

// By hand, so that no payload is ever printed.
impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("buffered", &self.buffered())
            .field("half_sent", &self.half_sent)
            .finish_non_exhaustive()
    }
}

/// One buffer a thread, for whichever connection sends next: idle ones keep no memory.
pub(crate) mod joined {
    use std::cell::Cell;
    use std::vec::Vec;

    std::thread_local! {
        static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }

    pub(crate) fn with<T>(pieces: [&[u8]; 2], write: impl FnOnce(&[u8]) -> T) -> T {
        // Without one when the thread is ending.
        let mut buffer = BUFFER.try_with(Cell::take).unwrap_or_default();
        buffer.clear();
        for piece in pieces {
            buffer.extend_from_slice(piece);
        }
        let written = write(&buffer);
        let _ = BUFFER.try_with(|spare| spare.set(buffer));
        written
    }
}

fn wrote(result: io::Result<Option<usize>>) -> Result<Option<usize>, Error> {
    match result? {
        Some(0) => Err(io::Error::from(io::ErrorKind::WriteZero).into()),
        n => Ok(n),
    }
}

#[cfg(test)]
mod tests;
