//! A manager elsewhere, over blocking connections.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mpconn::{Address, AddressError, AuthKey};
use mpconn_blocking::{ConnectOptions, Connection};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::proxy::{Held, Proxy};
use crate::call;
use crate::error::Error;
use crate::options::{Options, RELEASE_TIMEOUT};
use crate::proxies::Typed;
use crate::reply;
use crate::request::{Arguments, NoKwargs, encode_request};
use crate::shared::{self, Deadline, Idle, Shared};
use crate::token::{Reference, Token, address_of, address_to_value};

/// A manager that runs in another process. Clones are the same manager.
///
/// Each call takes a connection that no other call uses, and leaves it for the next one. So there are
/// as many connections as there were calls at the same time. After a call that failed or that was
/// given up, its connection is closed.
///
/// CPython's counterpart is `BaseManager` after `connect()`.
#[derive(Clone)]
pub struct Manager(pub(super) Arc<Inner>);

pub(super) struct Inner {
    address: Address,
    pub(super) options: Options,
    pub(super) shared: Shared<Connection>,
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
    /// [`Error::Connection`] if the address is invalid, if nobody listens there, or if the manager has
    /// another key.
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

    /// Makes a proxy from a reference that was found in a value. If the object belongs to another manager,
    /// that manager must have the same key.
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

    /// Returns an idle connection that the manager has not closed, or a new one.
    pub(super) fn reuse(
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
    pub(super) fn release(&self, id: &str) {
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
