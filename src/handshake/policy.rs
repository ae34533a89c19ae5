use core::fmt;

use crate::Digest;

/// What this side challenges with, and what it accepts from its peer.
///
/// ```
/// use mpconn::{Digest, Policy};
///
/// let strict = Policy::MODERN.challenge_with(Digest::Sha3_256);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub(super) challenge_digest: Digest,
    md5: bool,
    raw_sha256: bool,
    empty_key: bool,
}

impl Policy {
    /// Speaks with every CPython from 2.7 on. MD5 is accepted both ways, since versions up to 3.11
    /// know nothing else; the proof tells when a peer used it.
    pub const COMPAT: Self =
        Self { challenge_digest: Digest::Sha256, md5: true, raw_sha256: false, empty_key: false };

    /// Refuses MD5 both ways: raw 16-byte responses, `{md5}`, and 20-byte challenges of peers that
    /// speak it. CPython 3.12 and later pass, and the RHEL family's earlier ones; a client needs
    /// [`raw_sha256`](Self::raw_sha256) for those.
    pub const MODERN: Self = Self { md5: false, ..Self::COMPAT };

    /// Challenges with this digest in place of SHA-256. A peer of CPython 3.12 or later answers
    /// with the same; earlier ones answer in raw MD5 whatever it is.
    ///
    /// # Panics
    ///
    /// When the policy refuses the digest: no answer could ever be accepted.
    #[must_use]
    pub const fn challenge_with(mut self, digest: Digest) -> Self {
        assert!(self.md5 || !matches!(digest, Digest::Md5), "the policy refuses MD5");
        self.challenge_digest = digest;
        self
    }

    /// Answers 20-byte challenges with raw HMAC-SHA256, as CPython up to 3.11 of the RHEL family
    /// expects it, in place of raw HMAC-MD5. The two challenges look alike, so that a client must be
    /// told. In a whole handshake a listener needs no option: its client's response tells which of the two
    /// it is. In `answer_challenge` by itself it does, as a client.
    #[must_use]
    pub const fn raw_sha256(mut self) -> Self {
        self.raw_sha256 = true;
        self
    }

    /// Lets an empty key authenticate, which is to say everyone.
    #[must_use]
    pub const fn allow_empty_key(mut self) -> Self {
        self.empty_key = true;
        self
    }

    /// Whether a handshake can be held with this key: not with an empty one, unless that is
    /// [allowed](Self::allow_empty_key).
    #[must_use]
    pub fn permits_key(&self, key: &[u8]) -> bool {
        self.empty_key || !key.is_empty()
    }

    /// The same policy for answering a peer that has proved its key in this dialect: its challenge of
    /// 20 bytes is answered in the one of the two raw dialects that it speaks itself.
    pub(super) fn towards(&self, peer: Option<Dialect>) -> Self {
        let raw_sha256 = match peer {
            Some(Dialect::RawMd5) => false,
            Some(Dialect::RawSha256) => true,
            Some(Dialect::Prefixed(_)) | None => self.raw_sha256,
        };
        Self { raw_sha256, ..self.clone() }
    }

    /// The dialect in which a challenge of 20 bytes is answered.
    pub(super) fn legacy_dialect(&self) -> Dialect {
        if self.raw_sha256 { Dialect::RawSha256 } else { Dialect::RawMd5 }
    }

    pub(super) fn permits(&self, dialect: Dialect) -> bool {
        self.md5 || dialect.digest() != Digest::Md5
    }
}

impl Default for Policy {
    /// [`COMPAT`](Self::COMPAT).
    fn default() -> Self {
        Self::COMPAT
    }
}

/// The form of a response: what its sender proved its key with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// 16 bytes of HMAC-MD5 without a prefix: CPython up to 3.11.
    RawMd5,
    /// 32 bytes of HMAC-SHA256 without a prefix: CPython up to 3.11 of the RHEL family, which sets
    /// `HMAC_DIGEST_NAME` to it.
    RawSha256,
    /// The digest's name between braces, then the HMAC: CPython 3.12 and later.
    Prefixed(Digest),
}

impl Dialect {
    /// The digest behind it.
    #[must_use]
    pub const fn digest(self) -> Digest {
        match self {
            Self::RawMd5 => Digest::Md5,
            Self::RawSha256 => Digest::Sha256,
            Self::Prefixed(digest) => digest,
        }
    }

    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::RawMd5 | Self::RawSha256 => "",
            Self::Prefixed(digest) => digest.prefix(),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RawMd5 | Self::RawSha256 => write!(f, "raw {}", self.digest()),
            Self::Prefixed(digest) => f.write_str(digest.prefix()),
        }
    }
}
