//! A handshake over a stream, step by step.

use alloc::vec::Vec;

use crate::error::ProtocolError;
use crate::frame::FrameError;
use crate::handshake::{
    AuthError, Authenticated, Handshake, HandshakeStep, MAX_MESSAGE, OtherProtocol, Proof,
};
use crate::recv_buffer::RecvBuffer;
use crate::send_buffer::SendBuffer;

/// Drives a [`Handshake`] over a [`RecvBuffer`] and a [`SendBuffer`]. It can be driven a little at
/// a time, so that one loop serves many.
///
/// [`Connection`](crate::Connection) does this by itself; use the driver to hold a handshake within a
/// connection that is in use, as Python's `deliver_challenge` and `answer_challenge` do.
#[derive(Debug)]
pub struct HandshakeDriver<K, P = Authenticated> {
    /// None once it has ended, either way.
    handshake: Option<Handshake<K, P>>,
    begun: Begun,
    pipelines: bool,
    /// The challenge was sent with the response.
    is_ahead: bool,
    /// What was wrong with the peer's challenge, while the verdict before it is written.
    refusal: Option<AuthError>,
}

/// Where the message to send is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    No,
    /// In the step: the send buffer knows its length.
    InPlace,
    /// In the send buffer.
    Copied,
}

/// What a [`HandshakeDriver`] waits for.
#[derive(Debug)]
pub enum Progress<P> {
    /// Read into [`RecvBuffer::read_buf`].
    Read,
    /// Write [`HandshakeDriver::chunks`].
    Write,
    /// Nothing: the handshake is done, and this is the proof.
    Done(P),
}

impl<K: AsRef<[u8]>, P: Proof> HandshakeDriver<K, P> {
    /// Creates a driver at the beginning of `handshake`.
    pub fn new(handshake: Handshake<K, P>) -> Self {
        Self {
            handshake: Some(handshake),
            begun: Begun::No,
            pipelines: false,
            is_ahead: false,
            refusal: None,
        }
    }

    /// Sets whether a client sends its challenge together with its response, without waiting for the
    /// listener's verdict. The default is `false`; set it for Unix sockets. See [`ToSend::ahead`].
    ///
    /// A listener answers such a client in one write too, whatever is set here.
    ///
    /// [`ToSend::ahead`]: crate::ToSend::ahead
    pub fn set_pipelining(&mut self, pipelines: bool) {
        self.pipelines = pipelines;
    }

    /// Returns `true` if the next step is to send a message; if not, it is to receive one.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        matches!(self.handshake, Some(Handshake::Send(_))) || self.refusal.is_some()
    }

    /// Returns `true` if the peer has proved that it holds the key.
    #[must_use]
    pub fn is_peer_authenticated(&self) -> bool {
        self.handshake.as_ref().is_some_and(Handshake::is_peer_authenticated)
    }

    /// Returns how far the handshake has come, or `None` if it has ended.
    #[must_use]
    pub fn step(&self) -> Option<HandshakeStep> {
        self.handshake.as_ref()?.step()
    }

    /// Returns why the peer is to be rejected, while that is being sent to it. If it cannot be
    /// sent, or not in time, this says more than that.
    #[must_use]
    pub fn failure(&self) -> Option<AuthError> {
        match &self.handshake {
            Some(Handshake::Send(step)) => step.failure(),
            _ => self.refusal,
        }
    }

    /// Returns the bytes to write: what `send` holds, and the rest of the handshake's message.
    #[must_use]
    pub fn chunks<'a>(&'a self, send: &'a SendBuffer) -> [&'a [u8]; 3] {
        match &self.handshake {
            Some(Handshake::Send(step)) if self.begun != Begun::Copied => {
                send.chunks(step.message())
            }
            _ => send.chunks(&[]),
        }
    }

    /// Returns the message that was begun in the send buffer and is not written yet.
    pub(crate) fn message(&self) -> Option<&[u8]> {
        match &self.handshake {
            Some(Handshake::Send(step)) if self.begun == Begun::InPlace => Some(step.message()),
            _ => None,
        }
    }

    /// Goes as far as what was read and written allows.
    ///
    /// Messages are limited to [`MAX_MESSAGE`] bytes meanwhile, whatever the limit of `recv` is.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::Auth`] and [`ProtocolError::Frame`], which end the handshake. A peer that is
    /// rejected is told so first. A message that is too long for a handshake is
    /// [`AuthError::MessageTooLong`], or [`AuthError::OtherProtocol`].
    ///
    /// # Panics
    ///
    /// If the handshake has ended already, or if `send` is poisoned.
    pub fn poll(
        &mut self,
        recv: &mut RecvBuffer,
        send: &mut SendBuffer,
    ) -> Result<Progress<P>, ProtocolError> {
        if let Some(refusal) = self.refusal.filter(|_| send.is_empty()) {
            return Err(refusal.into());
        } else if self.refusal.is_some() {
            return Ok(Progress::Write);
        }
        loop {
            // Steps are looked at where they are: to take one out is to move some 200 bytes.
            match self.handshake.as_ref().expect("polled after its end") {
                Handshake::Send(step) if self.is_ahead && step.is_challenge() => {}
                Handshake::Send(step)
                    if self.begun == Begun::No && step.is_welcome_between() && recv.is_ready() =>
                {
                    // The client did not wait for it: what it wants to know goes with it.
                    push(send, step.message());
                }
                Handshake::Send(step) => {
                    if self.begun == Begun::No {
                        match step.ahead().filter(|_| self.pipelines) {
                            Some(challenge) => {
                                push(send, step.message());
                                push(send, challenge);
                                self.is_ahead = true;
                                self.begun = Begun::Copied;
                            }
                            None => {
                                begin(send, step.message().len());
                                self.begun = Begun::InPlace;
                            }
                        }
                    }
                    if !send.is_empty() {
                        return Ok(Progress::Write);
                    }
                    self.begun = Begun::No;
                }
                Handshake::Receive(_) => {
                    let found = recv.poll_reusing(MAX_MESSAGE as u64, &mut Vec::new());
                    if !found.map_err(no_message)? {
                        let unsent = !send.is_empty();
                        return Ok(if unsent { Progress::Write } else { Progress::Read });
                    }
                }
                Handshake::Done(_) => {}
            }
            match self.handshake.take() {
                Some(Handshake::Send(step)) => self.handshake = Some(step.sent()?),
                Some(Handshake::Receive(step)) => match step.receive(recv.message()) {
                    Ok(next) => self.handshake = Some(next),
                    // The verdict before it goes out first, as it would without pipelining.
                    Err(error) if !send.is_empty() => {
                        self.refusal = Some(error);
                        return Ok(Progress::Write);
                    }
                    Err(error) => return Err(error.into()),
                },
                Some(Handshake::Done(proof)) => return Ok(Progress::Done(proof)),
                None => {}
            }
        }
    }
}

/// Handshakes are held between two messages, and each of their messages ends before the next begins.
const BETWEEN: &str = "the stream is between messages";

// Not inlined: the send buffer is to be inlined where messages are sent, and a handshake has six.
#[inline(never)]
fn push(send: &mut SendBuffer, message: &[u8]) {
    send.push(message).expect(BETWEEN);
}

#[inline(never)]
fn begin(send: &mut SendBuffer, length: usize) {
    send.begin(length).expect(BETWEEN);
}

/// What is wrong with a message of the handshake that has no frame.
#[cold]
fn no_message(error: FrameError) -> ProtocolError {
    match (OtherProtocol::behind(&error), error) {
        (Some(protocol), _) => AuthError::OtherProtocol(protocol).into(),
        (None, FrameError::TooLong { length, .. }) => {
            AuthError::MessageTooLong { length: usize::try_from(length).unwrap_or(usize::MAX) }
                .into()
        }
        (None, error) => error.into(),
    }
}

#[cfg(test)]
mod tests;
