//! What both sides of a connection are told about it.

use std::io;
use std::time::Duration;

use getrandom::SysRng;
use mpconn::{
    Address, AuthKey, Authenticated, Error, Extended, Handshake, Inbox, Negotiation, Operation,
    Policy, Proof, Role, StartError,
};

use crate::{Connection, Deadline, Transport};

/// A handshake may take this long in all, unless set otherwise.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A message may have this many bytes, unless set otherwise: 64 MiB.
pub(crate) const MAX_MESSAGE_BYTES: u64 = 64 << 20;

#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) key: Option<AuthKey>,
    pub(crate) policy: Policy,
    pub(crate) handshake_timeout: Option<Duration>,
    pub(crate) max_message: u64,
    pub(crate) extended: Extended,
}

impl Session {
    pub(crate) fn new(key: Option<AuthKey>) -> Self {
        Self {
            key,
            policy: Policy::COMPAT,
            handshake_timeout: Some(HANDSHAKE_TIMEOUT),
            max_message: MAX_MESSAGE_BYTES,
            extended: Extended::Allow,
        }
    }

    /// Refuses an empty key before the first peer comes, and warns of a short one.
    pub(crate) fn check(&self) -> Result<(), Error> {
        #[cfg(feature = "tracing")]
        if self.key.as_ref().is_some_and(AuthKey::is_short) {
            tracing::warn!("the key has fewer than {} bytes: it can be guessed", AuthKey::SHORT);
        }
        self.negotiation(Role::Listener).map(|_| ())
    }

    /// The handshake to hold, if there is a key.
    pub(crate) fn negotiation(&self, role: Role) -> Result<Option<Negotiation<AuthKey>>, Error> {
        let Some(key) = self.key.clone() else { return Ok(None) };
        let handshake = match role {
            Role::Listener => Handshake::accepting(key, &self.policy, &mut SysRng),
            Role::Client => Handshake::connecting(key, &self.policy, &mut SysRng),
        };
        handshake.map(|handshake| Some(Negotiation::new(handshake))).map_err(start_error)
    }

    /// Holds the handshake over `transport`, if there is a key, within its deadline.
    pub(crate) fn establish<T: Transport>(
        &self,
        transport: T,
        role: Role,
        peer: Option<Address>,
    ) -> Result<Connection<T>, Error> {
        let mut inbox = Inbox::new();
        let mut authenticated = None;
        if let Some(mut negotiation) = self.negotiation(role)? {
            let deadline = Deadline::after(self.handshake_timeout);
            match drive(&mut negotiation, &transport, &mut inbox, deadline)? {
                Some(proof) => authenticated = Some(proof),
                None => return Err(negotiation.give_up()),
            }
        }
        Ok(self.open(transport, inbox, authenticated, peer))
    }

    /// A connection whose handshake is over, or that has none.
    pub(crate) fn open<T>(
        &self,
        transport: T,
        mut inbox: Inbox,
        authenticated: Option<Authenticated>,
        peer: Option<Address>,
    ) -> Connection<T> {
        inbox.open(self.max_message);
        let mut connection = Connection::opened(transport, inbox, authenticated, peer);
        connection.set_max_message(self.max_message);
        connection.set_extended(self.extended);
        connection
    }
}

/// Goes on with a handshake until it ends, or the deadline comes.
pub(crate) fn drive<K: AsRef<[u8]>, P: Proof, T: Transport>(
    negotiation: &mut Negotiation<K, P>,
    transport: &T,
    inbox: &mut Inbox,
    deadline: Deadline,
) -> Result<Option<P>, Error> {
    negotiation.drive(inbox, |operation| match operation {
        Operation::Write(slices) => transport.send(&slices.map(io::IoSlice::new), deadline),
        Operation::Read(space) => transport.receive(space, deadline),
    })
}

pub(crate) fn start_error(error: StartError<getrandom::Error>) -> Error {
    Error::Start(match error {
        StartError::Rng(error) => StartError::Rng(error.into()),
        // EmptyKey, the only other one, has nothing to convert.
        _ => StartError::EmptyKey,
    })
}

pub(crate) fn process_key() -> Result<AuthKey, Error> {
    AuthKey::process(&mut SysRng).map_err(|error| start_error(StartError::Rng(error)))
}

/// The constructors and setters that [`ListenerOptions`](crate::ListenerOptions) and
/// [`ConnectOptions`](crate::ConnectOptions) have in common.
macro_rules! session_setters {
    () => {
        /// Both sides prove that they have this key.
        #[must_use]
        pub fn with_key(key: AuthKey) -> Self {
            Self::new(Some(key))
        }

        /// Both sides prove that they have the [key of this process](AuthKey::process), which its
        /// children may have been handed: Python's `authenticate=True` without a key.
        ///
        /// # Errors
        ///
        /// [`Error::Start`] when the system has no random bytes for a first such key.
        pub fn with_process_key() -> Result<Self, Error> {
            crate::session::process_key().map(Self::with_key)
        }

        /// Neither side proves anything: Python's `authkey=None`. Whoever can reach the address is
        /// let in, and whoever has taken it is believed.
        #[must_use]
        pub fn without_key() -> Self {
            Self::new(None)
        }

        /// What to challenge with, and what to accept from peers. [`Policy::COMPAT`] by default.
        #[must_use]
        pub fn policy(mut self, policy: Policy) -> Self {
            self.session.policy = policy;
            self
        }

        /// How long a handshake may take in all; 10 s by default, `None` for ever.
        #[must_use]
        pub fn handshake_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
            self.session.handshake_timeout = timeout.into();
            self
        }

        /// The longest message to receive, in bytes; 64 MiB by default, `u64::MAX` for any.
        #[must_use]
        pub fn max_message(mut self, bytes: u64) -> Self {
            self.session.max_message = bytes;
            self
        }

        /// Whether messages over 2 GiB - 1 may be sent, which Python reads from 3.8 on.
        #[must_use]
        pub fn extended(mut self, extended: Extended) -> Self {
            self.session.extended = extended;
            self
        }
    };
}
pub(crate) use session_setters;
