//! One end of a conversation, once it is authenticated.

use std::collections::VecDeque;

use mpconn::{ReadBuf, RecvBuffer, SendBuffer};
use mpconn_sockets::{Error, Receiving, has_room_for, write_all};

use super::network::End;
use super::seed::Seed;

/// No message here is longer.
pub(crate) const MOST_BYTES: u64 = 1 << 20;

pub(crate) struct Talk {
    end: End,
    receiving: Receiving,
    send: SendBuffer,
    queue: VecDeque<Vec<u8>>,
    /// The first of the queue was begun in the send buffer.
    is_begun: bool,
    seed: Seed,
}

impl Talk {
    pub(crate) fn new(end: End, mut recv: RecvBuffer, seed: Seed) -> Self {
        recv.set_max(MOST_BYTES);
        let (receiving, send, queue) = (Receiving::new(recv), SendBuffer::new(), VecDeque::new());
        Self { end, receiving, send, queue, is_begun: false, seed }
    }

    pub(crate) fn say(&mut self, message: Vec<u8>) {
        self.queue.push_back(message);
    }

    pub(crate) fn has_said_all(&self) -> bool {
        self.queue.is_empty() && self.send.is_empty()
    }

    /// Reads all that has arrived, then writes what there is room for.
    pub(crate) fn go_on(&mut self, mut heard: impl FnMut(&mut Self, Vec<u8>)) -> Result<(), Error> {
        loop {
            let (reuse, end) = (&mut Vec::new(), &self.end);
            let read = |space: ReadBuf<'_>| end.read(space);
            if !self.receiving.poll(MOST_BYTES, reuse)?
                && !self.receiving.read_with(MOST_BYTES, reuse, read)?
            {
                break;
            }
            let message = self.receiving.take();
            heard(self, message);
        }
        self.write()
    }

    /// In each of the ways that an adapter has, as chance will have it.
    fn write(&mut self) -> Result<(), Error> {
        let end = &self.end;
        let write = |slices: &[std::io::IoSlice<'_>]| {
            end.write(&slices.iter().map(|slice| &**slice).collect::<Vec<_>>())
        };
        while let Some(message) = self.queue.front() {
            if !self.is_begun && has_room_for(&self.send, message) && self.seed.chance(50) {
                self.send.push(message)?;
                self.queue.pop_front();
                continue;
            }
            if !self.is_begun {
                self.send.begin(message.len())?;
                self.is_begun = true;
            }
            let is_written = write_all(&mut self.send, message, write)?;
            if !is_written {
                if self.seed.chance(50) {
                    return Ok(());
                }
                let buffered = self.send.buffered();
                self.send.keep(message);
                self.is_begun = false;
                // One of which nothing was written is still to be said.
                if self.send.buffered() > buffered {
                    self.queue.pop_front();
                }
                return Ok(());
            }
            self.is_begun = false;
            self.queue.pop_front();
        }
        write_all(&mut self.send, &[], write)?;
        Ok(())
    }
}
