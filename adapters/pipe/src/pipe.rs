//! One end of a connected pipe.

use std::io::{self, IoSlice};
use std::os::windows::io::{AsHandle, BorrowedHandle, OwnedHandle};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use mpconn::ReadBuf;
use windows_sys::Win32::Foundation::ERROR_PIPE_BUSY;

use crate::port::Channel;
use crate::receiving::Receiving;
use crate::security::Security;
use crate::sending::Sending;
use crate::sys::{self, Direction};

/// One end of a connected message pipe.
///
/// It shows as a stream of frames. One thread or task may receive while another sends.
///
/// Dropping it closes it at once. A message that is still being sent is lost then: wait until it
/// has been [taken](Self::poll_send).
#[derive(Debug)]
pub struct Pipe {
    channel: Channel,
    receiving: Mutex<Receiving>,
    sending: Mutex<Sending>,
}

impl Pipe {
    pub(crate) fn new(channel: Channel) -> Self {
        Self { channel, receiving: Mutex::default(), sending: Mutex::default() }
    }

    /// Receives some bytes: how many, 0 at the end. A message comes with a header before it, and
    /// what of it does not fit into `space` comes with the next calls.
    ///
    /// Giving up loses nothing: the read stays in flight, and the next call goes on with it.
    ///
    /// # Errors
    ///
    /// The system's; `UnexpectedEof` when the peer closed in the middle of a message, so that not
    /// even its length is known.
    pub fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut receiving = lock(&self.receiving);
        let bytes = ready!(receiving.poll(&self.channel, cx))?;
        let n = match space {
            ReadBuf::Slice(slice) => {
                let n = bytes.len().min(slice.len());
                slice[..n].copy_from_slice(&bytes[..n]);
                n
            }
            ReadBuf::Spare(vec) => {
                let n = bytes.len().min(vec.capacity() - vec.len());
                vec.extend_from_slice(&bytes[..n]);
                n
            }
        };
        receiving.consume(n);
        Poll::Ready(Ok(n))
    }

    /// Waits until a receive would find something.
    ///
    /// # Errors
    ///
    /// As for [`poll_receive`](Self::poll_receive).
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.receiving).poll(&self.channel, cx).map_ok(|_| ())
    }

    /// Sends some of these bytes, one slice behind the other, which are frames: how many. A header
    /// must be there whole.
    ///
    /// The last byte of a frame is taken when its message has been sent. When that is given up, the
    /// message stays in flight: the next call waits for it, and has to begin with that byte.
    ///
    /// # Errors
    ///
    /// The system's, and `InvalidData` for a message over 4 GiB - 1.
    pub fn poll_send(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        lock(&self.sending).poll(&self.channel, cx, slices)
    }

    /// Waits until a send would get further.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        lock(&self.sending).poll_idle(cx)
    }

    /// The handle, for a child say, as long as nothing was sent or received.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` when something was; and the system's.
    pub fn into_handle(self) -> io::Result<OwnedHandle> {
        if self.channel.is_used() {
            let error = "the pipe has been used, and may have received what nobody else could have";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, error));
        }
        self.channel.handle().try_clone()
    }
}

impl AsHandle for Pipe {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.channel.handle().as_handle()
    }
}

impl From<OwnedHandle> for Pipe {
    /// An end of a message pipe that was opened for overlapped I/O, and is in message read mode. Its
    /// first use fails where that is not so, or where another completion port has it.
    fn from(handle: OwnedHandle) -> Self {
        Self::new(Channel::new(handle))
    }
}

/// Tries to connect to the pipe of this name, `\\.\pipe\...`. `None` when all its instances are
/// taken at this moment, which can only be tried again.
///
/// # Errors
///
/// The system's: `NotFound` when nobody listens.
pub fn connect(name: &str) -> io::Result<Option<Pipe>> {
    match sys::open(name, Direction::Both) {
        Ok(handle) => Ok(Some(handle.into())),
        Err(error) if error.raw_os_error() == i32::try_from(ERROR_PIPE_BUSY).ok() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Two ends of one pipe: Python's `Pipe()`.
///
/// # Errors
///
/// The system's.
pub fn pair() -> io::Result<(Pipe, Pipe)> {
    connected(Direction::Both)
}

/// The end that receives, and the end that sends: Python's `Pipe(duplex=False)`.
///
/// # Errors
///
/// The system's.
pub fn one_way_pair() -> io::Result<(Pipe, Pipe)> {
    connected(Direction::ToServer)
}

/// Nobody else gets in between: only its owner may connect, and one client alone.
fn connected(direction: Direction) -> io::Result<(Pipe, Pipe)> {
    let name = fresh_name()?;
    let server = sys::create(&name, direction, true, &Security::default().descriptor()?)?;
    let client = sys::open(&name, direction)?;
    Ok((server.into(), client.into()))
}

/// A name that nobody has, in the form that Python gives its own.
pub(crate) fn fresh_name() -> io::Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    let (process, random) = (std::process::id(), u128::from_ne_bytes(random));
    Ok(format!(r"\\.\pipe\mpconn-{process}-{random:032x}"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
