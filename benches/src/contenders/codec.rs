//! tokio-util's `LengthDelimitedCodec`, with the same header.

use std::future::Future;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use tokio::net::UnixStream;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use super::tokio_raw::on_runtime;
use crate::link::{self, Contender, Link, Result, Setup, StreamListener};

pub struct Codec;

pub struct CodecLink {
    framed: Framed<UnixStream, LengthDelimitedCodec>,
    message: BytesMut,
}

impl CodecLink {
    fn new(stream: std::os::unix::net::UnixStream) -> Result<Self> {
        let codec = LengthDelimitedCodec::builder().max_frame_length(usize::MAX).new_codec();
        Ok(Self { framed: Framed::new(on_runtime(stream)?, codec), message: BytesMut::new() })
    }
}

impl Link for CodecLink {
    async fn send(&mut self, message: &Bytes) -> Result<()> {
        Ok(self.framed.send(message.clone()).await?)
    }

    async fn send_many(&mut self, message: &Bytes, count: usize) -> Result<()> {
        for _ in 0..count {
            self.framed.feed(message.clone()).await?;
        }
        Ok(SinkExt::<Bytes>::flush(&mut self.framed).await?)
    }

    async fn receive(&mut self) -> Result<&[u8]> {
        // The last one goes first, so that its memory can be used again.
        self.message = BytesMut::new();
        self.message = self.framed.next().await.ok_or_else(link::ended)??;
        Ok(&self.message)
    }
}

impl Contender for Codec {
    type Listener = StreamListener;
    type Link = CodecLink;

    async fn listen(_: &Setup, address: &str) -> Result<(StreamListener, String)> {
        link::listen(address)
    }

    async fn accept(_: &Setup, listener: &mut StreamListener) -> Result<CodecLink> {
        CodecLink::new(link::accept(listener)?)
    }

    async fn connect(_: &Setup, address: &str) -> Result<CodecLink> {
        CodecLink::new(link::connect(address)?)
    }

    fn run<F: Future>(future: F) -> F::Output {
        link::on_tokio(future)
    }
}
