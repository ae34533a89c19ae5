//! `Queue` and `JoinableQueue`.

use std::marker::PhantomData;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::typed;
use crate::call::{Call, Port, call, command, done, waiting};
use crate::error::{Error, is_queue_class};
use crate::reply;

/// A shared `queue.Queue` of items of type `T`.
///
/// A long wait is a series of waits of 5 s in the manager. A manager of CPython does not notice when a
/// client dies that waits: an item that arrives before the end of its last wait is lost. A server of
/// this crate notices.
pub struct Queue<T, P> {
    port: P,
    item: PhantomData<fn(T) -> T>,
}

typed!(Queue [T] "Queue");

impl<T, P: Port> Queue<T, P>
where
    T: Serialize + DeserializeOwned + Send + 'static,
{
    /// Appends an item, and waits for room for at most `timeout`; `None` waits for ever.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] if there was no room in time, [`Error::ShutDown`] if the queue was shut down.
    pub fn put(&self, item: &T, timeout: impl Into<Option<Duration>>) -> P::Answer<()> {
        put(&self.port, item, timeout.into())
    }

    /// Removes and returns the first item, and waits for one for at most `timeout`; `None` waits for
    /// ever. Returns `None` if no item came in time: Python's `queue.Empty`.
    ///
    /// # Errors
    ///
    /// [`Error::ShutDown`] if the queue was shut down and is empty.
    pub fn get(&self, timeout: impl Into<Option<Duration>>) -> P::Answer<Option<T>> {
        get(&self.port, timeout.into())
    }

    /// Returns the number of items.
    pub fn qsize(&self) -> P::Answer<usize> {
        call(&self.port, "qsize", &())
    }

    /// Returns `true` if there is no item.
    pub fn is_empty(&self) -> P::Answer<bool> {
        call(&self.port, "empty", &())
    }

    /// Returns `true` if there is no room for an item.
    pub fn is_full(&self) -> P::Answer<bool> {
        call(&self.port, "full", &())
    }

    /// Shuts the queue down, in Python from 3.13 on: `put` fails from now on, and `get` when the
    /// queue is empty, or at once if `immediate`.
    pub fn shut_down(&self, immediate: bool) -> P::Answer<()> {
        command(&self.port, "shutdown", &(immediate,))
    }
}

/// A shared queue that counts the items that are not done yet. In Python it is the same class as
/// [`Queue`].
pub struct JoinableQueue<T, P> {
    port: P,
    item: PhantomData<fn(T) -> T>,
}

typed!(JoinableQueue [T] "JoinableQueue");

impl<T, P: Port> JoinableQueue<T, P>
where
    T: Serialize + DeserializeOwned + Send + 'static,
{
    /// See [`Queue::put`].
    pub fn put(&self, item: &T, timeout: impl Into<Option<Duration>>) -> P::Answer<()> {
        put(&self.port, item, timeout.into())
    }

    /// See [`Queue::get`].
    pub fn get(&self, timeout: impl Into<Option<Duration>>) -> P::Answer<Option<T>> {
        get(&self.port, timeout.into())
    }

    /// Returns the number of items.
    pub fn qsize(&self) -> P::Answer<usize> {
        call(&self.port, "qsize", &())
    }

    /// Marks one item that `get` returned as done.
    ///
    /// # Errors
    ///
    /// `ValueError` as [`Error::Raised`] if it is called more often than items were put.
    pub fn task_done(&self) -> P::Answer<()> {
        command(&self.port, "task_done", &())
    }

    /// Waits until all items are done. The method has no timeout in Python; after `timeout` the call
    /// is given up with an error, and its connection is closed.
    pub fn join(&self, timeout: impl Into<Option<Duration>>) -> P::Answer<()> {
        waiting(&self.port, "join", &(), timeout)
    }
}

fn put<T: Serialize, P: Port>(port: &P, item: &T, timeout: Option<Duration>) -> P::Answer<()> {
    let args = |seconds| (item, true, seconds);
    let is_full = |result: &Result<(), Error>| matches!(result, Err(Error::Full));
    port.start(Call::sliced(port, "put", args, timeout, |_, reply| done(reply), is_full))
}

fn get<T, P: Port>(port: &P, timeout: Option<Duration>) -> P::Answer<Option<T>>
where
    T: DeserializeOwned + Send + 'static,
{
    let read = |_: &P, bytes: &[u8]| match reply::value(bytes) {
        Ok(item) => Ok(Some(item)),
        Err(Error::Raised(exception)) if is_queue_class(&exception, "Empty") => Ok(None),
        Err(error) => Err(error),
    };
    let is_empty = |result: &Result<Option<T>, Error>| matches!(result, Ok(None));
    port.start(Call::sliced(port, "get", |seconds| (true, seconds), timeout, read, is_empty))
}
