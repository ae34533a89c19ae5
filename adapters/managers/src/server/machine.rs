//! The machine that answers requests.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::time::Instant;

use mpconn::Address;
use mpconn_pickle::{Decoder, Exception, Kind, Protocol, Value};

use super::answer::Answer;
use super::objects::Objects;
use super::python::raise;
use super::{Call, Outcome, Registry};
use crate::reply::protocol_of;

/// A client, by a number that its driver has chosen.
pub type ClientId = u64;

/// Limits of a server. What exceeds one is a `MemoryError` for the client.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Limits {
    /// The number of objects; 100,000 by default.
    pub objects: usize,
    /// The number of connections; 10,000 by default. Further clients wait to be accepted.
    pub connections: usize,
    /// The approximate number of bytes of all values; 1 GiB by default.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { objects: 100_000, connections: 10_000, bytes: 1 << 30 }
    }
}

/// What the driver of a [`Machine`] does next.
#[derive(Debug)]
#[non_exhaustive]
pub enum Action {
    /// Send a message to a client. When it is sent whole, call [`Machine::sent`]; if it cannot be,
    /// [`Machine::closed`].
    Send {
        /// The receiver.
        client: ClientId,
        /// The message.
        message: Vec<u8>,
        /// Whether the call has waited. The client may have gone meanwhile, so check for the end of the
        /// connection before sending.
        waited: bool,
    },
    /// Close the connection of a client, and call [`Machine::closed`].
    Close(ClientId),
    /// A client has shut the server down, and has received its reply.
    Shutdown,
}

/// Answers the requests of all clients, without I/O.
///
/// The driver
///
/// 1. calls [`connected`](Self::connected) for each client that is authenticated,
/// 2. calls [`received`](Self::received) for each message, and [`closed`](Self::closed) at the end of a
///    connection,
/// 3. performs the actions that [`poll`](Self::poll) returns,
/// 4. calls [`expire`](Self::expire) at the time of [`next_expiry`](Self::next_expiry).
///
/// An item that a client gets from a queue is kept until the driver calls [`sent`](Self::sent). If the
/// connection ends before, the item is put back at the front of the queue.
pub struct Machine {
    objects: Objects,
    clients: HashMap<ClientId, Client>,
    actions: VecDeque<Action>,
    expiries: BTreeSet<(Instant, ClientId)>,
}

#[derive(Default)]
struct Client {
    /// Whether its connection is one for calls of objects.
    is_serving: bool,
    waiting: Option<Waiting>,
    /// What was taken from an object for a reply that is not sent yet.
    taken: Option<(String, Value)>,
    /// Whether the connection ends with the reply.
    ends: bool,
    /// Whether the server does.
    shuts_down: bool,
}

/// A call that waits for a change of its object.
struct Waiting {
    ident: String,
    method: String,
    message: Vec<u8>,
    expiry: Option<Instant>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("clients", &self.clients.len()).finish_non_exhaustive()
    }
}

impl Machine {
    /// Creates a machine for a server at `address`.
    #[must_use]
    pub fn new(registry: Registry, address: &Address, limits: Limits) -> Self {
        Self {
            objects: Objects::new(registry, address, limits),
            clients: HashMap::new(),
            actions: VecDeque::new(),
            expiries: BTreeSet::new(),
        }
    }

    /// Adds a client, whose handshake is done.
    pub fn connected(&mut self, client: ClientId) {
        self.clients.insert(client, Client::default());
    }

    /// Returns what the driver does next.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Returns when [`expire`](Self::expire) has something to do.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// Returns `true` if a client waits for the reply to a call. It sends nothing meanwhile.
    #[must_use]
    pub fn is_waiting(&self, client: ClientId) -> bool {
        self.clients.get(&client).is_some_and(|client| client.waiting.is_some())
    }

    /// Processes a message of a client.
    pub fn received(&mut self, id: ClientId, message: Vec<u8>, now: Instant) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        if client.waiting.is_some() || client.taken.is_some() || client.ends {
            // No client sends a second request before the reply to the first.
            self.actions.push_back(Action::Close(id));
        } else if client.is_serving {
            self.call(id, message, now);
        } else {
            self.manage(id, &message);
        }
    }

    /// Answers a request to the manager itself, after which the connection ends, or becomes one for
    /// calls of objects.
    fn manage(&mut self, id: ClientId, message: &[u8]) {
        let protocol = protocol_of(message);
        let parsed = Decoder::new().parse(message);
        let answer = match &parsed {
            Ok(pickle) => Call::of(pickle.root())
                .and_then(|(_, call)| self.objects.manage(&call, pickle, message))
                .map_or_else(|error| Answer::traceback(&error), Answer::Return),
            Err(error) => Answer::traceback(&raise("UnpicklingError", error.to_string())),
        };
        let method = parsed.as_ref().ok().and_then(|pickle| {
            let Kind::Str(method) = pickle.root().items().nth(1)?.kind() else { return None };
            matches!(answer, Answer::Return(_)).then_some(method)
        });
        let Some(client) = self.clients.get_mut(&id) else { return };
        client.is_serving = method == Some("accept_connection");
        client.ends = !client.is_serving;
        client.shuts_down = method == Some("shutdown");
        self.send(id, &answer, protocol, false);
    }

    /// Answers a call of an object, or lets it wait.
    fn call(&mut self, id: ClientId, message: Vec<u8>, now: Instant) {
        match self.objects.call(&message, false) {
            (Some(ident), Ok(Outcome::Wait(timeout))) => {
                let expiry = timeout.and_then(|timeout| now.checked_add(timeout));
                self.expiries.extend(expiry.map(|expiry| (expiry, id)));
                self.objects.wait(&ident, id, message.len());
                let method = method_of(&message);
                if let Some(client) = self.clients.get_mut(&id) {
                    client.waiting = Some(Waiting { ident, method, message, expiry });
                }
            }
            (ident, result) => {
                let protocol = protocol_of(&message);
                self.finish(id, ident.as_deref(), result, protocol, false);
                if let Some(ident) = ident {
                    self.wake(&ident);
                }
            }
        }
    }

    /// Answers a call that has ended.
    fn finish(
        &mut self,
        id: ClientId,
        ident: Option<&str>,
        result: Result<Outcome, Failure>,
        protocol: Protocol,
        waited: bool,
    ) {
        let answer = match result {
            Ok(Outcome::Take(value)) => Answer::Return(value),
            Ok(Outcome::Return(value)) => {
                return self.send(id, &Answer::Return(value), protocol, waited);
            }
            Ok(Outcome::Proxy { typeid, object }) => match self.objects.share(&typeid, object) {
                Ok((token, exposed)) => Answer::Proxy(token, exposed),
                Err(error) => Answer::Error(error),
            },
            Ok(Outcome::Wait(_)) => Answer::Error(raise("TimeoutError", "the call has ended")),
            Err(Failure::Raised(exception)) => Answer::Error(exception),
            Err(Failure::Manager(exception)) => Answer::traceback(&exception),
            Err(Failure::Unserializable(exception)) => Answer::Unserializable(exception),
        };
        self.send(id, &answer, protocol, waited);
        if let (Answer::Return(value), Some(ident), Some(client)) =
            (answer, ident, self.clients.get_mut(&id))
        {
            client.taken = Some((ident.to_owned(), value));
        }
    }

    fn send(&mut self, client: ClientId, answer: &Answer, protocol: Protocol, waited: bool) {
        let message = answer.encode(protocol);
        self.actions.push_back(Action::Send { client, message, waited });
    }

    /// Calls again what waits for an object, in the order of arrival. Of calls of one method that all
    /// have to wait on, only the first is tried.
    fn wake(&mut self, ident: &str) {
        let mut place = 0;
        let mut tried = Vec::new();
        while let Some(id) = self.objects.waiter(ident, place) {
            let waiting = self.clients.get(&id).and_then(|client| client.waiting.as_ref());
            let Some(Waiting { method, message, .. }) = waiting else {
                self.objects.stop_waiting(ident, id, 0);
                continue;
            };
            if tried.contains(method) {
                place += 1;
                continue;
            }
            let protocol = protocol_of(message);
            match self.objects.call(message, false) {
                (_, Ok(Outcome::Wait(_))) => {
                    tried.push(method.clone());
                    place += 1;
                }
                (_, result) => {
                    self.end_wait(id);
                    self.finish(id, Some(ident), result, protocol, true);
                    (place, tried) = (0, Vec::new());
                }
            }
        }
    }

    /// Ends the waits whose time has come.
    pub fn expire(&mut self, now: Instant) {
        while let Some((_, id)) = self.expiries.first().copied().filter(|(at, _)| *at <= now) {
            let Some(Waiting { ident, message, .. }) = self.end_wait(id) else { continue };
            let (_, result) = self.objects.call(&message, true);
            self.finish(id, Some(&ident), result, protocol_of(&message), true);
            self.objects.free(&ident);
        }
    }

    fn end_wait(&mut self, id: ClientId) -> Option<Waiting> {
        let waiting = self.clients.get_mut(&id)?.waiting.take()?;
        if let Some(expiry) = waiting.expiry {
            self.expiries.remove(&(expiry, id));
        }
        self.objects.stop_waiting(&waiting.ident, id, waiting.message.len());
        Some(waiting)
    }

    /// Notes that the last message for a client was sent whole.
    pub fn sent(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.taken = None;
            if client.ends {
                self.actions.push_back(Action::Close(id));
            }
        }
    }

    /// Notes that the connection of a client has ended. What was taken from an object for it, and not
    /// sent, is put back.
    pub fn closed(&mut self, id: ClientId) {
        let waiting = self.end_wait(id);
        let Some(client) = self.clients.remove(&id) else { return };
        if client.shuts_down {
            self.actions.push_back(Action::Shutdown);
        }
        if let Some((ident, value)) = client.taken {
            self.objects.restore(&ident, value);
            self.wake(&ident);
        }
        if let Some(Waiting { ident, .. }) = waiting {
            self.objects.free(&ident);
        }
    }
}

/// Why a call has no result.
pub(crate) enum Failure {
    /// The method raised an exception.
    Raised(Exception),
    /// The manager did, before it called the method.
    Manager(Exception),
    /// The result cannot be pickled.
    Unserializable(Exception),
}

impl From<Exception> for Failure {
    fn from(exception: Exception) -> Self {
        Self::Raised(exception)
    }
}

/// The name of the method that a waiting call has. It was read once already.
fn method_of(message: &[u8]) -> String {
    let name = Decoder::new().parse(message).ok().and_then(|pickle| {
        let Kind::Str(method) = pickle.root().items().nth(1)?.kind() else { return None };
        Some(method.to_owned())
    });
    name.unwrap_or_default()
}
