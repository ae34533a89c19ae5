//! What to do when the system cannot give a listener its next client.

use std::io;
use std::time::Duration;

use crate::platform;

/// How long to leave clients waiting: doubled from the first to the second of these, so that a
/// lasting shortage costs a handful of `accept` calls a second, and a passing one is hardly noticed.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(320));

/// What a failure of `accept` means for the listening socket.
pub(crate) enum Trouble {
    /// There is nobody, or a signal came.
    Passing,
    /// A client's own trouble, or a shortage of descriptors or memory.
    Lasting,
    /// It is of no use any more.
    Final,
}

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
    /// or memory: the listening socket is of no use any more.
    pub fn pause_after(&mut self, error: io::Error) -> io::Result<Duration> {
        match platform::trouble(&error) {
            Trouble::Passing => Ok(Duration::ZERO),
            Trouble::Lasting => {
                let (first, longest) = PAUSES;
                let pause = self.last_pause.map_or(first, |last| (last * 2).min(longest));
                self.last_pause = Some(pause);
                #[cfg(feature = "tracing")]
                tracing::warn!(%error, ?pause, "cannot accept clients for now");
                Ok(pause)
            }
            Trouble::Final => Err(error),
        }
    }
}
