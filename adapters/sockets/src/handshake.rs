//! Holding a handshake over a transport.

use std::io;

use mpconn::{HandshakeDriver, HandshakeStep, Progress, Proof, ReadBuf, RecvBuffer, SendBuffer};

use crate::sending::write_some;
use crate::{Error, Phase, failed_at};

/// What a transport is to do for a handshake. It answers how many bytes it moved, 0 at the end of
/// what it reads, or `None` if it cannot move any for now.
#[derive(Debug)]
pub enum Operation<'a> {
    /// Write some of these.
    Write(&'a [u8]),
    /// Read into this.
    Read(ReadBuf<'a>),
}

/// Drives a handshake as far as `transfer` can move bytes. Returns `None` if it can move none for
/// now.
///
/// # Errors
///
/// [`Error::Auth`], [`Error::Frame`], [`Error::HandshakeEnded`], and [`Error::Io`] with what `transfer`
/// returns. A peer that is rejected is told so first, if that is possible.
pub fn drive<K: AsRef<[u8]>, P: Proof>(
    driver: &mut HandshakeDriver<K, P>,
    recv: &mut RecvBuffer,
    send: &mut SendBuffer,
    mut transfer: impl FnMut(Operation<'_>) -> io::Result<Option<usize>>,
) -> Result<Option<P>, Error> {
    loop {
        match driver.poll(recv, send)? {
            Progress::Done(proof) => return Ok(Some(proof)),
            Progress::Read => match transfer(Operation::Read(recv.read_buf())) {
                Ok(None) => return Ok(None),
                Ok(Some(0)) => {
                    recv.eof()?;
                    return Err(driver.step().map_or(Error::Ended, ended_at));
                }
                Ok(Some(n)) => recv.advance(n),
                Err(error) => return Err(failed_at(driver.step(), error)),
            },
            Progress::Write => match write_message(driver.chunks(send), &mut transfer) {
                Ok(None) => return Ok(None),
                Ok(Some(n)) => {
                    send.advance(n);
                }
                Err(error) => {
                    send.abandon();
                    // Why the peer was rejected says more than that it could not be told.
                    let step = driver.step();
                    let failure = driver.failure();
                    return Err(failure.map_or_else(|| failed_at(step, error), Error::Auth));
                }
            },
        }
    }
}

/// Writes some of a handshake's message with one call.
pub(crate) fn write_message(
    chunks: [&[u8]; 3],
    mut transfer: impl FnMut(Operation<'_>) -> io::Result<Option<usize>>,
) -> io::Result<Option<usize>> {
    // A transport that has only one direction for a message gets the first slice; handshake
    // messages are short, and come as one slice.
    write_some(chunks, |slices| transfer(Operation::Write(&slices[0])))
}

/// Returns the error for a connection that the peer has closed.
pub(crate) fn ended_at(step: HandshakeStep) -> Error {
    Error::HandshakeEnded { step, source: None }
}

/// Returns what to report when a handshake took too long.
pub fn timed_out<K: AsRef<[u8]>, P: Proof>(driver: &HandshakeDriver<K, P>) -> Error {
    match (driver.failure(), driver.step()) {
        (Some(failure), _) => Error::Auth(failure),
        (None, Some(step)) => Error::TimedOut(Phase::Handshake(step)),
        // It has ended in time.
        (None, None) => Error::Ended,
    }
}
