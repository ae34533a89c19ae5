//! A manager elsewhere, over connections of tokio.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mpconn::{Address, AddressError, AuthKey};
use mpconn_tokio::{ConnectOptions, Connection};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use super::proxy::{Held, Proxy};
use crate::call;
use crate::error::Error;
use crate::options::{Options, RELEASE_TIMEOUT};
use crate::proxies::Typed;
use crate::reply;
use crate::request::{Arguments, NoKwargs, encode_request};
use crate::shared::{self, Deadline, Idle, Shared};
use crate::token::{Reference, Token, address_of, address_to_value};

/// A manager that runs in another process. Its methods are those of
/// [`blocking::Manager`](crate::blocking::Manager), whose documentation is more complete.
///
/// # Cancel safety
///
/// A call that is dropped may have been executed or not, and its connection is closed. An item that a
/// dropped `get` has received, or that a manager of CPython gives to it later, is lost. What creates
/// an object goes on to its end in a task, and gives the reference back.
#[derive(Clone)]
pub struct Manager(pub(super) Arc<Inner>);

pub(super) struct Inner {
    address: Address,
    pub(super) options: Options,
    pub(super) shared: Shared<Connection>,
    /// Where references are given back.
    pub(super) runtime: Handle,
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
    /// [`Error::Connection`] if the address is invalid, if nobody listens there, or if the manager has
    /// another key.
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

    /// Makes a proxy from a reference that was found in a value. If the object belongs to another manager,
    /// that manager must have the same key.
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

    /// Returns an idle connection that the manager has not closed, or a new one.
    pub(super) async fn reuse(
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
    pub(super) async fn to_the_end<R: Send + 'static>(
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
    pub(super) async fn release(self, id: String) {
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
