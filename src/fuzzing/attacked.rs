//! One handshake with a peer that the data plays.

use std::vec;
use std::vec::Vec;

use super::{Input, dialects};
use crate::testing::{Seeded, response};
use crate::{AuthError, Authenticated, CLIENT_MARK, Dialect, Digest, Handshake, MAX_MESSAGE, Role};

/// A listener under attack is done only with a client that has proved the key, and told so.
pub fn handshake_listener(data: &[u8]) {
    let _ = handshake(Role::Listener, data);
}

/// A client under attack is done only with a listener that has proved the key, and told so.
pub fn handshake_client(data: &[u8]) {
    let _ = handshake(Role::Client, data);
}

/// Sending and receiving three messages each, and the last state.
const MOST_STEPS: usize = 7;

/// No message of ours is longer: a challenge with the longest prefix.
const LONGEST: usize = 61;

const KEY: &[u8] = b"what the attacker does not know";

/// Holds one handshake with a peer that the data plays. The proof, if it gets so far.
pub(super) fn handshake(role: Role, data: &[u8]) -> Option<Authenticated> {
    let mut input = Input(data);
    let (policy, md5) = input.policy();
    let rng = &mut Seeded::new(input.byte().into());
    let start = match role {
        Role::Listener => Handshake::accepting(KEY, &policy, rng),
        Role::Client => Handshake::connecting(KEY, &policy, rng),
    };
    let mut step = start.expect("there is a key, and the generator never fails");
    let mut peer = Peer { challenge: Vec::new(), proved: None, welcomed: false, said: Vec::new() };
    for _ in 0..MOST_STEPS {
        let next = match step {
            Handshake::Send(step) => {
                let (message, says) = (step.message().to_vec(), step.failure());
                assert!(!message.is_empty() && message.len() <= LONGEST);
                peer.hears(role, &message);
                assert_eq!(says.is_some(), message == b"#FAILURE#");
                let next = step.sent();
                assert_eq!(says, next.as_ref().err().copied(), "what it says is what comes");
                next
            }
            Handshake::Receive(step) => {
                let message = input.message(&peer)?;
                peer.says(&message, md5);
                let next = step.receive(&message);
                if message.len() > MAX_MESSAGE {
                    let error = AuthError::MessageTooLong { length: message.len() };
                    assert_eq!(next.as_ref().err(), Some(&error));
                }
                next
            }
            Handshake::Done(proof) => {
                assert_eq!(Some(proof.peer()), peer.proved, "only who has proved the key passes");
                assert!(peer.welcomed, "and who has accepted ours");
                return Some(proof);
            }
        };
        step = next.ok()?;
    }
    panic!("more steps than a handshake has");
}

/// What a peer has heard and said, as far as it matters for whether it may pass.
struct Peer {
    /// Our challenge, once it was sent: the bytes after `#CHALLENGE#`.
    challenge: Vec<u8>,
    /// How it last gave a right response that the policy permits.
    proved: Option<Dialect>,
    welcomed: bool,
    /// The last message.
    said: Vec<u8>,
}

impl Peer {
    fn hears(&mut self, role: Role, message: &[u8]) {
        if let Some(challenge) = message.strip_prefix(b"#CHALLENGE#") {
            assert!(self.challenge.is_empty(), "one challenge a handshake");
            assert!(!matches!(challenge.len(), 16 | 20), "never of a legacy length");
            assert_eq!(challenge.ends_with(&CLIENT_MARK), role == Role::Client);
            self.challenge = challenge.to_vec();
        }
        match message {
            b"#WELCOME#" => assert!(self.proved.is_some(), "nobody else is welcome"),
            b"#FAILURE#" => assert!(self.proved.is_none(), "it was right"),
            _ => {}
        }
    }

    fn says(&mut self, message: &[u8], md5: bool) {
        if !self.challenge.is_empty() && self.proved.is_none() {
            let permitted = |dialect: &Dialect| md5 || dialect.digest() != Digest::Md5;
            // No two forms are of one length, and a MAC takes longer than all the rest.
            let looks_so = |dialect: &Dialect| {
                message.len() == dialect.prefix().len() + dialect.digest().mac_len()
            };
            self.proved = dialects()
                .filter(|dialect| permitted(dialect) && looks_so(dialect))
                .find(|&dialect| message == self.response(dialect));
        }
        self.welcomed |= message == b"#WELCOME#";
        self.said = message.to_vec();
    }

    fn response(&self, dialect: Dialect) -> Vec<u8> {
        response(dialect, KEY, &self.challenge)
    }
}

impl Input<'_> {
    /// The peer's next message: junk, or something that gets on, with up to one byte changed. None
    /// when the data is used up.
    fn message(&mut self, peer: &Peer) -> Option<Vec<u8>> {
        if self.0.is_empty() {
            return None;
        }
        let kind = self.byte();
        let mut message = match kind & 0x0f {
            0 => b"#WELCOME#".to_vec(),
            1 => b"#FAILURE#".to_vec(),
            2 => peer.said.clone(),
            3 => [&b"#CHALLENGE#"[..], &peer.challenge].concat(),
            nth @ 4..=10 => {
                dialects().nth(usize::from(nth - 4)).map(|dialect| peer.response(dialect))?
            }
            11 => {
                let digest = Digest::ALL[usize::from(self.byte()) % 5];
                [&b"#CHALLENGE#"[..], digest.prefix().as_bytes(), self.take()].concat()
            }
            12 => [&b"#CHALLENGE#"[..], self.take()].concat(),
            13 => vec![b'#'; 2 * usize::from(self.byte())],
            _ => self.take().to_vec(),
        };
        if kind & 0x80 != 0 {
            let at = usize::from(self.byte()).checked_rem(message.len());
            let change = self.byte();
            if let Some(at) = at {
                message[at] ^= change;
            }
        }
        Some(message)
    }
}
