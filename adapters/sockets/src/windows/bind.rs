//! Named pipes and TCP.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::windows::io::OwnedSocket;

use mpconn::{Address, Family};
use mpconn_pipe::Listener;

use crate::Listening;
use crate::bind::{Bound, no_family, unsupported};

/// Nothing that listens on Windows has a file.
#[derive(Debug)]
pub enum SocketFile {}

// So that those who hold one drop it as they do on Unix.
impl Drop for SocketFile {
    fn drop(&mut self) {
        match *self {}
    }
}

impl Bound {
    /// A TCP socket that somebody else has made.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn adopt(socket: OwnedSocket) -> io::Result<Self> {
        let listener = TcpListener::from(socket);
        listener.set_nonblocking(true)?;
        Ok(Self::Tcp(listener))
    }

    /// Nobody can connect to the pipe any more. A TCP socket here closes with its last owner.
    pub fn stop(&self) {
        if let Self::Pipe(listener) = self {
            listener.close();
        }
    }
}

/// Listens at an address that is not TCP's.
pub(crate) fn open(
    listening: &Listening,
    address: &Address,
) -> io::Result<(Bound, Option<SocketFile>)> {
    match address {
        Address::Pipe(name) => {
            Ok((Bound::Pipe(Listener::bind(name.as_str(), &listening.security)?), None))
        }
        _ => Err(unsupported(address)),
    }
}

/// Listens at a fresh address of a family that is not TCP's.
pub(crate) fn open_fresh(
    listening: &Listening,
    family: Family,
) -> io::Result<(Bound, Option<SocketFile>)> {
    match family {
        Family::Pipe => Ok((Bound::Pipe(Listener::bind_fresh(&listening.security)?), None)),
        family => Err(no_family(family)),
    }
}

/// Without `SO_REUSEADDR`, as Python: on Windows it would let two programs have one port.
pub(crate) fn listen_tcp(_: &Listening, address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address)
}
