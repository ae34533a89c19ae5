//! Writes whose memory belongs to the transport until they complete: io_uring, IOCP.

use alloc::vec::Vec;
use core::mem;

use super::SendBuffer;
use crate::transmit::Transmit;

/// The memory that is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InFlight {
    Nothing,
    /// The buffer's. What is pushed meanwhile comes behind it.
    Buffer,
    /// The payload of the begun message.
    Payload,
}

impl SendBuffer {
    /// Starts a write whose memory belongs to the transport until it completes. Returns the memory,
    /// and the offset of the first byte to write, or `None` if there is nothing to write. Pass it
    /// to
    /// [`finish_write`](Self::finish_write) when the write is complete, also when it has failed or was
    /// cancelled, with the number of bytes that the transport took.
    ///
    /// `payload` is that of the message that was [begun](Self::begin), or an empty vector. It is
    /// moved out and not copied: first what is buffered is returned, with the message's header, and
    /// then the payload.
    ///
    /// Messages that are [pushed](Self::push) while the write is in flight come behind it. Dropping
    /// the memory instead of finishing leaves the buffer in that state, since bytes of the stream
    /// are missing; [`abandon`](Self::abandon) then poisons it.
    ///
    /// # Panics
    ///
    /// If a write is in flight, or if `payload` does not have the length that the message was begun
    /// with.
    pub fn start_write(&mut self, payload: &mut Vec<u8>) -> Option<(Vec<u8>, usize)> {
        let [_, header, rest] = self.chunks(payload).map(<[u8]>::len);
        if header > 0 {
            // After a partial write of the header, the buffer starts inside a message.
            self.inside |= !self.transmit.is_untouched();
            let unwritten = self.transmit.slices(payload)[0];
            self.buffer.extend_from_slice(unwritten);
            self.transmit.advance(header);
        }
        if self.buffered() > 0 {
            self.in_flight = InFlight::Buffer;
            // After a partial write, the buffer starts inside a message.
            self.inside |= self.written > 0;
            self.buffer.drain(..mem::take(&mut self.written));
            return Some((mem::take(&mut self.buffer), 0));
        }
        if rest == 0 {
            return None;
        }
        self.in_flight = InFlight::Payload;
        let from = payload.len() - rest;
        Some((mem::take(payload), from))
    }

    /// Finishes a write: `memory` is what [`start_write`](Self::start_write) returned, of which the
    /// transport took `n` bytes. The payload of a begun message is moved back into `payload`.
    /// Returns `true` if that was all there was to write.
    ///
    /// # Panics
    ///
    /// If no write is in flight, or if `n` is more than there was to write.
    pub fn finish_write(&mut self, memory: Vec<u8>, n: usize, payload: &mut Vec<u8>) -> bool {
        match mem::replace(&mut self.in_flight, InFlight::Nothing) {
            InFlight::Nothing => panic!("no write is in flight"),
            _ if self.poisoned => return true,
            InFlight::Buffer => {
                let pushed = mem::replace(&mut self.buffer, memory);
                self.buffer.extend_from_slice(&pushed);
            }
            InFlight::Payload => *payload = memory,
        }
        self.advance(n)
    }

    /// Moves the unwritten rest of a begun message into the buffer, whether or not some of it was
    /// written.
    pub(crate) fn absorb(&mut self, payload: &[u8]) {
        if self.transmit.is_done() {
            return;
        }
        self.inside |= !self.transmit.is_untouched();
        let transmit = mem::replace(&mut self.transmit, Transmit::none());
        for rest in transmit.slices(payload) {
            self.buffer.extend_from_slice(rest);
        }
    }

    /// Returns `true` if a write is in flight.
    #[inline]
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.in_flight != InFlight::Nothing
    }
}
