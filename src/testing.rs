//! What the tests and the fuzz targets share: generators that are anything but random, and a plain
//! model of the wire to compare the machines with.

mod sides;

use core::convert::Infallible;
use std::vec::Vec;

use rand_core::{TryCryptoRng, TryRng};

use crate::{Dialect, Event, FrameError, Framer, MAX_HEADER, Want};

pub(crate) use sides::{Outcome, Side, predict};

/// The same bytes for the same seed, on every machine: a failure can be repeated.
#[derive(Debug)]
pub(crate) struct Seeded(u64);

impl Seeded {
    pub(crate) const fn new(seed: u64) -> Self {
        // An xorshift generator must not begin at 0.
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }
}

impl TryRng for Seeded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let [a, b, c, d, ..] = self.try_next_u64()?.to_be_bytes();
        Ok(u32::from_be_bytes([a, b, c, d]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        Ok(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        for chunk in into.chunks_mut(8) {
            chunk.copy_from_slice(&self.try_next_u64()?.to_be_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Seeded {}

/// So many random cases; a few under Miri, which takes a thousand times as long.
#[cfg(test)]
pub(crate) fn cases(number: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config::with_cases(if cfg!(miri) { 2 } else { number })
}

/// All of them; one in seven under Miri, for which a MAC is long work.
#[cfg(test)]
pub(crate) fn some<T>(all: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
    all.into_iter().step_by(if cfg!(miri) { 7 } else { 1 })
}

/// A generator that has nothing to give.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Failing;

#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoEntropy;

#[cfg(test)]
impl core::fmt::Display for NoEntropy {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no entropy")
    }
}

#[cfg(test)]
impl core::error::Error for NoEntropy {}

#[cfg(test)]
impl TryRng for Failing {
    type Error = NoEntropy;

    fn try_next_u32(&mut self) -> Result<u32, NoEntropy> {
        Err(NoEntropy)
    }

    fn try_next_u64(&mut self) -> Result<u64, NoEntropy> {
        Err(NoEntropy)
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), NoEntropy> {
        Err(NoEntropy)
    }
}

#[cfg(test)]
impl TryCryptoRng for Failing {}

/// The right response to the bytes after `#CHALLENGE#`, in this dialect.
pub(crate) fn response(dialect: Dialect, key: &[u8], challenge: &[u8]) -> Vec<u8> {
    let mac = dialect.digest().mac(key, challenge);
    [dialect.prefix().as_bytes(), mac.as_slice()].concat()
}

/// All that a receiver learns from a stream, chunk boundaries aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    /// The whole messages. True: it was begun, not delivered as one frame.
    pub(crate) messages: Vec<(bool, Vec<u8>)>,
    /// What came of a message that was begun and not ended.
    pub(crate) partial: Vec<u8>,
    /// How the stream ended.
    pub(crate) end: Result<(), FrameError>,
}

/// What is to be received from `stream`: the wire once more, in the shortest way there is.
pub(crate) fn expected(mut stream: &[u8], max: u64, inline: usize) -> Received {
    let mut received = Received { messages: Vec::new(), partial: Vec::new(), end: Ok(()) };
    received.end = loop {
        if stream.is_empty() {
            break Ok(());
        }
        if stream.len() < 4 {
            break Err(FrameError::TruncatedHeader);
        }
        let short = i32::from_be_bytes([stream[0], stream[1], stream[2], stream[3]]);
        let (header, length) = if short == -1 {
            if stream.len() < 12 {
                break Err(FrameError::TruncatedHeader);
            }
            let long = stream[4..12].iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
            (12, long)
        } else if short < 0 {
            break Err(FrameError::InvalidLength(short));
        } else {
            (4, u64::from(short.unsigned_abs()))
        };
        if length > max {
            break Err(FrameError::TooLong { length, max });
        }
        let payload = &stream[header..];
        let begun = length > inline as u64;
        if (payload.len() as u64) < length {
            received.partial.extend(payload.iter().filter(|_| begun));
            break Err(FrameError::TruncatedPayload { missing: length - payload.len() as u64 });
        }
        let (payload, rest) = payload.split_at(usize::try_from(length).expect("it has arrived"));
        received.messages.push((begun, payload.to_vec()));
        stream = rest;
    };
    received
}

/// Receives `stream` as an adapter does, in reads of at most as many bytes as `reads` says in turn,
/// over and over. `direct` says whether a payload passes by the buffer, at each such choice.
///
/// It checks on the way what the framer promises of every event.
pub(crate) fn receive(
    mut stream: &[u8],
    max: u64,
    inline: usize,
    reads: &[usize],
    direct: impl Fn(usize) -> bool,
) -> Received {
    let mut framer = Framer::new(max, inline);
    let mut received = Received { messages: Vec::new(), partial: Vec::new(), end: Ok(()) };
    let mut buffer = Vec::new();
    let mut begun = None;
    let mut reads = reads.iter().copied().cycle().enumerate();
    // A call either gets on in the stream, or asks for bytes and gets one at least.
    for _ in 0..=2 * stream.len() + 2 {
        let (used, event) = match framer.next(&buffer) {
            Ok(found) => found,
            Err(error) => {
                assert_eq!(framer.next(&buffer), Err(error), "an error is final");
                assert_eq!(framer.next(&[]), Err(error), "an error is final");
                assert_eq!(framer.eof(&[]), Err(error), "an error is final");
                received.end = Err(error);
                return received;
            }
        };
        match event {
            Event::Frame(range) => {
                assert!(range.len() <= inline && range.len() as u64 <= max);
                assert!(range.start >= 4 && range.end == used, "a header comes first");
                assert!(begun.is_none());
                received.messages.push((false, buffer[range].to_vec()));
            }
            Event::Begin(length) => {
                assert!(length > inline as u64 && length <= max);
                assert!(matches!(used, 4 | MAX_HEADER), "only the header is consumed");
                assert!(begun.replace(length).is_none());
            }
            Event::Chunk { data, left } => {
                assert!(!data.is_empty() && data == (0..used));
                received.partial.extend_from_slice(&buffer[data]);
                assert_eq!(begun, Some(received.partial.len() as u64 + left));
            }
            Event::Need(want) => {
                assert_eq!(used, 0, "a byte is consumed only by what delivers it");
                let (turn, most) = reads.next().expect("there is a read size");
                let most = most.max(1).min(stream.len());
                if most == 0 {
                    received.end = framer.eof(&buffer);
                    return received;
                }
                let n = match want {
                    Want::Buffer(missing) => {
                        assert!(missing > 0 && buffer.len() + missing <= inline + MAX_HEADER);
                        buffer.extend_from_slice(&stream[..most]);
                        most
                    }
                    Want::Payload(left) => {
                        assert!(left > 0 && buffer.is_empty());
                        if direct(turn) {
                            let n = usize::try_from(left).map_or(most, |left| most.min(left));
                            received.partial.extend_from_slice(&stream[..n]);
                            framer.advance(n);
                            n
                        } else {
                            buffer.extend_from_slice(&stream[..most]);
                            most
                        }
                    }
                };
                stream = &stream[n..];
            }
        }
        buffer.drain(..used);
        if begun == Some(received.partial.len() as u64) {
            begun = None;
            received.messages.push((true, core::mem::take(&mut received.partial)));
        }
    }
    panic!("the framer does not get on");
}
