//! libzmq, with a pair of PAIR sockets. It gathers small messages by itself, on a thread of its own.

use bytes::Bytes;
use zmq::{Context, Message, PAIR, Socket};

use crate::link::{Contender, Link, Result, Setup, is_path};

pub struct Zeromq;

pub struct ZeromqLink {
    socket: Socket,
    message: Message,
}

impl ZeromqLink {
    fn new() -> Result<Self> {
        Ok(Self { socket: Context::new().socket(PAIR)?, message: Message::new() })
    }
}

impl Link for ZeromqLink {
    async fn send(&mut self, message: &Bytes) -> Result<()> {
        Ok(self.socket.send(&message[..], 0)?)
    }

    async fn receive(&mut self) -> Result<&[u8]> {
        self.socket.recv(&mut self.message, 0)?;
        Ok(&self.message)
    }
}

impl Contender for Zeromq {
    type Listener = Option<ZeromqLink>;
    type Link = ZeromqLink;

    async fn listen(_: &Setup, address: &str) -> Result<(Self::Listener, String)> {
        let link = ZeromqLink::new()?;
        let scheme = if is_path(address) { "ipc" } else { "tcp" };
        link.socket.bind(&format!("{scheme}://{address}"))?;
        let address = link.socket.get_last_endpoint()?.map_err(|_| "an address that is no text")?;
        Ok((Some(link), address))
    }

    async fn accept(_: &Setup, listener: &mut Self::Listener) -> Result<ZeromqLink> {
        listener.take().ok_or_else(|| "a PAIR socket has one peer".into())
    }

    async fn connect(_: &Setup, address: &str) -> Result<ZeromqLink> {
        let link = ZeromqLink::new()?;
        link.socket.connect(address)?;
        Ok(link)
    }
}
