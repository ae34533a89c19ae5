//! What to do when the system cannot give a listener its next client.

use std::io;
use std::time::Duration;

use rustix::io::Errno;

/// How long to leave clients waiting: doubled from the first to the second of these, so that a
/// lasting shortage costs a handful of `accept` calls a second, and a passing one is hardly noticed.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(320));

/// Linux has a name of its own for a network that is gone.
#[cfg(target_os = "linux")]
const NO_NETWORK: Errno = Errno::NONET;
#[cfg(not(target_os = "linux"))]
const NO_NETWORK: Errno = Errno::NETDOWN;

/// Counts the failures of `accept` in a row.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shortage {
    last_pause: Option<Duration>,
}

impl Shortage {
    /// An `accept` succeeded.
    pub fn is_over(&mut self) {
        self.last_pause = None;
    }

    /// An `accept` failed: how long to pause before the next, zero for just going on.
    ///
    /// # Errors
    ///
    /// The error itself, when it is neither the client's own trouble nor a shortage of descriptors
    /// or memory (accept(2) lists them): the listening socket is of no use any more.
    pub fn pause_after(&mut self, error: io::Error) -> io::Result<Duration> {
        match Errno::from_io_error(&error) {
            Some(Errno::AGAIN | Errno::INTR) => Ok(Duration::ZERO),
            Some(
                Errno::CONNABORTED
                | Errno::MFILE
                | Errno::NFILE
                | Errno::NOBUFS
                | Errno::NOMEM
                | Errno::PERM
                | Errno::PROTO
                | Errno::NETDOWN
                | Errno::NETUNREACH
                | Errno::HOSTDOWN
                | Errno::HOSTUNREACH
                | Errno::OPNOTSUPP
                | NO_NETWORK
                | Errno::NOPROTOOPT,
            ) => {
                let (first, longest) = PAUSES;
                let pause = self.last_pause.map_or(first, |last| (last * 2).min(longest));
                self.last_pause = Some(pause);
                #[cfg(feature = "tracing")]
                tracing::warn!(%error, ?pause, "cannot accept clients for now");
                Ok(pause)
            }
            _ => Err(error),
        }
    }
}
