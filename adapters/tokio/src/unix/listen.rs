//! A listening socket on the runtime.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll, ready};

use mpconn::Address;
use mpconn_sockets::{Bound, accept};
use tokio::io::unix::AsyncFd;

use crate::platform::socket::{Kind, Socket, watch};

/// A socket, and where it comes from.
pub(crate) type Client = (Socket, Option<Address>);

#[derive(Debug)]
pub(crate) struct Listen(AsyncFd<Bound>);

impl Listen {
    /// Registers a listening socket with the runtime.
    pub(crate) fn new(bound: Bound) -> io::Result<Self> {
        watch(bound, false).map(Self)
    }

    /// Ends listening: nobody can connect any more.
    pub(crate) fn stop(&self) {
        self.0.get_ref().stop();
    }

    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Client>> {
        loop {
            let mut guard = ready!(self.0.poll_read_ready(cx))?;
            if let Ok(accepted) = guard.try_io(|bound| accept(bound.get_ref())) {
                let (fd, peer) = accepted?;
                let kind = match self.0.get_ref() {
                    Bound::Unix(_) => Kind::Unix,
                    Bound::Tcp(_) | Bound::AdoptedTcp(_) => Kind::Tcp,
                };
                return Poll::Ready(Ok((
                    Socket::connected(fd, kind, cfg!(target_vendor = "apple"))?,
                    peer,
                )));
            }
        }
    }
}

impl AsFd for Listen {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}
