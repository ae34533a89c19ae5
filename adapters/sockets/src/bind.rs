//! Taking an address to listen at.

use std::io;
use std::net::TcpListener;

use mpconn::{Address, AddressError, Family};

use crate::platform::{self, SocketFile};
use crate::{Attempts, Error, Listening, Phase, no_address, resolve};

/// A listening socket, in non-blocking mode, or a listening pipe.
#[derive(Debug)]
pub enum Bound {
    /// TCP.
    Tcp(TcpListener),
    /// TCP, by a socket that its owner has set up.
    #[cfg(unix)]
    AdoptedTcp(TcpListener),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
    /// A named pipe.
    #[cfg(windows)]
    Pipe(mpconn_pipe::Listener),
}

impl Bound {
    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => Ok(listener.local_addr()?.into()),
            #[cfg(unix)]
            Self::AdoptedTcp(listener) => Ok(listener.local_addr()?.into()),
            #[cfg(unix)]
            Self::Unix(listener) => platform::unix_address(&listener.local_addr()?)
                .ok_or_else(|| io::Error::other("the listening socket has no name")),
            #[cfg(windows)]
            Self::Pipe(listener) => Ok(Address::Pipe(listener.name().to_owned())),
        }
    }
}

impl Listening {
    /// Listens at `address`.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] for an empty key, [`AddressError::AbstractWithoutKey`], and
    /// [`Error::Unreachable`] with what the system says.
    pub fn bind(&self, address: Address) -> Result<(Bound, Option<SocketFile>), Error> {
        self.session.check()?;
        if matches!(address, Address::Abstract(_)) && self.session.key.is_none() {
            return Err(AddressError::AbstractWithoutKey.into());
        }
        self.open(&address).map_err(|source| listen_error(address, source))
    }

    /// Listens at a fresh address of the family, which nobody else can have: Python's
    /// `arbitrary_address`.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] for an empty key, and [`Error::Io`].
    pub fn bind_fresh(&self) -> Result<(Bound, Option<SocketFile>), Error> {
        self.session.check()?;
        let family = self.family.unwrap_or_default();
        self.open_fresh(family).map_err(|source| match family {
            Family::Inet => listen_error(("127.0.0.1", 0).into(), source),
            Family::Inet6 => listen_error(("::1", 0).into(), source),
            // It names the directory.
            _ => Error::Io(source),
        })
    }

    fn open(&self, address: &Address) -> io::Result<(Bound, Option<SocketFile>)> {
        match address {
            Address::Inet { host, port } => Ok((self.bind_tcp(host, *port)?, None)),
            address => platform::open(self, address),
        }
    }

    fn open_fresh(&self, family: Family) -> io::Result<(Bound, Option<SocketFile>)> {
        match family {
            Family::Inet => self.open(&("127.0.0.1", 0).into()),
            Family::Inet6 => self.open(&("::1", 0).into()),
            family => platform::open_fresh(self, family),
        }
    }

    fn bind_tcp(&self, host: &str, port: u16) -> io::Result<Bound> {
        let mut attempts = Attempts::default();
        for address in resolve(host, port)? {
            let wanted = match self.family {
                Some(Family::Inet) => address.is_ipv4(),
                Some(Family::Inet6) => address.is_ipv6(),
                _ => true,
            };
            if wanted {
                match platform::listen_tcp(self, address) {
                    Ok(listener) => {
                        listener.set_nonblocking(true)?;
                        return Ok(Bound::Tcp(listener));
                    }
                    // Not an address of this machine: another one may be. Any other error counts, since
                    // clients reach who is at the first.
                    Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                        attempts.add(address, error);
                    }
                    Err(error) => {
                        attempts.add(address, error);
                        break;
                    }
                }
            }
        }
        Err(attempts.into_error().unwrap_or_else(no_address))
    }
}

fn listen_error(address: Address, source: io::Error) -> Error {
    Error::Unreachable { address, phase: Phase::Listen, source }
}

/// The error for an address that this platform does not have.
#[must_use]
pub fn unsupported(address: &Address) -> io::Error {
    let message = match address {
        Address::Pipe(_) => "named pipes are for Windows",
        Address::Abstract(_) => "abstract sockets are for Linux",
        _ => "Unix sockets are not for Windows",
    };
    io::Error::new(io::ErrorKind::Unsupported, message)
}

/// The error for a family that this platform does not have.
pub(crate) fn no_family(family: Family) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("this platform has no {family}"))
}
