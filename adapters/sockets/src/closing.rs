use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::net::Shutdown;

use crate::SocketFile;

/// Whether a listener is closed, and what goes when it is. Any thread may close it.
#[derive(Debug)]
pub struct Closing {
    closed: AtomicBool,
    file: Mutex<Option<SocketFile>>,
}

impl Closing {
    /// Of an open listener with this file.
    #[must_use]
    pub fn new(file: Option<SocketFile>) -> Self {
        Self { closed: AtomicBool::new(false), file: Mutex::new(file) }
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Closes it. Nobody connects to what is being closed: the name goes first, then the socket
    /// stops listening. Whoever waits for it is the caller's to wake.
    pub fn close(&self, listening: impl AsFd) {
        self.closed.store(true, Ordering::Release);
        drop(self.file.lock().unwrap_or_else(PoisonError::into_inner).take());
        // A socket that cannot be shut down closes with its last owner.
        let _ = rustix::net::shutdown(listening, Shutdown::Both);
    }
}
