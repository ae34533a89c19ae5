//! Connected pairs without an address: Python's `Pipe`.

use std::io;

use crate::connection::Connection;
use crate::platform::socket::Socket;
use crate::receiver::Receiver;
use crate::sender::Sender;

/// Two connections to each other: Python's `Pipe()`.
///
/// It is a named pipe, whose name nobody knows, for its owner alone. No child inherits its handles,
/// unless one is given to it on purpose: [`into_parts`](Connection::into_parts) gives the socket,
/// and
/// [`into_handle`](Socket::into_handle) its handle, from which a Python 3 makes a `PipeConnection`.
///
/// # Errors
///
/// The system's.
pub fn pipe() -> io::Result<(Connection, Connection)> {
    let (one, other) = mpconn_pipe::pair()?;
    Ok((Connection::unauthenticated(one.into()), Connection::unauthenticated(other.into())))
}

/// A receiver, and the sender that it receives from: Python's `Pipe(duplex=False)`.
///
/// # Errors
///
/// The system's.
pub fn one_way_pipe() -> io::Result<(Receiver, Sender)> {
    let (receiver, sender) = mpconn_pipe::one_way_pair()?;
    Ok((
        Receiver::unauthenticated(Socket::from(receiver)),
        Sender::unauthenticated(Socket::from(sender)),
    ))
}
