//! A manager that serves, on one thread.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mpconn::{Address, AddressError, AuthKey};
use mpconn_blocking::{Closer, Connection, Listener, ListenerOptions, Source, wait};
use mpconn_sockets::Error;

use crate::server::{Action, ClientId, Limits, Machine, Registry};

/// Serves shared objects to any number of clients, on the thread that calls
/// [`serve`](Self::serve). CPython's counterpart is `BaseManager(...).get_server()`.
///
/// No client can block it. A client that is silent, slow, or waits in `get` costs a connection and no
/// thread.
///
/// An item that is taken from a queue is lost only if the client's connection ends after the whole reply
/// was handed to the operating system. If it ends before, the item is put back at the front of the
/// queue. A waiting client whose connection has ended gets no item.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    machine: Machine,
    limits: Limits,
    clients: BTreeMap<ClientId, Client>,
    next: ClientId,
    /// Whether a client has ended the server.
    is_shut_down: bool,
}

#[derive(Debug)]
struct Client {
    connection: Connection,
    /// A message of which nothing was sent yet, and when to give up on a client that takes none.
    unsent: Option<Vec<u8>>,
    stalled: Option<Instant>,
}

/// A client that takes nothing of its reply for so long is dropped.
const STALLED: Duration = Duration::from_secs(30);

/// How often a client is tried that did not take all of its reply.
const RETRY: Duration = Duration::from_millis(2);

impl Server {
    /// Creates a server at `address`, whose clients have to hold `key`.
    ///
    /// # Errors
    ///
    /// Those of [`Listener::bind`].
    pub fn bind<A>(address: A, key: AuthKey, registry: Registry) -> Result<Self, Error>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        let listener = ListenerOptions::with_key(key).bind(address)?;
        Ok(Self::new(listener, registry, Limits::default()))
    }

    /// Creates a server of a listener, whose options apply, with limits.
    #[must_use]
    pub fn new(listener: Listener, registry: Registry, limits: Limits) -> Self {
        let machine = Machine::new(registry, listener.address(), limits);
        Self { listener, machine, limits, clients: BTreeMap::new(), next: 0, is_shut_down: false }
    }

    /// Returns the address of the server.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.listener.address()
    }

    /// Returns a handle that ends the server from another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper(self.listener.closer())
    }

    /// Serves until a client calls `shutdown`, or a [`Stopper`] ends it. Clients that wait then find
    /// their connections closed.
    ///
    /// # Errors
    ///
    /// Those of the listener.
    pub fn serve(mut self) -> Result<(), Error> {
        while !self.is_shut_down {
            let (ready, has_news) = self.wait()?;
            if has_news && !self.accept()? {
                break;
            }
            // Who is gone comes before what others put.
            let (waiting, others): (Vec<_>, Vec<_>) =
                ready.into_iter().partition(|id| self.machine.is_waiting(*id));
            for id in waiting.into_iter().chain(others) {
                self.receive(id);
            }
            self.retry();
            self.machine.expire(Instant::now());
            self.act();
        }
        Ok(())
    }

    /// Waits until something can be done. Returns the clients from which something has come, and
    /// whether there is something to accept.
    fn wait(&self) -> Result<(Vec<ClientId>, bool), Error> {
        let is_stalled = self.clients.values().any(|client| client.stalled.is_some());
        let expiry = self.machine.next_expiry();
        let expiry = expiry.map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = expiry.into_iter().chain(is_stalled.then_some(RETRY)).min();
        let has_room = self.clients.len() < self.limits.connections;
        let listener = has_room.then(|| Source::from(&self.listener));
        // Who does not take a reply is not asked for requests.
        let talking = || self.clients.iter().filter(|(_, client)| client.stalled.is_none());
        let sources = talking().map(|(_, client)| Source::from(&client.connection));
        let ready = wait(sources.chain(listener), timeout)?;
        let ids: Vec<_> = talking().map(|(id, _)| *id).collect();
        let has_news = ready.last().is_some_and(|place| *place == ids.len());
        Ok((ready.into_iter().filter_map(|place| ids.get(place).copied()).collect(), has_news))
    }

    /// Takes in who is there. Returns `false` if the listener was closed.
    fn accept(&mut self) -> Result<bool, Error> {
        while self.clients.len() < self.limits.connections {
            match self.listener.accept_timeout(Duration::ZERO) {
                Ok(mut connection) => {
                    connection.set_receive_timeout(Duration::ZERO);
                    connection.set_send_timeout(Duration::ZERO);
                    self.next += 1;
                    self.machine.connected(self.next);
                    let client = Client { connection, unsent: None, stalled: None };
                    self.clients.insert(self.next, client);
                }
                Err(Error::Closed) => return Ok(false),
                Err(error) if error.is_timeout() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn receive(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        match client.connection.recv_bytes() {
            Ok(message) => self.machine.received(id, message, Instant::now()),
            Err(Error::TimedOut(_)) => return,
            Err(_) => self.close(id),
        }
        // Each request is answered before the next one is read, so that memory holds one reply.
        self.act();
    }

    fn close(&mut self, id: ClientId) {
        self.clients.remove(&id);
        self.machine.closed(id);
    }

    /// Does what the machine says.
    fn act(&mut self) {
        while let Some(action) = self.machine.poll() {
            match action {
                Action::Send { client, message, waited } => self.send(client, message, waited),
                Action::Close(client) => self.close(client),
                Action::Shutdown => self.is_shut_down = true,
            }
        }
    }

    fn send(&mut self, id: ClientId, message: Vec<u8>, waited: bool) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        // A client that waits sends nothing: what there is to read is its end.
        if waited && !matches!(client.connection.poll(Duration::ZERO), Ok(false)) {
            return self.close(id);
        }
        match client.connection.send_bytes(&message) {
            Ok(()) => self.machine.sent(id),
            Err(Error::TimedOut(_)) => {
                client.unsent = (client.connection.buffered() == 0).then_some(message);
                client.stalled = Some(Instant::now() + STALLED);
            }
            Err(_) => self.close(id),
        }
    }

    /// Sends what was not taken before.
    fn retry(&mut self) {
        let now = Instant::now();
        let stalled = self.clients.iter().filter_map(|(id, client)| Some((*id, client.stalled?)));
        for (id, until) in stalled.collect::<Vec<_>>() {
            let Some(client) = self.clients.get_mut(&id) else { continue };
            let before = client.connection.buffered();
            let sent = match &client.unsent {
                Some(message) => client.connection.send_bytes(message),
                None => client.connection.flush(),
            };
            match sent {
                Ok(()) => {
                    (client.unsent, client.stalled) = (None, None);
                    self.machine.sent(id);
                }
                Err(Error::TimedOut(_)) => {
                    let left = client.connection.buffered();
                    if left > 0 {
                        client.unsent = None;
                    }
                    if left != before {
                        client.stalled = Some(now + STALLED);
                    } else if until <= now {
                        self.close(id);
                    }
                }
                Err(_) => self.close(id),
            }
        }
    }
}

/// Ends a [`Server`] from another thread.
#[derive(Debug, Clone)]
pub struct Stopper(Closer);

impl Stopper {
    /// Ends the server: `serve` returns.
    pub fn stop(&self) {
        self.0.close();
    }
}
