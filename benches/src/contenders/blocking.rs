//! mpconn-blocking.

use std::iter::repeat_n;

use bytes::Bytes;
use mpconn_blocking::{AuthKey, ConnectOptions, Connection, Listener, ListenerOptions};

use crate::link::{Contender, KEY, Link, Receiving, Result, Setup, from_mpconn, to_mpconn};

pub struct Blocking;

pub struct BlockingLink {
    connection: Connection,
    receiving: Receiving,
    message: Vec<u8>,
}

impl BlockingLink {
    fn new(mut connection: Connection, setup: &Setup) -> Self {
        connection.set_max_message(u64::MAX);
        Self { connection, receiving: setup.receiving, message: Vec::new() }
    }
}

impl Link for BlockingLink {
    async fn send(&mut self, message: &Bytes) -> Result<()> {
        Ok(self.connection.send_bytes(message)?)
    }

    async fn send_many(&mut self, message: &Bytes, count: usize) -> Result<()> {
        Ok(self.connection.send_many(repeat_n(message, count))?)
    }

    async fn receive(&mut self) -> Result<&[u8]> {
        match self.receiving {
            Receiving::Borrowed => return Ok(self.connection.recv_borrowed()?),
            Receiving::Reused => self.connection.recv_bytes_to(&mut self.message)?,
            Receiving::Owned | Receiving::Shared => {
                // The last one goes first.
                self.message = Vec::new();
                self.message = self.connection.recv_bytes()?;
            }
        }
        Ok(&self.message)
    }
}

impl Contender for Blocking {
    type Listener = Listener;
    type Link = BlockingLink;

    async fn listen(setup: &Setup, address: &str) -> Result<(Listener, String)> {
        let options = match setup.authenticated {
            true => ListenerOptions::with_key(AuthKey::new(KEY)),
            false => ListenerOptions::without_key(),
        };
        let listener = options.bind(to_mpconn(address)?)?;
        let address = from_mpconn(listener.address());
        Ok((listener, address))
    }

    async fn accept(setup: &Setup, listener: &mut Listener) -> Result<BlockingLink> {
        Ok(BlockingLink::new(listener.accept()?, setup))
    }

    async fn connect(setup: &Setup, address: &str) -> Result<BlockingLink> {
        let options = match setup.authenticated {
            true => ConnectOptions::with_key(AuthKey::new(KEY)),
            false => ConnectOptions::without_key(),
        };
        Ok(BlockingLink::new(options.connect(to_mpconn(address)?)?, setup))
    }
}
