//! Proxies of shared objects, over blocking connections.

use std::fmt;
use std::sync::{Arc, Mutex};

use mpconn_blocking::Connection;
use mpconn_pickle::Encoder;

use super::client::Manager;
use crate::call::{self, Call, Port};
use crate::error::Error;
use crate::shared::{self, Idle, lock};
use crate::token::{Reference, Token, is_auto, proxy_class};

/// A shared object of a manager. Clones share one reference, which is given back when the last of
/// them is dropped. That takes up to 2 s if the manager does not reply, and happens once.
///
/// [`Methods`](crate::Methods) has its calls by the names of methods, and
/// [`proxies`](crate::proxies) those of known types.
#[derive(Clone)]
pub struct Proxy(
    pub(super) Arc<Held>,
    pub(super) Arc<[String]>,
    pub(super) Option<Arc<Mutex<Option<Idle<Connection>>>>>,
);

/// One reference to an object.
pub(super) struct Held {
    pub(super) manager: Manager,
    pub(super) token: Token,
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
    pub(super) fn new(manager: Manager, token: Token, exposed: Vec<String>) -> Self {
        Self(Arc::new(Held { manager, token }), exposed.into(), None)
    }

    /// Returns the manager of the object.
    #[must_use]
    pub fn manager(&self) -> &Manager {
        &self.0.manager
    }

    /// Returns a reference to put into a value, from which other clients make a proxy. Keep this proxy
    /// until they have.
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
