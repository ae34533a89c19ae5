//! A connected socket on the runtime, or a named pipe.

use std::io::{self, ErrorKind, IoSlice};
use std::os::windows::io::{AsHandle, AsSocket, BorrowedHandle, BorrowedSocket, OwnedHandle};
use std::task::{Context, Poll, ready};

use mpconn::{Address, ReadBuf};
use mpconn_pipe::{Pipe, connect};
use mpconn_sockets::{Operation, unsupported};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use tokio::net::TcpStream;

use crate::transport::Transport;
use crate::transport::for_now;

/// A connected TCP socket, or an end of a named pipe.
///
/// A pipe is no business of the runtime's: one thread of the process tells of all pipes, and none
/// is blocked for any.
#[derive(Debug)]
#[non_exhaustive]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// A named pipe.
    Pipe(Pipe),
}

impl Socket {
    /// Its handle, if it is a pipe.
    #[must_use]
    pub fn handle(&self) -> Option<BorrowedHandle<'_>> {
        match self {
            Self::Tcp(_) => None,
            Self::Pipe(pipe) => Some(pipe.as_handle()),
        }
    }

    /// Its socket, if it is one.
    #[must_use]
    pub fn socket(&self) -> Option<BorrowedSocket<'_>> {
        match self {
            Self::Tcp(stream) => Some(stream.as_socket()),
            Self::Pipe(_) => None,
        }
    }

    /// The handle of a pipe, for a child say, as long as nothing was sent or received.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` when something was, `Unsupported` for a TCP socket; and the system's.
    pub fn into_handle(self) -> io::Result<OwnedHandle> {
        match self {
            Self::Tcp(_) => Err(ErrorKind::Unsupported.into()),
            Self::Pipe(pipe) => pipe.into_handle(),
        }
    }
}

impl Transport for Socket {
    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        mut space: ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        let stream = match self {
            Self::Tcp(stream) => stream,
            Self::Pipe(pipe) => return pipe.poll_receive(cx, &mut space),
        };
        let buffer = space.into_slice();
        loop {
            ready!(stream.poll_read_ready(cx))?;
            match stream.try_read(buffer) {
                Err(error) if is_passing(&error) => {}
                received => return Poll::Ready(received),
            }
        }
    }

    fn poll_send(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let stream = match self {
            Self::Tcp(stream) => stream,
            Self::Pipe(pipe) => return pipe.poll_send(cx, slices),
        };
        loop {
            ready!(stream.poll_write_ready(cx))?;
            match stream.try_write_vectored(slices) {
                Err(error) if is_passing(&error) => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => {
                stream.poll_peek(cx, &mut tokio::io::ReadBuf::new(&mut [0])).map_ok(|_| ())
            }
            Self::Pipe(pipe) => pipe.poll_readable(cx),
        }
    }
}

/// The readiness was out of date: look again.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Tries to connect to a pipe; `None` when all its instances are taken.
pub(crate) fn open(address: &Address) -> io::Result<Option<Socket>> {
    match address {
        Address::Pipe(name) => Ok(connect(name)?.map(Socket::from)),
        address => Err(unsupported(address)),
    }
}

/// What can be done at this moment, also where the runtime has not seen yet what the system has. A
/// pipe wakes the task of `cx` when there is more.
pub(crate) fn transfer_now(
    socket: &Socket,
    cx: &mut Context<'_>,
    operation: Operation<'_>,
) -> io::Result<Option<usize>> {
    let stream = match socket {
        Socket::Tcp(stream) => stream,
        Socket::Pipe(pipe) => {
            return for_now(match operation {
                Operation::Write(bytes) => pipe.poll_send(cx, &[IoSlice::new(bytes)]),
                Operation::Read(mut space) => pipe.poll_receive(cx, &mut space),
            });
        }
    };
    // In non-blocking mode, as everything on the runtime.
    let moved = match operation {
        Operation::Write(bytes) => rustix::net::send(stream, bytes, SendFlags::empty()),
        Operation::Read(space) => {
            rustix::net::recv(stream, space.into_slice(), RecvFlags::empty()).map(|(n, _)| n)
        }
    };
    match moved {
        Ok(n) => Ok(Some(n)),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl From<Pipe> for Socket {
    fn from(pipe: Pipe) -> Self {
        Self::Pipe(pipe)
    }
}

impl From<OwnedHandle> for Socket {
    /// An end of a message pipe that was opened for overlapped I/O and is in message read mode, as
    /// Python's are: one that was inherited, say. Its first use fails where that is not so.
    fn from(handle: OwnedHandle) -> Self {
        Pipe::from(handle).into()
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
