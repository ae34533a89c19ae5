//! Two sides that authenticate each other and exchange messages, over streams that are arrays.

use core::convert::Infallible;

use mpconn::{
    Authenticated, Event, Extended, Framer, Handshake, MAX_HEADER, MAX_MESSAGE, Policy, Transmit,
    Want,
};
use rand_core::{TryCryptoRng, TryRng};

const KEY: &[u8] = b"a key in read-only memory";

/// The handshake's messages, and both verdicts.
const MOST_STEPS: usize = 12;

/// What is delivered in one piece, in bytes; a longer message goes straight into its memory.
const INLINE: usize = MAX_MESSAGE;

/// Holds the whole conversation. Gives the payload bytes that came over, or nothing if anything
/// went wrong.
pub(crate) fn hold() -> Option<usize> {
    let rng = &mut Counter(1);
    let mut listener = Some(Handshake::accepting(KEY, &Policy::MODERN, rng).ok()?);
    let mut client = Some(Handshake::connecting(KEY, &Policy::COMPAT, rng).ok()?);
    let (mut to_listener, mut to_client) = (Stream::new(), Stream::new());
    for _ in 0..MOST_STEPS {
        listener = Some(step(listener?, &mut to_listener, &mut to_client)?);
        client = Some(step(client?, &mut to_client, &mut to_listener)?);
    }
    let (Handshake::Done(at_listener), Handshake::Done(at_client)) = (listener?, client?) else {
        return None;
    };
    if at_listener.peer() != at_client.own() {
        return None;
    }

    to_client.framer.set_max(u64::MAX);
    let (short, long) = ([7; 100], [9; 1000]);
    to_client.send(&short)?;
    to_client.send(&[])?;
    to_client.send(&long)?;
    let mut memory = [0; 1000];
    let mut received = 0;
    for expected in [&short[..], &[], &long] {
        let length = to_client.receive(&mut memory)?;
        if memory[..length] != *expected {
            return None;
        }
        received += length;
    }
    Some(received)
}

type Side = Handshake<&'static [u8], Authenticated>;

fn step(side: Side, incoming: &mut Stream, outgoing: &mut Stream) -> Option<Side> {
    match side {
        Handshake::Send(step) => {
            outgoing.send(step.message())?;
            step.sent().ok()
        }
        Handshake::Receive(step) => {
            let mut message = [0; MAX_MESSAGE];
            if incoming.is_empty() {
                return Some(Handshake::Receive(step));
            }
            let length = incoming.receive(&mut message)?;
            step.receive(&message[..length]).ok()
        }
        done => Some(done),
    }
}

/// One direction: what was written and not yet read, and the framer that reads it.
struct Stream {
    bytes: [u8; 2048],
    len: usize,
    framer: Framer,
}

impl Stream {
    fn new() -> Self {
        const { assert!(INLINE + MAX_HEADER <= 2048) };
        Self { bytes: [0; 2048], len: 0, framer: Framer::new(MAX_MESSAGE as u64, INLINE) }
    }

    fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Writes a few bytes at a time, as a slow transport would.
    fn send(&mut self, payload: &[u8]) -> Option<()> {
        let mut transmit = Transmit::new(payload.len(), Extended::Refuse).ok()?;
        while !transmit.is_done() {
            let slices = transmit.slices(payload);
            let slice = slices.into_iter().find(|slice| !slice.is_empty())?;
            let written = slice.len().min(7);
            self.bytes.get_mut(self.len..self.len + written)?.copy_from_slice(&slice[..written]);
            self.len += written;
            transmit.advance(written);
        }
        Some(())
    }

    /// Receives a message into `memory`, and gives its length.
    fn receive(&mut self, memory: &mut [u8]) -> Option<usize> {
        let mut filled = 0;
        loop {
            let (used, event) = self.framer.next(&self.bytes[..self.len]).ok()?;
            let mut whole = false;
            match event {
                Event::Frame(range) => {
                    filled = range.len();
                    memory.get_mut(..filled)?.copy_from_slice(&self.bytes[range]);
                    whole = true;
                }
                Event::Begin(length) => {
                    if length > memory.len() as u64 {
                        return None;
                    }
                }
                Event::Chunk { data, left } => {
                    let len = data.len();
                    memory.get_mut(filled..filled + len)?.copy_from_slice(&self.bytes[data]);
                    filled += len;
                    whole = left == 0;
                }
                Event::Need(Want::Buffer(_) | Want::Payload(_)) => {
                    self.framer.eof(&self.bytes[..self.len]).ok()?;
                    return None;
                }
            }
            self.bytes.copy_within(used..self.len, 0);
            self.len -= used;
            if whole {
                return Some(filled);
            }
        }
    }
}

/// Counts. A real program has a generator worth the name.
struct Counter(u8);

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        for byte in into {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}
