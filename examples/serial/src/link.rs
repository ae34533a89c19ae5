use core::ops::Range;

use mpconn::{
    AuthError, Event, Extended, FrameError, Framer, Handshake, MAX_HEADER, MAX_MESSAGE, Transmit,
};

/// A serial line as the registers of a UART show it.
pub trait Line {
    /// The next byte that has arrived, if there is one.
    fn get(&mut self) -> Option<u8>;

    /// Sends a byte, unless the line takes none for now.
    #[must_use]
    fn put(&mut self, byte: u8) -> bool;
}

/// One end of a line, polled by the program's main loop. It holds a message of up to `MAX` bytes
/// each way.
#[derive(Debug)]
pub struct Link<L, const MAX: usize> {
    line: L,
    handshake: Option<Handshake<&'static [u8]>>,
    deadline: u32,
    framer: Framer,
    input: [u8; MAX_MESSAGE + MAX_HEADER],
    unread: Range<usize>,
    received: [u8; MAX],
    filled: usize,
    output: [u8; MAX],
    transmit: Option<Transmit>,
}

/// Why a link is of no more use. Make another: a serial line has nothing to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The peer does not hold the key.
    Auth(AuthError),
    /// The peer's frames are none.
    Frame(FrameError),
    /// The handshake was not over in time.
    TimedOut,
    /// A message of ours is longer than the link's buffer.
    TooLong,
}

impl From<AuthError> for Fault {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

impl From<FrameError> for Fault {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl<L: Line, const MAX: usize> Link<L, MAX> {
    /// At the beginning of `handshake`, which has to be over when the clock shows `deadline`, in
    /// whatever the program counts.
    pub fn new(line: L, handshake: Handshake<&'static [u8]>, deadline: u32) -> Self {
        const { assert!(MAX >= MAX_MESSAGE, "a handshake needs as much") };
        Self {
            line,
            handshake: Some(handshake),
            deadline,
            framer: Framer::new(MAX_MESSAGE as u64, MAX_MESSAGE), // 1
            input: [0; MAX_MESSAGE + MAX_HEADER],
            unread: 0..0,
            received: [0; MAX],
            filled: 0,
            output: [0; MAX],
            transmit: None,
        }
    }

    /// Whether the handshake is over.
    pub fn is_authenticated(&self) -> bool {
        self.handshake.is_none()
    }

    /// Whether a message is still on its way out.
    pub fn is_sending(&self) -> bool {
        self.transmit.as_ref().is_some_and(|transmit| !transmit.is_done())
    }

    /// Begins to send a message; [`poll`](Self::poll) does the rest.
    ///
    /// # Errors
    ///
    /// [`Fault::TooLong`], when the message does not fit into the buffer.
    ///
    /// # Panics
    ///
    /// While another is on its way out.
    pub fn send(&mut self, payload: &[u8]) -> Result<(), Fault> {
        assert!(!self.is_sending(), "one message at a time");
        let place = self.output.get_mut(..payload.len()).ok_or(Fault::TooLong)?;
        place.copy_from_slice(payload);
        let transmit = Transmit::new(payload.len(), Extended::Refuse);
        self.transmit = Some(transmit.map_err(|_| Fault::TooLong)?); // 2
        Ok(())
    }

    /// Moves what the line has and takes, and gives the next message when there is one. `now` is
    /// the clock's time.
    ///
    /// # Errors
    ///
    /// A [`Fault`] of the peer's, after which the link is of no more use.
    pub fn poll(&mut self, now: u32) -> Result<Option<&[u8]>, Fault> {
        self.write();
        self.read();
        if let Some(handshake) = self.handshake.take() {
            self.handshake = self.authenticate(handshake)?;
            if self.handshake.is_some() && now >= self.deadline {
                return Err(Fault::TimedOut); // 7
            }
            return Ok(None);
        }
        // Nothing is received from a peer that does not take its answers.
        if self.is_sending() {
            return Ok(None);
        }
        Ok(self.receive()?.map(|length| &self.received[..length]))
    }

    fn authenticate(
        &mut self,
        handshake: Handshake<&'static [u8]>,
    ) -> Result<Option<Handshake<&'static [u8]>>, Fault> {
        Ok(Some(match handshake {
            Handshake::Send(step) if self.transmit.is_none() => {
                self.send(step.message())?; // 2
                Handshake::Send(step)
            }
            Handshake::Send(step) if self.is_sending() => Handshake::Send(step),
            Handshake::Send(step) => {
                self.transmit = None;
                step.sent()?
            }
            Handshake::Receive(step) => match self.receive()? {
                Some(length) => step.receive(&self.received[..length])?, // 3
                None => Handshake::Receive(step),
            },
            Handshake::Done(_proof) => {
                self.framer.set_max(MAX as u64); // 5
                return Ok(None); // 4
            }
        }))
    }

    fn write(&mut self) {
        let Some(transmit) = &mut self.transmit else { return };
        while !transmit.is_done() {
            let (header, payload) = transmit.ranges();
            let byte = match header.is_empty() {
                false => transmit.whole_header()[header.start],
                true => self.output[payload.start],
            };
            if !self.line.put(byte) {
                return;
            }
            transmit.advance(1);
        }
    }

    fn read(&mut self) {
        self.input.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        while let Some(place) = self.input.get_mut(self.unread.end) {
            let Some(byte) = self.line.get() else { return };
            *place = byte;
            self.unread.end += 1;
        }
    }

    /// The length of the next message in `received`, if all of it has arrived.
    fn receive(&mut self) -> Result<Option<usize>, FrameError> {
        loop {
            let input = &self.input[self.unread.clone()];
            let (used, event) = self.framer.next(input)?; // 3
            self.unread.start += used;
            let (payload, is_whole) = match event {
                Event::Frame(payload) => (payload, true),
                // The limit is the buffer's length, so that what was claimed fits. (6)
                Event::Begin(_) => continue,
                Event::Chunk { data, left } => (data, left == 0),
                Event::Need(_) => return Ok(None),
            };
            let end = self.filled + payload.len();
            self.received[self.filled..end].copy_from_slice(&input[payload]);
            self.filled = if is_whole { 0 } else { end };
            if is_whole {
                return Ok(Some(end));
            }
        }
    }
}
