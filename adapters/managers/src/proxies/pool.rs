//! `Pool`, `AsyncResult` and `Iterator`.

use std::marker::PhantomData;
use std::time::Duration;

use mpconn_pickle::Global;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Typed, adopted, typed};
use crate::call::{Call, Port, call, command, waiting};
use crate::error::Error;
use crate::reply;
use crate::request::{Arguments, NoKwargs, Packed};

/// A function that a Python can import, by its name: `"math.factorial"`.
///
/// What is before the last dot is the module. For a method of a class, use a
/// [`Global`] with the module and the rest of the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function(Global);

impl From<&str> for Function {
    fn from(name: &str) -> Self {
        let (module, name) = name.rsplit_once('.').unwrap_or(("builtins", name));
        Self(Global::new(module, name))
    }
}

impl From<Global> for Function {
    fn from(global: Global) -> Self {
        Self(global)
    }
}

/// A shared pool of processes, which calls functions by name.
///
/// The `timeout` of a method is how long the function may run, beside the timeout of each call; `None`
/// is for ever. The function goes on when its call is given up.
pub struct Pool<P> {
    port: P,
    item: PhantomData<()>,
}

typed!(Pool [] "Pool");

impl<P: Port> Pool<P> {
    /// Calls a function in a process of the pool, and waits for its result.
    pub fn apply<A: Arguments, R: DeserializeOwned + Send + 'static>(
        &self,
        function: impl Into<Function>,
        args: &A,
        timeout: impl Into<Option<Duration>>,
    ) -> P::Answer<R> {
        waiting(&self.port, "apply", &(&function.into().0, Packed(args)), timeout)
    }

    /// Calls a function in a process of the pool, with keyword arguments.
    pub fn apply_with<A: Arguments, K: Serialize, R: DeserializeOwned + Send + 'static>(
        &self,
        function: impl Into<Function>,
        args: &A,
        kwargs: &K,
        timeout: impl Into<Option<Duration>>,
    ) -> P::Answer<R> {
        waiting(&self.port, "apply", &(&function.into().0, Packed(args), kwargs), timeout)
    }

    /// Calls a function of one argument for each item, and waits for all results.
    pub fn map<T: Serialize, R: DeserializeOwned + Send + 'static>(
        &self,
        function: impl Into<Function>,
        items: &[T],
        timeout: impl Into<Option<Duration>>,
    ) -> P::Answer<Vec<R>> {
        waiting(&self.port, "map", &(&function.into().0, items), timeout)
    }

    /// Calls a function for each tuple of arguments, and waits for all results; not in Python 2.7.
    pub fn starmap<A: Arguments, R: DeserializeOwned + Send + 'static>(
        &self,
        function: impl Into<Function>,
        items: &[A],
        timeout: impl Into<Option<Duration>>,
    ) -> P::Answer<Vec<R>> {
        let items: Vec<_> = items.iter().map(Packed).collect();
        waiting(&self.port, "starmap", &(&function.into().0, items), timeout)
    }

    /// Starts a call of a function.
    pub fn apply_async<A: Arguments, R: DeserializeOwned + Send + 'static>(
        &self,
        function: impl Into<Function>,
        args: &A,
    ) -> P::Answer<AsyncResult<R, P>> {
        self.proxy_of("apply_async", &(&function.into().0, Packed(args)))
    }

    /// Starts a call of a function for each item.
    pub fn map_async<T: Serialize, R: DeserializeOwned + Send + 'static>(
        &self,
        function: impl Into<Function>,
        items: &[T],
    ) -> P::Answer<AsyncResult<Vec<R>, P>> {
        self.proxy_of("map_async", &(&function.into().0, items))
    }

    /// Starts a call of a function for each item, whose results come in the order of the items.
    pub fn imap<T: Serialize, R: DeserializeOwned + Send + 'static>(
        &self,
        function: impl Into<Function>,
        items: &[T],
    ) -> P::Answer<Iterator<R, P>> {
        self.proxy_of("imap", &(&function.into().0, items))
    }

    /// Starts a call of a function for each item, whose results come as they are ready.
    pub fn imap_unordered<T: Serialize, R: DeserializeOwned + Send + 'static>(
        &self,
        function: impl Into<Function>,
        items: &[T],
    ) -> P::Answer<Iterator<R, P>> {
        self.proxy_of("imap_unordered", &(&function.into().0, items))
    }

    /// Closes the pool: it accepts no more calls.
    pub fn close(&self) -> P::Answer<()> {
        command(&self.port, "close", &())
    }

    /// Terminates the processes at once.
    pub fn terminate(&self) -> P::Answer<()> {
        waiting(&self.port, "terminate", &(), Duration::from_secs(30))
    }

    /// Waits until the processes have ended, after [`close`](Self::close) or
    /// [`terminate`](Self::terminate).
    pub fn join(&self, timeout: impl Into<Option<Duration>>) -> P::Answer<()> {
        waiting(&self.port, "join", &(), timeout)
    }

    fn proxy_of<T: Typed<P> + Send + 'static>(
        &self,
        method: &str,
        args: &impl Arguments,
    ) -> P::Answer<T> {
        let read = |port: &P, reply: &[u8]| adopted(port, reply).map(T::from_proxy);
        self.port
            .start(Call::new(&self.port, method, args, Some(Duration::ZERO), read).map(Call::kept))
    }
}

/// The result of a call that was started in a [`Pool`].
pub struct AsyncResult<R, P> {
    port: P,
    item: PhantomData<fn() -> R>,
}

typed!(AsyncResult [R] "AsyncResult");

impl<R: DeserializeOwned + Send + 'static, P: Port> AsyncResult<R, P> {
    /// Waits for the result for at most `timeout`; `None` waits for ever. Returns `None` if it is not
    /// there in time: Python's `multiprocessing.TimeoutError`.
    pub fn get(&self, timeout: impl Into<Option<Duration>>) -> P::Answer<Option<R>> {
        let read = |_: &P, bytes: &[u8]| match reply::value(bytes) {
            Ok(result) => Ok(Some(result)),
            Err(Error::Raised(error))
                if error.class.name == "TimeoutError"
                    && error.class.module.starts_with("multiprocessing") =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        };
        let is_not_ready = |result: &Result<Option<R>, Error>| matches!(result, Ok(None));
        let args = |seconds| (seconds,);
        self.port.start(Call::sliced(&self.port, "get", args, timeout.into(), read, is_not_ready))
    }

    /// Waits until the result is there, for at most `timeout`; `None` waits for ever.
    pub fn wait(&self, timeout: impl Into<Option<Duration>>) -> P::Answer<()> {
        let timeout = timeout.into();
        waiting(&self.port, "wait", &(timeout.map(|timeout| timeout.as_secs_f64()),), timeout)
    }

    /// Returns `true` if the result is there.
    pub fn is_ready(&self) -> P::Answer<bool> {
        call(&self.port, "ready", &())
    }

    /// Returns `true` if the function raised no exception.
    ///
    /// # Errors
    ///
    /// `ValueError`, or `AssertionError` up to 3.6, as [`Error::Raised`] if the result is not there.
    pub fn is_successful(&self) -> P::Answer<bool> {
        call(&self.port, "successful", &())
    }
}

/// An iterator that lives in the manager.
pub struct Iterator<T, P> {
    port: P,
    item: PhantomData<fn() -> T>,
}

typed!(Iterator [T] "Iterator");

impl<T: DeserializeOwned + Send + 'static, P: Port> Iterator<T, P> {
    /// Returns the next item, and `None` at the end. Waits for at most `timeout` for an item that is
    /// not there yet, and then fails; `None` waits for ever.
    pub fn next(&self, timeout: impl Into<Option<Duration>>) -> P::Answer<Option<T>> {
        let read = |_: &P, bytes: &[u8]| match reply::value(bytes) {
            Ok(item) => Ok(Some(item)),
            Err(error) if error.is_raised("StopIteration") => Ok(None),
            Err(error) => Err(error),
        };
        // Python 2.7 exposes both, and its dicts have the short one only.
        let is_old = self.port.exposed().iter().any(|name| name == "next");
        let method = if is_old { "next" } else { "__next__" };
        let call = Call::with_kwargs(&self.port, method, &(), &NoKwargs, timeout.into(), read);
        self.port.start(call)
    }
}
