//! The streams that a connection can use.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mpconn::ReadBuf;

use crate::deadline::Deadline;

/// A stream of bytes with deadlines. [`Socket`](crate::Socket) is one, and [`ReadWrite`] makes one
/// of anything that reads and writes.
pub trait Transport {
    /// Reads some bytes. Returns their number, 0 at the end of the stream, or `None` if none came
    /// before the deadline.
    ///
    /// # Errors
    ///
    /// Those of the system. Retry on `Interrupted`.
    fn receive(&self, space: ReadBuf<'_>, deadline: Deadline) -> io::Result<Option<usize>>;

    /// Writes some of these bytes, one slice after the other. Returns their number, or `None` if
    /// none could be written before the deadline.
    ///
    /// # Errors
    ///
    /// Those of the system. Retry on `Interrupted`.
    fn send(&self, slices: &[IoSlice<'_>], deadline: Deadline) -> io::Result<Option<usize>>;

    /// Flushes what the transport buffers itself. Returns `false` if the deadline came first. The
    /// default is for transports without a buffer, such as sockets.
    ///
    /// # Errors
    ///
    /// Those of the system. Retry on `Interrupted`.
    fn flush(&self, deadline: Deadline) -> io::Result<bool> {
        let _ = deadline;
        Ok(true)
    }

    /// Waits until [`receive`](Self::receive) would not block. Returns `false` if the deadline came
    /// first.
    ///
    /// # Errors
    ///
    /// Those of the system, and `Unsupported` if the transport cannot be polled, which is the
    /// default.
    fn wait_readable(&self, deadline: Deadline) -> io::Result<bool> {
        let _ = deadline;
        Err(io::Error::new(ErrorKind::Unsupported, "this transport cannot be polled"))
    }
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn receive(&self, space: ReadBuf<'_>, deadline: Deadline) -> io::Result<Option<usize>> {
        (**self).receive(space, deadline)
    }

    fn send(&self, slices: &[IoSlice<'_>], deadline: Deadline) -> io::Result<Option<usize>> {
        (**self).send(slices, deadline)
    }

    fn flush(&self, deadline: Deadline) -> io::Result<bool> {
        (**self).flush(deadline)
    }

    fn wait_readable(&self, deadline: Deadline) -> io::Result<bool> {
        (**self).wait_readable(deadline)
    }
}

/// A transport that one thread can receive from while another sends, so that a connection over it
/// can be [split](crate::Connection::split).
pub trait Duplex: Transport {}

/// A transport over any `Read + Write`, such as a TLS stream or a serial line.
///
/// It does not support deadlines. If the stream has timeouts, set those: `WouldBlock` and
/// `TimedOut` are treated as a deadline that has passed.
///
/// The stream is flushed after every message. If a flush times out, the next send continues with
/// it.
#[derive(Debug)]
pub struct ReadWrite<S>(Mutex<Flushing<S>>);

/// A stream, and whether it may hold bytes that were not flushed.
#[derive(Debug)]
struct Flushing<S> {
    stream: S,
    unflushed: bool,
    /// A flush failed, so that it is not known which bytes were sent.
    failed: bool,
}

impl<S> ReadWrite<S> {
    /// Creates a transport over `stream`.
    pub const fn new(stream: S) -> Self {
        Self(Mutex::new(Flushing { stream, unflushed: false, failed: false }))
    }

    /// Returns the stream.
    pub fn into_inner(self) -> S {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).stream
    }

    /// Returns the stream, for example to set its timeouts.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.0.get_mut().unwrap_or_else(PoisonError::into_inner).stream
    }

    /// Never contended, since only one thread can use a connection whose transport is not `Duplex`.
    fn lock(&self) -> MutexGuard<'_, Flushing<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Write> Flushing<S> {
    fn check(&self) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::new(ErrorKind::BrokenPipe, "an earlier flush failed"));
        }
        Ok(())
    }

    /// Flushes what was written. Returns `false` if that times out.
    fn flush(&mut self) -> io::Result<bool> {
        self.check()?;
        if self.unflushed {
            let flushed = until_timeout(|| self.stream.flush().map(|()| 0));
            self.failed = flushed.is_err();
            self.unflushed = flushed?.is_none();
        }
        Ok(!self.unflushed)
    }
}

impl<S: Read + Write> Transport for ReadWrite<S> {
    fn receive(&self, space: ReadBuf<'_>, deadline: Deadline) -> io::Result<Option<usize>> {
        if deadline.has_passed() {
            return Ok(None);
        }
        let buffer = space.into_slice();
        let stream = &mut self.lock().stream;
        until_timeout(|| stream.read(buffer))
    }

    fn send(&self, slices: &[IoSlice<'_>], deadline: Deadline) -> io::Result<Option<usize>> {
        if deadline.has_passed() {
            return Ok(None);
        }
        let mut flushing = self.lock();
        flushing.check()?;
        let written = until_timeout(|| flushing.stream.write_vectored(slices))?;
        flushing.unflushed |= written.is_some();
        Ok(written)
    }

    fn flush(&self, deadline: Deadline) -> io::Result<bool> {
        let mut flushing = self.lock();
        if deadline.has_passed() { Ok(!flushing.unflushed) } else { flushing.flush() }
    }
}

fn until_timeout(mut operation: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    loop {
        match operation() {
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock | ErrorKind::TimedOut => return Ok(None),
                _ => return Err(error),
            },
            Ok(n) => return Ok(Some(n)),
        }
    }
}
