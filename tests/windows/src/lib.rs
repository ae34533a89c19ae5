//! What the tests on Windows have in common. On other systems there are none.
#![cfg(windows)]

use std::io::IoSlice;
use std::time::{Duration, Instant};

use mpconn::{Address, Extended, ReadBuf, RecvBuffer, encode};
use mpconn_pipe::{Pipe, block_until, connect};
use mpconn_sockets::{Error, Receiving};

/// What is waited for in vain takes this long.
pub const SHORT: Duration = Duration::from_millis(50);

/// Longer than anything that is waited for: a Python takes half a minute to start under Wine where
/// the machine has much else to do.
pub const LONG: Duration = Duration::from_secs(120);

/// What both sides have.
pub const KEY: &[u8] = b"a key that both sides have";

/// What a connection goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Net {
    /// TCP over IPv4.
    Tcp,
    /// A named pipe.
    Pipe,
}

impl Net {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Tcp, Self::Pipe];

    /// An address to listen at, which nobody else uses.
    pub fn fresh(self) -> Address {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        match self {
            Self::Tcp => ("127.0.0.1", 0).into(),
            Self::Pipe => {
                let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
                Address::Pipe(format!(r"\\.\pipe\mpconn-tests-{process}-{number}"))
            }
        }
    }
}

/// A client of a pipe that keeps to the protocol only as far as it likes.
#[derive(Debug)]
pub struct Raw {
    /// Its end of the pipe.
    pub pipe: Pipe,
    receiving: Receiving,
}

impl Raw {
    /// Connects to where somebody listens.
    pub fn connect(address: &Address) -> Self {
        let Address::Pipe(name) = address else { panic!("{address} is no pipe") };
        let deadline = Instant::now() + LONG;
        loop {
            if let Some(pipe) = connect(name).expect("somebody listens") {
                return pipe.into();
            }
            assert!(Instant::now() < deadline, "the pipe stays busy");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sends one message.
    pub fn send(&mut self, message: &[u8]) {
        let mut frame = Vec::new();
        encode(message, Extended::Allow, &mut frame).expect("extended ones are allowed");
        let mut sent = 0;
        while sent < frame.len() {
            let rest = [IoSlice::new(&frame[sent..])];
            let deadline = Some(Instant::now() + LONG);
            let n = block_until(deadline, |cx| self.pipe.poll_send(cx, &rest)).expect("in time");
            sent += n.expect("the peer is there");
        }
    }

    /// Receives one message.
    pub fn receive(&mut self) -> Result<Vec<u8>, Error> {
        let deadline = Some(Instant::now() + LONG);
        let read = |mut space: ReadBuf<'_>| {
            block_until(deadline, |cx| self.pipe.poll_receive(cx, &mut space)).transpose()
        };
        let reuse = &mut Vec::new();
        let is_here = self.receiving.poll(u64::MAX, reuse)?
            || self.receiving.read_with(u64::MAX, reuse, read)?;
        assert!(is_here, "nothing came");
        Ok(self.receiving.take())
    }
}

impl From<Pipe> for Raw {
    fn from(pipe: Pipe) -> Self {
        Self { pipe, receiving: Receiving::new(RecvBuffer::new(u64::MAX)) }
    }
}
