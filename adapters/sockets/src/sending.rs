//! Writing a [`SendBuffer`] to a transport.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::mem;

use mpconn::SendBuffer;

use crate::Error;

/// Messages sent together are gathered up to this many bytes, and written with one call: a fifth
/// faster for those of 4 KiB than with a quarter of it.
const BATCH: usize = 256 * 1024;

/// Messages over this many bytes are not worth a copy: they are written from where they are.
const GATHERED: usize = 16 * 1024;

/// Messages of at most this many bytes in all are copied into one piece, since a write of several pieces
/// costs more than that.
const JOINED: usize = 4 * 1024;

thread_local! {
    /// The memory in which header and payload are joined, for whichever connection sends next.
    static JOINER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Writes all of `send`, and of the message `payload` if one was [begun](SendBuffer::begin).
/// Returns `false` if the transport takes no more for now.
///
/// `write` returns how many bytes it wrote, or `None` if it cannot write any for now.
///
/// # Errors
///
/// [`Error::HalfSent`], and [`Error::Io`] with what `write` returns.
#[inline]
pub fn write_all(
    send: &mut SendBuffer,
    payload: &[u8],
    mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<Option<usize>>,
) -> Result<bool, Error> {
    if send.is_poisoned() {
        return Err(Error::HalfSent);
    }
    while !send.is_empty() {
        match write_some(send.chunks(payload), &mut write) {
            Ok(Some(n)) => {
                send.advance(n);
            }
            Ok(None) => return Ok(false),
            Err(error) => {
                send.abandon();
                return Err(error.into());
            }
        }
    }
    Ok(true)
}

/// Writes some of these chunks with one call.
#[inline]
pub(crate) fn write_some(
    [buffered, header, payload]: [&[u8]; 3],
    mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<Option<usize>>,
) -> io::Result<Option<usize>> {
    let written = if header.is_empty() && payload.is_empty() {
        write(&[IoSlice::new(buffered)])
    } else if buffered.len() + payload.len() <= JOINED {
        // Without memory when the thread is ending.
        let mut joined = JOINER.try_with(Cell::take).unwrap_or_default();
        joined.clear();
        joined.extend_from_slice(buffered);
        joined.extend_from_slice(header);
        joined.extend_from_slice(payload);
        let written = write(&[IoSlice::new(&joined)]);
        let _ = JOINER.try_with(|joiner| joiner.set(joined));
        written
    } else if buffered.is_empty() {
        write(&[header, payload].map(IoSlice::new))
    } else {
        write(&[buffered, header, payload].map(IoSlice::new))
    };
    match written? {
        Some(0) => Err(io::ErrorKind::WriteZero.into()),
        written => Ok(written),
    }
}

/// Runs `code` of the caller, and drops what was gathered since so many bytes were
/// [buffered](SendBuffer::buffered) if it panics.
#[inline]
pub fn or_drop_gathered<R>(send: &mut SendBuffer, before: usize, code: impl FnOnce() -> R) -> R {
    struct OnPanic<'a>(&'a mut SendBuffer, usize);
    impl Drop for OnPanic<'_> {
        fn drop(&mut self) {
            self.0.truncate(self.1);
        }
    }
    let on_panic = OnPanic(send, before);
    let returned = code();
    mem::forget(on_panic);
    returned
}

/// Returns `true` if a message is small enough to be buffered with others, instead of being written
/// from where it is.
#[inline]
#[must_use]
pub fn is_gathered(payload: &[u8]) -> bool {
    payload.len() <= GATHERED
}

/// Returns `true` if `payload` should be buffered behind what is buffered already before that is
/// written.
#[inline]
#[must_use]
pub fn has_room_for(send: &SendBuffer, payload: &[u8]) -> bool {
    let buffered = send.buffered();
    buffered == 0 || (is_gathered(payload) && buffered + payload.len() <= BATCH)
}
