//! A scripted wire under the blocking adapter.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mpconn_blocking::{Deadline, Space, Transport};

use crate::script::{Wire, fill};

/// A wire as a transport with deadlines, which have always passed.
#[derive(Debug, Clone)]
pub struct Scripted(Arc<Mutex<Wire>>);

impl Scripted {
    /// Over this wire.
    #[must_use]
    pub fn new(wire: Wire) -> Self {
        Self(Arc::new(Mutex::new(wire)))
    }

    /// The wire, to look at.
    pub fn wire(&self) -> MutexGuard<'_, Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Scripted {
    fn receive(&self, space: Space<'_>, _: Deadline) -> io::Result<Option<usize>> {
        let mut nothing = false;
        let n = fill(space, |room| {
            let n = self.wire().read(room)?;
            nothing = n.is_none();
            Ok(n.unwrap_or(0))
        })?;
        Ok(Some(n).filter(|_| !nothing))
    }

    fn send(&self, slices: &[IoSlice<'_>], _: Deadline) -> io::Result<Option<usize>> {
        self.wire().write(slices)
    }
}

/// The same as a stream of bytes.
#[derive(Debug)]
pub struct Stream(pub Scripted);

impl Read for Stream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.wire().read(room)?.ok_or(ErrorKind::WouldBlock.into())
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.wire().write(&[IoSlice::new(bytes)])?.ok_or(ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream that takes everything at once, and passes it on when it is flushed, as TLS does.
#[derive(Debug)]
pub struct Buffering {
    wire: Scripted,
    taken: Vec<u8>,
}

impl Buffering {
    /// Over this wire.
    #[must_use]
    pub fn new(wire: Scripted) -> Self {
        Self { wire, taken: Vec::new() }
    }
}

impl Read for Buffering {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.wire.wire().read(room)?.ok_or(ErrorKind::WouldBlock.into())
    }
}

impl Write for Buffering {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.taken.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.taken.is_empty() {
            match self.wire.wire().write(&[IoSlice::new(&self.taken)])? {
                None => return Err(ErrorKind::WouldBlock.into()),
                Some(0) => return Err(ErrorKind::WriteZero.into()),
                Some(n) => self.taken.drain(..n),
            };
        }
        Ok(())
    }
}
