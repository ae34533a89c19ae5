//! A manager that serves, on tasks of tokio.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mpconn::{Address, AddressError, AuthKey};
use mpconn_sockets::Error;
use mpconn_tokio::{Connection, Listener, ListenerOptions};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::server::{Action, ClientId, Limits, Machine, Registry};
use crate::shared::lock;

/// Serves shared objects to any number of clients, with a task for each. Its promises are those of
/// [`blocking::Server`](crate::blocking::Server).
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    shared: Arc<Shared>,
    limits: Limits,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// The first wait that ends is another one.
    changed: Notify,
    shut_down: Notify,
}

#[derive(Debug)]
struct State {
    machine: Machine,
    clients: HashMap<ClientId, mpsc::UnboundedSender<(Vec<u8>, bool)>>,
    next: ClientId,
}

/// A client that does not take its reply in this time is dropped.
const STALLED: Duration = Duration::from_secs(30);

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
        let state = Mutex::new(State { machine, clients: HashMap::new(), next: 0 });
        let shared = Shared { state, changed: Notify::new(), shut_down: Notify::new() };
        Self { listener, shared: Arc::new(shared), limits }
    }

    /// Returns the address of the server.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.listener.address()
    }

    /// Serves until a client calls `shutdown`. If the future is dropped, the server ends.
    ///
    /// # Errors
    ///
    /// Those of the listener.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: all connections are closed, and all objects freed.
    pub async fn serve(mut self) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        let room = Arc::new(Semaphore::new(self.limits.connections.min(Semaphore::MAX_PERMITS)));
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&shared).expire());
        tokio::select! {
            result = accept(&mut self.listener, &shared, &room, &mut tasks) => result,
            () = shared.shut_down.notified() => Ok(()),
        }
    }
}

async fn accept(
    listener: &mut Listener,
    shared: &Arc<Shared>,
    room: &Arc<Semaphore>,
    tasks: &mut JoinSet<()>,
) -> Result<(), Error> {
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(room).acquire_owned().await else { return Ok(()) };
        let connection = listener.accept().await?;
        tasks.spawn(Arc::clone(shared).serve(connection, permit));
        while tasks.try_join_next().is_some() {}
    }
}

impl Shared {
    /// Does what the machine says after `step`.
    fn act<R>(&self, step: impl FnOnce(&mut State) -> R) -> R {
        let mut state = lock(&self.state);
        let before = state.machine.next_expiry();
        let result = step(&mut state);
        while let Some(action) = state.machine.poll() {
            match action {
                Action::Send { client, message, waited } => {
                    if let Some(sender) = state.clients.get(&client) {
                        // A task that has ended tells the machine so.
                        let _ = sender.send((message, waited));
                    }
                }
                Action::Close(client) => drop(state.clients.remove(&client)),
                Action::Shutdown => self.shut_down.notify_one(),
            }
        }
        if state.machine.next_expiry() != before {
            self.changed.notify_one();
        }
        result
    }

    /// Ends waits whose time has come.
    async fn expire(self: Arc<Self>) {
        loop {
            let next = lock(&self.state).machine.next_expiry();
            let changed = self.changed.notified();
            match next {
                None => changed.await,
                Some(at) => tokio::select! {
                    () = sleep_until(at.into()) => {
                        self.act(|state| state.machine.expire(Instant::now()));
                    }
                    () = changed => {}
                },
            }
        }
    }

    /// Serves one client up to the end of its connection.
    async fn serve(self: Arc<Self>, mut connection: Connection, _permit: OwnedSemaphorePermit) {
        let (sender, mut replies) = mpsc::unbounded_channel();
        let id = self.act(|state| {
            state.next += 1;
            state.machine.connected(state.next);
            state.clients.insert(state.next, sender);
            state.next
        });
        connection.set_send_timeout(STALLED);
        loop {
            tokio::select! {
                received = connection.recv_bytes() => match received {
                    Ok(message) => {
                        self.act(|state| state.machine.received(id, message, Instant::now()));
                    }
                    Err(_) => break,
                },
                reply = replies.recv() => {
                    let Some((message, waited)) = reply else { break };
                    // A client that waits sends nothing: what there is to read is its end.
                    if waited && !matches!(connection.poll(Duration::ZERO).await, Ok(false)) {
                        break;
                    }
                    if connection.send_bytes(&message).await.is_err() {
                        break;
                    }
                    self.act(|state| state.machine.sent(id));
                }
            }
        }
        self.act(|state| {
            state.clients.remove(&id);
            state.machine.closed(id);
        });
    }
}
