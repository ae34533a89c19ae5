use core::convert::Infallible;

use mpconn::{Handshake, Policy};
use rand_core::{TryCryptoRng, TryRng};

use crate::{Cable, Link};

const KEY: &[u8] = b"a key in read-only memory";

/// The longest message. Over `MAX_MESSAGE` bytes, they come in pieces.
const MAX: usize = 1024;

/// More polls than the conversation takes: 16 bytes each.
const MOST_POLLS: u32 = 1000;

/// What the device is asked; each question comes back as its answer.
const QUESTIONS: [&[u8]; 3] = [&[7; 100], &[], &[9; MAX]];

/// A device and a computer on one cable: they authenticate each other, and the computer asks.
/// Gives the bytes that came over the cable, or nothing if anything went wrong.
#[must_use]
pub fn hold() -> Option<usize> {
    let rng = &mut Counter(1);
    let cable = Cable::default();
    let [at_device, at_computer] = cable.ends();
    let accepting = Handshake::accepting(KEY, &Policy::MODERN, rng).ok()?;
    let connecting = Handshake::connecting(KEY, &Policy::COMPAT, rng).ok()?;
    let mut device = Link::<_, MAX>::new(at_device, accepting, MOST_POLLS);
    let mut computer = Link::<_, MAX>::new(at_computer, connecting, MOST_POLLS);
    let (mut asked, mut answered) = (0, 0);
    for now in 0..MOST_POLLS {
        let question = device.poll(now).ok()?.map(|question| {
            let mut copy = [0; MAX];
            copy[..question.len()].copy_from_slice(question);
            (copy, question.len())
        });
        if let Some((answer, length)) = question {
            device.send(&answer[..length]).ok()?;
        }
        if let Some(answer) = computer.poll(now).ok()? {
            if answer != QUESTIONS[answered] {
                return None;
            }
            answered += 1;
        }
        if answered == QUESTIONS.len() {
            return Some(cable.carried());
        }
        if computer.is_authenticated() && asked == answered && !computer.is_sending() {
            computer.send(QUESTIONS[asked]).ok()?;
            asked += 1;
        }
    }
    None
}

/// Counts. A real device has a generator worth the name.
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
