//! Moving bytes over a connected socket.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};

use mpconn::ReadBuf;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketAddrUnix, recv, sendmsg,
};

use crate::{Operation, socket};

/// Receives some bytes into `space`, waiting for them or not.
///
/// # Errors
///
/// The system's: `AGAIN` when there are none, and `INTR`, among others.
pub fn receive(socket: impl AsFd, space: &mut ReadBuf<'_>, wait: bool) -> Result<usize, Errno> {
    let flags = if wait { RecvFlags::empty() } else { RecvFlags::DONTWAIT };
    match space {
        ReadBuf::Slice(slice) => recv(socket, &mut **slice, flags).map(|(n, _)| n),
        ReadBuf::Spare(vec) => recv(socket, spare_capacity(vec), flags).map(|(n, _)| n),
    }
}

/// Sends some of these bytes, waiting for room or not. It never raises `SIGPIPE`.
///
/// # Errors
///
/// The system's: `AGAIN` when there is no room, and `INTR`, among others.
pub fn send(socket: impl AsFd, slices: &[IoSlice<'_>], wait: bool) -> Result<usize, Errno> {
    let mut flags = no_signal();
    flags.set(SendFlags::DONTWAIT, !wait);
    // It costs less than `sendmsg`.
    if let [slice] = slices {
        return rustix::net::send(socket, slice, flags);
    }
    sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), flags)
}

/// What can be done of a handshake's operation at this moment.
///
/// # Errors
///
/// The system's.
pub fn transfer_now(socket: impl AsFd, operation: Operation<'_>) -> io::Result<Option<usize>> {
    let moved = match operation {
        Operation::Write(bytes) => send(socket, &[IoSlice::new(bytes)], false),
        Operation::Read(mut space) => receive(socket, &mut space, false),
    };
    match moved {
        Ok(n) => Ok(Some(n)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_vendor = "apple"))]
fn no_signal() -> SendFlags {
    SendFlags::NOSIGNAL
}

/// There it is an option of the socket, which the standard library and [`socket`] set.
#[cfg(target_vendor = "apple")]
fn no_signal() -> SendFlags {
    SendFlags::empty()
}

/// Tries to connect to a Unix socket. It connects at once, or finds the listener's backlog full,
/// `None`, which can only be tried again. The socket is in non-blocking mode.
///
/// # Errors
///
/// The system's.
pub fn connect_unix(name: &SocketAddrUnix) -> io::Result<Option<OwnedFd>> {
    let fd = socket(AddressFamily::UNIX)?;
    rustix::io::ioctl_fionbio(&fd, true)?;
    match rustix::net::connect(&fd, name) {
        Ok(()) => Ok(Some(fd)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
