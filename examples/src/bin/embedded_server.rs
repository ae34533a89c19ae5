//! The traits of embedded-io-async, as network stacks for microcontrollers implement them
//! (embassy-net, nrf-modem). `Link` needs no allocator, so that a device can have one for each of
//! its sockets; `main` runs it over smol's sockets instead.
//!
//! ```text
//! cargo run --bin embedded_server [address]
//! ```

use std::fmt;

use embedded_io_adapters::futures_03::FromFutures;
use embedded_io_async::{ErrorKind, Read, Write};
use getrandom::SysRng;
use mpconn::{
    AuthError, AuthKey, Event, Extended, FrameError, Framer, Handshake, MAX_HEADER, MAX_MESSAGE,
    Policy, Transmit,
};
use mpconn_examples::{Error, HANDSHAKE_TIME, address, announce};
use smol::future::FutureExt;
use smol::net::TcpListener;
use smol::{LocalExecutor, Timer};

/// The longest message, in bytes.
const MAX: usize = 1 << 20;

fn main() -> Result<(), Error> {
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        let listener = TcpListener::bind(address()).await?;
        let key = announce(listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let key = key.clone();
            let serve = async move {
                if let Err(fault) = serve(FromFutures::new(stream), &key).await {
                    eprintln!("{fault}");
                }
            };
            executor.spawn(serve).detach();
        }
    }))
}

async fn serve<T: Read + Write>(transport: T, key: &AuthKey) -> Result<(), Fault> {
    let overdue = async {
        Timer::after(HANDSHAKE_TIME).await; // 6
        Err(Fault::TimedOut)
    };
    let handshake = Handshake::accepting(key.as_ref(), &Policy::COMPAT, &mut SysRng)
        .expect("a key and random bytes"); // 1
    // On a device these are static.
    let mut buffer = vec![0; MAX + MAX_HEADER];
    let mut answer = vec![0; MAX];
    let mut link = Link::authenticate(transport, &mut buffer, handshake).or(overdue).await?;
    loop {
        let message = match link.receive().await {
            Err(Fault::Ended) => return Ok(()),
            message => message?,
        };
        let answer = &mut answer[..message.len()];
        answer.copy_from_slice(message);
        answer.reverse();
        link.send(answer).await?;
    }
}

/// One side of a connection. Its memory is the caller's, and limits the length of messages.
struct Link<'a, T> {
    transport: T,
    framer: Framer,
    buffer: &'a mut [u8],
    unread: std::ops::Range<usize>,
}

enum Fault {
    Auth(AuthError),
    Frame(FrameError),
    Io(ErrorKind),
    /// The peer has closed the connection between two messages.
    Ended,
    TimedOut,
}

impl<'a, T: Read + Write> Link<'a, T> {
    async fn authenticate(
        transport: T,
        buffer: &'a mut [u8],
        mut handshake: Handshake<&[u8]>,
    ) -> Result<Self, Fault> {
        let max = buffer.len() - MAX_HEADER;
        let framer = Framer::new(MAX_MESSAGE as u64, max);
        let mut link = Self { transport, framer, buffer, unread: 0..0 };
        loop {
            handshake = match handshake {
                Handshake::Send(step) => {
                    link.send(step.message()).await?;
                    step.sent().map_err(Fault::Auth)?
                }
                Handshake::Receive(step) => {
                    step.receive(link.receive().await?).map_err(Fault::Auth)?
                }
                Handshake::Done(_) => {
                    link.framer.set_max(max as u64);
                    return Ok(link);
                }
            };
        }
    }

    async fn send(&mut self, message: &[u8]) -> Result<(), Fault> {
        let transmit = Transmit::new(message.len(), Extended::Refuse)
            .expect("it is in memory, which is less than 2 GiB");
        for slice in transmit.slices(message) {
            self.transport.write_all(slice).await.map_err(io)?;
        }
        self.transport.flush().await.map_err(io)
    }

    async fn receive(&mut self) -> Result<&mut [u8], Fault> {
        loop {
            let unread = &self.buffer[self.unread.clone()];
            let (used, event) = self.framer.next(unread).map_err(Fault::Frame)?;
            let at = self.unread.start;
            self.unread.start += used;
            if let Event::Frame(payload) = event {
                return Ok(&mut self.buffer[at + payload.start..at + payload.end]);
            }
            // Every message fits into the buffer, and so it is neither begun nor in chunks.
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
            let n = self.transport.read(&mut self.buffer[self.unread.end..]).await.map_err(io)?;
            if n == 0 {
                self.framer.eof(&self.buffer[self.unread.clone()]).map_err(Fault::Frame)?;
                return Err(Fault::Ended);
            }
            self.unread.end += n;
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auth(error) => error.fmt(f),
            Self::Frame(error) => error.fmt(f),
            Self::Io(kind) => kind.fmt(f),
            Self::Ended => f.write_str("the client closed the connection"),
            Self::TimedOut => f.write_str("the handshake timed out"),
        }
    }
}

fn io(error: impl embedded_io_async::Error) -> Fault {
    Fault::Io(error.kind())
}
