//! A thread for each client, over anything that reads and writes: no loop, no adapter.
//!
//! ```text
//! cargo run --bin thread_server [address]
//! ```

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use mpconn::{
    AuthKey, Authenticated, Error, Event, Extended, Framer, Handshake, MAX_HEADER, MAX_MESSAGE,
    Transmit, Want,
};
use mpconn_examples::{
    HANDSHAKE_TIME, MAX_MESSAGE_BYTES, accepting, address, announce, turned_round,
};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(address())?;
    let key = announce(listener.local_addr()?);
    for client in listener.incoming() {
        let key = key.clone();
        thread::spawn(move || {
            if let Err(error) = client.map_err(Error::from).and_then(|it| serve(it, &key)) {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

fn serve(client: TcpStream, key: &AuthKey) -> Result<(), Error> {
    client.set_nodelay(true)?;
    let transport = Timed { stream: client, deadline: Some(Instant::now() + HANDSHAKE_TIME) };
    let mut stream = Stream::new(transport);
    stream.authenticate(accepting(key)?)?;
    stream.transport.deadline = None;
    while let Some(message) = stream.receive()? {
        stream.send(&turned_round(&message))?;
    }
    Ok(())
}

/// The whole driver, of any transport that blocks.
struct Stream<T> {
    transport: T,
    framer: Framer,
    buffer: [u8; MAX_MESSAGE + MAX_HEADER],
    unread: std::ops::Range<usize>,
}

impl<T: Read + Write> Stream<T> {
    fn new(transport: T) -> Self {
        Self {
            transport,
            framer: Framer::new(MAX_MESSAGE as u64, MAX_MESSAGE), // 1
            buffer: [0; MAX_MESSAGE + MAX_HEADER],
            unread: 0..0,
        }
    }

    fn authenticate(&mut self, mut handshake: Handshake<AuthKey>) -> Result<Authenticated, Error> {
        loop {
            handshake = match handshake {
                Handshake::Send(step) => {
                    self.send(step.message())?; // 2
                    step.sent()?
                }
                Handshake::Receive(step) => {
                    step.receive(&self.receive()?.ok_or(Error::Ended)?)? // 3
                }
                Handshake::Done(proof) => {
                    self.framer.set_max(MAX_MESSAGE_BYTES); // 5
                    return Ok(proof); // 4
                }
            }
        }
    }

    fn send(&mut self, payload: &[u8]) -> Result<(), Error> {
        let mut transmit = Transmit::new(payload.len(), Extended::Refuse)?;
        while !transmit.is_done() {
            let slices = transmit.slices(payload).map(IoSlice::new); // 2
            match self.transport.write_vectored(&slices) {
                Ok(0) => return Err(io::Error::from(ErrorKind::WriteZero).into()),
                Ok(n) => drop(transmit.advance(n)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The next message, or none at the end of the stream.
    fn receive(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let mut large = Vec::new();
        loop {
            let unread = &self.buffer[self.unread.clone()];
            let (used, event) = self.framer.next(unread)?; // 3
            self.unread.start += used;
            match event {
                Event::Frame(payload) => return Ok(Some(unread[payload].to_vec())),
                Event::Begin(_) => {} // 6
                Event::Chunk { data, left } => {
                    large.extend_from_slice(&unread[data]);
                    if left == 0 {
                        return Ok(Some(large));
                    }
                }
                // Straight into its place, which grows with what arrives. (6)
                Event::Need(Want::Payload(left)) => {
                    let before = large.len();
                    let read = Read::by_ref(&mut self.transport).take(left).read_to_end(&mut large);
                    // Bytes may have come before an error too.
                    self.framer.advance(large.len() - before);
                    read?;
                    self.framer.eof(&[])?;
                    return Ok(Some(large));
                }
                Event::Need(Want::Buffer(_)) => {
                    if self.fill()? == 0 {
                        self.framer.eof(&self.buffer[self.unread.clone()])?;
                        return Ok(None);
                    }
                }
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        loop {
            match self.transport.read(&mut self.buffer[self.unread.end..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => {
                    self.unread.end += *read.as_ref().unwrap_or(&0);
                    return read;
                }
            }
        }
    }
}

/// A socket with one deadline for all that is done before it. (7)
struct Timed {
    stream: TcpStream,
    deadline: Option<Instant>,
}

impl Timed {
    fn left(&self) -> io::Result<Option<std::time::Duration>> {
        let Some(deadline) = self.deadline else { return Ok(None) };
        match deadline.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(Some(left)),
            _ => Err(ErrorKind::TimedOut.into()),
        }
    }
}

impl Read for Timed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(into)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
