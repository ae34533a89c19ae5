//! The sending side of a pipe.

use std::io;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use mpconn::{Event, Framer};

use crate::completion::{Completion, from_win32};
use crate::port::{Channel, Request};

/// Gathers one message after the other out of frames, and sends each with one write.
///
/// The last byte of a frame counts as taken when its message has been sent. So whoever gives up
/// before knows that the message is half sent, and whoever goes on does so with that byte. There is
/// one write in flight at most: closing the pipe would lose it, even where a later one arrived.
#[derive(Debug)]
pub(crate) struct Sending {
    framer: Framer,
    message: Vec<u8>,
    writing: Option<Arc<Completion>>,
}

impl Default for Sending {
    fn default() -> Self {
        // The system's calls take lengths of 32 bits.
        Self { framer: framer(), message: Vec::new(), writing: None }
    }
}

impl Sending {
    /// Takes some of the bytes of `slices`, which begin where the last call stopped taking, and tells
    /// how many. A header has to be there whole.
    pub(crate) fn poll(
        &mut self,
        channel: &Channel,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut taken = 0;
        loop {
            if let Some(writing) = &self.writing {
                let Poll::Ready(outcome) = writing.poll(cx) else {
                    return if taken > 0 { Poll::Ready(Ok(taken)) } else { Poll::Pending };
                };
                self.writing = None;
                if outcome.error != 0 {
                    return Poll::Ready(Err(from_win32(outcome.error)));
                }
                taken += 1;
            }
            let (used, is_whole) = self.gather(slices, taken)?;
            taken += used;
            if !is_whole {
                return Poll::Ready(Ok(taken));
            }
            let message = mem::take(&mut self.message);
            self.writing = Some(channel.start(Request::Write, message)?);
            taken -= 1;
        }
    }

    /// Waits until no message is being sent any more.
    pub(crate) fn poll_idle(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.writing.as_ref().map_or(Poll::Ready(()), |writing| writing.poll_ended(cx))
    }

    /// Adds to the message until it is whole, or the bytes behind the first `skip` are used up.
    fn gather(&mut self, slices: &[io::IoSlice<'_>], mut skip: usize) -> io::Result<(usize, bool)> {
        let mut used = 0;
        for slice in slices {
            let skipped = skip.min(slice.len());
            skip -= skipped;
            let mut bytes = &slice[skipped..];
            while !bytes.is_empty() {
                let (n, is_whole) = self.gather_some(bytes)?;
                used += n;
                bytes = &bytes[n..];
                if is_whole {
                    return Ok((used, true));
                }
            }
        }
        Ok((used, false))
    }

    fn gather_some(&mut self, bytes: &[u8]) -> io::Result<(usize, bool)> {
        let (used, event) = match self.framer.next(bytes) {
            Ok(next) => next,
            Err(error) => {
                // The caller's message is too long, and nothing of it is sent: others can be.
                self.framer = framer();
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        };
        match event {
            Event::Frame(_) => Ok((used, true)),
            Event::Begin(length) => {
                self.message.reserve_exact(usize::try_from(length).unwrap_or(0));
                Ok((used, false))
            }
            Event::Chunk { data, left } => {
                self.message.extend_from_slice(&bytes[data]);
                Ok((used, left == 0))
            }
            Event::Need(_) => {
                let error = "a part of a header cannot be sent over a pipe";
                Err(io::Error::new(io::ErrorKind::InvalidInput, error))
            }
        }
    }
}

/// For messages as long as one `WriteFile` takes.
fn framer() -> Framer {
    Framer::new(u32::MAX.into(), 0)
}
