//! Descriptors, and who is behind them.

use std::os::fd::{AsFd, BorrowedFd};

use crate::connection::Connection;
use crate::listener::Listener;
use crate::receiver::Receiver;
use crate::sender::Sender;

impl Connection {
    /// Who is on the other side of a Unix socket, as the kernel recorded it when the peer
    /// connected.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a transport that is no Unix socket; `NotConnected` after a close; and the
    /// system's.
    #[cfg(target_os = "linux")]
    pub fn peer_credentials(&self) -> std::io::Result<mpconn_sockets::Credentials> {
        match self.receiver().transport() {
            Some(socket) => socket.peer_credentials(),
            None => Err(std::io::ErrorKind::NotConnected.into()),
        }
    }

    /// Its descriptor, Python's `fileno`; `None` after a close.
    #[must_use]
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.receiver().fd()
    }
}

impl Receiver {
    /// Its descriptor, Python's `fileno`; `None` after a close.
    #[must_use]
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.transport().map(|socket| socket.as_fd())
    }
}

impl Sender {
    /// Its descriptor, Python's `fileno`; `None` after a close.
    #[must_use]
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.transport().map(|socket| socket.as_fd())
    }
}

impl AsFd for Listener {
    /// For `poll(2)` and its kin: readable when a client waits to be taken in.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bound().as_fd()
    }
}
