//! Any sequence of operations on the two ends of a stream, over a transport that takes and gives as
//! many bytes as the data says.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::vec;
use std::vec::Vec;

use super::Input;
use crate::{Error, FrameError, Inbox, Outbox, Space, Transmit};

/// The longest message that the inbox does not read into place.
const INLINE: usize = 64 * 1024;

/// What goes in at one end comes out at the other: whole, once, in order, whatever is given up,
/// kept, buffered or taken back on the way.
pub fn operations(data: &[u8]) {
    let mut input = Input(data);
    let mut sender = Sender::default();
    let mut receiver = Receiver::default();
    receiver.inbox.open(u64::MAX);
    while !input.0.is_empty() {
        let (kind, choice) = (input.byte(), input.byte());
        if kind & 0x80 == 0 {
            sender.operate(kind, choice, input.byte());
        } else if !receiver.operate(kind & 0x7f, choice, &mut sender.wire, &sender.begun) {
            return;
        }
    }
    sender.finish();
    receiver.read_all(sender.wire, &sender.begun, sender.outbox.is_half_sent());
}

/// A few bytes, or as many as decide how a message is read: rarely, since these take long.
fn payload(choice: u8, nth: usize) -> Vec<u8> {
    let length = match choice {
        252.. => INLINE + usize::from(choice) - 253,
        _ => usize::from(choice),
    };
    let first = u8::try_from(nth % 251).expect("below 251");
    let mut payload = vec![first; length];
    if let Some(last) = payload.last_mut() {
        *last = !first;
    }
    payload
}

#[derive(Default)]
struct Sender {
    outbox: Outbox,
    wire: VecDeque<u8>,
    /// The messages of which a byte was written or buffered, in that order.
    begun: Vec<Vec<u8>>,
    under_way: Option<(Transmit, Vec<u8>)>,
}

/// Takes this many bytes, and no more for now.
fn into_wire(
    wire: &mut VecDeque<u8>,
    mut room: usize,
) -> impl FnMut(&[io::IoSlice<'_>]) -> io::Result<Option<usize>> {
    move |slices| {
        let before = wire.len();
        for slice in slices {
            let n = slice.len().min(room);
            wire.extend(&slice[..n]);
            room -= n;
        }
        let written = wire.len() - before;
        Ok(Some(written).filter(|&written| written > 0))
    }
}

impl Sender {
    fn operate(&mut self, kind: u8, choice: u8, room: u8) {
        let room = usize::from(room) << (kind >> 4 & 7);
        let payload = payload(choice, self.begun.len());
        let is_broken = self.outbox.is_half_sent();
        // What is under way must be ended before anything else is begun.
        let is_inside = self.under_way.as_ref().is_some_and(|(begun, _)| !begun.is_untouched());
        match kind & 0x0f {
            0 if !is_inside => match self.outbox.begin(&payload) {
                Ok(transmit) => {
                    self.under_way = Some((transmit, payload));
                    self.transmit(room);
                }
                Err(error) => assert!(is_broken && matches!(error, Error::HalfSent)),
            },
            1 if !is_inside => {
                let before = self.wire.len();
                let buffered = self.outbox.buffered();
                let room = into_wire(&mut self.wire, room);
                let sent = self.outbox.send_with(&payload, room);
                let written = self.wire.len() - before;
                let is_begun = written > buffered;
                if is_begun {
                    self.begun.push(payload);
                }
                assert!(sent.is_err() || !is_broken);
                assert_eq!(self.outbox.is_half_sent(), is_broken || (is_begun && sent.is_err()));
            }
            2 if !is_inside => {
                let buffered = self.outbox.buffered();
                assert_eq!(self.outbox.feed(&payload).is_err(), is_broken);
                if !is_broken {
                    assert_eq!(self.outbox.buffered(), buffered + 4 + payload.len());
                    self.begun.push(payload);
                }
            }
            3 if !is_inside && !is_broken => {
                let messages = [payload.clone(), vec![], payload];
                let room = into_wire(&mut self.wire, usize::MAX);
                self.outbox.send_many_with(&messages, room).expect("there is room");
                self.begun.extend(messages);
            }
            4 if !is_inside && !is_broken => {
                let before = self.outbox.buffered();
                self.outbox.feed(&payload).expect("the stream is whole");
                self.outbox.take_back(before);
                if self.outbox.buffered() > before {
                    self.begun.push(payload);
                }
            }
            5 => {
                if let Some((transmit, payload)) = self.under_way.take() {
                    self.outbox.keep(&transmit, &payload);
                }
            }
            6 => {
                let flushed = self.outbox.flush_with(into_wire(&mut self.wire, room));
                assert_eq!(flushed.is_err(), is_broken);
            }
            _ => self.transmit(room),
        }
    }

    fn transmit(&mut self, room: usize) {
        let Some((mut transmit, payload)) = self.under_way.take() else { return };
        let was_untouched = transmit.is_untouched();
        let room = into_wire(&mut self.wire, room);
        let sent = self.outbox.transmit_with(&mut transmit, &payload, room);
        if was_untouched && !transmit.is_untouched() {
            self.begun.push(payload.clone());
        }
        match sent {
            Ok(true) => assert!(transmit.is_done()),
            Ok(false) => self.under_way = Some((transmit, payload)),
            Err(error) => assert!(matches!(error, Error::HalfSent)),
        }
    }

    /// Sends what is left, unless it cannot be.
    fn finish(&mut self) {
        self.transmit(usize::MAX);
        let room = into_wire(&mut self.wire, usize::MAX);
        let flushed = self.outbox.flush_with(room);
        assert_eq!(flushed.is_err(), self.outbox.is_half_sent());
        assert!(flushed.is_err() || self.outbox.buffered() == 0);
    }
}

#[derive(Default)]
struct Receiver {
    inbox: Inbox,
    received: usize,
}

/// Gives this many bytes, and then none for now, or the end.
fn from_wire(
    wire: &mut VecDeque<u8>,
    mut most: usize,
    ends: bool,
) -> impl FnMut(Space<'_>) -> io::Result<Option<usize>> {
    move |space| {
        let space = space.into_slice();
        assert!(!space.is_empty(), "a read into nothing would look like the end");
        let n = most.min(wire.len()).min(space.len());
        wire.read_exact(&mut space[..n])?;
        most -= n;
        Ok(Some(n).filter(|&n| n > 0 || ends))
    }
}

impl Receiver {
    /// False when nothing more can be received.
    fn operate(
        &mut self,
        kind: u8,
        choice: u8,
        wire: &mut VecDeque<u8>,
        begun: &[Vec<u8>],
    ) -> bool {
        match kind & 7 {
            0 => {
                let unread = std::mem::take(&mut self.inbox).into_unread();
                self.inbox = Inbox::resumed(unread, u64::MAX);
            }
            1 => self.inbox.release(),
            2 => {
                let is_ready = self.inbox.is_ready(u64::MAX);
                let found = self.receive(wire, 0, begun).expect("the stream goes on");
                assert!(is_ready || !found, "what is there is seen");
            }
            3 => {
                let max = u64::from(choice);
                let read = from_wire(wire, usize::MAX, false);
                let found = self.inbox.receive_with(max, &mut Vec::new(), read);
                match found {
                    Ok(true) => self.take(choice, begun),
                    Ok(false) => {}
                    Err(error) => {
                        let length = begun[self.received].len() as u64;
                        let too_long = FrameError::TooLong { length, max };
                        let is_so = |error| matches!(error, Error::Frame(e) if e == too_long);
                        assert!(length > max && is_so(error));
                        assert!(self.inbox.has_failed() && self.inbox.is_ready(u64::MAX));
                        assert!(is_so(self.receive(wire, 9, begun).expect_err("it is final")));
                        return false;
                    }
                }
            }
            _ => {
                let most = usize::from(choice) << (kind >> 4);
                self.receive(wire, most, begun).expect("the stream goes on");
            }
        }
        true
    }

    fn receive(
        &mut self,
        wire: &mut VecDeque<u8>,
        most: usize,
        begun: &[Vec<u8>],
    ) -> Result<bool, Error> {
        // Memory to use again, which may be too short or too long.
        let mut offer = vec![7; most];
        let read = from_wire(wire, most, false);
        let found = self.inbox.receive_with(u64::MAX, &mut offer, read)?;
        if found {
            self.take(u8::try_from(most % 3).expect("below 3"), begun);
        }
        Ok(found)
    }

    /// In each of the ways there are.
    fn take(&mut self, how: u8, begun: &[Vec<u8>]) {
        let expected = &begun[self.received];
        self.received += 1;
        assert!(self.inbox.message() == expected);
        match how % 3 {
            0 => assert!(self.inbox.take() == *expected),
            1 => {
                let mut out = vec![7; 7];
                self.inbox.take_to(&mut out);
                assert!(out == *expected);
            }
            _ => return,
        }
        assert!(self.inbox.message().is_empty(), "it is taken once");
    }

    /// All that is left, and then the end: inside the last message, or between two.
    fn read_all(&mut self, mut wire: VecDeque<u8>, begun: &[Vec<u8>], is_half_sent: bool) {
        let error = loop {
            let read = from_wire(&mut wire, usize::MAX, true);
            match self.inbox.receive_with(u64::MAX, &mut Vec::new(), read) {
                Ok(found) => {
                    assert!(found, "it waits where there is an end");
                    self.take(0, begun);
                }
                Err(error) => break error,
            }
        };
        assert_eq!(self.received, begun.len() - usize::from(is_half_sent));
        assert_eq!(matches!(error, Error::Ended), !is_half_sent);
        self.inbox.release();
    }
}
