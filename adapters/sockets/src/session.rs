//! What both sides of a connection are told about it.

use std::time::Duration;

use getrandom::SysRng;
use mpconn::{Address, AuthKey, Extended, Handshake, Policy, Role, StartError};

use crate::Error;

/// A handshake may take this long in all, unless set otherwise.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A message may have this many bytes, unless set otherwise: 64 MiB.
pub const MAX_MESSAGE_BYTES: u64 = 64 << 20;

/// The options that listeners and clients have in common.
#[derive(Debug, Clone)]
pub struct Session {
    /// None: no handshake.
    pub key: Option<AuthKey>,
    /// What to challenge with, and what to accept.
    pub policy: Policy,
    /// For the handshake in all.
    pub handshake_timeout: Option<Duration>,
    /// The longest message to receive, in bytes.
    pub max_message: u64,
    /// Whether messages over 2 GiB - 1 may be sent.
    pub extended: Extended,
    /// Whether reads go beyond the message that is being received.
    pub read_ahead: bool,
    /// For connections over TCP.
    #[cfg(unix)]
    pub keep_alive: Option<crate::KeepAlive>,
    /// For connections over TCP: how long sent bytes may be unacknowledged.
    #[cfg(target_os = "linux")]
    pub user_timeout: Option<Duration>,
}

impl Session {
    /// The defaults.
    #[must_use]
    pub fn new(key: Option<AuthKey>) -> Self {
        Self {
            key,
            policy: Policy::COMPAT,
            handshake_timeout: Some(HANDSHAKE_TIMEOUT),
            max_message: MAX_MESSAGE_BYTES,
            extended: Extended::Allow,
            read_ahead: true,
            #[cfg(unix)]
            keep_alive: None,
            #[cfg(target_os = "linux")]
            user_timeout: None,
        }
    }

    /// Refuses an empty key before the first peer comes, and warns of a short one.
    ///
    /// # Errors
    ///
    /// [`Error::Start`].
    pub fn check(&self) -> Result<(), Error> {
        #[cfg(feature = "tracing")]
        if self.key.as_ref().is_some_and(AuthKey::is_short) {
            tracing::warn!("the key has fewer than {} bytes: it can be guessed", AuthKey::SHORT);
        }
        match &self.key {
            Some(key) if !self.policy.permits_key(key.as_ref()) => {
                Err(Error::Start(StartError::EmptyKey))
            }
            _ => Ok(()),
        }
    }

    /// Returns the handshake to hold, if there is a key.
    ///
    /// # Errors
    ///
    /// [`Error::Start`].
    pub fn handshake(&self, role: Role) -> Result<Option<Handshake<AuthKey>>, Error> {
        let Some(key) = self.key.clone() else { return Ok(None) };
        Ok(Some(match role {
            Role::Listener => Handshake::accepting(key, &self.policy, &mut SysRng)?,
            Role::Client => Handshake::connecting(key, &self.policy, &mut SysRng)?,
        }))
    }
}

/// Whether a handshake is pipelined. It was tried on Linux, where what a peer has sent can be received
/// after it has closed the socket with the challenge unread.
#[must_use]
pub fn pipelines(role: Role, peer: Option<&Address>) -> bool {
    cfg!(target_os = "linux")
        && role == Role::Client
        && matches!(peer, Some(Address::Unix(_) | Address::Abstract(_)))
}

/// The key of this process.
///
/// # Errors
///
/// [`Error::Start`], when the system has no random bytes for it.
pub fn process_key() -> Result<AuthKey, Error> {
    AuthKey::process(&mut SysRng).map_err(|error| StartError::Rng(error).into())
}
