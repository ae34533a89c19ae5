//! A listening socket on the runtime.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll, ready};

use mpconn::Address;
use mpconn_sockets::{Bound, unix_address};
use tokio::net::{TcpListener, UnixListener};

use crate::platform::socket::Socket;

/// A socket, and where it comes from.
pub(crate) type Client = (Socket, Option<Address>);

#[derive(Debug)]
pub(crate) enum Listen {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listen {
    /// On the runtime.
    pub(crate) fn new(bound: Bound) -> io::Result<Self> {
        Ok(match bound {
            Bound::Tcp(listener) => Self::Tcp(TcpListener::from_std(listener)?),
            Bound::Unix(listener) => Self::Unix(UnixListener::from_std(listener)?),
        })
    }

    /// Nobody can connect any more.
    pub(crate) fn stop(&self) {
        mpconn_sockets::stop(self);
    }

    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Client>> {
        Poll::Ready(match self {
            Self::Tcp(listener) => {
                let (stream, peer) = ready!(listener.poll_accept(cx))?;
                // It fails when the client has gone already, which its handshake will find out.
                let _ = stream.set_nodelay(true);
                Ok((stream.into(), Some(peer.into())))
            }
            Self::Unix(listener) => {
                let (stream, peer) = ready!(listener.poll_accept(cx))?;
                Ok((stream.into(), unix_address(&peer.into())))
            }
        })
    }
}

impl AsFd for Listen {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
        }
    }
}
