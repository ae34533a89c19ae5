//! A connected socket, or a pipe of the file system, by its descriptor.

use std::io::{self, IoSlice};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use mpconn::{Address, ReadBuf};
use mpconn_sockets::{Operation, connect_tcp, connect_unix, unix_name};
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::sockopt;
use rustix::pipe::PIPE_BUF;

use crate::deadline::Deadline;
use crate::platform::poll::poll_until;
use crate::transport::{Duplex, Transport};

/// A connected TCP or Unix socket, or any other descriptor that bytes can be read from or written
/// to, such as an end of a `pipe(2)`.
///
/// It stays in the mode it is in, blocking or not, since that is shared with everyone who has the
/// same descriptor; either works.
///
/// A socket never raises `SIGPIPE`. A pipe of the file system does, when it is written to after
/// its reader has gone and the program has not changed the signal's default (Rust programs have).
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    is_socket: bool,
}

impl Socket {
    pub(crate) fn connected(fd: OwnedFd) -> Self {
        Self { fd, is_socket: true }
    }

    fn read(&self, space: &mut ReadBuf<'_>, wait: bool) -> Result<usize, Errno> {
        match space {
            space if self.is_socket => mpconn_sockets::receive(self, space, wait),
            ReadBuf::Slice(slice) => rustix::io::read(self, &mut **slice),
            ReadBuf::Spare(vec) => rustix::io::read(self, spare_capacity(vec)),
        }
    }

    fn write(&self, slices: &[IoSlice<'_>], wait: bool) -> Result<usize, Errno> {
        if self.is_socket {
            return mpconn_sockets::send(self, slices, wait);
        }
        if wait {
            return rustix::io::writev(self, slices);
        }
        // A pipe in blocking mode that has room takes this much, and waits with any more.
        let next = slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |slice| slice);
        rustix::io::write(self, &next[..next.len().min(PIPE_BUF)])
    }

    /// Retries what `operation` cannot do yet, until the deadline.
    fn until(
        &self,
        deadline: Deadline,
        interest: PollFlags,
        mut operation: impl FnMut(bool) -> Result<usize, Errno>,
    ) -> io::Result<Option<usize>> {
        let forever = deadline.is_never();
        // Only sockets can be told not to wait, call by call. What a peer is given time to send is
        // seldom there yet, where there mostly is room to send.
        // Who gives no time at all has been told that something is there.
        let waits_first = !self.is_socket || (interest == PollFlags::IN && !deadline.has_passed());
        if !forever && waits_first && !ready(self, interest, deadline)? {
            return Ok(None);
        }
        loop {
            match operation(forever) {
                Ok(n) => return Ok(Some(n)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    if !ready(self, interest, deadline)? {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Connects to a TCP listener.
pub(crate) fn open_tcp(address: SocketAddr, timeout: Option<Duration>) -> io::Result<Socket> {
    let (fd, is_connected) = connect_tcp(&address)?;
    if !is_connected {
        let mut fds = [PollFd::new(&fd, PollFlags::OUT)];
        if poll_until(&mut fds, Deadline::after(timeout))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) {
            sockopt::socket_error(&fd)??;
        }
    }
    rustix::io::ioctl_fionbio(&fd, false)?;
    Ok(Socket::connected(fd))
}

/// Tries to connect to a Unix socket; `None` when the listener's backlog is full.
pub(crate) fn open(address: &Address) -> io::Result<Option<Socket>> {
    let Some(fd) = connect_unix(&unix_name(address)?)? else { return Ok(None) };
    rustix::io::ioctl_fionbio(&fd, false)?;
    Ok(Some(Socket::connected(fd)))
}

/// Waits until a descriptor is ready, in error or at its end; false if the deadline came first.
fn ready(fd: impl AsFd, interest: PollFlags, deadline: Deadline) -> io::Result<bool> {
    let mut fds = [PollFd::new(&fd, interest)];
    poll_until(&mut fds, deadline).map(|n| n > 0)
}

impl Transport for Socket {
    fn receive(&self, mut space: ReadBuf<'_>, deadline: Deadline) -> io::Result<Option<usize>> {
        self.until(deadline, PollFlags::IN, |wait| self.read(&mut space, wait))
    }

    fn send(&self, slices: &[IoSlice<'_>], deadline: Deadline) -> io::Result<Option<usize>> {
        self.until(deadline, PollFlags::OUT, |wait| self.write(slices, wait))
    }

    fn wait_readable(&self, deadline: Deadline) -> io::Result<bool> {
        ready(self, PollFlags::IN, deadline)
    }
}

impl Duplex for Socket {}

/// Does what can be done of a handshake's operation without waiting.
pub(crate) fn transfer_now(socket: &Socket, operation: Operation<'_>) -> io::Result<Option<usize>> {
    mpconn_sockets::transfer_now(socket, operation)
}

#[cfg(target_os = "linux")]
impl Socket {
    /// Who is on the other side of a Unix socket, as the kernel recorded it when the peer
    /// connected.
    ///
    /// # Errors
    ///
    /// `Unsupported` when it is none, and the system's.
    pub fn peer_credentials(&self) -> io::Result<mpconn_sockets::Credentials> {
        mpconn_sockets::peer_credentials(self)
    }
}

impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        socket.fd
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<OwnedFd> for Socket {
    fn from(fd: OwnedFd) -> Self {
        let is_socket = sockopt::socket_type(&fd).is_ok();
        Self { fd, is_socket }
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self::connected(stream.into())
    }
}

impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Self {
        Self::connected(stream.into())
    }
}
