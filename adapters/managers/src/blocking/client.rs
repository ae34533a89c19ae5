//! A manager elsewhere, over blocking connections.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mpconn::{Address, AddressError, AuthKey};
use mpconn_blocking::{ConnectOptions, Connection};
use mpconn_pickle::Encoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::{self, Call, Port};
use crate::error::Error;
use crate::options::{Options, RELEASE_TIMEOUT};
use crate::proxies::Typed;
use crate::reply;
use crate::request::{Arguments, NoKwargs, encode_request};
use crate::shared::{self, Deadline, Idle, Shared, lock};
use crate::token::{Reference, Token, address_of, address_to_value, is_auto, proxy_class};

/// A manager that runs in another process. Clones are the same manager.
///
/// Each call takes a connection that no other call uses, and leaves it for the next one. So there are
/// as many connections as there were calls at the same time. After a call that failed or that was
/// given up, its connection is closed.
///
/// CPython's counterpart is `BaseManager` after `connect()`.
#[derive(Clone)]
pub struct Manager(Arc<Inner>);

struct Inner {
    address: Address,
    options: Options,
    shared: Shared<Connection>,
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manager").field("address", &self.0.address).finish_non_exhaustive()
    }
}

impl Manager {
    /// Connects to the manager at `address`, whose key is `key`. [`Options`] has more.
    ///
    /// # Errors
    ///
    /// As for [`connect_with`](Self::connect_with).
    pub fn connect<A>(address: A, key: AuthKey) -> Result<Self, Error>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        Self::connect_with(address, Options::new(key))
    }

    /// Connects to the manager at `address`.
    ///
    /// # Errors
    ///
    /// [`Error::Connection`] if the address is none, if nobody listens there, or if the key is
    /// another one.
    pub fn connect_with<A>(address: A, options: Options) -> Result<Self, Error>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        let address = address.try_into().map_err(|e| mpconn_sockets::Error::Address(e.into()))?;
        let manager = Self(Arc::new(Inner { address, options, shared: Shared::new() }));
        manager.ask::<_, ()>("dummy", &())?;
        Ok(manager)
    }

    /// Returns the address of the manager.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.0.address
    }

    /// Creates an object of a type that `SyncManager` has, with the arguments of its constructor:
    /// `manager.create::<Queue<Job>>(&(100,))`.
    ///
    /// # Errors
    ///
    /// As for [`create_proxy`](Self::create_proxy).
    pub fn create<T: Typed<Proxy>>(&self, args: &impl Arguments) -> Result<T, Error> {
        self.create_as(T::TYPEID, args)
    }

    /// Calls what is registered under the name `typeid`, and uses the result as a `T`:
    /// `manager.create_as::<Queue<Job>>("get_jobs", &())`.
    ///
    /// # Errors
    ///
    /// As for [`create_proxy`](Self::create_proxy).
    pub fn create_as<T: Typed<Proxy>>(
        &self,
        typeid: &str,
        args: &impl Arguments,
    ) -> Result<T, Error> {
        self.create_proxy(typeid, args).map(T::from_proxy)
    }

    /// Calls what is registered under the name `typeid`, and returns a proxy of the result.
    ///
    /// # Errors
    ///
    /// [`Error::Traceback`] if nothing is registered under that name, and if what is called raises an
    /// exception. [`Error::Connection`], [`Error::Pickle`].
    pub fn create_proxy(&self, typeid: &str, args: &impl Arguments) -> Result<Proxy, Error> {
        self.create_with(typeid, args, &NoKwargs)
    }

    /// As [`create_proxy`](Self::create_proxy), with keyword arguments: a struct or a map.
    ///
    /// # Errors
    ///
    /// As for [`create_proxy`](Self::create_proxy).
    pub fn create_with<K: Serialize>(
        &self,
        typeid: &str,
        args: &impl Arguments,
        kwargs: &K,
    ) -> Result<Proxy, Error> {
        let request = shared::create(self.0.shared.encoder(), typeid, args, kwargs)?;
        let (id, exposed) = reply::created(&self.once(&request, self.0.options.timeout)?)?;
        let address = address_to_value(&self.0.address);
        Ok(Proxy::new(self.clone(), Token { typeid: typeid.to_owned(), address, id }, exposed))
    }

    /// Makes a proxy of one that was found in a value. If the object is another manager's, that has
    /// to have the same key.
    ///
    /// # Errors
    ///
    /// [`Error::Traceback`] if the object is gone, [`Error::Connection`].
    pub fn attach<T: Typed<Proxy>>(&self, reference: &Reference) -> Result<T, Error> {
        let token = &reference.token;
        let manager = match address_of(&token.address) {
            Some(address) if address != self.0.address => {
                Self::connect_with(address, self.0.options.clone())?
            }
            _ => self.clone(),
        };
        manager.ask::<_, ()>("incref", &(&token.id,))?;
        let held = Arc::new(Held { manager, token: token.clone() });
        let exposed = match &reference.exposed {
            Some(exposed) => exposed.clone(),
            None => held.manager.get_methods(token)?,
        };
        Ok(T::from_proxy(Proxy(held, exposed.into(), None)))
    }

    /// Returns the names of the methods of an object.
    ///
    /// # Errors
    ///
    /// [`Error::Traceback`] if the object is gone, [`Error::Connection`].
    pub fn get_methods(&self, token: &Token) -> Result<Vec<String>, Error> {
        self.ask("get_methods", &(token.to_value(),))
    }

    /// Returns the objects of the manager and the number of their references, as text.
    ///
    /// # Errors
    ///
    /// [`Error::Connection`].
    pub fn debug_info(&self) -> Result<String, Error> {
        self.ask("debug_info", &())
    }

    /// Returns the number of objects that the manager has.
    ///
    /// # Errors
    ///
    /// [`Error::Connection`].
    pub fn number_of_objects(&self) -> Result<usize, Error> {
        self.ask("number_of_objects", &())
    }

    /// Ends the manager.
    ///
    /// # Errors
    ///
    /// [`Error::Connection`].
    pub fn shutdown(&self) -> Result<(), Error> {
        self.ask("shutdown", &())
    }

    /// Calls a method of the manager itself, over a connection of its own.
    fn ask<A: Arguments, R: DeserializeOwned>(&self, method: &str, args: &A) -> Result<R, Error> {
        let encoder = self.0.shared.encoder();
        let request = encode_request(encoder, None, method, args, &NoKwargs)?;
        reply::value(&self.once(&request, self.0.options.timeout)?)
    }

    fn once(&self, request: &[u8], timeout: Option<Duration>) -> Result<Vec<u8>, Error> {
        let deadline = Deadline::after(timeout);
        let mut connection = self.open(deadline)?;
        connection.send_bytes(request)?;
        connection.set_receive_timeout(deadline.left());
        let reply = connection.recv_bytes()?;
        self.0.shared.heard(&reply);
        Ok(reply)
    }

    fn open(&self, deadline: Deadline) -> Result<Connection, Error> {
        let left = deadline.left();
        let mut connection = ConnectOptions::with_key(self.0.options.key.clone())
            .connect_timeout(left)
            .handshake_timeout(left)
            .max_message(self.0.options.max_message)
            .connect(&self.0.address)?;
        connection.set_send_timeout(deadline.left());
        connection.set_receive_timeout(deadline.left());
        Ok(connection)
    }

    /// Opens a connection that a thread of the manager serves.
    fn open_serving(&self) -> Result<Connection, Error> {
        let deadline = Deadline::after(self.0.options.timeout);
        let mut connection = self.open(deadline)?;
        connection.send_bytes(&shared::accept_connection(self.0.shared.encoder())?)?;
        call::done(connection.recv_borrowed()?)?;
        Ok(connection)
    }

    /// Returns a connection at which nothing has come yet: one that the manager has closed is left.
    fn reuse(
        &self,
        mut idle: impl FnMut() -> Option<Idle<Connection>>,
    ) -> Result<Connection, Error> {
        while let Some(idle) = idle() {
            let is_old = idle.is_old();
            let connection = idle.0;
            if !is_old || matches!(connection.poll(Duration::ZERO), Ok(false)) {
                return Ok(connection);
            }
        }
        self.open_serving()
    }

    /// Gives a reference back, which may fail: the manager may be gone.
    fn release(&self, id: &str) {
        if self.0.shared.is_gone() {
            return;
        }
        let timeout = self.0.options.timeout.unwrap_or(RELEASE_TIMEOUT).min(RELEASE_TIMEOUT);
        let encoder = self.0.shared.encoder();
        let request = encode_request(encoder, None, "decref", &(id,), &NoKwargs);
        if request.is_ok_and(|request| self.once(&request, Some(timeout)).is_err()) {
            self.0.shared.lost();
        }
    }
}

/// A shared object of a manager. Clones share one reference, which is given back when the last of
/// them is dropped. That takes up to 2 s if the manager does not reply, and happens once.
///
/// [`Methods`](crate::Methods) has its calls by the names of methods, and
/// [`proxies`](crate::proxies) those of known types.
#[derive(Clone)]
pub struct Proxy(Arc<Held>, Arc<[String]>, Option<Arc<Mutex<Option<Idle<Connection>>>>>);

/// One reference to an object.
struct Held {
    manager: Manager,
    token: Token,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.manager.release(&self.token.id);
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxy").field(&self.0.token).finish()
    }
}

impl Proxy {
    fn new(manager: Manager, token: Token, exposed: Vec<String>) -> Self {
        Self(Arc::new(Held { manager, token }), exposed.into(), None)
    }

    /// Returns the manager of the object.
    #[must_use]
    pub fn manager(&self) -> &Manager {
        &self.0.manager
    }

    /// Returns what to put into a value, so that others find this object in it. The object has to be
    /// kept by this proxy until then.
    #[must_use]
    pub fn reference(&self) -> Reference {
        let class = proxy_class(&self.0.token.typeid);
        let exposed = is_auto(&class).then(|| self.1.to_vec());
        Reference { token: self.0.token.clone(), class, exposed }
    }

    fn run<R>(&self, call: Result<Call<Self, R>, Error>) -> Result<R, Error> {
        let (manager, mut call) = (&self.0.manager, call?);
        let mut own = self.2.as_ref().map(|own| lock(own));
        let mut connection = match &mut own {
            Some(own) => manager.reuse(|| own.take())?,
            None => manager.reuse(|| manager.0.shared.take())?,
        };
        let result = loop {
            let (request, wait) = call.next();
            let timeout = manager.0.options.timeout;
            connection.set_send_timeout(timeout);
            connection.set_receive_timeout(shared::reply_timeout(timeout, wait));
            connection.send_bytes(request)?;
            if let Some(result) = call.answer(self, connection.recv_borrowed()?) {
                break result;
            }
        };
        match own {
            Some(mut own) => *own = Some(Idle::now(connection)),
            None => manager.0.shared.put(connection),
        }
        result
    }
}

impl call::sealed::Sealed for Proxy {}

impl Port for Proxy {
    type Answer<R: Send + 'static> = Result<R, Error>;

    fn token(&self) -> &Token {
        &self.0.token
    }

    fn exposed(&self) -> &[String] {
        &self.1
    }

    fn with_own_connection(self) -> Self {
        Self(self.0, self.1, Some(Arc::default()))
    }

    fn encoder(&self) -> Encoder {
        self.0.manager.0.shared.encoder()
    }

    fn adopt(&self, token: Token, exposed: Vec<String>) -> Self {
        let address = self.0.token.address.clone();
        Self::new(self.0.manager.clone(), Token { address, ..token }, exposed)
    }

    fn start<R: Send + 'static>(&self, call: Result<Call<Self, R>, Error>) -> Result<R, Error> {
        self.run(call)
    }
}
