//! The least that the wire needs, on std: one write of header and payload, a read-ahead buffer,
//! large remainders read straight into their memory.

use std::io::{IoSlice, Read, Write};
use std::os::unix::net::UnixStream;

use bytes::Bytes;

use crate::framing::{Batch, Next, ReadAhead, header};
use crate::link::{self, Contender, Link, Result, Setup, StreamListener};

/// With a read-ahead buffer of so many KiB.
pub struct Raw<const KIB: usize = 64>;

pub struct RawLink<S> {
    stream: S,
    ahead: ReadAhead,
    batch: Batch,
}

impl<S: Read + Write> RawLink<S> {
    pub fn new(stream: S, setup: &Setup, buffer: usize) -> Self {
        let ahead = ReadAhead::new(buffer, setup.receiving);
        Self { stream, ahead, batch: Batch::default() }
    }

    fn flush(&mut self) -> Result<()> {
        self.stream.write_all(&self.batch.0)?;
        self.batch.0.clear();
        Ok(())
    }

    fn write_long(&mut self, message: &Bytes) -> Result<()> {
        let header = header(message);
        let mut slices = &mut [IoSlice::new(&header), IoSlice::new(message)][..];
        while !slices.is_empty() {
            let written = self.stream.write_vectored(slices)?;
            IoSlice::advance_slices(&mut slices, written);
        }
        Ok(())
    }

    fn read_long(&mut self, length: usize) -> Result<()> {
        let left = self.ahead.begin(length);
        let message = &mut self.ahead.message;
        if message.len() < length {
            Read::take(&mut self.stream, left as u64).read_to_end(message)?;
        } else {
            self.stream.read_exact(&mut message[length - left..])?;
        }
        Ok(())
    }
}

impl<S: Read + Write> Link for RawLink<S> {
    async fn send(&mut self, message: &Bytes) -> Result<()> {
        if !Batch::copies(message) {
            return self.write_long(message);
        }
        self.batch.push(message);
        self.flush()
    }

    async fn send_many(&mut self, message: &Bytes, count: usize) -> Result<()> {
        for _ in 0..count {
            if self.batch.is_full_for(message) {
                self.flush()?;
            }
            self.batch.push(message);
        }
        self.flush()
    }

    async fn receive(&mut self) -> Result<&[u8]> {
        loop {
            match self.ahead.next() {
                Next::Frame(frame) => return Ok(self.ahead.lend(frame)),
                Next::Long(length) => {
                    self.read_long(length)?;
                    return Ok(&self.ahead.message);
                }
                Next::More => match self.stream.read(self.ahead.space())? {
                    0 => return Err(link::ended()),
                    n => self.ahead.filled(n),
                },
            }
        }
    }
}

impl<const KIB: usize> Contender for Raw<KIB> {
    type Listener = StreamListener;
    type Link = RawLink<UnixStream>;

    async fn listen(_: &Setup, address: &str) -> Result<(StreamListener, String)> {
        link::listen(address)
    }

    async fn accept(setup: &Setup, listener: &mut StreamListener) -> Result<Self::Link> {
        Ok(RawLink::new(link::accept(listener)?, setup, KIB * 1024))
    }

    async fn connect(setup: &Setup, address: &str) -> Result<Self::Link> {
        Ok(RawLink::new(link::connect(address)?, setup, KIB * 1024))
    }
}
