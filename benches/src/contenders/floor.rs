//! A connection without a handshake: what is under all the others.

use std::io::Read;

use super::raw::{Raw, RawLink};
use crate::link::{self, Contender, Result, Setup, StreamListener};

pub struct Floor;

impl Contender for Floor {
    type Listener = StreamListener;
    type Link = <Raw as Contender>::Link;

    async fn listen(setup: &Setup, address: &str) -> Result<(StreamListener, String)> {
        <Raw>::listen(setup, address).await
    }

    async fn accept(setup: &Setup, listener: &mut StreamListener) -> Result<Self::Link> {
        <Raw>::accept(setup, listener).await
    }

    /// Waits for the server to close it. A client that does not runs ahead until the backlog of a
    /// TCP listener overflows, and then stands still for a second.
    async fn connect(setup: &Setup, address: &str) -> Result<Self::Link> {
        let mut stream = link::connect(address)?;
        match stream.read(&mut [0])? {
            0 => Ok(RawLink::new(stream, setup, 0)),
            _ => Err("a server that speaks".into()),
        }
    }
}
