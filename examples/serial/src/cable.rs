use core::cell::{Cell, RefCell};

use crate::Line;

/// The bytes of a UART's FIFO.
const FIFO: usize = 16;

/// Two lines, one each way, with what is on them: it takes no more than its FIFO holds.
#[derive(Debug, Default)]
pub struct Cable {
    directions: [RefCell<Fifo>; 2],
    carried: Cell<usize>,
}

#[derive(Debug, Default)]
struct Fifo {
    bytes: [u8; FIFO],
    len: usize,
}

/// One end of a [`Cable`].
#[derive(Debug)]
pub struct End<'a> {
    cable: &'a Cable,
    side: usize,
}

impl Cable {
    /// Both ends.
    #[must_use]
    pub fn ends(&self) -> [End<'_>; 2] {
        [End { cable: self, side: 0 }, End { cable: self, side: 1 }]
    }

    /// The bytes that have come over, both ways.
    #[must_use]
    pub fn carried(&self) -> usize {
        self.carried.get()
    }
}

impl Line for End<'_> {
    fn get(&mut self) -> Option<u8> {
        let fifo = &mut *self.cable.directions[1 - self.side].borrow_mut();
        let byte = *fifo.bytes[..fifo.len].first()?;
        fifo.bytes.copy_within(1..fifo.len, 0);
        fifo.len -= 1;
        self.cable.carried.set(self.cable.carried.get() + 1);
        Some(byte)
    }

    fn put(&mut self, byte: u8) -> bool {
        let fifo = &mut *self.cable.directions[self.side].borrow_mut();
        let Some(place) = fifo.bytes.get_mut(fifo.len) else { return false };
        *place = byte;
        fifo.len += 1;
        true
    }
}
