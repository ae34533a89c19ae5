//! A scripted wire under either adapter.

use std::cell::Cell;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use mpconn::ReadBuf;
use mpconn_blocking::Deadline;
use tokio::io::{self as tokio_io, AsyncRead, AsyncWrite};

use crate::script::{Way, Wire, fill};

/// A wire as a transport. What cannot be moved for now is for a blocking adapter a deadline that has
/// passed, and for the other a wait that does not end within the [call](next_call).
#[derive(Debug, Clone)]
pub struct Scripted {
    wire: Arc<Mutex<Wire>>,
    /// The calls in which nothing more is read or written.
    waiting: Arc<Mutex<[Option<u64>; 2]>>,
}

thread_local! {
    static CALL: Cell<u64> = const { Cell::new(0) };
}

/// What this thread does from now on is another call, in which what was waited for is there.
pub fn next_call() {
    CALL.set(CALL.get() + 1);
}

impl Scripted {
    /// Over this wire.
    pub fn new(wire: Wire) -> Self {
        Self { wire: Arc::new(Mutex::new(wire)), waiting: Arc::default() }
    }

    /// The wire, to look at.
    pub fn wire(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads as [`Wire::read`] does.
    pub fn read(&self, space: ReadBuf<'_>) -> io::Result<Option<usize>> {
        let mut nothing = false;
        let n = fill(space, |room| {
            let n = self.wire().read(room)?;
            nothing = n.is_none();
            Ok(n.unwrap_or(0))
        })?;
        Ok(Some(n).filter(|_| !nothing))
    }

    /// Writes as [`Wire::write`] does.
    pub fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        self.wire().write(slices)
    }
}

impl mpconn_blocking::Transport for Scripted {
    fn receive(&self, space: ReadBuf<'_>, _: Deadline) -> io::Result<Option<usize>> {
        self.read(space)
    }

    fn send(&self, slices: &[IoSlice<'_>], _: Deadline) -> io::Result<Option<usize>> {
        self.write(slices)
    }
}

impl mpconn_tokio::Transport for Scripted {
    fn poll_receive(&self, _: &mut Context<'_>, space: ReadBuf<'_>) -> Poll<io::Result<usize>> {
        self.poll(Way::In, || self.read(space))
    }

    fn poll_send(&self, _: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.poll(Way::Out, || self.write(slices))
    }
}

impl Scripted {
    fn poll<N>(
        &self,
        way: Way,
        operation: impl FnOnce() -> io::Result<Option<N>>,
    ) -> Poll<io::Result<N>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = &mut waiting[way as usize];
        if *waiting == Some(CALL.get()) {
            return Poll::Pending;
        }
        match operation().transpose() {
            Some(moved) => Poll::Ready(moved),
            None => {
                *waiting = Some(CALL.get());
                Poll::Pending
            }
        }
    }

    /// The same as the contract of tokio's traits has it: what is interrupted is tried again.
    fn poll_uninterrupted<N>(
        &self,
        way: Way,
        mut operation: impl FnMut() -> io::Result<Option<N>>,
    ) -> Poll<io::Result<N>> {
        self.poll(way, || {
            loop {
                match operation() {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    moved => return moved,
                }
            }
        })
    }

    fn poll_read(&self, buffer: &mut tokio_io::ReadBuf<'_>) -> Poll<io::Result<()>> {
        let room = buffer.initialize_unfilled();
        self.poll_uninterrupted(Way::In, || self.wire().read(room)).map_ok(|n| buffer.advance(n))
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

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut tokio_io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_read(buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = || self.0.wire().write(&[IoSlice::new(bytes)]);
        self.0.poll_uninterrupted(Way::Out, write)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
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
    pub fn new(wire: Scripted) -> Self {
        Self { wire, taken: Vec::new() }
    }

    /// None when it has to go on later.
    fn pass_on(&mut self) -> io::Result<Option<()>> {
        while !self.taken.is_empty() {
            match self.wire.wire().write(&[IoSlice::new(&self.taken)])? {
                None => return Ok(None),
                Some(0) => return Err(ErrorKind::WriteZero.into()),
                Some(n) => self.taken.drain(..n),
            };
        }
        Ok(Some(()))
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
        self.pass_on()?.ok_or(ErrorKind::WouldBlock.into())
    }
}

impl AsyncRead for Buffering {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut tokio_io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.wire.poll_read(buffer)
    }
}

impl AsyncWrite for Buffering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.write(bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.wire.clone();
        wire.poll_uninterrupted(Way::Out, || self.pass_on())
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
