//! Descriptors, and who is behind them.

use std::os::fd::{AsFd, BorrowedFd};

use crate::connection::Connection;
use crate::listener::Listener;
use crate::receiver::Receiver;
use crate::sender::Sender;

impl Connection {
    /// Returns who is on the other side of a Unix socket, as the kernel recorded it when the peer
    /// connected.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the transport is no Unix socket, `NotConnected` after a close, and what the
    /// system says.
    #[cfg(target_os = "linux")]
    pub fn peer_credentials(&self) -> std::io::Result<mpconn_sockets::Credentials> {
        match self.receiver().transport() {
            Some(socket) => socket.peer_credentials(),
            None => Err(std::io::ErrorKind::NotConnected.into()),
        }
    }

    /// Returns the descriptor, or `None` after a close. CPython's counterpart is `Connection.fileno`.
    #[must_use]
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.receiver().fd()
    }
}

impl Receiver {
    /// Returns the descriptor, or `None` after a close. CPython's counterpart is `Connection.fileno`.
    #[must_use]
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.transport().map(|socket| socket.as_fd())
    }
}

impl Sender {
    /// Returns the descriptor, or `None` after a close. CPython's counterpart is `Connection.fileno`.
    #[must_use]
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.transport().map(|socket| socket.as_fd())
    }
}

impl AsFd for Listener {
    /// Returns the descriptor of the listening socket, which is readable when a client waits.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bound().as_fd()
    }
}
