//! What front ends have in common, without I/O.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mpconn_pickle::{Encoder, Protocol};
use serde::Serialize;

use crate::error::Error;
use crate::reply;
use crate::request::{After, Arguments, NoKwargs, encode_request};

/// Returns how long a reply may take: the timeout of all calls, and how long the method may wait. `None`
/// is for ever.
pub(crate) fn reply_timeout(timeout: Option<Duration>, wait: Option<Duration>) -> Option<Duration> {
    Some(timeout?.saturating_add(wait?))
}

/// When a request to the manager itself is given up, with its connection and handshake.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    pub(crate) fn after(timeout: Option<Duration>) -> Self {
        Self(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// Returns how much time is left for the next step.
    pub(crate) fn left(self) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(Instant::now()))
    }
}

/// What front ends know of a manager: idle connections, which Pythons it understands, and whether it
/// is gone.
#[derive(Debug)]
pub(crate) struct Shared<C> {
    idle: Mutex<Vec<Idle<C>>>,
    reads_v4: AtomicBool,
    is_gone: AtomicBool,
}

impl<C> Shared<C> {
    pub(crate) fn new() -> Self {
        let (reads_v4, is_gone) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { idle: Mutex::default(), reads_v4, is_gone }
    }

    /// Learns from a reply which protocol the manager reads.
    pub(crate) fn heard(&self, reply: &[u8]) {
        let reads_v4 = reply::protocol_of(reply) == Protocol::V4;
        self.reads_v4.store(reads_v4, Ordering::Relaxed);
        self.is_gone.store(false, Ordering::Relaxed);
    }

    pub(crate) fn encoder(&self) -> Encoder {
        let reads_v4 = self.reads_v4.load(Ordering::Relaxed);
        Encoder::new().protocol(if reads_v4 { Protocol::V4 } else { Protocol::V2 })
    }

    /// Notes that the manager did not take a reference back. It is not asked to take back others.
    pub(crate) fn lost(&self) {
        self.is_gone.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }

    pub(crate) fn take(&self) -> Option<Idle<C>> {
        lock(&self.idle).pop()
    }

    pub(crate) fn put(&self, connection: C) {
        lock(&self.idle).push(Idle::now(connection));
    }
}

/// A connection that no call uses, and since when.
#[derive(Debug)]
pub(crate) struct Idle<C>(pub(crate) C, Instant);

impl<C> Idle<C> {
    pub(crate) fn now(connection: C) -> Self {
        Self(connection, Instant::now())
    }

    /// Returns `true` if the connection was idle for so long that a system call is worth its time, to
    /// find out whether the manager has closed it. A call on a closed one fails: it is not known
    /// whether it was executed.
    pub(crate) fn is_old(&self) -> bool {
        self.1.elapsed() > Duration::from_millis(20)
    }
}

/// Nothing that holds one of these locks can panic half-way.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Encodes the request to call what is registered as `typeid`.
pub(crate) fn create<A: Arguments, K: Serialize>(
    encoder: Encoder,
    typeid: &str,
    args: &A,
    kwargs: &K,
) -> Result<Vec<u8>, Error> {
    Ok(encode_request(encoder, None, "create", &After(typeid, args), kwargs)?)
}

/// Encodes the request that makes a connection one for calls of objects. The name is that of a
/// thread in the manager.
pub(crate) fn accept_connection(encoder: Encoder) -> Result<Vec<u8>, Error> {
    let name = format!("mpconn-{}", std::process::id());
    Ok(encode_request(encoder, None, "accept_connection", &(name,), &NoKwargs)?)
}
