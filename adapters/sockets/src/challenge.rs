//! A challenge within a connection.

use std::time::Duration;

use getrandom::SysRng;
use mpconn::{AuthKey, Dialect, Handshake, Policy, Role};

use crate::session::HANDSHAKE_TIMEOUT;
use crate::{Error, Peer};

/// Options for challenging the peer of a connection that is in use, or for answering its challenge. The
/// default is to do as the connection's own handshake did, within 10 s.
#[derive(Debug, Clone)]
pub struct ChallengeOptions {
    /// Which side of the connection this is. `None`, the default, is the side that the connection was
    /// made as, with a key or without. Connections of `pipe`, and those that were made from a transport,
    /// were made as neither: there it must be given, and a different one to each side.
    pub role: Option<Role>,
    /// What to challenge with, and what to accept from the peer. `None`, the default, is the policy of
    /// the listener or client that made the connection, or else [`Policy::COMPAT`].
    pub policy: Option<Policy>,
    /// How long it may take in all. `None` is without limit.
    pub timeout: Option<Duration>,
}

impl Default for ChallengeOptions {
    fn default() -> Self {
        Self { role: None, policy: None, timeout: Some(HANDSHAKE_TIMEOUT) }
    }
}

/// Which of the two sides of a challenge to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Challenges, and verifies the response.
    Deliver,
    /// Answers.
    Answer,
}

impl ChallengeOptions {
    /// Returns the handshake of one direction to hold with a peer.
    ///
    /// # Errors
    ///
    /// [`Error::NoRole`] and [`Error::Start`].
    pub fn handshake<'k>(
        &self,
        turn: Turn,
        key: &'k AuthKey,
        peer: &Peer,
    ) -> Result<Handshake<&'k AuthKey, Dialect>, Error> {
        let (role, policy) = peer.own.clone().unzip();
        let role = self.role.or(role).ok_or(Error::NoRole)?;
        // Its handshake has shown what the peer answers with, and so what it verifies.
        let proved = peer.authenticated.map(|proof| proof.peer());
        let policy = policy.map(|policy| match proved {
            Some(Dialect::RawSha256) => policy.raw_sha256(),
            _ => policy,
        });
        let policy = self.policy.clone().or(policy).unwrap_or(Policy::COMPAT);
        Ok(match turn {
            Turn::Deliver => Handshake::delivering(key, role, &policy, &mut SysRng)?,
            Turn::Answer => Handshake::answering(key, role, &policy, &mut SysRng)?,
        })
    }
}
