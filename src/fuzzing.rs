//! The bodies of the fuzz targets, which unit tests call too. Not part of the public interface.
//!
//! Each takes any bytes, and panics when the library breaks a promise. The first bytes choose
//! limits, policies and reads; what is left is the peer's.

mod attacked;
mod exchange;
mod operations;
mod pair;

use core::fmt::Debug;
use std::string::String;
use std::vec::Vec;

use crate::address::is_printable;
use crate::handshake::challenge;
use crate::testing::{expected, receive};
use crate::{Address, AuthError, Dialect, Digest, Policy, Role};

pub use attacked::{handshake_client, handshake_listener};
pub use exchange::exchange;
pub use operations::operations;
pub use pair::pair;

/// A target by its name in `fuzz/`, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 8] = [
    ("framer", framer),
    ("split", split),
    ("operations", operations),
    ("handshake_listener", handshake_listener),
    ("handshake_client", handshake_client),
    ("pair", pair),
    ("exchange", exchange),
    ("addresses", addresses),
];

/// Answers the bytes after `#CHALLENGE#`, as a step of the handshake does.
pub fn respond(
    key: &[u8],
    role: Role,
    policy: &Policy,
    challenge: &[u8],
) -> Result<(impl AsRef<[u8]> + Debug + use<>, Dialect), AuthError> {
    challenge::respond(key, role, policy, challenge)
}

/// Checks a response to the bytes after `#CHALLENGE#`, as a step of the handshake does.
pub fn verify(
    key: &[u8],
    policy: &Policy,
    challenge: &[u8],
    response: &[u8],
) -> Result<Dialect, AuthError> {
    challenge::verify(key, policy, challenge, response)
}

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

/// What is read as an address is shown in a form that is read as the same.
pub fn addresses(data: &[u8]) {
    if let Ok(address) = Address::try_from(data) {
        address.round_trips();
    }
    let text = String::from_utf8_lossy(data);
    if let Ok(address) = text.parse::<Address>() {
        address.round_trips();
    }
    let mut input = Input(data);
    let port = u16::from_be_bytes([input.byte(), input.byte()]);
    Address::from((String::from_utf8_lossy(input.0), port)).round_trips();
}

impl Address {
    pub(crate) fn round_trips(&self) {
        let shown = std::format!("{self}");
        assert!(shown.chars().all(is_printable), "{shown:?}");
        let is_escaped = match self {
            Self::Inet { host, .. } => !host.chars().all(is_printable),
            Self::Pipe(name) => !name.chars().all(is_printable),
            _ => false,
        };
        assert!(is_escaped || shown.parse() == Ok(self.clone()), "what is shown can be read");
    }
}

fn dialects() -> impl Iterator<Item = Dialect> {
    let prefixed = Digest::ALL.into_iter().map(Dialect::Prefixed);
    [Dialect::RawMd5, Dialect::RawSha256].into_iter().chain(prefixed)
}

/// Takes choices off the front of the data. What is not there is 0.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
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

    /// As many bytes as the next one says, or all there are.
    fn take(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }
}

#[cfg(test)]
mod tests;
