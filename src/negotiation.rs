//! A handshake over a stream, driven step by step: what every adapter does with it.

use core::fmt;
use std::io;
use std::vec::Vec;

use crate::handshake::MAX_MESSAGE;
use crate::outbox::joined;
use crate::{Authenticated, Error, Extended, Handshake, Inbox, Proof, Space, Transmit};

/// A handshake under way over a stream. It can be driven a little at a time, so that one loop
/// serves many.
#[derive(Debug)]
pub struct Negotiation<K, P = Authenticated> {
    /// None once it has ended, either way.
    handshake: Option<Handshake<K, P>>,
    /// The message being sent.
    transmit: Option<Transmit>,
}

/// What the transport is to do. It answers how many bytes it moved, 0 at the end of what it reads,
/// or `None` when it cannot move any for now (`WouldBlock`). After an interruption (`Interrupted`),
/// it tries again by itself.
pub enum Operation<'a> {
    /// Write these.
    Write(&'a [u8]),
    /// Read into this.
    Read(Space<'a>),
}

// By hand, so that no bytes are ever printed.
impl fmt::Debug for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(bytes) => write!(f, "Write({} bytes)", bytes.len()),
            Self::Read(space) => f.debug_tuple("Read").field(space).finish(),
        }
    }
}

impl<K: AsRef<[u8]>, P: Proof> Negotiation<K, P> {
    /// At the beginning of `handshake`.
    pub fn new(handshake: Handshake<K, P>) -> Self {
        Self { handshake: Some(handshake), transmit: None }
    }

    /// Whether it waits for the transport to take bytes; if not, for it to give some.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        matches!(self.handshake, Some(Handshake::Send(_)))
    }

    /// Whether the peer's response was right.
    #[must_use]
    pub fn peer_is_proved(&self) -> bool {
        self.handshake.as_ref().is_some_and(Handshake::peer_is_proved)
    }

    /// Goes as far as `transfer` can move bytes. `None`: call again when it can.
    ///
    /// Give the inbox a new limit when it is done: [`Inbox::open`].
    ///
    /// # Errors
    ///
    /// [`Error::Auth`], [`Error::Frame`], [`Error::Ended`] and [`Error::Io`]. A peer that is
    /// rejected is told so first, where that is possible.
    ///
    /// # Panics
    ///
    /// When it has ended before.
    pub fn drive(
        &mut self,
        inbox: &mut Inbox,
        mut transfer: impl FnMut(Operation<'_>) -> io::Result<Option<usize>>,
    ) -> Result<Option<P>, Error> {
        loop {
            match self.handshake.take().expect("driven past its end") {
                Handshake::Send(step) => {
                    let message = step.message();
                    let transmit = self.transmit.get_or_insert_with(|| {
                        Transmit::new(message.len(), Extended::Refuse).expect("a short message")
                    });
                    let write = |frame: &[u8]| transfer(Operation::Write(frame));
                    match joined::with(transmit.slices(message), write) {
                        Ok(Some(n)) if n > 0 => {
                            self.handshake = Some(if transmit.advance(n) {
                                self.transmit = None;
                                step.sent()?
                            } else {
                                Handshake::Send(step)
                            });
                        }
                        Ok(None) => {
                            self.handshake = Some(Handshake::Send(step));
                            return Ok(None);
                        }
                        // Why the peer was rejected says more than that it could not be told.
                        moved => {
                            return Err(match (step.failure(), moved) {
                                (Some(failure), _) => failure.into(),
                                (None, Err(error)) => error.into(),
                                (None, Ok(_)) => io::Error::from(io::ErrorKind::WriteZero).into(),
                            });
                        }
                    }
                }
                Handshake::Receive(step) => {
                    let read = |space: Space<'_>| transfer(Operation::Read(space));
                    if inbox.receive_with(MAX_MESSAGE as u64, &mut Vec::new(), read)? {
                        self.handshake = Some(step.receive(inbox.message())?);
                    } else {
                        self.handshake = Some(Handshake::Receive(step));
                        return Ok(None);
                    }
                }
                Handshake::Done(proof) => return Ok(Some(proof)),
            }
        }
    }

    /// Whether it stopped inside a frame: what is sent next would be taken for the rest.
    #[must_use]
    pub fn is_half_sent(&self) -> bool {
        self.transmit.as_ref().is_some_and(|transmit| !transmit.is_untouched())
    }

    /// What to report when it is given up, because it took too long.
    #[must_use]
    pub fn give_up(self) -> Error {
        match self.handshake {
            Some(Handshake::Send(step)) => step.failure().map(Error::Auth),
            _ => None,
        }
        .unwrap_or(Error::TimedOut(crate::Phase::Handshake))
    }
}

#[cfg(test)]
mod tests;
