//! A connected socket on the runtime, or a named pipe.

use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::os::windows::io::{
    AsHandle, AsSocket, BorrowedHandle, BorrowedSocket, OwnedHandle, OwnedSocket,
};
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
pub struct Socket(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream),
    Pipe(Pipe),
}

impl Socket {
    /// Its handle, if it is a pipe.
    #[must_use]
    pub fn handle(&self) -> Option<BorrowedHandle<'_>> {
        match &self.0 {
            Kind::Tcp(_) => None,
            Kind::Pipe(pipe) => Some(pipe.as_handle()),
        }
    }

    /// Its socket, if it is one.
    #[must_use]
    pub fn socket(&self) -> Option<BorrowedSocket<'_>> {
        match &self.0 {
            Kind::Tcp(stream) => Some(stream.as_socket()),
            Kind::Pipe(_) => None,
        }
    }

    /// The handle of a pipe, for a child say, as long as nothing was sent or received.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` when something was, `Unsupported` for a TCP socket; and the system's.
    pub fn into_handle(self) -> io::Result<OwnedHandle> {
        match self.0 {
            Kind::Tcp(_) => Err(ErrorKind::Unsupported.into()),
            Kind::Pipe(pipe) => pipe.into_handle(),
        }
    }

    /// Returns the socket in blocking mode, if it is one.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a pipe, and those of the system.
    pub fn into_socket(self) -> io::Result<OwnedSocket> {
        match self.0 {
            Kind::Tcp(stream) => {
                let stream = stream.into_std()?;
                stream.set_nonblocking(false)?;
                Ok(stream.into())
            }
            Kind::Pipe(_) => Err(ErrorKind::Unsupported.into()),
        }
    }
}

impl Transport for Socket {
    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        mut space: ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        let stream = match &self.0 {
            Kind::Tcp(stream) => stream,
            Kind::Pipe(pipe) => return pipe.poll_receive(cx, &mut space),
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
        let stream = match &self.0 {
            Kind::Tcp(stream) => stream,
            Kind::Pipe(pipe) => return pipe.poll_send(cx, slices),
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
        match &self.0 {
            Kind::Tcp(stream) => {
                stream.poll_peek(cx, &mut tokio::io::ReadBuf::new(&mut [0])).map_ok(|_| ())
            }
            Kind::Pipe(pipe) => pipe.poll_readable(cx),
        }
    }
}

/// The readiness was out of date: look again.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Connects to a TCP listener.
pub(crate) async fn open_tcp(address: SocketAddr) -> io::Result<Socket> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream.into())
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
    let stream = match &socket.0 {
        Kind::Tcp(stream) => stream,
        Kind::Pipe(pipe) => {
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
        Self(Kind::Tcp(stream))
    }
}

impl From<Pipe> for Socket {
    fn from(pipe: Pipe) -> Self {
        Self(Kind::Pipe(pipe))
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
        TcpStream::from_std(stream).map(Self::from)
    }
}

/// Needs a runtime.
impl TryFrom<OwnedSocket> for Socket {
    type Error = io::Error;

    fn try_from(socket: OwnedSocket) -> io::Result<Self> {
        std::net::TcpStream::from(socket).try_into()
    }
}
