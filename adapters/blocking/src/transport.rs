//! What a connection runs over.

use std::io::{self, ErrorKind, IoSlice, Read, Write};

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
    fn receive(&mut self, space: Space<'_>, deadline: Deadline) -> io::Result<Option<usize>>;

    /// Writes some of these bytes, one slice behind the other: how many, `None` when none could be
    /// written before the deadline.
    ///
    /// # Errors
    ///
    /// The system's. An interruption by a signal is none: go on waiting.
    fn send(&mut self, slices: &[IoSlice<'_>], deadline: Deadline) -> io::Result<Option<usize>>;
}

/// Any `Read + Write` as a transport: a TLS stream, a serial line, a buffer.
///
/// It knows no deadlines. Where the stream has timeouts of its own, set those: `WouldBlock` and
/// `TimedOut` are taken for a deadline that has passed.
#[derive(Debug, Clone)]
pub struct ReadWrite<S>(pub S);

impl<S: Read + Write> Transport for ReadWrite<S> {
    fn receive(&mut self, space: Space<'_>, _: Deadline) -> io::Result<Option<usize>> {
        let buffer = space.into_slice();
        until_timeout(|| self.0.read(buffer))
    }

    fn send(&mut self, slices: &[IoSlice<'_>], _: Deadline) -> io::Result<Option<usize>> {
        let written = until_timeout(|| self.0.write_vectored(slices))?;
        // A stream that buffers what is written must not keep a message back.
        self.0.flush()?;
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
