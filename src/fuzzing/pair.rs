//! Two handshakes, and somebody between them who can change every message.

use std::vec::Vec;

use super::Input;
use crate::testing::{Outcome, Seeded, Side, predict};
use crate::{AuthError, Digest, Handshake};

const KEYS: [&[u8]; 3] = [b"the key that both sides hold", b"another", b""];

/// Each side sends three and receives three, from the other or from whoever is between them.
const MOST_MESSAGES: usize = 12;

/// Two sides come to what the model says, as long as nobody changes a message. Whoever passes all
/// the same has the other's key, and was answered by the other.
pub fn pair(data: &[u8]) {
    let mut input = Input(data);
    let sides = [input.side(), input.side()];
    let rng = &mut Seeded::new(fingerprint(data));
    let [listener, client] = sides;
    let starts = [
        Handshake::accepting(listener.key, &listener.policy(), rng),
        Handshake::connecting(client.key, &client.policy(), rng),
    ];
    for (side, start) in sides.iter().zip(&starts) {
        assert_eq!(start.is_err(), side.key.is_empty() && !side.empty_key);
    }
    let [Ok(listens), Ok(connects)] = starts else { return };
    let mut ends = [End::new(listens), End::new(connects)];
    let mut as_sent = true;
    for _ in 0..MOST_MESSAGES {
        let (to, message) = if let Some(from) = ends.iter().position(End::sends) {
            let message = ends[from].say();
            let carried = input.carry(&message, &ends);
            as_sent &= carried == message;
            (1 - from, carried)
        } else {
            let wanted = usize::from(input.byte() & 1);
            match [wanted, 1 - wanted].into_iter().find(|&end| ends[end].receives()) {
                Some(to) if !input.0.is_empty() => {
                    as_sent = false;
                    (to, input.take().to_vec())
                }
                _ => break,
            }
        };
        ends[to].hear(message);
    }

    assert!(!ends.iter().any(End::sends), "more messages than a handshake has");
    let outcomes = (ends[0].outcome().dialects(), ends[1].outcome().dialects());
    if as_sent {
        assert_eq!(outcomes, predict(listener, client));
    }
    for (own, other) in [(&ends[0], &ends[1]), (&ends[1], &ends[0])] {
        if let Outcome::Done(_) = own.outcome() {
            assert_eq!(listener.key, client.key, "only who has the key passes");
            let challenge = own.said.iter().find(|said| said.starts_with(b"#CHALLENGE#"));
            assert!(challenge.is_some_and(|said| other.heard.contains(said)));
            let answers = |said: &&Vec<u8>| !said.starts_with(b"#");
            assert!(other.said.iter().filter(answers).any(|said| own.heard.contains(said)));
            assert!(own.heard.iter().any(|heard| heard == b"#WELCOME#"));
        }
    }
}

/// All of the data chooses the random bytes, so that an input cannot hold the response that another
/// one, with other messages, got to the same challenge.
fn fingerprint(data: &[u8]) -> u64 {
    const FNV: [u64; 2] = [0xcbf2_9ce4_8422_2325, 0x0100_0000_01b3];
    data.iter().fold(FNV[0], |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(FNV[1]))
}

struct End {
    /// None while it takes a step.
    step: Option<Result<Handshake<&'static [u8]>, AuthError>>,
    said: Vec<Vec<u8>>,
    heard: Vec<Vec<u8>>,
}

impl End {
    fn new(start: Handshake<&'static [u8]>) -> Self {
        Self { step: Some(Ok(start)), said: Vec::new(), heard: Vec::new() }
    }

    fn sends(&self) -> bool {
        matches!(self.step, Some(Ok(Handshake::Send(_))))
    }

    fn receives(&self) -> bool {
        matches!(self.step, Some(Ok(Handshake::Receive(_))))
    }

    fn say(&mut self) -> Vec<u8> {
        let Some(Ok(Handshake::Send(step))) = self.step.take() else { panic!("it does not send") };
        let message = step.message().to_vec();
        self.said.push(message.clone());
        self.step = Some(step.sent());
        message
    }

    /// What comes when nothing is waited for is never read.
    fn hear(&mut self, message: Vec<u8>) {
        self.step = match self.step.take() {
            Some(Ok(Handshake::Receive(step))) => {
                let next = step.receive(&message);
                self.heard.push(message);
                Some(next)
            }
            deaf => deaf,
        };
    }

    fn outcome(&self) -> Outcome {
        match &self.step {
            Some(Ok(Handshake::Done(proof))) => Outcome::Done(*proof),
            Some(Err(error)) => Outcome::Failed(*error),
            _ => Outcome::Ended,
        }
    }
}

impl Input<'_> {
    fn side(&mut self) -> Side {
        let (flags, choice) = (self.byte(), self.byte());
        let digest = Digest::ALL[usize::from(choice) % 5];
        Side {
            // The same one more often than not.
            key: KEYS[usize::from(choice / 5 % 8).saturating_sub(5)],
            digest,
            md5: flags & 1 == 0 || digest == Digest::Md5,
            raw_sha256: flags & 2 != 0,
            empty_key: flags & 4 != 0,
        }
    }

    /// What becomes of a message on its way.
    fn carry(&mut self, message: &[u8], ends: &[End; 2]) -> Vec<u8> {
        let mut message = message.to_vec();
        let kind = self.byte();
        if kind < 0x80 {
            return message;
        }
        let at = usize::from(self.byte()) % message.len();
        match kind % 5 {
            0 => message[at] ^= self.byte(),
            1 => message.truncate(at),
            2 => message.extend_from_slice(self.take()),
            3 => message = self.take().to_vec(),
            _ => {
                let said = &ends[usize::from(kind >> 3 & 1)].said;
                message = said.get(at % 4).cloned().unwrap_or(message);
            }
        }
        message
    }
}
