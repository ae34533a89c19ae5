//! A connected socket, or an end of a pipe, on the runtime.

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::task::{Context, Poll, Waker, ready};

use mpconn::{Address, ReadBuf};
use mpconn_sockets::{Operation, connect_tcp, connect_unix, unix_name};
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvFlags, ReturnFlags, SocketType, getsockname, recvmsg,
    sockopt,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Handle;
use tokio::task::coop::poll_proceed;

use crate::transport::Transport;

/// A connected TCP or Unix socket, or an end of a `pipe(2)`, registered with a runtime.
///
/// It is made from an [`OwnedFd`] or from a stream of std's or tokio's, with `try_from`, and becomes an
/// [`OwnedFd`] again with `from`. A descriptor of a socket stays in the mode it is in, blocking or not,
/// since that is shared with everyone who has the same. A pipe is set to non-blocking mode, and so are
/// the sockets of tokio and those that this library connects; these come back in blocking mode, which a
/// child process expects.
///
/// The runtime watches it for reading alone until a write finds no room: the kernel reports room in a
/// Unix socket after each read of the peer, and a task would wake for nothing.
///
/// A socket never raises `SIGPIPE`. A pipe does, when it is written to after its reader has gone and
/// the program has not changed the signal's default (Rust programs have).
#[derive(Debug)]
pub struct Socket {
    registered: RwLock<Registered>,
    /// The task that waits to read, while the registration may be replaced.
    reader: Mutex<Option<Waker>>,
    /// For a second registration, which may happen outside of the runtime's context.
    runtime: Handle,
    fd: Arc<OwnedFd>,
    kind: Kind,
    /// It was set to non-blocking mode here, or by tokio.
    was_set: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tcp,
    Unix,
    /// An end of a pipe.
    Pipe,
}

#[derive(Debug)]
struct Registered {
    /// None when the system has no memory for a registration any more.
    io: Option<AsyncFd<Arc<OwnedFd>>>,
    for_writing: bool,
}

impl Registered {
    fn io(&self) -> io::Result<&AsyncFd<Arc<OwnedFd>>> {
        let error = || io::Error::other("the runtime does not watch the socket any more");
        self.io.as_ref().ok_or_else(error)
    }
}

impl Socket {
    /// Registers a connected socket.
    pub(crate) fn connected(fd: OwnedFd, kind: Kind, was_set: bool) -> io::Result<Self> {
        // There, a send waits for room in spite of `MSG_DONTWAIT` in blocking mode.
        let for_writing = cfg!(target_vendor = "apple") && !was_set;
        Ok(Self { was_set, ..Self::register(fd, kind, for_writing)? })
    }

    fn register(fd: OwnedFd, kind: Kind, for_writing: bool) -> io::Result<Self> {
        let fd = Arc::new(fd);
        let io = watch(Arc::clone(&fd), for_writing)?;
        Ok(Self {
            registered: RwLock::new(Registered { io: Some(io), for_writing }),
            reader: Mutex::new(None),
            runtime: Handle::current(),
            fd,
            kind,
            was_set: true,
        })
    }

    fn registered(&self) -> RwLockReadGuard<'_, Registered> {
        self.registered.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the runtime watch for room too, from now on.
    fn register_for_writing(&self) -> io::Result<()> {
        let mut registered = self.registered.write().unwrap_or_else(PoisonError::into_inner);
        let mut result = Ok(());
        if !registered.for_writing {
            let _entered = self.runtime.enter();
            // First the old one goes: a descriptor can be registered once.
            registered.io = None;
            match watch(Arc::clone(&self.fd), true) {
                Ok(io) => {
                    registered.io = Some(io);
                    registered.for_writing = true;
                }
                Err(error) => {
                    result = Err(error);
                    registered.io = watch(Arc::clone(&self.fd), false).ok();
                }
            }
        }
        drop(registered);
        // The old registration knew who waits to read, and the new one does not.
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reader) = reader {
            reader.wake();
        }
        result
    }

    /// Reads, and tells whether that was all there is for now.
    ///
    /// A short read does not say so by itself: a TCP socket also stops at urgent data, and a Unix socket
    /// behind descriptors (`SCM_RIGHTS`), which Linux reports.
    fn read(&self, space: &mut ReadBuf<'_>) -> Result<(usize, bool), Errno> {
        let read = match (self.kind, space) {
            (Kind::Unix, ReadBuf::Slice(slice)) => {
                let room = slice.len();
                let mut slices = [IoSliceMut::new(slice)];
                let mut no_control = RecvAncillaryBuffer::default();
                let flags = RecvFlags::DONTWAIT;
                let read = recvmsg(self, &mut slices, &mut no_control, flags)?;
                let is_cut = read.flags.contains(ReturnFlags::CTRUNC);
                let is_short = (1..room).contains(&read.bytes);
                return Ok((read.bytes, cfg!(target_os = "linux") && is_short && !is_cut));
            }
            (Kind::Tcp | Kind::Unix, space) => mpconn_sockets::receive(self, space, false)?,
            (Kind::Pipe, ReadBuf::Slice(slice)) => rustix::io::read(self, &mut **slice)?,
            (Kind::Pipe, ReadBuf::Spare(vec)) => rustix::io::read(self, spare_capacity(vec))?,
        };
        Ok((read, false))
    }

    fn write(&self, slices: &[IoSlice<'_>]) -> Result<usize, Errno> {
        match self.kind {
            Kind::Tcp | Kind::Unix => mpconn_sockets::send(self, slices, false),
            Kind::Pipe => rustix::io::writev(self, slices),
        }
    }

    /// Does `operation` as soon as there may be something to read. It tells whether nothing is left
    /// behind it.
    fn poll_reading<T>(
        &self,
        cx: &mut Context<'_>,
        mut operation: impl FnMut() -> Result<(T, bool), Errno>,
    ) -> Poll<io::Result<T>> {
        let registered = self.registered();
        loop {
            let Poll::Ready(guard) = registered.io()?.poll_read_ready(cx) else {
                if !registered.for_writing {
                    self.remember_reader(cx.waker());
                }
                return Poll::Pending;
            };
            let mut guard = guard?;
            match guard.try_io(|_| Ok(operation()?)) {
                Ok(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Ok(Ok((done, is_all))) => {
                    if is_all {
                        guard.clear_ready();
                    }
                    return Poll::Ready(Ok(done));
                }
                Err(_would_block) => {}
            }
        }
    }

    fn remember_reader(&self, waker: &Waker) {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if !reader.as_ref().is_some_and(|reader| reader.will_wake(waker)) {
            *reader = Some(waker.clone());
        }
    }
}

/// Has the runtime watch a descriptor.
#[allow(deprecated, reason = "what replaces it is newer than the oldest tokio that is supported")]
pub(super) fn watch<T: AsRawFd>(fd: T, for_writing: bool) -> io::Result<AsyncFd<T>> {
    let reading = Interest::READABLE;
    AsyncFd::with_interest(fd, if for_writing { reading | Interest::WRITABLE } else { reading })
}

impl Transport for Socket {
    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        mut space: ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        self.poll_reading(cx, || self.read(&mut space))
    }

    fn poll_send(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut registered = self.registered();
        if !registered.for_writing {
            let turn = ready!(poll_proceed(cx));
            loop {
                match self.write(slices) {
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => break,
                    sent => {
                        turn.made_progress();
                        return Poll::Ready(Ok(sent?));
                    }
                }
            }
            drop(registered);
            self.register_for_writing()?;
            registered = self.registered();
        }
        loop {
            let mut guard = ready!(registered.io()?.poll_write_ready(cx))?;
            match guard.try_io(|_| Ok(self.write(slices)?)) {
                Ok(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
                Ok(sent) => return Poll::Ready(sent),
                Err(_would_block) => {}
            }
        }
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The runtime remembers what was ready once; only the kernel knows what is now.
        self.poll_reading(cx, || is_readable(self).map(|()| ((), false)))
    }
}

/// Connects to a TCP listener.
pub(crate) async fn open_tcp(address: SocketAddr) -> io::Result<Socket> {
    let (fd, is_connected) = connect_tcp(&address)?;
    let socket = Socket::register(fd, Kind::Tcp, !is_connected)?;
    if !is_connected {
        let connected = |cx: &mut Context<'_>| {
            let ready = ready!(socket.registered().io()?.poll_write_ready(cx)).map(|_| ());
            Poll::Ready(ready)
        };
        poll_fn(connected).await?;
        sockopt::socket_error(&socket)??;
    }
    Ok(socket)
}

/// Tries to connect to a Unix socket; `None` when the listener's backlog is full.
pub(crate) fn open(address: &Address) -> io::Result<Option<Socket>> {
    let Some(fd) = connect_unix(&unix_name(address)?)? else { return Ok(None) };
    Socket::connected(fd, Kind::Unix, true).map(Some)
}

/// Does what can be done at this moment, also where the runtime has not seen yet what the kernel has.
pub(crate) fn transfer_now(
    socket: &Socket,
    _: &mut Context<'_>,
    operation: Operation<'_>,
) -> io::Result<Option<usize>> {
    mpconn_sockets::transfer_now(socket, operation)
}

fn is_readable(socket: &Socket) -> Result<(), Errno> {
    let mut fds = [PollFd::new(socket, PollFlags::IN)];
    match poll(&mut fds, Some(&Timespec::default()))? {
        0 => Err(Errno::AGAIN),
        _ => Ok(()),
    }
}

#[cfg(target_os = "linux")]
impl Socket {
    /// Returns who is on the other side of a Unix socket, as the kernel recorded it when the peer
    /// connected.
    ///
    /// # Errors
    ///
    /// `Unsupported` if it is no Unix socket, and those of the system.
    pub fn peer_credentials(&self) -> io::Result<mpconn_sockets::Credentials> {
        mpconn_sockets::peer_credentials(self)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Takes over a connected stream socket, or an end of a `pipe(2)`.
///
/// # Errors
///
/// `InvalidInput` for a socket of another kind, such as one of UDP; those of the system, which cannot
/// watch a plain file.
///
/// # Panics
///
/// Outside of a runtime.
impl TryFrom<OwnedFd> for Socket {
    type Error = io::Error;

    fn try_from(fd: OwnedFd) -> io::Result<Self> {
        match sockopt::socket_type(&fd) {
            Ok(SocketType::STREAM) => {
                let family = getsockname(&fd)?.address_family();
                let kind = if family == AddressFamily::UNIX { Kind::Unix } else { Kind::Tcp };
                Self::connected(fd, kind, false)
            }
            Ok(_) => {
                let error = "the socket is not one of a stream";
                Err(io::Error::new(ErrorKind::InvalidInput, error))
            }
            Err(_) => {
                rustix::io::ioctl_fionbio(&fd, true)?;
                // Somebody who has the same descriptor may set it to blocking mode.
                Self::register(fd, Kind::Pipe, true)
            }
        }
    }
}

/// The four streams are taken over in the same way.
macro_rules! take_over {
    ($stream:ty, $kind:expr, $was_set:expr, $into_fd:expr) => {
        /// Takes over a stream.
        ///
        /// # Errors
        ///
        /// Those of the system.
        ///
        /// # Panics
        ///
        /// Outside of a runtime.
        impl TryFrom<$stream> for Socket {
            type Error = io::Error;

            fn try_from(stream: $stream) -> io::Result<Self> {
                let into_fd: fn($stream) -> io::Result<OwnedFd> = $into_fd;
                Self::connected(into_fd(stream)?, $kind, $was_set)
            }
        }
    };
}

take_over!(TcpStream, Kind::Tcp, true, |stream| Ok(stream.into_std()?.into()));
take_over!(UnixStream, Kind::Unix, true, |stream| Ok(stream.into_std()?.into()));
take_over!(std::net::TcpStream, Kind::Tcp, false, |stream| Ok(stream.into()));
take_over!(std::os::unix::net::UnixStream, Kind::Unix, false, |stream| Ok(stream.into()));

/// Returns the descriptor, off the runtime: for another library, or a child's `Stdio`.
impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        let Socket { registered, fd, was_set, .. } = socket;
        drop(registered);
        let fd = Arc::into_inner(fd).expect("the registration had the other reference");
        if was_set {
            // It cannot fail for an open descriptor.
            let _ = rustix::io::ioctl_fionbio(&fd, false);
        }
        fd
    }
}
