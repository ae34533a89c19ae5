//! The bodies of the fuzz targets, which unit tests call too. Not part of the public interface.
//!
//! Each takes any bytes, and panics when the library breaks a promise. The first bytes choose
//! limits, policies and reads; what is left is the peer's.

use std::string::String;
use std::vec;
use std::vec::Vec;

use crate::testing::{Seeded, expected, receive};
use crate::{
    Address, AuthError, Authenticated, CLIENT_MARK, Dialect, Digest, Handshake, MAX_MESSAGE,
    Policy, Role,
};

/// The name of each target in `fuzz/`, and its body.
pub const TARGETS: [(&str, fn(&[u8])); 5] = [
    ("framer", framer),
    ("split", split),
    ("handshake_listener", handshake_listener),
    ("handshake_client", handshake_client),
    ("addresses", addresses),
];

/// The framer gives from a stream what a plain parser finds in it, whatever the limits are.
pub fn framer(data: &[u8]) {
    let mut input = Input(data);
    let (max, inline) = (input.limit(), input.byte());
    let stream = input.0;
    let found = receive(stream, max, usize::from(inline), &[stream.len()], |_| false);
    assert_eq!(found, expected(stream, max, usize::from(inline)));
}

/// The same in any split, with any of the payload received directly: law 3.
pub fn split(data: &[u8]) {
    let mut input = Input(data);
    let (max, inline, direct) = (input.limit(), usize::from(input.byte()), input.byte());
    let reads: Vec<_> = (0..=input.byte() % 8).map(|_| usize::from(input.byte())).collect();
    let stream = input.0;
    let directly = |turn| direct >> (turn % 8) & 1 == 1;
    let found = receive(stream, max, inline, &reads, directly);
    assert_eq!(found, expected(stream, max, inline));
}

/// A listener under attack is done only with a client that has proved the key, and told so.
pub fn handshake_listener(data: &[u8]) {
    let _ = handshake(Role::Listener, data);
}

/// A client under attack is done only with a listener that has proved the key, and told so.
pub fn handshake_client(data: &[u8]) {
    let _ = handshake(Role::Client, data);
}

/// What is read as an address is shown in a form that is read as the same.
pub fn addresses(data: &[u8]) {
    if let Ok(address) = Address::try_from(data) {
        assert_eq!(address.to_string_and_back(), address);
    }
    let text = String::from_utf8_lossy(data);
    if let Ok(address) = text.parse::<Address>() {
        assert_eq!(address.to_string_and_back(), address);
    }
    let mut input = Input(data);
    let port = u16::from_be_bytes([input.byte(), input.byte()]);
    let address = Address::from((String::from_utf8_lossy(input.0), port));
    assert_eq!(address.to_string_and_back(), address);
}

impl Address {
    fn to_string_and_back(&self) -> Self {
        std::format!("{self}").parse().expect("what is shown can be read")
    }
}

/// Sending and receiving three messages each, and the last state.
const MOST_STEPS: usize = 7;

/// No message of ours is longer: a challenge with the longest prefix.
const LONGEST: usize = 61;

const KEY: &[u8] = b"what the attacker does not know";

/// Holds one handshake with a peer that the data plays. The proof, if it gets so far.
fn handshake(role: Role, data: &[u8]) -> Option<Authenticated> {
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
            self.proved =
                dialects().filter(permitted).find(|&dialect| message == self.response(dialect));
        }
        self.welcomed |= message == b"#WELCOME#";
        self.said = message.to_vec();
    }

    fn response(&self, dialect: Dialect) -> Vec<u8> {
        let mac = dialect.digest().mac(KEY, &self.challenge);
        match dialect {
            Dialect::Prefixed(digest) => [digest.prefix().as_bytes(), mac.as_slice()].concat(),
            Dialect::RawMd5 | Dialect::RawSha256 => mac.as_slice().to_vec(),
        }
    }
}

fn dialects() -> impl Iterator<Item = Dialect> {
    let prefixed = Digest::ALL.into_iter().map(Dialect::Prefixed);
    [Dialect::RawMd5, Dialect::RawSha256].into_iter().chain(prefixed)
}

/// Takes choices off the front of the data. What is not there is 0.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn limit(&mut self) -> u64 {
        match self.byte() {
            0 => u64::MAX,
            1 => 256,
            2 => 0,
            3 => i64::MAX.unsigned_abs(),
            low => u64::from(low) << (self.byte() % 8),
        }
    }

    /// A policy, and whether it takes MD5.
    fn policy(&mut self) -> (Policy, bool) {
        let choice = self.byte();
        let md5 = choice & 1 == 0;
        let digests = if md5 { &Digest::ALL[..] } else { &Digest::ALL[1..] };
        let policy = if md5 { Policy::COMPAT } else { Policy::MODERN };
        let policy = policy.challenge_with(digests[usize::from(choice >> 2) % digests.len()]);
        (if choice & 2 == 0 { policy } else { policy.raw_sha256() }, md5)
    }

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
                [&b"#CHALLENGE#"[..], digest.prefix().as_bytes(), &self.take()].concat()
            }
            12 => [&b"#CHALLENGE#"[..], &self.take()].concat(),
            13 => vec![b'#'; 2 * usize::from(self.byte())],
            _ => self.take(),
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

    /// As many bytes as the next one says, or all there are.
    fn take(&mut self) -> Vec<u8> {
        let length = usize::from(self.byte()).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken.to_vec()
    }
}

#[cfg(test)]
mod tests;
