//! Connected pairs to test with, over TCP and Unix sockets.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use mpconn_blocking::{Connection, Socket, pipe};

/// What is waited for in vain takes this long.
pub const SHORT: Duration = Duration::from_millis(20);

/// Longer than anything that is waited for, and shorter than the tests' own limit.
pub const LONG: Duration = Duration::from_secs(30);

/// What a connection runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// TCP over IPv4.
    Tcp,
    /// A pair of Unix sockets.
    Unix,
}

impl Over {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Tcp, Self::Unix];

    /// A connected pair of sockets, in blocking mode.
    pub fn descriptors(self) -> [OwnedFd; 2] {
        match self {
            Self::Tcp => {
                let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
                let address = listener.local_addr().expect("an address");
                let one = TcpStream::connect(address).expect("the listener is there");
                let (other, _) = listener.accept().expect("the client is there");
                // What is written apart is to arrive apart.
                one.set_nodelay(true).expect("TCP");
                other.set_nodelay(true).expect("TCP");
                [one.into(), other.into()]
            }
            Self::Unix => {
                let (one, other) = UnixStream::pair().expect("a pair");
                [one.into(), other.into()]
            }
        }
    }

    /// Two connections to each other.
    pub fn pair(self) -> (Connection, Connection) {
        let [one, other] = self.descriptors().map(Socket::from);
        (Connection::unauthenticated(one), Connection::unauthenticated(other))
    }

    /// A connection, and its peer as a file to write bytes to.
    pub fn raw(self) -> (Connection, File) {
        let [one, other] = self.descriptors();
        (Connection::unauthenticated(one.into()), other.into())
    }
}

/// Two connections to each other, of every kind.
pub fn pairs() -> [(Connection, Connection); 3] {
    [Over::Tcp.pair(), Over::Unix.pair(), pipe().expect("a pair")]
}
