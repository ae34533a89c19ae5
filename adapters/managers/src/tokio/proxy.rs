//! Proxies of shared objects, over connections of tokio.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use mpconn_pickle::Encoder;
use mpconn_tokio::Connection;
use tokio::sync::Mutex;

use super::client::Manager;
use crate::call::{self, Call, Port};
use crate::error::Error;
use crate::shared::{self, Idle};
use crate::token::{Reference, Token, is_auto, proxy_class};

/// A shared object of a manager. Clones share one reference, which a task gives back when the last of
/// them is dropped.
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
