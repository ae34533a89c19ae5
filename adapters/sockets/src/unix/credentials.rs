use std::io;
use std::os::fd::AsFd;

use rustix::net::sockopt;

/// Who is on the other side of a Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The process that connected.
    pub pid: i32,
    /// Its effective user.
    pub uid: u32,
    /// Its effective group.
    pub gid: u32,
}

/// Who is on the other side of a Unix socket, as the kernel recorded it when the peer connected.
///
/// # Errors
///
/// The system's, when it is none.
pub fn peer_credentials(socket: impl AsFd) -> io::Result<Credentials> {
    let peer = sockopt::socket_peercred(socket)?;
    let (uid, gid) = (peer.uid.as_raw(), peer.gid.as_raw());
    Ok(Credentials { pid: peer.pid.as_raw_nonzero().get(), uid, gid })
}
