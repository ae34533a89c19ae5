use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::SocketFile;

/// Whether a listener is closed, and what goes when it is. Any thread may close it.
#[derive(Debug)]
pub struct Closing {
    closed: AtomicBool,
    /// Whether the socket is ours alone.
    owned: bool,
    file: Mutex<Option<SocketFile>>,
}

impl Closing {
    /// Of an open listener whose socket was made for it, with this file.
    #[must_use]
    pub fn new(file: Option<SocketFile>) -> Self {
        Self { closed: AtomicBool::new(false), owned: true, file: Mutex::new(file) }
    }

    /// Of an open listener at somebody else's socket, which goes on without it.
    #[must_use]
    pub fn adopted() -> Self {
        Self { closed: AtomicBool::new(false), owned: false, file: Mutex::new(None) }
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Closes it. Nobody connects to what is being closed: the name goes first, then the socket
    /// stops listening, by `stop`, unless it is somebody else's. Whoever waits for it is the caller's
    /// to wake.
    pub fn close(&self, stop: impl FnOnce()) {
        self.closed.store(true, Ordering::Release);
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if self.owned {
            stop();
        }
    }
}
