use std::io;
use std::os::fd::AsFd;

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;

/// What the kernel says of the user where no credentials were recorded.
const NOT_RECORDED: u32 = u32::MAX;

/// Who is on the other side of a Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The process that connected. `None` for one that cannot be seen from here: a peer outside of
    /// this process's container, mostly.
    pub pid: Option<i32>,
    /// Its effective user. One that has no number here, where users have numbers of their own, is
    /// shown as the overflow user, mostly 65534: as all others of these are.
    pub uid: u32,
    /// Its effective group, likewise.
    pub gid: u32,
}

/// Who is on the other side of a Unix socket, as the kernel recorded it when the peer connected.
///
/// # Errors
///
/// `Unsupported` when it is none, and the system's.
// By nix: the pid of a peer outside of this process's container is 0, which the type that rustix 1.1 reads
// it into cannot hold.
pub fn peer_credentials(socket: impl AsFd) -> io::Result<Credentials> {
    let peer = getsockopt(&socket, PeerCredentials)?;
    if peer.uid() == NOT_RECORDED {
        let error = "no credentials were recorded: this is no connected Unix socket";
        return Err(io::Error::new(io::ErrorKind::Unsupported, error));
    }
    let pid = Some(peer.pid()).filter(|&pid| pid != 0);
    Ok(Credentials { pid, uid: peer.uid(), gid: peer.gid() })
}
