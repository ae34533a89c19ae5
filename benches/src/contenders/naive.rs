//! CPython's pattern of system calls, in Rust: a header is read, then its payload; both are written
//! at once up to 16 KiB, and apart above.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use bytes::Bytes;

use crate::framing::{Batch, HEADER, header};
use crate::link::{self, Contender, Link, Result, Setup, StreamListener};

pub struct Naive;

pub struct NaiveLink {
    stream: UnixStream,
    message: Vec<u8>,
    batch: Batch,
}

impl NaiveLink {
    fn new(stream: UnixStream) -> Self {
        Self { stream, message: Vec::new(), batch: Batch::default() }
    }
}

impl Link for NaiveLink {
    async fn send(&mut self, message: &Bytes) -> Result<()> {
        if Batch::copies(message) {
            self.batch.0.clear();
            self.batch.push(message);
            self.stream.write_all(&self.batch.0)?;
        } else {
            self.stream.write_all(&header(message))?;
            self.stream.write_all(message)?;
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<&[u8]> {
        let mut header = [0; HEADER];
        self.stream.read_exact(&mut header)?;
        self.message.resize(u32::from_be_bytes(header) as usize, 0);
        self.stream.read_exact(&mut self.message)?;
        Ok(&self.message)
    }
}

impl Contender for Naive {
    type Listener = StreamListener;
    type Link = NaiveLink;

    async fn listen(_: &Setup, address: &str) -> Result<(StreamListener, String)> {
        link::listen(address)
    }

    async fn accept(_: &Setup, listener: &mut StreamListener) -> Result<NaiveLink> {
        Ok(NaiveLink::new(link::accept(listener)?))
    }

    async fn connect(_: &Setup, address: &str) -> Result<NaiveLink> {
        Ok(NaiveLink::new(link::connect(address)?))
    }
}
