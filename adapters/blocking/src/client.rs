//! Reaching a listener: Python's `Client`.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use mpconn::{Address, AddressError, AuthKey, Error, Extended, Phase, Policy, Role};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix};

use crate::session::{Session, session_setters};
use crate::{Connection, Deadline, Socket, Transport, bind};

/// Reaching a listener may take this long, unless set otherwise: as long as Python tries a pipe.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long to wait before another attempt at a listener that is not there, or has no room.
const RETRY_AFTER: Duration = Duration::from_millis(10);

/// Connects to a listener that has the same key: Python's `Client(address, authkey=key)`.
///
/// [`ConnectOptions`] has the rest.
///
/// # Errors
///
/// [`Error::Address`], [`Error::Unreachable`], [`Error::TimedOut`], and those of the handshake,
/// [`Error::Auth`] before all.
pub fn connect<A>(address: A, key: AuthKey) -> Result<Connection, Error>
where
    A: TryInto<Address>,
    A::Error: Into<AddressError>,
{
    ConnectOptions::with_key(key).connect(address)
}

/// How to connect.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    session: Session,
    connect_timeout: Option<Duration>,
    retry: bool,
}

impl ConnectOptions {
    fn new(key: Option<AuthKey>) -> Self {
        Self { session: Session::new(key), connect_timeout: Some(CONNECT_TIMEOUT), retry: false }
    }

    session_setters!();

    /// How long reaching the listener may take, before the handshake; 20 s by default, `None` for
    /// as long as the system tries.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.connect_timeout = timeout.into();
        self
    }

    /// Whether to try again, within the connect timeout, while the listener is not there yet: its
    /// socket file missing, or its port closed.
    #[must_use]
    pub fn retry(mut self, retry: bool) -> Self {
        self.retry = retry;
        self
    }

    /// Connects to the listener at `address`.
    ///
    /// # Errors
    ///
    /// As for [`connect`].
    pub fn connect<A>(&self, address: A) -> Result<Connection, Error>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        let address = address.try_into().map_err(|error| Error::Address(error.into()))?;
        self.session.check()?;
        let deadline = Deadline::after(self.connect_timeout);
        let socket = loop {
            match open(&address, deadline) {
                Ok(socket) => break socket,
                Err(error) if error.kind() == io::ErrorKind::TimedOut && deadline.has_passed() => {
                    return Err(Error::TimedOut(Phase::Connect));
                }
                Err(error) if self.may_retry(&error) && !deadline.has_passed() => {
                    std::thread::sleep(deadline.left().map_or(RETRY_AFTER, |l| l.min(RETRY_AFTER)));
                }
                Err(source) => {
                    return Err(Error::Unreachable { address, phase: Phase::Connect, source });
                }
            }
        };
        self.session.establish(socket, Role::Client, Some(address))
    }

    /// Holds the handshake, as the side that connected, over a transport that is connected already.
    ///
    /// # Errors
    ///
    /// Those of the handshake, [`Error::Auth`] before all.
    pub fn authenticate<T: Transport>(&self, transport: T) -> Result<Connection<T>, Error> {
        self.session.establish(transport, Role::Client, None)
    }

    fn may_retry(&self, error: &io::Error) -> bool {
        self.retry
            && matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
    }
}

fn open(address: &Address, deadline: Deadline) -> io::Result<Socket> {
    match address {
        Address::Inet { host, port } => open_tcp(host, *port, deadline),
        Address::Unix(_) | Address::Abstract(_) => open_unix(&bind::unix_name(address)?, deadline),
        _ => Err(bind::unsupported(address)),
    }
}

/// IPv4 before IPv6: a Python listener at a name, `localhost` among them, has an IPv4 address.
pub(crate) fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    let mut addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    Ok(addresses)
}

fn open_tcp(host: &str, port: u16, deadline: Deadline) -> io::Result<Socket> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in resolve(host, port)? {
        let attempt = match deadline.left() {
            None => TcpStream::connect(address),
            Some(Duration::ZERO) => Err(io::ErrorKind::TimedOut.into()),
            Some(left) => TcpStream::connect_timeout(&address, left),
        };
        match attempt {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream.into());
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A Unix socket connects at once or finds the listener's backlog full, which cannot be waited
/// for but by trying again.
fn open_unix(name: &SocketAddrUnix, deadline: Deadline) -> io::Result<Socket> {
    let fd = bind::socket(AddressFamily::UNIX)?;
    if deadline.is_never() {
        rustix::net::connect(&fd, name)?;
        return Ok(Socket::connected(fd));
    }
    rustix::io::ioctl_fionbio(&fd, true)?;
    loop {
        match rustix::net::connect(&fd, name) {
            Ok(()) => break,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => match deadline.left() {
                Some(Duration::ZERO) => return Err(io::ErrorKind::TimedOut.into()),
                left => std::thread::sleep(left.unwrap_or(RETRY_AFTER).min(RETRY_AFTER)),
            },
            Err(error) => return Err(error.into()),
        }
    }
    rustix::io::ioctl_fionbio(&fd, false)?;
    Ok(Socket::connected(fd))
}
