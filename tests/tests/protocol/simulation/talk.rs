//! One end of a conversation, once it is authenticated.

use std::collections::VecDeque;

use mpconn::{Error, Inbox, Outbox, Transmit};

use super::network::End;
use super::seed::Seed;

/// No message here is longer.
pub(crate) const MOST_BYTES: u64 = 1 << 20;

pub(crate) struct Talk {
    end: End,
    inbox: Inbox,
    outbox: Outbox,
    queue: VecDeque<Vec<u8>>,
    /// The first of the queue, when it was begun.
    transmit: Option<Transmit>,
    seed: Seed,
}

impl Talk {
    pub(crate) fn new(end: End, mut inbox: Inbox, seed: Seed) -> Self {
        inbox.open(MOST_BYTES);
        let (outbox, queue) = (Outbox::new(), VecDeque::new());
        Self { end, inbox, outbox, queue, transmit: None, seed }
    }

    pub(crate) fn say(&mut self, message: Vec<u8>) {
        self.queue.push_back(message);
    }

    pub(crate) fn has_said_all(&self) -> bool {
        self.queue.is_empty() && self.outbox.buffered() == 0
    }

    /// Reads all that has arrived, then writes what there is room for.
    pub(crate) fn go_on(&mut self, mut heard: impl FnMut(&mut Self, Vec<u8>)) -> Result<(), Error> {
        loop {
            let read = |space: mpconn::Space<'_>| self.end.read(space);
            if !self.inbox.receive_with(MOST_BYTES, &mut Vec::new(), read)? {
                break;
            }
            let message = self.inbox.take();
            heard(self, message);
        }
        self.write()
    }

    /// In each of the ways that an adapter has, as chance will have it.
    fn write(&mut self) -> Result<(), Error> {
        while let Some(message) = self.queue.front() {
            if self.transmit.is_none() && self.outbox.has_room_for(message) && self.seed.chance(50)
            {
                self.outbox.feed(message)?;
                self.queue.pop_front();
                continue;
            }
            let begun = self.transmit.take().map_or_else(|| self.outbox.begin(message), Ok);
            let mut transmit = begun?;
            let end = &self.end;
            let write = |slices: &[std::io::IoSlice<'_>]| {
                end.write(&slices.iter().map(|slice| &**slice).collect::<Vec<_>>())
            };
            if self.outbox.transmit_with(&mut transmit, message, write)? {
                self.queue.pop_front();
            } else if transmit.is_untouched() || self.seed.chance(50) {
                self.transmit = Some(transmit);
                return Ok(());
            } else {
                self.outbox.keep(&transmit, message);
                self.queue.pop_front();
                return Ok(());
            }
        }
        let end = &self.end;
        self.outbox
            .flush_with(|slices| end.write(&slices.iter().map(|s| &**s).collect::<Vec<_>>()))?;
        Ok(())
    }
}
