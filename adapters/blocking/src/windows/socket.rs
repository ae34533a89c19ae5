//! A connected socket, or a named pipe.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::windows::io::{
    AsHandle, AsSocket, BorrowedHandle, BorrowedSocket, OwnedHandle, OwnedSocket,
};
use std::time::Duration;

use mpconn::{Address, ReadBuf};
use mpconn_pipe::{Pipe, block_until, connect};
use mpconn_sockets::{Operation, unsupported};
use rustix::event::{PollFd, PollFlags};

use crate::deadline::Deadline;
use crate::platform::poll::{Watched, What, poll_fds};
use crate::transport::{Duplex, Transport};

/// A connected TCP socket, or an end of a named pipe.
///
/// A TCP socket is in non-blocking mode from the moment it becomes one of these. What a pipe has
/// received, or is still sending, when its deadline comes stays with it, and the next call goes on
/// there.
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
                stream.set_nonblocking(false)?;
                Ok(stream.into())
            }
            Kind::Pipe(_) => Err(ErrorKind::Unsupported.into()),
        }
    }
}

/// Connects to a TCP listener.
pub(crate) fn open_tcp(address: SocketAddr, timeout: Option<Duration>) -> io::Result<Socket> {
    let stream = match timeout {
        None => TcpStream::connect(address),
        Some(timeout) => TcpStream::connect_timeout(&address, timeout),
    }?;
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

impl Transport for Socket {
    fn receive(&self, mut space: ReadBuf<'_>, deadline: Deadline) -> io::Result<Option<usize>> {
        match &self.0 {
            Kind::Tcp(stream) => {
                let buffer = space.into_slice();
                until(stream, deadline, PollFlags::IN, |mut stream| stream.read(buffer))
            }
            Kind::Pipe(pipe) => {
                block_until(deadline.at(), |cx| pipe.poll_receive(cx, &mut space)).transpose()
            }
        }
    }

    fn send(&self, slices: &[IoSlice<'_>], deadline: Deadline) -> io::Result<Option<usize>> {
        match &self.0 {
            Kind::Tcp(stream) => {
                until(stream, deadline, PollFlags::OUT, |mut stream| stream.write_vectored(slices))
            }
            Kind::Pipe(pipe) => {
                block_until(deadline.at(), |cx| pipe.poll_send(cx, slices)).transpose()
            }
        }
    }

    fn wait_readable(&self, deadline: Deadline) -> io::Result<bool> {
        match &self.0 {
            Kind::Tcp(stream) => ready(stream, PollFlags::IN, deadline),
            // An error is something to receive, too.
            Kind::Pipe(pipe) => {
                Ok(block_until(deadline.at(), |cx| pipe.poll_readable(cx)).is_some())
            }
        }
    }
}

/// Retries what `operation` cannot do yet, until the deadline.
fn until(
    stream: &TcpStream,
    deadline: Deadline,
    interest: PollFlags,
    mut operation: impl FnMut(&TcpStream) -> io::Result<usize>,
) -> io::Result<Option<usize>> {
    loop {
        match operation(stream) {
            Ok(n) => return Ok(Some(n)),
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock => {
                    if !ready(stream, interest, deadline)? {
                        return Ok(None);
                    }
                }
                _ => return Err(error),
            },
        }
    }
}

/// Waits until a socket is ready, in error or at its end; false if the deadline came first.
fn ready(stream: &TcpStream, interest: PollFlags, deadline: Deadline) -> io::Result<bool> {
    let mut fds = [PollFd::new(stream, interest)];
    poll_fds(&mut fds, deadline).map(|n| n > 0)
}

impl Duplex for Socket {}

/// Does what can be done of a handshake's operation without waiting.
pub(crate) fn transfer_now(socket: &Socket, operation: Operation<'_>) -> io::Result<Option<usize>> {
    match operation {
        Operation::Write(bytes) => socket.send(&[IoSlice::new(bytes)], Deadline::now()),
        Operation::Read(space) => socket.receive(space, Deadline::now()),
    }
}

impl Watched for Socket {
    fn what(&self) -> What<'_> {
        match &self.0 {
            Kind::Tcp(stream) => What::Socket(stream.as_socket()),
            Kind::Pipe(pipe) => What::Pipe(pipe),
        }
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        // What is no socket any more fails at its first use.
        let _ = stream.set_nonblocking(true);
        Self(Kind::Tcp(stream))
    }
}

impl From<OwnedSocket> for Socket {
    fn from(socket: OwnedSocket) -> Self {
        TcpStream::from(socket).into()
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
