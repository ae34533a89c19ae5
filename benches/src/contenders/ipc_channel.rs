//! ipc-channel: a channel of bytes for each direction. It makes its own address.

use bytes::Bytes;
use ipc_channel::ipc::{self, IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcSender};

use crate::link::{Contender, Link, Result, Setup};

pub struct IpcChannel;

/// What the client hands to the server: its ends of both channels.
type Ends = (IpcBytesReceiver, IpcBytesSender);

pub struct IpcLink {
    receiver: IpcBytesReceiver,
    sender: IpcBytesSender,
    message: Vec<u8>,
}

impl Link for IpcLink {
    async fn send(&mut self, message: &Bytes) -> Result<()> {
        Ok(self.sender.send(message)?)
    }

    async fn receive(&mut self) -> Result<&[u8]> {
        self.message = Vec::new();
        self.message = self.receiver.recv()?;
        Ok(&self.message)
    }
}

impl Contender for IpcChannel {
    /// It accepts once.
    type Listener = Option<IpcOneShotServer<Ends>>;
    type Link = IpcLink;

    async fn listen(_: &Setup, _: &str) -> Result<(Self::Listener, String)> {
        let (server, name) = IpcOneShotServer::new()?;
        Ok((Some(server), name))
    }

    async fn accept(_: &Setup, listener: &mut Self::Listener) -> Result<IpcLink> {
        let server = listener.take().ok_or("a one-shot server accepts once")?;
        let (_, (receiver, sender)) = server.accept()?;
        Ok(IpcLink { receiver, sender, message: Vec::new() })
    }

    async fn connect(_: &Setup, address: &str) -> Result<IpcLink> {
        let (sender, their_receiver) = ipc::bytes_channel()?;
        let (their_sender, receiver) = ipc::bytes_channel()?;
        let server = IpcSender::<Ends>::connect(address.to_owned())?;
        server.send((their_receiver, their_sender))?;
        Ok(IpcLink { receiver, sender, message: Vec::new() })
    }
}
