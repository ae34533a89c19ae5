//! Reaching a listener: Python's `Client`.

use std::io;
use std::time::Duration;

use mpconn::{Address, AddressError, AuthKey, Extended, Policy, Role};
use mpconn_sockets::{
    Attempts, Connecting, Error, Phase, RETRY_AFTER, gave_up, no_address, resolve, share,
};

use crate::connection::Connection;
use crate::deadline::Deadline;
use crate::platform::socket::{self, Socket};
use crate::session::establish;
use crate::transport::Transport;

/// Connects to a listener that has the same key.
///
/// It gives up when connecting takes more than 20 s, or the handshake more than 10 s;
/// [`ConnectOptions`] has other limits. Looking up the name of a host does not count.
///
/// CPython's counterpart is `Client(address, authkey=key)`.
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

/// Options for connecting to a [`Listener`](crate::Listener).
///
/// By default, connecting may take 20 s, the handshake 10 s, and messages may have 64 MiB.
#[derive(Debug, Clone)]
pub struct ConnectOptions(Connecting);

impl ConnectOptions {
    mpconn_sockets::connect_setters!();

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
        self.0.session.check()?;
        let deadline = Deadline::after(self.0.connect_timeout);
        let mut last = None;
        let socket = loop {
            match open(&address, deadline) {
                Ok(socket) => break socket,
                Err(error) if error.kind() == io::ErrorKind::TimedOut && deadline.has_passed() => {
                    return Err(gave_up(address, last));
                }
                Err(error) if self.0.may_retry(&error) && !deadline.has_passed() => {
                    last = Some(error);
                    std::thread::sleep(deadline.left().map_or(RETRY_AFTER, |l| l.min(RETRY_AFTER)));
                }
                Err(source) => {
                    return Err(Error::Unreachable { address, phase: Phase::Connect, source });
                }
            }
        };
        #[cfg(unix)]
        self.0.session.tune(&socket, Some(&address))?;
        establish(&self.0.session, socket, Role::Client, Some(address))
    }

    /// Holds the handshake as a client, over a transport that is connected already. The options of
    /// sockets, such as keep-alive, are not applied to it.
    ///
    /// # Errors
    ///
    /// Those of the handshake, [`Error::Auth`] before all.
    pub fn authenticate<T: Transport>(&self, transport: T) -> Result<Connection<T>, Error> {
        self.0.session.check()?;
        establish(&self.0.session, transport, Role::Client, None)
    }
}

fn open(address: &Address, deadline: Deadline) -> io::Result<Socket> {
    match address {
        Address::Inet { host, port } => open_tcp(host, *port, deadline),
        address => try_until(deadline, || socket::open(address)),
    }
}

fn open_tcp(host: &str, port: u16, deadline: Deadline) -> io::Result<Socket> {
    let mut attempts = Attempts::default();
    let addresses = resolve(host, port)?;
    for (tried, address) in addresses.iter().enumerate() {
        let untried = addresses.len() - tried;
        let attempt = match deadline.left().map(|left| share(left, untried)) {
            Some(Duration::ZERO) => Err(io::ErrorKind::TimedOut.into()),
            share => socket::open_tcp(*address, share),
        };
        match attempt {
            Ok(socket) => return Ok(socket),
            Err(error) => attempts.add(*address, error),
        }
    }
    Err(attempts.into_error().unwrap_or_else(no_address))
}

/// What cannot be waited for but by trying again.
fn try_until<T>(
    deadline: Deadline,
    mut attempt: impl FnMut() -> io::Result<Option<T>>,
) -> io::Result<T> {
    loop {
        if let Some(done) = attempt()? {
            return Ok(done);
        }
        match deadline.left() {
            Some(Duration::ZERO) => return Err(io::ErrorKind::TimedOut.into()),
            left => std::thread::sleep(left.unwrap_or(RETRY_AFTER).min(RETRY_AFTER)),
        }
    }
}
