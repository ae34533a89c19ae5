//! Moving bytes over a connected socket.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;

use mpconn::{Address, ReadBuf};
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketAddrUnix, recv, sendmsg,
    sockopt,
};

use super::bind::{no_socket, nonblocking_socket, unix_address};
use crate::{Bound, Operation};

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
    let fd = nonblocking_socket(AddressFamily::UNIX)?;
    match rustix::net::connect(&fd, name) {
        Ok(()) => Ok(Some(fd)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(error) => Err(no_listener(name, error.into())),
    }
}

/// Tells a file that is no socket from a socket at which nobody listens: the system refuses both.
fn no_listener(name: &SocketAddrUnix, error: io::Error) -> io::Error {
    let path = name.path().filter(|_| error.kind() == io::ErrorKind::ConnectionRefused);
    let file = path.and_then(|path| fs::metadata(OsStr::from_bytes(path.to_bytes())).ok());
    match file.map(|file| file.file_type()).filter(|file| !file.is_socket()) {
        Some(file) => io::Error::new(io::ErrorKind::InvalidInput, no_socket(file)),
        None => error,
    }
}

/// Begins to connect to a TCP listener. Returns `true` beside the socket if it is connected; otherwise
/// it will be ready for writing when it is, or has failed. The socket is in non-blocking mode.
///
/// # Errors
///
/// Those of the system.
pub fn connect_tcp(address: &SocketAddr) -> io::Result<(OwnedFd, bool)> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let fd = nonblocking_socket(family)?;
    sockopt::set_tcp_nodelay(&fd, true)?;
    match rustix::net::connect(&fd, address) {
        Ok(()) => Ok((fd, true)),
        Err(Errno::INPROGRESS | Errno::INTR) => Ok((fd, false)),
        Err(error) => Err(error.into()),
    }
}

/// Accepts a client, if one is waiting. Its socket is in blocking mode, where the system does not
/// inherit the listener's.
///
/// # Errors
///
/// Those of the system: `WouldBlock` if none is waiting.
pub fn accept(bound: &Bound) -> io::Result<(OwnedFd, Option<Address>)> {
    match bound {
        Bound::Tcp(listener) | Bound::AdoptedTcp(listener) => {
            let (stream, peer) = listener.accept()?;
            if matches!(bound, Bound::AdoptedTcp(_)) || !cfg!(target_os = "linux") {
                // It fails when the client has gone already, which its handshake will find out.
                let _ = stream.set_nodelay(true);
            }
            Ok((stream.into(), Some(peer.into())))
        }
        Bound::Unix(listener) => {
            let (stream, peer) = listener.accept()?;
            Ok((stream.into(), unix_address(&peer)))
        }
    }
}
