//! Reads whose memory belongs to the transport until they complete: io_uring, IOCP.

use alloc::vec::Vec;
use core::mem;

use super::{BEGUN, Lent, RecvBuffer};
use crate::frame::Want;

impl RecvBuffer {
    /// Starts a read whose memory belongs to the transport until it completes. Returns the memory,
    /// and the offset from which on the transport may write to it. Pass it to
    /// [`finish_read`](Self::finish_read) when the read is complete, also when it has failed or was
    /// cancelled, with the number of bytes that came.
    ///
    /// While the read is in flight, [`poll`](Self::poll) finds nothing. Dropping the memory instead
    /// leaves the buffer in that state, since bytes of the stream are missing.
    ///
    /// Up to 256 KiB of the memory for a large message are zeroed.
    ///
    /// # Panics
    ///
    /// If a read is in flight, and where [`read_buf`](Self::read_buf) does.
    pub fn start_read(&mut self) -> (Vec<u8>, usize) {
        let len = self.read_buf().into_slice().len();
        let (memory, from) = match self.want {
            Want::Payload(_) => {
                let large = self.large.as_mut().expect(BEGUN);
                (&mut large.bytes, large.filled)
            }
            Want::Buffer(_) => (&mut self.buffer, self.unread.end),
        };
        // Reused memory may be longer than the message, and a read must not run on into the next
        // one.
        memory.truncate(from + len);
        let memory = mem::take(memory);
        self.lent = Lent::InFlight(mem::replace(&mut self.unread, 0..0));
        (memory, from)
    }

    /// Finishes a read: `memory` is what [`start_read`](Self::start_read) returned, into which the
    /// transport has read `n` bytes. The transport may have truncated it behind them.
    ///
    /// # Panics
    ///
    /// If no read is in flight, or if `memory` is shorter than what was read.
    pub fn finish_read(&mut self, memory: Vec<u8>, n: usize) {
        let Lent::InFlight(unread) = mem::replace(&mut self.lent, Lent::Nothing) else {
            panic!("no read is in flight");
        };
        match self.want {
            Want::Payload(_) => self.large.as_mut().expect(BEGUN).bytes = memory,
            Want::Buffer(_) => self.buffer = memory,
        }
        self.unread = unread;
        self.advance(n);
    }

    /// Returns `true` if a read is in flight.
    #[inline]
    #[must_use]
    pub fn is_reading(&self) -> bool {
        matches!(self.lent, Lent::InFlight(_))
    }

    #[inline]
    pub(super) fn assert_whole(&self) {
        assert!(!self.is_reading(), "a read is in flight");
    }
}
