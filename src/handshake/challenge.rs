//! What is challenged, answered and verified: no turns here.

use core::fmt;

use rand_core::TryCryptoRng;

use super::{AuthError, Dialect, Policy, Role};
use crate::Digest;
use crate::digest::{MAX_MAC, MAX_PREFIX};

pub(super) const CHALLENGE: &[u8] = b"#CHALLENGE#";

/// Random bytes of a listener's challenge: CPython 3.12's `MESSAGE_LENGTH`. It must not make a
/// challenge of 16 or 20 bytes, which would be read as a legacy one.
const NONCE: usize = 40;

/// What a client's challenge ends with, in place of random bytes.
///
/// The wire binds a challenge to no role, so that a rogue listener can hand one client's challenge
/// to another client of the same key, and authenticate with the answer. A client that marks its
/// own challenges, and refuses marked ones, cannot be used so. The 24 bytes before the mark stay
/// random, 192 bits of them.
///
/// It protects as long as every client that holds the key does it; CPython does not.
pub const CLIENT_MARK: [u8; 16] = *b"#mpconn-client-1";

/// The shortest challenge that CPython answers, and the length of a legacy one.
const LEGACY_CHALLENGE: usize = 20;

/// The length of an unprefixed HMAC-MD5.
const RAW_MD5: usize = 16;

/// The length of an unprefixed HMAC-SHA256.
const RAW_SHA256: usize = 32;

/// A handshake message of ours.
#[derive(Clone)]
pub(crate) struct Message {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl Message {
    /// A challenge with the longest prefix. A response with the longest MAC is shorter.
    pub(super) const MAX: usize = CHALLENGE.len() + MAX_PREFIX + NONCE;

    pub(super) fn new(parts: [&[u8]; 3]) -> Self {
        const { assert!(MAX_PREFIX + MAX_MAC <= Self::MAX) };
        let mut message = Self { bytes: [0; Self::MAX], len: 0 };
        for part in parts {
            message.bytes[message.len..][..part.len()].copy_from_slice(part);
            message.len += part.len();
        }
        message
    }

    /// A challenge of this role's, with random bytes of its own.
    pub(super) fn challenge<R: TryCryptoRng + ?Sized>(
        role: Role,
        digest: Digest,
        rng: &mut R,
    ) -> Result<Self, R::Error> {
        let mut nonce = [0; NONCE];
        let random = match role {
            Role::Listener => NONCE,
            Role::Client => NONCE - CLIENT_MARK.len(),
        };
        rng.try_fill_bytes(&mut nonce[..random])?;
        nonce[random..].copy_from_slice(&CLIENT_MARK[..NONCE - random]);
        Ok(Self::new([CHALLENGE, digest.prefix().as_bytes(), &nonce]))
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} bytes)", self.len)
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Answers the bytes after `#CHALLENGE#`: CPython's `_create_response`.
pub(crate) fn respond(
    key: &[u8],
    role: Role,
    policy: &Policy,
    challenge: &[u8],
) -> Result<(Message, Dialect), AuthError> {
    if challenge.len() < LEGACY_CHALLENGE {
        return Err(AuthError::ChallengeTooShort { length: challenge.len() });
    }
    if role == Role::Client && challenge.ends_with(&CLIENT_MARK) {
        return Err(AuthError::Reflected);
    }
    let dialect = if challenge.len() == LEGACY_CHALLENGE {
        policy.legacy_dialect()
    } else {
        let (digest, _) = Digest::strip_prefix(challenge).ok_or(AuthError::UnknownDigest)?;
        Dialect::Prefixed(digest)
    };
    if !policy.permits(dialect) {
        return Err(AuthError::Refused(dialect));
    }
    let mac = dialect.digest().mac(key, challenge);
    Ok((Message::new([dialect.prefix().as_bytes(), mac.as_slice(), b""]), dialect))
}

/// Checks a response to the bytes after `#CHALLENGE#`: CPython's `_verify_challenge`. The digest
/// is the response's choice, within the policy.
pub(crate) fn verify(
    key: &[u8],
    policy: &Policy,
    challenge: &[u8],
    response: &[u8],
) -> Result<Dialect, AuthError> {
    let (dialect, mac) = match response.len() {
        RAW_MD5 => (Dialect::RawMd5, response),
        // Legacy by its length to CPython too, and never as long as the MAC.
        LEGACY_CHALLENGE => return Err(AuthError::WrongResponse),
        RAW_SHA256 => (Dialect::RawSha256, response),
        _ => {
            let (digest, mac) = Digest::strip_prefix(response).ok_or(AuthError::UnknownResponse)?;
            (Dialect::Prefixed(digest), mac)
        }
    };
    if !policy.permits(dialect) {
        return Err(AuthError::Refused(dialect));
    }
    if dialect.digest().mac(key, challenge).matches(mac) {
        Ok(dialect)
    } else {
        Err(AuthError::WrongResponse)
    }
}
