//! Handles and sockets.

use std::os::windows::io::{BorrowedHandle, BorrowedSocket};

use crate::connection::Connection;
use crate::receiver::Receiver;
use crate::sender::Sender;

impl Connection {
    /// See [`Socket::handle`](crate::Socket::handle); Python's `fileno` of a `PipeConnection`.
    /// `None` also after a close.
    #[must_use]
    pub fn handle(&self) -> Option<BorrowedHandle<'_>> {
        self.receiver().handle()
    }

    /// See [`Socket::socket`](crate::Socket::socket); Python's `fileno` of a `Connection`. `None`
    /// also after a close.
    #[must_use]
    pub fn socket(&self) -> Option<BorrowedSocket<'_>> {
        self.receiver().socket()
    }
}

impl Receiver {
    /// See [`Connection::handle`].
    #[must_use]
    pub fn handle(&self) -> Option<BorrowedHandle<'_>> {
        self.transport()?.handle()
    }

    /// See [`Connection::socket`].
    #[must_use]
    pub fn socket(&self) -> Option<BorrowedSocket<'_>> {
        self.transport()?.socket()
    }
}

impl Sender {
    /// See [`Connection::handle`].
    #[must_use]
    pub fn handle(&self) -> Option<BorrowedHandle<'_>> {
        self.transport()?.handle()
    }

    /// See [`Connection::socket`].
    #[must_use]
    pub fn socket(&self) -> Option<BorrowedSocket<'_>> {
        self.transport()?.socket()
    }
}
