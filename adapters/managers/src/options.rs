//! Options of clients, the same for all front ends.

use std::time::Duration;

use mpconn::AuthKey;

/// Options for connecting to a manager.
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) key: AuthKey,
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_message: u64,
}

/// A call may take this long beside what its method waits, unless set otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// As the adapters have it.
const MAX_MESSAGE: u64 = 64 << 20;

/// Giving back a reference, which happens in a `drop`, takes no longer than this.
pub(crate) const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

impl Options {
    /// Creates options for managers that have this key.
    #[must_use]
    pub fn new(key: AuthKey) -> Self {
        Self { key, timeout: Some(TIMEOUT), max_message: MAX_MESSAGE }
    }

    /// Sets how long a reply may take, beside what the method is asked to wait; 30 s by default, `None`
    /// for ever. Connecting with its handshake may take as long, and so may sending.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// Sets the longest reply to receive, in bytes; 64 MiB by default.
    #[must_use]
    pub fn max_message(mut self, bytes: u64) -> Self {
        self.max_message = bytes;
        self
    }
}
