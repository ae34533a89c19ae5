//! The families of sockets, and what the tests do with raw ones of each.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use mpconn::Address;
use tempfile::TempDir;

use crate::pythons;

/// A family, as the tests tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Net {
    /// TCP over IPv4.
    Tcp,
    /// TCP over IPv6.
    Tcp6,
    /// A Unix socket in the file system.
    Unix,
    /// An abstract Unix socket.
    Abstract,
}

impl Net {
    /// Whether this machine has it: containers often lack IPv6. Says so once where it does not.
    pub fn is_here(self) -> bool {
        static HAS_IPV6: LazyLock<bool> = LazyLock::new(|| {
            let has_ipv6 = TcpListener::bind(("::1", 0)).is_ok();
            if !has_ipv6 {
                assert!(!pythons::are_expected(), "IPv6 is needed");
                pythons::announce("no IPv6 here: it is left out");
            }
            has_ipv6
        });
        self != Self::Tcp6 || *HAS_IPV6
    }

    /// An address of this family to listen at, which nobody else uses. Files are in `scratch`.
    pub fn fresh(self, scratch: &TempDir) -> Address {
        match self {
            Self::Tcp => ("127.0.0.1", 0).into(),
            Self::Tcp6 => ("::1", 0).into(),
            Self::Unix => Address::Unix(fresh_path(scratch)),
            Self::Abstract => {
                Address::Abstract(fresh_path(scratch).as_os_str().as_encoded_bytes().to_vec())
            }
        }
    }
}

/// A path in `scratch` where there is nothing yet.
pub fn fresh_path(scratch: &TempDir) -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    scratch.path().join(format!("{}", NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// A directory that goes when the test ends.
pub fn scratch() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// A socket that listens, and does nothing by itself: for rogue listeners.
#[derive(Debug)]
pub enum RawListener {
    /// Of [`Net::Tcp`].
    Tcp(TcpListener),
    /// Of [`Net::Unix`].
    Unix(UnixListener),
}

impl RawListener {
    /// Listens at a fresh address, and says which.
    pub fn bind(net: Net, scratch: &TempDir) -> io::Result<(Self, Address)> {
        match net.fresh(scratch) {
            Address::Inet { host, port } => {
                let listener = TcpListener::bind((host, port))?;
                let address = listener.local_addr()?.into();
                Ok((Self::Tcp(listener), address))
            }
            Address::Unix(path) => {
                Ok((Self::Unix(UnixListener::bind(&path)?), Address::Unix(path)))
            }
            other => panic!("no raw sockets at {other}"),
        }
    }

    /// The next client.
    pub fn accept(&self) -> io::Result<Stream> {
        Stream::patient(match self {
            Self::Tcp(listener) => Stream::Tcp(listener.accept()?.0),
            Self::Unix(listener) => Stream::Unix(listener.accept()?.0),
        })
    }
}

/// A raw socket, for peers that do as they like.
#[derive(Debug)]
pub enum Stream {
    /// Of [`Net::Tcp`].
    Tcp(TcpStream),
    /// Of [`Net::Unix`].
    Unix(UnixStream),
}

/// A test that waits longer than this for bytes has failed.
const PATIENCE: Duration = Duration::from_secs(20);

impl Stream {
    /// Connects to `address`.
    pub fn connect(address: &Address) -> io::Result<Self> {
        Self::patient(match address {
            Address::Inet { host, port } => Self::Tcp(TcpStream::connect((host.as_str(), *port))?),
            Address::Unix(path) => Self::Unix(UnixStream::connect(path)?),
            other => panic!("no raw sockets at {other}"),
        })
    }

    fn patient(self) -> io::Result<Self> {
        match &self {
            Self::Tcp(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
            }
            Self::Unix(stream) => stream.set_read_timeout(Some(PATIENCE))?,
        }
        Ok(self)
    }

    /// Where the other side listens.
    pub fn peer_address(&self) -> io::Result<Address> {
        Ok(match self {
            Self::Tcp(stream) => stream.peer_addr()?.into(),
            Self::Unix(stream) => {
                let address = stream.peer_addr()?;
                Address::Unix(address.as_pathname().expect("a listener's path").to_owned())
            }
        })
    }

    /// Ends what the other side reads, and goes on reading.
    pub fn end(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}
