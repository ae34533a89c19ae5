//! What a connection runs over.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mpconn::Space;

use crate::Deadline;

/// A stream of bytes with deadlines. [`Socket`](crate::Socket) is one, and [`ReadWrite`] makes one
/// of anything that reads and writes.
pub trait Transport {
    /// Reads some bytes: how many, 0 at the end, `None` when none came before the deadline.
    ///
    /// # Errors
    ///
    /// The system's. An interruption by a signal is none: go on waiting.
    fn receive(&self, space: Space<'_>, deadline: Deadline) -> io::Result<Option<usize>>;

    /// Writes some of these bytes, one slice behind the other: how many, `None` when none could be
    /// written before the deadline.
    ///
    /// # Errors
    ///
    /// The system's. An interruption by a signal is none: go on waiting.
    fn send(&self, slices: &[IoSlice<'_>], deadline: Deadline) -> io::Result<Option<usize>>;

    /// Waits until [`receive`](Self::receive) would not have to: false when the deadline came
    /// first.
    ///
    /// # Errors
    ///
    /// The system's, and `Unsupported` where the transport cannot tell, which is the default.
    fn wait_readable(&self, deadline: Deadline) -> io::Result<bool> {
        let _ = deadline;
        Err(io::Error::new(ErrorKind::Unsupported, "this transport cannot be polled"))
    }
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn receive(&self, space: Space<'_>, deadline: Deadline) -> io::Result<Option<usize>> {
        (**self).receive(space, deadline)
    }

    fn send(&self, slices: &[IoSlice<'_>], deadline: Deadline) -> io::Result<Option<usize>> {
        (**self).send(slices, deadline)
    }

    fn wait_readable(&self, deadline: Deadline) -> io::Result<bool> {
        (**self).wait_readable(deadline)
    }
}

/// A transport that one thread can receive from while another sends, so that a connection over it
/// can be [split](crate::Connection::split).
pub trait Duplex: Transport {}

/// Any `Read + Write` as a transport: a TLS stream, a serial line, a buffer.
///
/// It knows no deadlines. Where the stream has timeouts of its own, set those: `WouldBlock` and
/// `TimedOut` are taken for a deadline that has passed.
///
/// What is written is flushed, so that a stream with a buffer keeps no message back. When a flush
/// runs out of time, the bytes count as sent, since the stream has them; the next call of either
/// kind goes on with the flush.
#[derive(Debug)]
pub struct ReadWrite<S>(Mutex<Flushing<S>>);

/// A stream, and what it may not have passed on yet.
#[derive(Debug)]
struct Flushing<S> {
    stream: S,
    unflushed: bool,
    /// A flush failed: what was passed on is not known.
    failed: bool,
}

impl<S> ReadWrite<S> {
    /// Over this stream.
    pub const fn new(stream: S) -> Self {
        Self(Mutex::new(Flushing { stream, unflushed: false, failed: false }))
    }

    /// The stream.
    pub fn into_inner(self) -> S {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).stream
    }

    /// The stream, to set its timeouts, say.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.0.get_mut().unwrap_or_else(PoisonError::into_inner).stream
    }

    /// Never contended: without `Duplex`, one thread at a time has the connection.
    fn lock(&self) -> MutexGuard<'_, Flushing<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Write> Flushing<S> {
    /// Flushes what was written; false when that takes too long.
    fn flush(&mut self) -> io::Result<bool> {
        if self.failed {
            return Err(io::Error::new(ErrorKind::BrokenPipe, "an earlier flush failed"));
        }
        if self.unflushed {
            let flushed = until_timeout(|| self.stream.flush().map(|()| 0));
            self.failed = flushed.is_err();
            self.unflushed = flushed?.is_none();
        }
        Ok(!self.unflushed)
    }
}

impl<S: Read + Write> Transport for ReadWrite<S> {
    fn receive(&self, space: Space<'_>, deadline: Deadline) -> io::Result<Option<usize>> {
        if deadline.has_passed() {
            return Ok(None);
        }
        let mut flushing = self.lock();
        // The peer may have said something before it went: its words come before this error.
        let _ = flushing.flush();
        let buffer = space.into_slice();
        until_timeout(|| flushing.stream.read(buffer))
    }

    fn send(&self, slices: &[IoSlice<'_>], deadline: Deadline) -> io::Result<Option<usize>> {
        if deadline.has_passed() {
            return Ok(None);
        }
        let mut flushing = self.lock();
        if !flushing.flush()? {
            return Ok(None);
        }
        let written = until_timeout(|| flushing.stream.write_vectored(slices))?;
        if written.is_some() {
            flushing.unflushed = true;
            flushing.flush()?;
        }
        Ok(written)
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
