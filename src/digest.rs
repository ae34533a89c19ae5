//! The five digests, their names on the wire, and the one comparison of MACs.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac, SimpleHmac};
use md5::Md5;
use sha2::{Sha256, Sha384};
use sha3::{Sha3_256, Sha3_384};
use subtle::ConstantTimeEq;

/// The longest MAC in bytes: SHA-384's and SHA3-384's.
pub(crate) const MAX_MAC: usize = 48;

/// The longest name on the wire with its braces, in bytes: `{sha3_256}`.
pub(crate) const MAX_PREFIX: usize = 10;

/// A digest that CPython 3.12 and later accept (`_ALLOWED_DIGESTS`). Names are case-sensitive, and
/// no other is ever accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Digest {
    /// `md5`, the only one that CPython up to 3.11 knows.
    Md5,
    /// `sha256`, the one that CPython 3.12 and later challenge with.
    Sha256,
    /// `sha384`
    Sha384,
    /// `sha3_256`
    Sha3_256,
    /// `sha3_384`
    Sha3_384,
}

impl Digest {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Md5, Self::Sha256, Self::Sha384, Self::Sha3_256, Self::Sha3_384];

    /// Its name in Python's `hashlib`, and on the wire between braces.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.prefix().trim_matches(['{', '}'])
    }

    /// The bytes of its MAC.
    #[must_use]
    pub const fn mac_len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
        }
    }

    /// What a modern challenge or response begins with.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Md5 => "{md5}",
            Self::Sha256 => "{sha256}",
            Self::Sha384 => "{sha384}",
            Self::Sha3_256 => "{sha3_256}",
            Self::Sha3_384 => "{sha3_384}",
        }
    }

    /// Takes the prefix off a modern challenge or response.
    pub(crate) fn strip_prefix(message: &[u8]) -> Option<(Self, &[u8])> {
        Self::ALL.into_iter().find_map(|digest| {
            message.strip_prefix(digest.prefix().as_bytes()).map(|rest| (digest, rest))
        })
    }

    /// The HMAC of `message` under `key`.
    pub(crate) fn mac(self, key: &[u8], message: &[u8]) -> MacBytes {
        match self {
            Self::Md5 => keyed::<Hmac<Md5>>(key, message),
            Self::Sha256 => keyed::<Hmac<Sha256>>(key, message),
            Self::Sha384 => keyed::<Hmac<Sha384>>(key, message),
            // SHA-3 has no block-level interface, which `Hmac` wants.
            Self::Sha3_256 => keyed::<SimpleHmac<Sha3_256>>(key, message),
            Self::Sha3_384 => keyed::<SimpleHmac<Sha3_384>>(key, message),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn keyed<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> MacBytes {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    let output = mac.finalize().into_bytes();
    let mut bytes = [0; MAX_MAC];
    bytes[..output.len()].copy_from_slice(&output);
    MacBytes { bytes, len: output.len() }
}

/// A MAC of ours. It can be sent, and compared in constant time; nothing else.
pub(crate) struct MacBytes {
    bytes: [u8; MAX_MAC],
    len: usize,
}

impl MacBytes {
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Whether the peer sent the same. Time depends on the length alone, which is public.
    #[inline(never)]
    pub(crate) fn matches(&self, claimed: &[u8]) -> bool {
        self.as_slice().ct_eq(claimed).into()
    }
}

#[cfg(test)]
mod tests;
