//! A connected socket on the runtime.

use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll, ready};

use mpconn::{Address, ReadBuf};
use mpconn_sockets::{Operation, connect_unix, unix_name};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

use crate::transport::Transport;

/// A connected TCP or Unix socket.
#[derive(Debug)]
#[non_exhaustive]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

/// The same expression for either kind.
macro_rules! either {
    ($socket:expr, $stream:ident => $expression:expr) => {
        match $socket {
            Socket::Tcp($stream) => $expression,
            Socket::Unix($stream) => $expression,
        }
    };
}

impl Transport for Socket {
    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        mut space: ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(either!(self, stream => stream.poll_read_ready(cx)))?;
            // A short read does not mean that nothing is left: the kernel also stops at descriptors
            // (`SCM_RIGHTS`) and at urgent data. Only a read that would block clears the readiness.
            let receive = || Ok(mpconn_sockets::receive(self, &mut space, false)?);
            match either!(self, stream => stream.try_io(Interest::READABLE, receive)) {
                Err(error) if is_passing(&error) => {}
                received => return Poll::Ready(received),
            }
        }
    }

    fn poll_send(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            ready!(either!(self, stream => stream.poll_write_ready(cx)))?;
            let send = || Ok(mpconn_sockets::send(self, slices, false)?);
            match either!(self, stream => stream.try_io(Interest::WRITABLE, send)) {
                Err(error) if is_passing(&error) => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(either!(self, stream => stream.poll_read_ready(cx)))?;
            // The runtime remembers what was ready once; only the kernel knows what is now.
            match either!(self, stream => stream.try_io(Interest::READABLE, || is_readable(self))) {
                Err(error) if is_passing(&error) => {}
                readable => return Poll::Ready(readable),
            }
        }
    }
}

/// Tries to connect to a Unix socket; `None` when the listener's backlog is full.
pub(crate) fn open(address: &Address) -> io::Result<Option<Socket>> {
    let Some(fd) = connect_unix(&unix_name(address)?)? else { return Ok(None) };
    std::os::unix::net::UnixStream::from(fd).try_into().map(Some)
}

/// What can be done at this moment, also where the runtime has not seen yet what the kernel has.
pub(crate) fn transfer_now(
    socket: &Socket,
    _: &mut Context<'_>,
    operation: Operation<'_>,
) -> io::Result<Option<usize>> {
    mpconn_sockets::transfer_now(socket, operation)
}

/// The readiness was out of date, or a signal came: look again.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn is_readable(socket: &Socket) -> io::Result<()> {
    let mut fds = [PollFd::new(socket, PollFlags::IN)];
    match poll(&mut fds, Some(&Timespec::default()))? {
        0 => Err(ErrorKind::WouldBlock.into()),
        _ => Ok(()),
    }
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

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        either!(self, stream => stream.as_fd())
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(stream)
    }
}

/// Needs a runtime.
impl TryFrom<std::net::TcpStream> for Socket {
    type Error = io::Error;

    fn try_from(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self::Tcp(TcpStream::from_std(stream)?))
    }
}

/// Needs a runtime.
impl TryFrom<std::os::unix::net::UnixStream> for Socket {
    type Error = io::Error;

    fn try_from(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self::Unix(UnixStream::from_std(stream)?))
    }
}

/// Off the runtime, and in blocking mode: for another library, or a child's `Stdio`.
impl TryFrom<Socket> for OwnedFd {
    type Error = io::Error;

    fn try_from(socket: Socket) -> io::Result<Self> {
        let fd = match socket {
            Socket::Tcp(stream) => Self::from(stream.into_std()?),
            Socket::Unix(stream) => Self::from(stream.into_std()?),
        };
        rustix::io::ioctl_fionbio(&fd, false)?;
        Ok(fd)
    }
}
