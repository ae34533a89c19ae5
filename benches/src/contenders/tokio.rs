//! mpconn-tokio.

use std::future::Future;
use std::iter::repeat_n;

use bytes::Bytes;
use mpconn_tokio::{AuthKey, ConnectOptions, Connection, Listener, ListenerOptions};

use crate::link::{self, Contender, KEY, Link, Receiving, Result, Setup, from_mpconn, to_mpconn};

pub struct Tokio;

pub struct TokioLink {
    connection: Connection,
    receiving: Receiving,
    message: Vec<u8>,
    shared: Bytes,
}

impl TokioLink {
    fn new(mut connection: Connection, setup: &Setup) -> Self {
        connection.set_max_message(u64::MAX);
        let receiving = setup.receiving;
        Self { connection, receiving, message: Vec::new(), shared: Bytes::new() }
    }
}

impl Link for TokioLink {
    async fn send(&mut self, message: &Bytes) -> Result<()> {
        Ok(self.connection.send_bytes(message).await?)
    }

    async fn send_many(&mut self, message: &Bytes, count: usize) -> Result<()> {
        Ok(self.connection.send_many(repeat_n(message, count)).await?)
    }

    async fn receive(&mut self) -> Result<&[u8]> {
        match self.receiving {
            Receiving::Borrowed => return Ok(self.connection.recv_borrowed().await?),
            Receiving::Reused => self.connection.recv_bytes_to(&mut self.message).await?,
            Receiving::Owned => {
                // The last one goes first.
                self.message = Vec::new();
                self.message = self.connection.recv_bytes().await?;
            }
            Receiving::Shared => {
                self.shared = Bytes::new();
                self.shared = self.connection.recv_shared().await?;
                return Ok(&self.shared);
            }
        }
        Ok(&self.message)
    }
}

impl Contender for Tokio {
    type Listener = Listener;
    type Link = TokioLink;

    async fn listen(setup: &Setup, address: &str) -> Result<(Listener, String)> {
        let options = match setup.authenticated {
            true => ListenerOptions::with_key(AuthKey::new(KEY)),
            false => ListenerOptions::without_key(),
        };
        let listener = options.bind(to_mpconn(address)?)?;
        let address = from_mpconn(listener.address());
        Ok((listener, address))
    }

    async fn accept(setup: &Setup, listener: &mut Listener) -> Result<TokioLink> {
        Ok(TokioLink::new(listener.accept().await?, setup))
    }

    async fn connect(setup: &Setup, address: &str) -> Result<TokioLink> {
        let options = match setup.authenticated {
            true => ConnectOptions::with_key(AuthKey::new(KEY)),
            false => ConnectOptions::without_key(),
        };
        Ok(TokioLink::new(options.connect(to_mpconn(address)?).await?, setup))
    }

    fn run<F: Future>(future: F) -> F::Output {
        link::on_tokio(future)
    }
}
