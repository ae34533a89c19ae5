//! Reaching a listener: Python's `Client`.

use std::io;
use std::pin::pin;
use std::time::Duration;

use mpconn::{Address, AddressError, AuthKey, Extended, Policy, Role};
use mpconn_sockets::{
    Attempts, Connecting, Error, Phase, RETRY_AFTER, gave_up, host_or_any, no_address, share, sort,
};
use tokio::net::lookup_host;
use tokio::time::{Instant, sleep};

use crate::connection::Connection;
use crate::platform::socket::{self, Socket};
use crate::session::{establish, within};
use crate::transport::Transport;

/// Connects to a listener that has the same key.
///
/// It gives up when connecting takes more than 20 s, or the handshake more than 10 s;
/// [`ConnectOptions`] has other limits. The name of a host is looked up on one of the runtime's
/// blocking threads; an IP address needs none.
///
/// CPython's counterpart is `Client(address, authkey=key)`.
///
/// # Errors
///
/// [`Error::Address`], [`Error::Unreachable`], [`Error::TimedOut`], and those of the handshake,
/// [`Error::Auth`] before all.
///
/// # Cancel safety
///
/// Cancel safe: the attempt is given up.
pub async fn connect<A>(address: A, key: AuthKey) -> Result<Connection, Error>
where
    A: TryInto<Address>,
    A::Error: Into<AddressError>,
{
    ConnectOptions::with_key(key).connect(address).await
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
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the attempt is given up.
    pub async fn connect<A>(&self, address: A) -> Result<Connection, Error>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        let address = address.try_into().map_err(|error| Error::Address(error.into()))?;
        self.0.session.check()?;
        let mut last = None;
        let opened = within(self.0.connect_timeout, pin!(self.open(&address, &mut last))).await;
        let socket = match opened {
            None => return Err(gave_up(address, last)),
            Some(Err(source)) => {
                return Err(Error::Unreachable { address, phase: Phase::Connect, source });
            }
            Some(Ok(socket)) => socket,
        };
        #[cfg(unix)]
        self.0.session.tune(&socket, Some(&address))?;
        establish(&self.0.session, socket, Role::Client, Some(address)).await
    }

    /// Holds the handshake as a client, over a transport that is connected already. The options of
    /// sockets, such as keep-alive, are not applied to it.
    ///
    /// # Errors
    ///
    /// Those of the handshake, [`Error::Auth`] before all.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the transport is dropped.
    pub async fn authenticate<T: Transport>(&self, transport: T) -> Result<Connection<T>, Error> {
        self.0.session.check()?;
        establish(&self.0.session, transport, Role::Client, None).await
    }

    async fn open(&self, address: &Address, last: &mut Option<io::Error>) -> io::Result<Socket> {
        let until = self.0.connect_timeout.and_then(|time| Instant::now().checked_add(time));
        loop {
            match open(address, until, last).await {
                Err(error) if self.0.may_retry(&error) => {
                    *last = Some(error);
                    sleep(RETRY_AFTER).await;
                }
                opened => return opened,
            }
        }
    }
}

async fn open(
    address: &Address,
    until: Option<Instant>,
    last: &mut Option<io::Error>,
) -> io::Result<Socket> {
    match address {
        Address::Inet { host, port } => open_tcp(host, *port, until, last).await,
        // A listener without room cannot be waited for but by trying again.
        address => loop {
            if let Some(socket) = socket::open(address)? {
                return Ok(socket);
            }
            sleep(RETRY_AFTER).await;
        },
    }
}

async fn open_tcp(
    host: &str,
    port: u16,
    until: Option<Instant>,
    last: &mut Option<io::Error>,
) -> io::Result<Socket> {
    let mut addresses: Vec<_> = lookup_host((host_or_any(host), port)).await?.collect();
    sort(&mut addresses);
    let mut attempts = Attempts::default();
    for (tried, address) in addresses.iter().enumerate() {
        let untried = addresses.len() - tried;
        // The last one has all that is left, which the caller watches.
        let until = until.filter(|_| untried > 1);
        let time =
            until.map(|until| share(until.saturating_duration_since(Instant::now()), untried));
        let attempt = within(time, pin!(socket::open_tcp(*address))).await;
        match attempt.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into())) {
            Ok(socket) => return Ok(socket),
            Err(error) => {
                // In case that the time is up at the next one.
                *last = Some(io::Error::new(error.kind(), format!("{address}: {error}")));
                attempts.add(*address, error);
            }
        }
    }
    Err(attempts.into_error().unwrap_or_else(no_address))
}
