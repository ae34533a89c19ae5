//! A manager elsewhere, over connections of tokio.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use mpconn::{Address, AddressError, AuthKey};
use mpconn_pickle::Encoder;
use mpconn_tokio::{ConnectOptions, Connection};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::call::{self, Call, Port};
use crate::error::Error;
use crate::options::{Options, RELEASE_TIMEOUT};
use crate::proxies::Typed;
use crate::reply;
use crate::request::{Arguments, NoKwargs, encode_request};
use crate::shared::{self, Deadline, Idle, Shared};
use crate::token::{Reference, Token, address_of, address_to_value, is_auto, proxy_class};

/// A manager that runs in another process. Its methods are those of
/// [`blocking::Manager`](crate::blocking::Manager), whose documentation is more complete.
///
/// # Cancel safety
///
/// A call that is dropped may have been executed or not, and its connection is closed. An item that a
/// dropped `get` has received, or that a manager of CPython gives to it later, is lost. What creates
/// an object goes on to its end in a task, and gives the reference back.
#[derive(Clone)]
pub struct Manager(Arc<Inner>);

struct Inner {
    address: Address,
    options: Options,
    shared: Shared<Connection>,
    /// Where references are given back.
    runtime: Handle,
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
    pub async fn connect<A>(address: A, key: AuthKey) -> Result<Self, Error>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        Self::connect_with(address, Options::new(key)).await
    }

    /// Connects to the manager at `address`.
    ///
    /// # Errors
    ///
    /// [`Error::Connection`] if the address is none, if nobody listens there, or if the key is
    /// another one.
    pub async fn connect_with<A>(address: A, options: Options) -> Result<Self, Error>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        let address = address.try_into().map_err(|e| mpconn_sockets::Error::Address(e.into()))?;
        let (shared, runtime) = (Shared::new(), Handle::current());
        let manager = Self(Arc::new(Inner { address, options, shared, runtime }));
        manager.ask::<_, ()>("dummy", &()).await?;
        Ok(manager)
    }

    /// Returns the address of the manager.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.0.address
    }

    /// Creates an object of a type that `SyncManager` has, with the arguments of its constructor.
    ///
    /// # Errors
    ///
    /// As for [`create_proxy`](Self::create_proxy).
    pub async fn create<T: Typed<Proxy>>(&self, args: &impl Arguments) -> Result<T, Error> {
        self.create_as(T::TYPEID, args).await
    }

    /// Calls what is registered under the name `typeid`, and uses the result as a `T`.
    ///
    /// # Errors
    ///
    /// As for [`create_proxy`](Self::create_proxy).
    pub async fn create_as<T: Typed<Proxy>>(
        &self,
        typeid: &str,
        args: &impl Arguments,
    ) -> Result<T, Error> {
        self.create_proxy(typeid, args).await.map(T::from_proxy)
    }

    /// Calls what is registered under the name `typeid`, and returns a proxy of the result.
    ///
    /// # Errors
    ///
    /// [`Error::Traceback`] if nothing is registered under that name, and if what is called raises an
    /// exception. [`Error::Connection`], [`Error::Pickle`].
    pub async fn create_proxy(&self, typeid: &str, args: &impl Arguments) -> Result<Proxy, Error> {
        self.create_with(typeid, args, &NoKwargs).await
    }

    /// As [`create_proxy`](Self::create_proxy), with keyword arguments: a struct or a map.
    ///
    /// # Errors
    ///
    /// As for [`create_proxy`](Self::create_proxy).
    pub async fn create_with<K: Serialize>(
        &self,
        typeid: &str,
        args: &impl Arguments,
        kwargs: &K,
    ) -> Result<Proxy, Error> {
        let request = shared::create(self.0.shared.encoder(), typeid, args, kwargs)?;
        let (manager, typeid) = (self.clone(), typeid.to_owned());
        self.to_the_end(async move {
            let reply = manager.once(&request, manager.0.options.timeout).await?;
            let (id, exposed) = reply::created(&reply)?;
            let address = address_to_value(&manager.0.address);
            Ok(Proxy::new(manager, Token { typeid, address, id }, exposed))
        })
        .await
    }

    /// Makes a proxy of one that was found in a value. If the object is another manager's, that has
    /// to have the same key.
    ///
    /// # Errors
    ///
    /// [`Error::Traceback`] if the object is gone, [`Error::Connection`].
    pub async fn attach<T: Typed<Proxy>>(&self, reference: &Reference) -> Result<T, Error> {
        let token = reference.token.clone();
        let manager = match address_of(&token.address) {
            Some(address) if address != self.0.address => {
                Self::connect_with(address, self.0.options.clone()).await?
            }
            _ => self.clone(),
        };
        let held = self.to_the_end(async move {
            manager.ask::<_, ()>("incref", &(&token.id,)).await?;
            Ok(Arc::new(Held { manager, token }))
        });
        let held = held.await?;
        let exposed = match &reference.exposed {
            Some(exposed) => exposed.clone(),
            None => held.manager.get_methods(&held.token).await?,
        };
        Ok(T::from_proxy(Proxy(held, exposed.into(), None)))
    }

    /// Returns the names of the methods of an object.
    ///
    /// # Errors
    ///
    /// [`Error::Traceback`] if the object is gone, [`Error::Connection`].
    pub async fn get_methods(&self, token: &Token) -> Result<Vec<String>, Error> {
        self.ask("get_methods", &(token.to_value(),)).await
    }

    /// Returns the objects of the manager and the number of their references, as text.
    ///
    /// # Errors
    ///
    /// [`Error::Connection`].
    pub async fn debug_info(&self) -> Result<String, Error> {
        self.ask("debug_info", &()).await
    }

    /// Returns the number of objects that the manager has.
    ///
    /// # Errors
    ///
    /// [`Error::Connection`].
    pub async fn number_of_objects(&self) -> Result<usize, Error> {
        self.ask("number_of_objects", &()).await
    }

    /// Ends the manager.
    ///
    /// # Errors
    ///
    /// [`Error::Connection`].
    pub async fn shutdown(&self) -> Result<(), Error> {
        self.ask("shutdown", &()).await
    }

    /// Calls a method of the manager itself, over a connection of its own.
    async fn ask<A: Arguments, R: DeserializeOwned>(
        &self,
        method: &str,
        args: &A,
    ) -> Result<R, Error> {
        let request = encode_request(self.0.shared.encoder(), None, method, args, &NoKwargs)?;
        reply::value(&self.once(&request, self.0.options.timeout).await?)
    }

    async fn once(&self, request: &[u8], timeout: Option<Duration>) -> Result<Vec<u8>, Error> {
        let deadline = Deadline::after(timeout);
        let mut connection = self.open(deadline).await?;
        connection.send_bytes(request).await?;
        connection.set_receive_timeout(deadline.left());
        let reply = connection.recv_bytes().await?;
        self.0.shared.heard(&reply);
        Ok(reply)
    }

    async fn open(&self, deadline: Deadline) -> Result<Connection, Error> {
        let left = deadline.left();
        let mut connection = ConnectOptions::with_key(self.0.options.key.clone())
            .connect_timeout(left)
            .handshake_timeout(left)
            .max_message(self.0.options.max_message)
            .connect(&self.0.address)
            .await?;
        connection.set_send_timeout(deadline.left());
        connection.set_receive_timeout(deadline.left());
        Ok(connection)
    }

    /// Opens a connection that a thread of the manager serves.
    async fn open_serving(&self) -> Result<Connection, Error> {
        let deadline = Deadline::after(self.0.options.timeout);
        let mut connection = self.open(deadline).await?;
        let request = shared::accept_connection(self.0.shared.encoder())?;
        connection.send_bytes(&request).await?;
        call::done(connection.recv_borrowed().await?)?;
        Ok(connection)
    }

    /// Returns a connection at which nothing has come yet: one that the manager has closed is left.
    async fn reuse(
        &self,
        mut idle: impl FnMut() -> Option<Idle<Connection>>,
    ) -> Result<Connection, Error> {
        while let Some(idle) = idle() {
            let is_old = idle.is_old();
            let mut connection = idle.0;
            if !is_old || matches!(connection.poll(Duration::ZERO).await, Ok(false)) {
                return Ok(connection);
            }
        }
        self.open_serving().await
    }

    /// Runs a future in a task, which goes on if this future is dropped.
    async fn to_the_end<R: Send + 'static>(
        &self,
        future: impl Future<Output = Result<R, Error>> + Send + 'static,
    ) -> Result<R, Error> {
        match self.0.runtime.spawn(future).await {
            Ok(result) => result,
            // The runtime ends, or the task has panicked, which a task reports by itself.
            Err(_) => Err(mpconn_sockets::Error::Closed.into()),
        }
    }

    /// Gives a reference back, which may fail: the manager may be gone.
    async fn release(self, id: String) {
        let timeout = self.0.options.timeout.unwrap_or(RELEASE_TIMEOUT).min(RELEASE_TIMEOUT);
        let encoder = self.0.shared.encoder();
        let Ok(request) = encode_request(encoder, None, "decref", &(id,), &NoKwargs) else {
            return;
        };
        if self.once(&request, Some(timeout)).await.is_err() {
            self.0.shared.lost();
        }
    }
}

/// A shared object of a manager. Clones share one reference, which a task gives back when the last of
/// them is dropped.
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
        if !self.manager.0.shared.is_gone() {
            let manager = self.manager.clone();
            // A runtime that has ended drops it, and with it all connections.
            drop(self.manager.0.runtime.spawn(manager.release(self.token.id.clone())));
        }
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

    async fn run<R>(self, call: Result<Call<Self, R>, Error>) -> Result<R, Error> {
        let (manager, mut call) = (&self.0.manager, call?);
        let mut own = match &self.2 {
            Some(own) => Some(own.lock().await),
            None => None,
        };
        let mut connection = match &mut own {
            Some(own) => manager.reuse(|| own.take()).await?,
            None => manager.reuse(|| manager.0.shared.take()).await?,
        };
        let result = loop {
            let (request, wait) = call.next();
            let timeout = manager.0.options.timeout;
            connection.set_send_timeout(timeout);
            connection.set_receive_timeout(shared::reply_timeout(timeout, wait));
            connection.send_bytes(request).await?;
            if let Some(result) = call.answer(&self, connection.recv_borrowed().await?) {
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
    type Answer<R: Send + 'static> = Answer<R>;

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

    fn start<R: Send + 'static>(&self, call: Result<Call<Self, R>, Error>) -> Answer<R> {
        let is_kept = call.as_ref().is_ok_and(|call| call.is_kept);
        let (manager, run) = (self.0.manager.clone(), self.clone().run(call));
        if is_kept { Box::pin(async move { manager.to_the_end(run).await }) } else { Box::pin(run) }
    }
}

/// The result of a call, as a future. Nothing is sent before it is awaited.
pub type Answer<R> = Pin<Box<dyn Future<Output = Result<R, Error>> + Send>>;
