//! What must come of two honest sides, in a few lines.

use crate::{AuthError, Authenticated, Dialect, Digest, Policy};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Side {
    pub(crate) key: &'static [u8],
    pub(crate) digest: Digest,
    pub(crate) md5: bool,
    pub(crate) raw_sha256: bool,
    pub(crate) empty_key: bool,
}

impl Side {
    pub(crate) fn policy(self) -> Policy {
        let mut policy = if self.md5 { Policy::COMPAT } else { Policy::MODERN };
        policy = policy.challenge_with(self.digest);
        if self.raw_sha256 {
            policy = policy.raw_sha256();
        }
        if self.empty_key { policy.allow_empty_key() } else { policy }
    }

    pub(crate) fn refuses(self, dialect: Dialect) -> bool {
        !self.md5 && dialect.digest() == Digest::Md5
    }
}

/// What one side came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome<P = Authenticated> {
    Done(P),
    Failed(AuthError),
    /// The other side closed while this one waited for it.
    Ended,
}

/// How the peer proved itself, and how this side did.
pub(crate) type Dialects = [Dialect; 2];

impl Outcome {
    pub(crate) fn dialects(self) -> Outcome<Dialects> {
        match self {
            Self::Done(proof) => Outcome::Done([proof.peer(), proof.own()]),
            Self::Failed(error) => Outcome::Failed(error),
            Self::Ended => Outcome::Ended,
        }
    }
}

/// What the listener and the client must come to.
pub(crate) fn predict(listener: Side, client: Side) -> (Outcome<Dialects>, Outcome<Dialects>) {
    let own = Dialect::Prefixed(listener.digest);
    let peer = Dialect::Prefixed(client.digest);
    if client.refuses(own) {
        return (Outcome::Ended, Outcome::Failed(AuthError::Refused(own)));
    }
    if listener.key != client.key {
        let rejected = AuthError::Rejected { answered: own };
        return (Outcome::Failed(AuthError::WrongResponse), Outcome::Failed(rejected));
    }
    if listener.refuses(peer) {
        return (Outcome::Failed(AuthError::Refused(peer)), Outcome::Ended);
    }
    // Each proves itself in the dialect of the other's challenge.
    (Outcome::Done([own, peer]), Outcome::Done([peer, own]))
}
