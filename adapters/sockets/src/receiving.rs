//! Reading from a transport into a [`RecvBuffer`].

use std::cell::Cell;
use std::io;

use mpconn::{AuthError, FrameError, MAX_MESSAGE, OtherProtocol, ReadBuf, RecvBuffer};

use crate::Error;

/// A [`RecvBuffer`] over a transport that may fail, which borrows its read-ahead buffer from the
/// thread: an idle connection keeps none.
#[derive(Debug)]
pub struct Receiving {
    recv: RecvBuffer,
    /// The transport has failed: whatever it reports afterwards, the end came in the middle.
    broken: Option<io::ErrorKind>,
    /// No message has come yet, and no handshake was held: the peer may speak another protocol.
    is_first: bool,
    /// A challenge is not the first message: the peer asks for a key.
    refuses_challenge: bool,
    /// It was, and nothing more can be received.
    is_key_wanted: bool,
}

/// How a challenge begins.
const CHALLENGE: &[u8] = b"#CHALLENGE#";

/// Buffers that are kept for the next connection have at most this many bytes; those of a
/// connection that was resumed may be larger.
const POOLED: usize = 128 * 1024;

thread_local! {
    /// One read-ahead buffer for each thread, for whichever connection receives next.
    static POOL: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Receiving {
    /// Continues with what `recv` holds.
    #[must_use]
    pub const fn new(recv: RecvBuffer) -> Self {
        Self { recv, broken: None, is_first: true, refuses_challenge: false, is_key_wanted: false }
    }

    /// Returns the buffer.
    #[must_use]
    pub fn into_inner(self) -> RecvBuffer {
        self.recv
    }

    /// Makes a challenge as the first message an error, for a client without a key.
    pub fn refuse_challenge(&mut self) {
        self.refuses_challenge = true;
    }

    /// Reports that the peer has shown that it speaks this protocol.
    pub fn peer_is_known(&mut self) {
        self.is_first = false;
    }

    /// Returns the buffer, for a handshake within the connection.
    pub fn buffer_mut(&mut self) -> &mut RecvBuffer {
        self.is_first = false;
        &mut self.recv
    }

    /// Sets the limit, in bytes.
    pub fn set_max(&mut self, max: u64) {
        self.recv.set_max(max);
    }

    /// See [`RecvBuffer::set_read_ahead`].
    pub fn set_read_ahead(&mut self, reads_ahead: bool) {
        self.recv.set_read_ahead(reads_ahead);
    }

    /// Returns `true` if nothing more can be received.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.broken.is_some() || self.is_key_wanted || self.recv.has_failed()
    }

    /// Returns `true` if a receive would find something that was read ahead.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.recv.is_ready()
    }

    /// Looks for a message of at most `max` bytes in what was read ahead; see
    /// [`RecvBuffer::poll_reusing`].
    ///
    /// # Errors
    ///
    /// [`Error::Frame`], [`Error::Io`] if the transport has failed, and [`Error::Auth`] if the first
    /// bytes are those of another protocol.
    #[inline]
    pub fn poll(&mut self, max: u64, reuse: &mut Vec<u8>) -> Result<bool, Error> {
        let found = self.recv.poll_reusing(max, reuse);
        found.map_err(|error| failure(self.broken, self.is_first, error))
    }

    #[cold]
    fn look_at_the_first(&mut self) -> Result<(), Error> {
        self.is_first = false;
        let message = self.recv.message();
        let is_challenge = message.len() <= MAX_MESSAGE && message.starts_with(CHALLENGE);
        if self.refuses_challenge && is_challenge {
            // What is behind it is no message, either.
            self.recv = RecvBuffer::new(self.recv.max());
            self.is_key_wanted = true;
            return Err(AuthError::KeyWanted.into());
        }
        Ok(())
    }

    /// Reads until a message is there, after [`poll`](Self::poll) found none. Returns `false` if
    /// the transport has nothing for now.
    ///
    /// `read` returns how many bytes it read, 0 at the end, or `None` if there are none for now.
    ///
    /// # Errors
    ///
    /// [`Error::Frame`], [`Error::Ended`], [`Error::Io`] with what `read` returns, and [`Error::Auth`] as
    /// for [`poll`](Self::poll) and for a challenge that is [refused](Self::refuse_challenge). They are
    /// final.
    #[inline]
    pub fn read_with(
        &mut self,
        max: u64,
        reuse: &mut Vec<u8>,
        mut read: impl FnMut(ReadBuf<'_>) -> io::Result<Option<usize>>,
    ) -> Result<bool, Error> {
        if let Some(kind) = self.broken {
            return Err(io::Error::from(kind).into());
        }
        if self.is_key_wanted {
            return Err(AuthError::KeyWanted.into());
        }
        loop {
            if self.recv.wants_memory() {
                if let Some(memory) = take_memory() {
                    self.recv.attach(memory);
                }
            }
            match read(self.recv.read_buf()) {
                Ok(None) => {
                    let memory = self.recv.detach_waiting();
                    give_memory(memory);
                    return Ok(false);
                }
                Ok(Some(0)) => {
                    self.recv.eof()?;
                    return Err(Error::Ended);
                }
                Ok(Some(n)) => self.recv.advance(n),
                Err(error) => {
                    if error.kind() == io::ErrorKind::UnexpectedEof {
                        // As TLS reports an end without `close_notify`.
                        self.recv.eof()?;
                    }
                    // After a reset, the kernel reports what looks like a clean end.
                    self.broken = Some(error.kind());
                    return Err(error.into());
                }
            }
            if self.poll(max, reuse)? {
                if self.is_first {
                    self.look_at_the_first()?;
                }
                return Ok(true);
            }
        }
    }

    /// Returns the message that was found.
    #[inline]
    #[must_use]
    pub fn message(&self) -> &[u8] {
        self.recv.message()
    }

    /// Takes the message that was found.
    #[inline]
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        let message = self.recv.take();
        self.give_memory_back();
        message
    }

    /// Replaces what `out` holds by the message that was found.
    #[inline]
    pub fn take_to(&mut self, out: &mut Vec<u8>) {
        self.recv.take_to(out);
        self.give_memory_back();
    }

    /// Copies the message that was found into the beginning of `buffer`, and returns its length.
    ///
    /// # Errors
    ///
    /// [`Error::BufferTooShort`], which carries the message.
    #[inline]
    pub fn take_into(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let message = self.recv.message();
        let Some(room) = buffer.get_mut(..message.len()) else {
            return Err(Error::BufferTooShort(self.take()));
        };
        room.copy_from_slice(message);
        let length = message.len();
        self.recv.release();
        self.give_memory_back();
        Ok(length)
    }

    #[inline]
    fn give_memory_back(&mut self) {
        let memory = self.recv.detach_idle();
        give_memory(memory);
    }
}

/// Returns what an error of the stream means, if the transport has failed before, or if no message has
/// come.
#[cold]
fn failure(broken: Option<io::ErrorKind>, is_first: bool, error: FrameError) -> Error {
    match (broken, OtherProtocol::behind(&error)) {
        // The message would not have been received, whatever its length.
        (Some(kind), _) => io::Error::from(kind).into(),
        (None, Some(protocol)) if is_first => AuthError::OtherProtocol(protocol).into(),
        (None, _) => error.into(),
    }
}

#[inline]
fn give_memory(memory: Option<Vec<u8>>) {
    if let Some(memory) = memory.filter(|memory| memory.len() <= POOLED) {
        // Dropped when the thread is ending.
        let _ = POOL.try_with(|pool| pool.set(memory));
    }
}

/// Returns `None` if there is no buffer, or if the thread is ending.
fn take_memory() -> Option<Vec<u8>> {
    POOL.try_with(Cell::take).ok().filter(|memory| !memory.is_empty())
}
