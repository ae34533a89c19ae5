//! A listening socket on the runtime, or a listening pipe.

use std::io;
use std::task::{Context, Poll, ready};

use mpconn::Address;
use mpconn_sockets::Bound;
use tokio::net::TcpListener;

use crate::platform::socket::Socket;

/// A socket, and where it comes from.
pub(crate) type Client = (Socket, Option<Address>);

#[derive(Debug)]
pub(crate) enum Listen {
    Tcp(TcpListener),
    Pipe(mpconn_pipe::Listener),
}

impl Listen {
    /// On the runtime.
    pub(crate) fn new(bound: Bound) -> io::Result<Self> {
        Ok(match bound {
            Bound::Tcp(listener) => Self::Tcp(TcpListener::from_std(listener)?),
            Bound::Pipe(listener) => Self::Pipe(listener),
        })
    }

    /// Nobody can connect to the pipe any more. A TCP socket here closes with its last owner.
    pub(crate) fn stop(&self) {
        if let Self::Pipe(listener) = self {
            listener.close();
        }
    }

    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Client>> {
        Poll::Ready(match self {
            Self::Tcp(listener) => {
                let (stream, peer) = ready!(listener.poll_accept(cx))?;
                // It fails when the client has gone already, which its handshake will find out.
                let _ = stream.set_nodelay(true);
                Ok((stream.into(), Some(peer.into())))
            }
            Self::Pipe(listener) => Ok((ready!(listener.poll_accept(cx))?.into(), None)),
        })
    }
}
