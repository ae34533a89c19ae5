//! The receiving side of a pipe.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use mpconn::{Extended, MAX_HEADER, Transmit};
use windows_sys::Win32::Foundation::{ERROR_BROKEN_PIPE, ERROR_MORE_DATA};

use crate::completion::{Completion, Outcome, from_win32};
use crate::port::{Channel, Request};
use crate::sys;

/// The bytes of a message that its first read takes. It waits for as long as the pipe is idle, so
/// that its memory is what an idle pipe costs.
const FIRST: usize = 4096;

/// The bytes that each further read takes of a longer message. All of them are in the pipe already.
const REST: usize = 64 * 1024;

/// Reads one message after the other, and never more than a part of one before it is asked for.
#[derive(Debug, Default)]
pub(crate) struct Receiving {
    state: State,
    /// Bytes of the message in `state` that are still in the pipe.
    left: usize,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    Reading(Arc<Completion>),
    /// The header of a message, and its first bytes; or bytes from its middle.
    Have {
        buffer: Vec<u8>,
        unread: Range<usize>,
    },
    Ended,
    Failed(io::ErrorKind),
}

impl Receiving {
    /// Waits for the next bytes, and shows them; none at the end. [`consume`](Self::consume) them.
    pub(crate) fn poll(
        &mut self,
        channel: &Channel,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<&[u8]>> {
        loop {
            match &mut self.state {
                State::Idle => self.state = State::Reading(self.start(channel)?),
                State::Reading(reading) => {
                    let outcome = ready!(reading.poll(cx));
                    match self.arrived(channel, outcome) {
                        Ok(state) => self.state = state,
                        Err(error) => {
                            // Whatever the system says next time, this is how it ended.
                            self.state = State::Failed(error.kind());
                            return Poll::Ready(Err(error));
                        }
                    }
                }
                State::Have { .. } | State::Ended => break,
                State::Failed(kind) => return Poll::Ready(Err((*kind).into())),
            }
        }
        Poll::Ready(Ok(match &self.state {
            State::Have { buffer, unread } => &buffer[unread.clone()],
            _ => &[],
        }))
    }

    /// So many of the bytes that were shown are not needed any more.
    pub(crate) fn consume(&mut self, n: usize) {
        if let State::Have { unread, .. } = &mut self.state {
            unread.start += n;
            if unread.start == unread.end {
                self.state = State::Idle;
            }
        }
    }

    fn start(&self, channel: &Channel) -> io::Result<Arc<Completion>> {
        let most = if self.left == 0 { FIRST } else { self.left.min(REST) };
        channel.start(Request::Read { from: MAX_HEADER }, vec![0; MAX_HEADER + most])
    }

    fn arrived(&mut self, channel: &Channel, outcome: Outcome) -> io::Result<State> {
        let Outcome { mut buffer, transferred, error } = outcome;
        match error {
            0 | ERROR_MORE_DATA => {}
            // In the middle of a message too: the length that was announced tells.
            ERROR_BROKEN_PIPE => return Ok(State::Ended),
            error => return Err(from_win32(error)),
        }
        let end = MAX_HEADER + transferred;
        if self.left > 0 {
            if transferred == 0 || transferred > self.left {
                let error = "the pipe gave other bytes than it announced";
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
            self.left -= transferred;
            return Ok(State::Have { buffer, unread: MAX_HEADER..end });
        }
        if error == ERROR_MORE_DATA {
            // When the peer has closed in between, nobody can tell how long the message was.
            self.left = sys::left_in_message(channel.handle()).map_err(|error| {
                let closed = error.kind() == io::ErrorKind::BrokenPipe;
                if closed { io::ErrorKind::UnexpectedEof.into() } else { error }
            })?;
        }
        let transmit = Transmit::new(transferred + self.left, Extended::Allow)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let header = transmit.header();
        let start = MAX_HEADER - header.len();
        buffer[start..MAX_HEADER].copy_from_slice(header);
        Ok(State::Have { buffer, unread: start..end })
    }
}
