//! Any sequence of operations on the two ends of a stream, over a transport that takes and gives as
//! many bytes as the data says.

use std::collections::VecDeque;
use std::io::Read;
use std::vec;
use std::vec::Vec;

use super::Input;
use crate::{FrameError, ReadBuf, RecvBuffer, SendBuffer, SendError};

/// The longest message that is read ahead.
const INLINE: usize = 64 * 1024;

/// What goes in at one end comes out at the other: whole, once, in order, whatever is given up,
/// kept, buffered or taken back on the way.
pub fn operations(data: &[u8]) {
    let mut input = Input(data);
    let mut sender = Sender::default();
    let mut receiver = Receiver { recv: RecvBuffer::new(u64::MAX), received: 0 };
    while !input.0.is_empty() {
        let (kind, choice) = (input.byte(), input.byte());
        if kind & 0x80 == 0 {
            sender.operate(kind, choice, input.byte());
        } else if !receiver.operate(kind & 0x7f, choice, &mut sender.wire, &sender.begun) {
            return;
        }
    }
    sender.finish();
    receiver.read_all(sender.wire, &sender.begun, sender.send.is_poisoned());
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
    send: SendBuffer,
    wire: VecDeque<u8>,
    /// The messages of which a byte was written or buffered, in that order.
    begun: Vec<Vec<u8>>,
    /// The payload of the message that was begun in the buffer.
    under_way: Option<UnderWay>,
}

struct UnderWay {
    payload: Vec<u8>,
    /// A byte of it was written.
    is_touched: bool,
}

impl Sender {
    fn operate(&mut self, kind: u8, choice: u8, room: u8) {
        let room = usize::from(room) << (kind >> 4 & 7);
        let payload = payload(choice, self.begun.len());
        let was_poisoned = self.send.is_poisoned();
        let is_inside = self.under_way.as_ref().is_some_and(|begun| begun.is_touched);
        match kind & 0x0f {
            // Begins a message; one that was under way has lost its payload, as if it were leaked.
            0 | 1 => {
                self.under_way = None;
                let begun = self.send.begin(payload.len());
                self.expect(begun, was_poisoned || is_inside);
                if begun.is_ok() {
                    self.under_way = Some(UnderWay { payload, is_touched: false });
                    self.write(room);
                }
            }
            2 | 3 => {
                self.under_way = None;
                let buffered = self.send.buffered();
                let pushed = self.send.push(&payload);
                self.expect(pushed, was_poisoned || is_inside);
                if pushed.is_ok() {
                    assert_eq!(self.send.buffered(), buffered + 4 + payload.len());
                    self.begun.push(payload);
                }
            }
            4 if self.under_way.is_none() && !was_poisoned => {
                let before = self.send.buffered();
                self.send.push(&payload).expect("the stream is whole");
                self.send.truncate(before);
                if self.send.buffered() > before {
                    self.begun.push(payload);
                }
            }
            5 => {
                if let Some(UnderWay { payload, .. }) = self.under_way.take() {
                    self.send.keep(&payload);
                    assert_eq!(self.send.is_poisoned(), was_poisoned);
                }
            }
            6 => {
                // A transport that fails. What was pushed and not written stays.
                self.under_way = None;
                let buffered = self.send.buffered();
                self.send.abandon();
                if self.send.is_poisoned() {
                    assert_eq!(self.send.buffered(), 0);
                    self.drop_unwritten(buffered * usize::from(!was_poisoned));
                } else {
                    assert!(!is_inside);
                    assert_eq!(self.send.buffered(), buffered);
                }
            }
            7 => self.write_in_flight(room),
            _ => self.write(room),
        }
    }

    /// One operation of a completion loop.
    fn write_in_flight(&mut self, room: usize) {
        if self.under_way.as_ref().is_some_and(|begun| !begun.is_touched) {
            return self.write(room);
        }
        let mut none = Vec::new();
        let payload = self.under_way.as_mut().map_or(&mut none, |begun| &mut begun.payload);
        let Some((memory, from)) = self.send.start_write(payload) else { return };
        assert!(self.send.is_writing() && !self.send.is_empty());
        let n = room.min(memory.len() - from);
        self.wire.extend(&memory[from..from + n]);
        let is_empty = self.send.finish_write(memory, n, payload);
        // The header has moved into the buffer, and with it all of an empty message.
        if is_empty || payload.is_empty() {
            self.under_way = None;
        }
    }

    fn expect(&mut self, accepted: Result<(), SendError>, is_poisoned: bool) {
        assert_eq!(accepted.is_err(), is_poisoned);
        assert!(accepted.is_ok() || accepted == Err(SendError::Poisoned));
        assert_eq!(self.send.is_poisoned(), is_poisoned);
    }

    /// What was dropped of the buffer does not arrive: whole messages from the last one back, and
    /// the one inside which the stream stops, which `read_all` does not expect.
    fn drop_unwritten(&mut self, mut bytes: usize) {
        while let Some(last) = self.begun.last() {
            let length = 4 + last.len();
            if bytes < length {
                break;
            }
            bytes -= length;
            self.begun.pop();
        }
    }

    fn write(&mut self, mut room: usize) {
        while room > 0 && !self.send.is_empty() {
            let payload = self.under_way.as_ref().map_or(&[][..], |begun| &begun.payload);
            let buffered = self.send.buffered();
            let bytes = self.send.chunks(payload).concat();
            let n = bytes.len().min(room);
            self.wire.extend(&bytes[..n]);
            room -= n;
            let begun = self.under_way.as_mut().filter(|begun| n > buffered && !begun.is_touched);
            if let Some(begun) = begun {
                begun.is_touched = true;
                self.begun.push(begun.payload.clone());
            }
            assert_eq!(self.send.advance(n), n == bytes.len());
        }
        if self.send.is_empty() {
            self.under_way = None;
        }
    }

    /// Writes what is left, unless the stream is out of step.
    fn finish(&mut self) {
        self.write(usize::MAX);
        assert!(self.send.is_empty());
    }
}

struct Receiver {
    recv: RecvBuffer,
    received: usize,
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
                let recv = std::mem::replace(&mut self.recv, RecvBuffer::new(u64::MAX));
                let unread = recv.into_unread().expect("the stream goes on");
                self.recv = RecvBuffer::resumed(unread, u64::MAX);
            }
            1 => {
                self.recv.release();
                let memory = match choice & 2 {
                    0 => self.recv.detach_idle(),
                    _ => self.recv.detach_waiting(),
                };
                if let Some(memory) = memory.filter(|_| choice & 1 == 1) {
                    self.recv.attach(memory);
                }
            }
            2 => {
                let is_ready = self.recv.is_ready();
                let found = self.receive(wire, 0, begun).expect("the stream goes on");
                assert!(is_ready || !found, "what is there is seen");
            }
            3 => {
                let max = u64::from(choice);
                match receive_with(&mut self.recv, max, &mut Vec::new(), wire, usize::MAX) {
                    Ok(true) => self.take(choice, begun),
                    Ok(false) => {}
                    Err(error) => {
                        let length = begun[self.received].len() as u64;
                        assert!(length > max);
                        assert_eq!(error, FrameError::TooLong { length, max });
                        assert!(self.recv.has_failed() && self.recv.is_ready());
                        assert_eq!(self.receive(wire, 9, begun), Err(error), "it is final");
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
    ) -> Result<bool, FrameError> {
        // Memory to use again, which may be too short or too long.
        let mut reuse = vec![7; most];
        let found = receive_with(&mut self.recv, u64::MAX, &mut reuse, wire, most)?;
        if found {
            self.take(u8::try_from(most % 3).expect("below 3"), begun);
        }
        Ok(found)
    }

    /// In each of the ways there are.
    fn take(&mut self, how: u8, begun: &[Vec<u8>]) {
        let expected = &begun[self.received];
        self.received += 1;
        assert!(self.recv.message() == expected);
        match how % 3 {
            0 => assert!(self.recv.take() == *expected),
            1 => {
                let mut out = vec![7; 7];
                self.recv.take_to(&mut out);
                assert!(out == *expected);
            }
            _ => return,
        }
        assert!(self.recv.message().is_empty(), "it is taken once");
    }

    /// All that is left, and then the end: inside the last message, or between two.
    fn read_all(&mut self, mut wire: VecDeque<u8>, begun: &[Vec<u8>], is_poisoned: bool) {
        let reuse = &mut Vec::new();
        while receive_with(&mut self.recv, u64::MAX, reuse, &mut wire, usize::MAX)
            .expect("the stream is right")
        {
            self.take(0, begun);
        }
        let is_clean = self.recv.eof().is_ok();
        assert!(is_clean || is_poisoned);
        assert_eq!(self.received, begun.len() - usize::from(!is_clean));
        self.recv.release();
    }
}

/// Receives one message, with at most so many bytes of the wire. False: there are no more for now.
fn receive_with(
    recv: &mut RecvBuffer,
    max: u64,
    reuse: &mut Vec<u8>,
    wire: &mut VecDeque<u8>,
    mut most: usize,
) -> Result<bool, FrameError> {
    while !recv.poll_reusing(max, reuse)? {
        if most & 2 == 2 {
            let (mut memory, at) = recv.start_read();
            assert!(at < memory.len() && !recv.is_ready());
            let n = most.min(wire.len()).min(memory.len() - at);
            wire.read_exact(&mut memory[at..at + n]).expect("they are there");
            recv.finish_read(memory, n);
            most -= n;
            if n == 0 {
                return Ok(false);
            }
            continue;
        }
        let n = match recv.read_buf() {
            // A transport that appends, and one that does not.
            ReadBuf::Spare(vec) if most & 1 == 1 => {
                let n = most.min(wire.len()).min(vec.capacity() - vec.len());
                vec.extend(wire.drain(..n));
                n
            }
            space => {
                let space = space.into_slice();
                assert!(!space.is_empty(), "a read into nothing would look like the end");
                let n = most.min(wire.len()).min(space.len());
                wire.read_exact(&mut space[..n]).expect("they are there");
                n
            }
        };
        if n == 0 {
            return Ok(false);
        }
        recv.advance(n);
        most -= n;
    }
    Ok(true)
}
