//! The options of listeners and clients. Both adapters have the same, by these macros.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use mpconn::{AuthKey, Family};

use crate::Session;

/// Clients that may wait to be accepted, unless set otherwise. Python's default is 1.
const BACKLOG: i32 = 128;

/// Handshakes that may be pending, unless set otherwise.
const MAX_PENDING: usize = 1024;

/// Reaching a listener may take this long, unless set otherwise: as long as Python tries a pipe.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long to wait before another attempt at a listener that is not there, or has no room.
pub const RETRY_AFTER: Duration = Duration::from_millis(10);

/// How to listen.
#[derive(Debug, Clone)]
pub struct Listening {
    /// About the connections.
    pub session: Session,
    /// Clients that may wait to be accepted.
    pub backlog: i32,
    /// The permissions of a Unix socket's file.
    pub mode: u32,
    /// Whether a file at which nobody listens is replaced.
    pub replace_stale: bool,
    /// Who may connect to a named pipe.
    #[cfg(windows)]
    pub security: crate::Security,
    /// Where a name, or no address, leaves a choice.
    pub family: Option<Family>,
    /// Handshakes that may be pending.
    pub max_pending: usize,
}

impl Listening {
    /// The defaults.
    #[must_use]
    pub fn new(key: Option<AuthKey>) -> Self {
        Self {
            session: Session::new(key),
            backlog: BACKLOG,
            mode: 0o600,
            replace_stale: false,
            #[cfg(windows)]
            security: crate::Security::default(),
            family: None,
            max_pending: MAX_PENDING,
        }
    }
}

/// How to connect.
#[derive(Debug, Clone)]
pub struct Connecting {
    /// About the connection.
    pub session: Session,
    /// For reaching the listener, before the handshake.
    pub connect_timeout: Option<Duration>,
    /// Whether to try again while the listener is not there.
    pub retry: bool,
}

impl Connecting {
    /// The defaults.
    #[must_use]
    pub fn new(key: Option<AuthKey>) -> Self {
        Self { session: Session::new(key), connect_timeout: Some(CONNECT_TIMEOUT), retry: false }
    }

    /// Whether this failure is one to try again after.
    #[must_use]
    pub fn may_retry(&self, error: &io::Error) -> bool {
        self.retry
            && matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
    }
}

/// Returns the error for a name that the resolver knows, without an address.
#[must_use]
pub fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the name has no such address")
}

/// The addresses of a host, [sorted](sort).
///
/// # Errors
///
/// The resolver's.
pub fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let mut addresses: Vec<_> = (host_or_any(host), port).to_socket_addrs()?.collect();
    sort(&mut addresses);
    Ok(addresses)
}

/// An empty host is every IPv4 address of the machine, as in Python.
#[must_use]
pub fn host_or_any(host: &str) -> &str {
    if host.is_empty() { "0.0.0.0" } else { host }
}

/// How long to try one of `addresses` that are left, out of all the time that is left: one that
/// swallows what it is sent must not take the others' time.
#[must_use]
pub fn share(left: Duration, addresses: usize) -> Duration {
    u32::try_from(addresses).map_or(Duration::ZERO, |addresses| left / addresses.max(1))
}

/// IPv4 before IPv6: a Python listener at a name, `localhost` among them, has an IPv4 address.
pub fn sort(addresses: &mut [SocketAddr]) {
    addresses.sort_by_key(SocketAddr::is_ipv6);
}

/// The constructors and setters that `ListenerOptions` and `ConnectOptions` have in common, for a
/// newtype of [`Listening`] or [`Connecting`].
#[doc(hidden)]
#[macro_export]
macro_rules! session_setters {
    ($options:ty) => {
        /// Creates options with a key that both sides have to prove.
        #[must_use]
        pub fn with_key(key: AuthKey) -> Self {
            Self(<$options>::new(Some(key)))
        }

        /// Creates options with the [key of this process](AuthKey::process), which its children may have
        /// been handed. CPython's counterpart is `authenticate=True` without a key.
        ///
        /// # Errors
        ///
        /// [`Error::Start`] when the system has no random bytes for a first such key.
        pub fn with_process_key() -> Result<Self, Error> {
            $crate::process_key().map(Self::with_key)
        }

        /// Creates options without a key: anyone who can reach the address is let in, and anyone who
        /// listens there is believed. CPython's counterpart is `authkey=None`. A client whose first message is a challenge
        /// gets [`AuthError::KeyWanted`](mpconn::AuthError::KeyWanted): the listener has a key.
        #[must_use]
        pub fn without_key() -> Self {
            Self(<$options>::new(None))
        }

        /// Sets what to challenge with, and what to accept from peers. The default is
        /// [`Policy::COMPAT`].
        #[must_use]
        pub fn policy(mut self, policy: Policy) -> Self {
            self.0.session.policy = policy;
            self
        }

        /// Sets how long a handshake may take in all. The default is 10 s; `None` is without limit.
        #[must_use]
        pub fn handshake_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
            self.0.session.handshake_timeout = timeout.into();
            self
        }

        /// Sets the longest message to receive, in bytes. The default is 64 MiB; `u64::MAX` is without
        /// limit.
        #[must_use]
        pub fn max_message(mut self, bytes: u64) -> Self {
            self.0.session.max_message = bytes;
            self
        }

        /// Sets whether messages over 2 GiB - 1 may be sent, which CPython reads from 3.8 on. The default
        /// is [`Extended::Allow`].
        #[must_use]
        pub fn extended(mut self, extended: Extended) -> Self {
            self.0.session.extended = extended;
            self
        }

        /// Sets whether reads go beyond the message that is being received; see
        /// [`Connection::set_read_ahead`](crate::Connection::set_read_ahead). The default is `true`. With `false`, a connection that was
        /// just accepted can be handed to another process: what the peer has sent behind the handshake
        /// is still in the socket.
        #[must_use]
        pub fn read_ahead(mut self, reads_ahead: bool) -> Self {
            self.0.session.read_ahead = reads_ahead;
            self
        }

        /// Sets how TCP probes a peer that sends nothing. The default is `None`, as in Python: a peer
        /// whose machine is gone is not noticed until something is sent.
        #[cfg(unix)]
        #[must_use]
        pub fn keep_alive(mut self, keep_alive: impl Into<Option<$crate::KeepAlive>>) -> Self {
            self.0.session.keep_alive = keep_alive.into();
            self
        }

        /// Sets how long TCP waits for the acknowledgement of what was sent before it resets the
        /// connection: `TCP_USER_TIMEOUT`, in milliseconds. The default is `None`, for the system's own,
        /// which is about a quarter of an hour.
        #[cfg(target_os = "linux")]
        #[must_use]
        pub fn user_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
            self.0.session.user_timeout = timeout.into();
            self
        }
    };
}

/// The setters of `ListenerOptions`.
#[doc(hidden)]
#[macro_export]
macro_rules! listener_setters {
    () => {
        $crate::session_setters!($crate::Listening);

        /// Sets how many clients may wait to be accepted. The default is 128. The system has a limit of
        /// its own, and on Windows TCP always has the default, and a pipe one client.
        #[must_use]
        pub fn backlog(mut self, backlog: u16) -> Self {
            self.0.backlog = backlog.into();
            self
        }

        /// Sets the family, for the name of a host that has addresses of both IPv4 and IPv6, and for a
        /// fresh address. By default IPv4 comes first, which is what CPython takes.
        #[must_use]
        pub fn family(mut self, family: Family) -> Self {
            self.0.family = Some(family);
            self
        }

        /// Sets the permissions of a Unix socket's file, of which the right to write is the right to
        /// connect. The default is 0600. The file never has more than these, not even for a moment.
        #[must_use]
        pub fn mode(mut self, mode: u32) -> Self {
            self.0.mode = mode;
            self
        }

        /// Sets who may connect to a named pipe. The default is its owner alone. Nobody can connect from
        /// another machine.
        #[cfg(windows)]
        #[must_use]
        pub fn security(mut self, security: $crate::Security) -> Self {
            self.0.security = security;
            self
        }

        /// Sets whether a Unix socket's file at which nobody listens any more is replaced. One that
        /// somebody listens at is not, nor is any other file.
        #[must_use]
        pub fn replace_stale(mut self, replace: bool) -> Self {
            self.0.replace_stale = replace;
            self
        }

        /// Sets how many handshakes may be pending, at least one. The default is 1,024. For one more, one
        /// of the older half of those that are not authenticated is dropped.
        #[must_use]
        pub fn max_pending(mut self, handshakes: usize) -> Self {
            self.0.max_pending = handshakes;
            self
        }
    };
}

/// The setters of `ConnectOptions`.
#[doc(hidden)]
#[macro_export]
macro_rules! connect_setters {
    () => {
        $crate::session_setters!($crate::Connecting);

        /// Sets how long connecting may take, before the handshake. The default is 20 s; `None` is as
        /// long as the system tries. All addresses of a name share it.
        #[must_use]
        pub fn connect_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
            self.0.connect_timeout = timeout.into();
            self
        }

        /// Sets whether to try again, within the connect timeout, while the listener is not there: its
        /// socket file is missing, or its port is closed. The default is `false`.
        #[must_use]
        pub fn retry(mut self, retry: bool) -> Self {
            self.0.retry = retry;
            self
        }
    };
}
