//! A transport that leaves to others what is theirs.

use std::io::{self, IoSlice};
use std::sync::{Mutex, PoisonError};

use mpconn::{Event, Framer, Want};
use mpconn_blocking::{Deadline, Duplex, ReadBuf, Socket, Transport};

/// A socket or pipe from which other processes read too, as Python's queues do in turns: it is
/// never read beyond the frame that it is in.
pub(crate) struct Shared {
    socket: Socket,
    frame: Mutex<Frame>,
}

/// How far the frame has come that is arriving.
struct Frame {
    framer: Framer,
    header: Vec<u8>,
    want: Want,
}

impl Shared {
    /// A transport from which these bytes were read already.
    pub(crate) fn new(socket: Socket, unread: &[u8]) -> Self {
        let framer = Framer::new(u64::MAX, 0);
        let mut frame = Frame { framer, header: Vec::new(), want: Want::Buffer(0) };
        frame.arrived(unread);
        Self { socket, frame: Mutex::new(frame) }
    }
}

impl Frame {
    fn lacks(&self) -> usize {
        match self.want {
            Want::Buffer(bytes) => bytes,
            Want::Payload(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
        }
    }

    fn arrived(&mut self, bytes: &[u8]) {
        match self.want {
            Want::Buffer(_) => self.header.extend_from_slice(bytes),
            Want::Payload(_) => self.framer.advance(bytes.len()),
        }
        self.want = loop {
            match self.framer.next(&self.header) {
                Ok((_, Event::Need(want))) => break want,
                Ok((used, _)) => drop(self.header.drain(..used)),
                // Whoever receives finds the same error, and reads no more.
                Err(_) => break Want::Buffer(0),
            }
        };
    }
}

impl Transport for Shared {
    fn receive(&self, space: ReadBuf<'_>, deadline: Deadline) -> io::Result<Option<usize>> {
        let mut frame = self.frame.lock().unwrap_or_else(PoisonError::into_inner);
        match space {
            ReadBuf::Slice(slice) => {
                let room = slice.len().min(frame.lacks());
                let slice = &mut slice[..room];
                let received = self.socket.receive(ReadBuf::Slice(slice), deadline)?;
                frame.arrived(&slice[..received.unwrap_or(0)]);
                Ok(received)
            }
            // Only for the payload of a large frame, and no larger than what is left of it.
            ReadBuf::Spare(vec) => {
                let before = vec.len();
                let received = self.socket.receive(ReadBuf::Spare(vec), deadline)?;
                frame.arrived(&vec[before..]);
                Ok(received)
            }
        }
    }

    fn send(&self, slices: &[IoSlice<'_>], deadline: Deadline) -> io::Result<Option<usize>> {
        self.socket.send(slices, deadline)
    }

    fn wait_readable(&self, deadline: Deadline) -> io::Result<bool> {
        self.socket.wait_readable(deadline)
    }
}

impl Duplex for Shared {}
