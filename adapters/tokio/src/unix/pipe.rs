//! Connected pairs without an address: Python's `Pipe`.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use crate::connection::Connection;
use crate::platform::socket::{Kind, Socket};
use crate::receiver::Receiver;
use crate::sender::Sender;

/// Returns two connections to each other. CPython's counterpart is `Pipe()`.
///
/// It is a pair of Unix sockets. No child inherits them, unless one is given to it on purpose:
/// [`into_parts`](Connection::into_parts) gives the socket, which becomes an `OwnedFd` in blocking mode,
/// and so a `Stdio`. A Python 3 child that has it as its standard input opens it with
///
/// ```python
/// import os
/// from multiprocessing.connection import Connection
/// connection = Connection(os.dup(0))
/// os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
/// ```
///
/// The last line keeps the connection from processes that the child starts: it would not end with the
/// child while one of them has it. A fork of the child has it all the same, and a child that dies may
/// leave one behind. So watch the process too, and take the connection for ended when the process
/// has ended: `select!` between the connection and `tokio::process::Child::wait`.
///
/// # Errors
///
/// What the system says, if no file descriptor is left.
///
/// # Panics
///
/// Outside a runtime.
pub fn pipe() -> io::Result<(Connection, Connection)> {
    let (one, other) = UnixStream::pair()?;
    let (one, other) = (
        Socket::connected(one.into(), Kind::Unix, false)?,
        Socket::connected(other.into(), Kind::Unix, false)?,
    );
    Ok((Connection::unauthenticated(one), Connection::unauthenticated(other)))
}

/// Returns a receiver, and the sender that it receives from. CPython's counterpart is
/// `Pipe(duplex=False)`.
///
/// The transport is a pair of Unix sockets, each shut down in one direction, since `pipe(2)` could
/// raise `SIGPIPE`. [`Receiver::into_parts`] and [`Sender::into_parts`] return the socket for a
/// child process: a Python 3 child opens the receiver with `Connection(os.dup(0), writable=False)`,
/// and the sender with `Connection(os.dup(0), readable=False)`.
///
/// # Errors
///
/// What the system says, if no file descriptor is left.
///
/// # Panics
///
/// Outside a runtime.
pub fn one_way_pipe() -> io::Result<(Receiver, Sender)> {
    let (receiver, sender) = UnixStream::pair()?;
    receiver.shutdown(Shutdown::Write)?;
    sender.shutdown(Shutdown::Read)?;
    let (receiver, sender) = (
        Socket::connected(receiver.into(), Kind::Unix, false)?,
        Socket::connected(sender.into(), Kind::Unix, false)?,
    );
    Ok((Receiver::unauthenticated(receiver), Sender::unauthenticated(sender)))
}
