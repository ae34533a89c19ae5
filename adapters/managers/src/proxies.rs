//! Typed proxies: what each method of a shared object sends, and how its answer is read. They are
//! written once, over a [`Port`], and do no I/O.
//!
//! The aliases in [`blocking`](crate::blocking) return a `Result`, those in
//! [`tokio`](crate::tokio) a future of one. Where nothing else is said, a method fails with
//! [`Error::Raised`] if Python raised an exception, and with
//! [`Error::Connection`] if the manager is gone or did not reply in time.

mod containers;
mod pool;
mod queue;
mod sync;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::{Call, Port};
use crate::error::Error;
use crate::reply;
use crate::request::Arguments;

pub use containers::{Array, Dict, List, Namespace, Value};
pub use pool::{AsyncResult, Function, Iterator, Pool};
pub use queue::{JoinableQueue, Queue};
pub use sync::{Barrier, Condition, Event, Lock, RLock, Semaphore};

/// A proxy of a known type.
pub trait Typed<P> {
    /// The name under which `SyncManager` registers the type.
    const TYPEID: &'static str;

    /// Makes a typed proxy of one that is not.
    fn from_proxy(proxy: P) -> Self;

    /// Returns the proxy that knows no types.
    fn proxy(&self) -> &P;
}

/// Calls of any method by its name.
pub trait Methods: Port {
    /// Calls a method. `args` is a Rust tuple.
    fn call<A: Arguments, R>(&self, method: &str, args: &A) -> Self::Answer<R>
    where
        R: DeserializeOwned + Send + 'static,
    {
        crate::call::call(self, method, args)
    }

    /// Calls a method with keyword arguments: a struct or a map.
    fn call_with<A: Arguments, K: Serialize, R>(
        &self,
        method: &str,
        args: &A,
        kwargs: &K,
    ) -> Self::Answer<R>
    where
        R: DeserializeOwned + Send + 'static,
    {
        let wait = Some(Duration::ZERO);
        let read = |_: &Self, reply: &[u8]| reply::value(reply);
        self.start(Call::with_kwargs(self, method, args, kwargs, wait, read))
    }

    /// Calls a method that may wait for as long as `wait` before it returns, or for ever.
    fn call_waiting<A: Arguments, R>(
        &self,
        method: &str,
        args: &A,
        wait: impl Into<Option<Duration>>,
    ) -> Self::Answer<R>
    where
        R: DeserializeOwned + Send + 'static,
    {
        crate::call::waiting(self, method, args, wait)
    }

    /// Calls a method whose result is a proxy, as `method_to_typeid` of the manager says.
    fn call_for_proxy<A: Arguments>(&self, method: &str, args: &A) -> Self::Answer<Self> {
        self.start(Call::new(self, method, args, Some(Duration::ZERO), adopted).map(Call::kept))
    }

    /// Returns a copy of the object, where it can be pickled. CPython's counterpart is
    /// `proxy._getvalue()`.
    fn value<R: DeserializeOwned + Send + 'static>(&self) -> Self::Answer<R> {
        crate::call::call(self, "#GETVALUE", &())
    }

    /// Returns Python's `repr` of the object.
    fn repr(&self) -> Self::Answer<String> {
        crate::call::call(self, "__repr__", &())
    }
}

impl<P: Port> Methods for P {}

/// Reads a reply that is a proxy.
fn adopted<P: Port>(port: &P, reply: &[u8]) -> Result<P, Error> {
    let (token, exposed) = reply::proxy(reply)?;
    Ok(port.adopt(token, exposed))
}

/// Implements [`Typed`], and `Debug` and `Clone` where the port has them, for a proxy with these type
/// parameters. What a thread owns in Python has a connection of its own.
macro_rules! typed {
    ($name:ident [$($item:ident),*] $typeid:literal $(, $own:ident)?) => {
        impl<$($item,)* P: $crate::call::Port> $crate::proxies::Typed<P> for $name<$($item,)* P> {
            const TYPEID: &'static str = $typeid;

            fn from_proxy(proxy: P) -> Self {
                Self { port: proxy$(.$own())?, item: std::marker::PhantomData }
            }

            fn proxy(&self) -> &P {
                &self.port
            }
        }

        impl<$($item,)* P: Clone> Clone for $name<$($item,)* P> {
            fn clone(&self) -> Self {
                Self { port: self.port.clone(), item: std::marker::PhantomData }
            }
        }

        impl<$($item,)* P: std::fmt::Debug> std::fmt::Debug for $name<$($item,)* P> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.port).finish()
            }
        }
    };
}
pub(crate) use typed;
