//! The same as raw, on tokio: what one would write there by hand.

use std::future::Future;
use std::io::IoSlice;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::framing::{Batch, Next, ReadAhead, header};
use crate::link::{self, Contender, Link, Result, Setup, StreamListener};

pub struct TokioRaw;

pub struct TokioLink {
    stream: UnixStream,
    ahead: ReadAhead,
    batch: Batch,
}

/// Puts a connected stream on the runtime.
pub fn on_runtime(stream: std::os::unix::net::UnixStream) -> Result<UnixStream> {
    stream.set_nonblocking(true)?;
    Ok(UnixStream::from_std(stream)?)
}

impl TokioLink {
    fn new(stream: std::os::unix::net::UnixStream, setup: &Setup) -> Result<Self> {
        let ahead = ReadAhead::new(64 * 1024, setup.receiving);
        Ok(Self { stream: on_runtime(stream)?, ahead, batch: Batch::default() })
    }

    async fn flush(&mut self) -> Result<()> {
        self.stream.write_all(&self.batch.0).await?;
        self.batch.0.clear();
        Ok(())
    }

    async fn write_long(&mut self, message: &Bytes) -> Result<()> {
        let header = header(message);
        let mut slices = &mut [IoSlice::new(&header), IoSlice::new(message)][..];
        while !slices.is_empty() {
            let written = self.stream.write_vectored(slices).await?;
            IoSlice::advance_slices(&mut slices, written);
        }
        Ok(())
    }

    async fn read_long(&mut self, length: usize) -> Result<()> {
        let left = self.ahead.begin(length);
        let message = &mut self.ahead.message;
        if message.len() < length {
            (&mut self.stream).take(left as u64).read_to_end(message).await?;
        } else {
            self.stream.read_exact(&mut message[length - left..]).await?;
        }
        Ok(())
    }
}

impl Link for TokioLink {
    async fn send(&mut self, message: &Bytes) -> Result<()> {
        if !Batch::copies(message) {
            return self.write_long(message).await;
        }
        self.batch.push(message);
        self.flush().await
    }

    async fn send_many(&mut self, message: &Bytes, count: usize) -> Result<()> {
        for _ in 0..count {
            if self.batch.is_full_for(message) {
                self.flush().await?;
            }
            self.batch.push(message);
        }
        self.flush().await
    }

    async fn receive(&mut self) -> Result<&[u8]> {
        loop {
            match self.ahead.next() {
                Next::Frame(frame) => return Ok(self.ahead.lend(frame)),
                Next::Long(length) => {
                    self.read_long(length).await?;
                    return Ok(&self.ahead.message);
                }
                Next::More => match self.stream.read(self.ahead.space()).await? {
                    0 => return Err(link::ended()),
                    n => self.ahead.filled(n),
                },
            }
        }
    }
}

impl Contender for TokioRaw {
    type Listener = StreamListener;
    type Link = TokioLink;

    async fn listen(_: &Setup, address: &str) -> Result<(StreamListener, String)> {
        link::listen(address)
    }

    async fn accept(setup: &Setup, listener: &mut StreamListener) -> Result<TokioLink> {
        TokioLink::new(link::accept(listener)?, setup)
    }

    async fn connect(setup: &Setup, address: &str) -> Result<TokioLink> {
        TokioLink::new(link::connect(address)?, setup)
    }

    fn run<F: Future>(future: F) -> F::Output {
        link::on_tokio(future)
    }
}
