//! One conversation in a loop of completions: io_uring, IOCP, or the ring in memory.
//!
//! While an operation is in flight its buffer belongs to the kernel. So a [`Session`] hands its
//! buffer out with each [`Operation`], and takes it back with the completion; in between it keeps
//! numbers only, since the core's machines borrow nothing.

use std::mem;
use std::ops::Range;

use mpconn::{
    AuthKey, Error, Event, Extended, FrameError, Framer, Handshake, MAX_HEADER, MAX_MESSAGE,
    Transmit,
};

use crate::MAX_MESSAGE_BYTES;

/// Messages of up to so many bytes come whole; longer ones in pieces. (6)
const INLINE: usize = 16 * 1024;

/// The next operation to submit. There is one at a time, since a server that answers before it
/// receives again bounds what a client can make it keep.
#[derive(Debug)]
pub enum Operation {
    /// Read into the buffer from this offset on, then call [`Session::read`].
    Read(Vec<u8>, usize),
    /// Write the buffer's bytes from this offset on, then call [`Session::wrote`].
    Write(Vec<u8>, usize),
    /// Nothing: close.
    Close,
}

/// What the program does after a message, or after the handshake.
#[derive(Debug)]
pub enum Next {
    /// Sends this, then receives.
    Send(Vec<u8>),
    /// Receives.
    Receive,
    /// Closes.
    Close,
}

/// One side of a connection, whose program is asked what comes next: with `None` after the
/// handshake, and then with each message.
#[derive(Debug)]
pub struct Session<F> {
    state: State,
    framer: Framer,
    input: Vec<u8>,
    unread: Range<usize>,
    /// Of a message that comes in pieces.
    large: Vec<u8>,
    /// A header and its payload.
    output: Vec<u8>,
    transmit: Option<Transmit>,
    program: F,
}

#[derive(Debug)]
enum State {
    Authenticating(Handshake<AuthKey>),
    Open(Next),
    Closed,
}

impl<F: FnMut(Option<&[u8]>) -> Next> Session<F> {
    /// At the beginning of `handshake`.
    pub fn new(handshake: Handshake<AuthKey>, program: F) -> Self {
        Self {
            state: State::Authenticating(handshake),
            framer: Framer::new(MAX_MESSAGE as u64, INLINE), // 1
            input: vec![0; INLINE + MAX_HEADER],
            unread: 0..0,
            large: Vec::new(),
            output: Vec::new(),
            transmit: None,
            program,
        }
    }

    /// Whether the peer has proved that it holds the key, and knows that we do.
    pub fn is_authenticated(&self) -> bool {
        !matches!(self.state, State::Authenticating(_))
    }

    /// What to submit now that nothing is in flight.
    ///
    /// # Errors
    ///
    /// Whatever the peer did wrong: close the connection then. (4)
    pub fn next_operation(&mut self) -> Result<Operation, Error> {
        loop {
            if let Some(rest) = self.transmit.as_ref().filter(|transmit| !transmit.is_done()) {
                let (header, payload) = rest.ranges();
                let from = header.start + payload.start;
                return Ok(Operation::Write(mem::take(&mut self.output), from));
            }
            let sent = self.transmit.take().is_some();
            self.state = match mem::replace(&mut self.state, State::Closed) {
                State::Authenticating(Handshake::Send(step)) if sent => {
                    State::Authenticating(step.sent()?)
                }
                State::Authenticating(Handshake::Send(step)) => {
                    self.begin(step.message())?; // 2
                    State::Authenticating(Handshake::Send(step))
                }
                State::Authenticating(Handshake::Receive(step)) => match self.message()? {
                    Some(message) => State::Authenticating(step.receive(&message)?), // 3
                    None => return Ok(self.wait(State::Authenticating(Handshake::Receive(step)))),
                },
                State::Authenticating(Handshake::Done(_proof)) => {
                    self.framer.set_max(MAX_MESSAGE_BYTES); // 5
                    State::Open((self.program)(None))
                }
                State::Open(Next::Send(_)) if sent => State::Open(Next::Receive),
                State::Open(Next::Send(payload)) => {
                    self.begin(&payload)?;
                    State::Open(Next::Send(payload))
                }
                State::Open(Next::Receive) => match self.message()? {
                    Some(message) => State::Open((self.program)(Some(&message))),
                    None => return Ok(self.wait(State::Open(Next::Receive))),
                },
                State::Open(Next::Close) | State::Closed => return Ok(Operation::Close),
            }
        }
    }

    fn begin(&mut self, payload: &[u8]) -> Result<(), Error> {
        let transmit = Transmit::new(payload.len(), Extended::Refuse)?;
        self.output = [transmit.whole_header(), payload].concat();
        self.transmit = Some(transmit);
        Ok(())
    }

    /// The next message of what has arrived.
    fn message(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        loop {
            let unread = &self.input[self.unread.clone()];
            let (used, event) = self.framer.next(unread)?;
            self.unread.start += used;
            match event {
                Event::Frame(payload) => return Ok(Some(unread[payload].to_vec())),
                Event::Begin(_) => {}
                // The memory grows with what arrives, not with what was claimed. (6)
                Event::Chunk { data, left } => {
                    self.large.extend_from_slice(&unread[data]);
                    if left == 0 {
                        return Ok(Some(mem::take(&mut self.large)));
                    }
                }
                Event::Need(_) => return Ok(None),
            }
        }
    }

    fn wait(&mut self, state: State) -> Operation {
        self.state = state;
        self.input.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        Operation::Read(mem::take(&mut self.input), self.unread.end)
    }

    /// A read is complete: the buffer, and how many bytes came behind its offset.
    ///
    /// # Errors
    ///
    /// At the end of the stream: [`Error::Ended`] between two messages, [`Error::Frame`] within one.
    pub fn read(&mut self, buffer: Vec<u8>, n: usize) -> Result<(), Error> {
        self.input = buffer;
        self.input.resize(INLINE + MAX_HEADER, 0);
        if n == 0 {
            self.framer.eof(&self.input[self.unread.clone()])?;
            return Err(Error::Ended);
        }
        self.unread.end += n;
        Ok(())
    }

    /// A write is complete: the buffer, and how many bytes of it were taken.
    ///
    /// # Panics
    ///
    /// When no write was asked for.
    pub fn wrote(&mut self, buffer: Vec<u8>, n: usize) {
        self.output = buffer;
        self.transmit.as_mut().expect("a write was asked for").advance(n);
    }
}
