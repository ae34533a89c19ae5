//! `Event`, locks, semaphores, `Condition` and `Barrier`.

use std::marker::PhantomData;
use std::time::Duration;

use mpconn_pickle::Value;

use super::typed;
use crate::call::{Call, Port, call, command, waiting};
use crate::error::Error;
use crate::reply;

/// A shared `threading.Event`.
pub struct Event<P> {
    port: P,
    item: PhantomData<()>,
}

typed!(Event [] "Event");

impl<P: Port> Event<P> {
    /// Returns `true` if the event is set.
    pub fn is_set(&self) -> P::Answer<bool> {
        call(&self.port, "is_set", &())
    }

    /// Sets the event, and wakes all that wait.
    pub fn set(&self) -> P::Answer<()> {
        command(&self.port, "set", &())
    }

    /// Clears the event.
    pub fn clear(&self) -> P::Answer<()> {
        command(&self.port, "clear", &())
    }

    /// Waits until the event is set, for at most `timeout`; `None` waits for ever. Returns `false` if
    /// it is not set.
    pub fn wait(&self, timeout: impl Into<Option<Duration>>) -> P::Answer<bool> {
        let is_not_set = |result: &Result<bool, Error>| matches!(result, Ok(false));
        let read = |_: &P, reply: &[u8]| reply::value(reply);
        let args = |seconds| (seconds,);
        self.port.start(Call::sliced(&self.port, "wait", args, timeout.into(), read, is_not_set))
    }
}

/// A shared `threading.Lock`. Any client may release it, whoever has acquired it.
pub struct Lock<P> {
    port: P,
    item: PhantomData<()>,
}

typed!(Lock [] "Lock");

/// A shared `threading.RLock`. Its owner is this proxy with its clones, and not a thread:
/// `RLock::from_proxy(lock.proxy().clone())` makes another owner. If the connection is lost, a manager
/// of CPython keeps the lock acquired.
pub struct RLock<P> {
    port: P,
    item: PhantomData<()>,
}

typed!(RLock [] "RLock", with_own_connection);

/// A shared `threading.Semaphore`, or a `BoundedSemaphore` if it was created by `create_as` under that
/// name.
pub struct Semaphore<P> {
    port: P,
    item: PhantomData<()>,
}

typed!(Semaphore [] "Semaphore");

/// A shared `threading.Condition`. Its owner is this proxy with its clones, as for an [`RLock`].
pub struct Condition<P> {
    port: P,
    item: PhantomData<()>,
}

typed!(Condition [] "Condition", with_own_connection);

impl<P: Port> Lock<P> {
    /// Acquires the lock, and waits for at most `timeout`; `None` waits for ever. Returns `false` if
    /// it was not released in time. Python 2.7 has no timeout here: `None` and zero only.
    pub fn acquire(&self, timeout: impl Into<Option<Duration>>) -> P::Answer<bool> {
        acquire(&self.port, timeout.into())
    }

    /// Releases the lock.
    pub fn release(&self) -> P::Answer<()> {
        command(&self.port, "release", &())
    }
}

impl<P: Port> RLock<P> {
    /// See [`Lock::acquire`].
    pub fn acquire(&self, timeout: impl Into<Option<Duration>>) -> P::Answer<bool> {
        acquire(&self.port, timeout.into())
    }

    /// Releases the lock once.
    pub fn release(&self) -> P::Answer<()> {
        command(&self.port, "release", &())
    }
}

impl<P: Port> Semaphore<P> {
    /// Acquires one permit; see [`Lock::acquire`].
    pub fn acquire(&self, timeout: impl Into<Option<Duration>>) -> P::Answer<bool> {
        acquire(&self.port, timeout.into())
    }

    /// Releases one permit.
    ///
    /// # Errors
    ///
    /// `ValueError` as [`Error::Raised`] if a bounded semaphore would have more permits than at first.
    pub fn release(&self) -> P::Answer<()> {
        command(&self.port, "release", &())
    }
}

impl<P: Port> Condition<P> {
    /// See [`Lock::acquire`].
    pub fn acquire(&self, timeout: impl Into<Option<Duration>>) -> P::Answer<bool> {
        acquire(&self.port, timeout.into())
    }

    /// Releases the lock of the condition.
    pub fn release(&self) -> P::Answer<()> {
        command(&self.port, "release", &())
    }

    /// Releases the lock, waits for a notification for at most `timeout` (`None` waits for ever), and
    /// acquires the lock again. Returns `false` if none came; Python 2.7 does not tell, and `None` is
    /// returned.
    pub fn wait(&self, timeout: impl Into<Option<Duration>>) -> P::Answer<Option<bool>> {
        let timeout = timeout.into();
        waiting(&self.port, "wait", &(timeout.map(|timeout| timeout.as_secs_f64()),), timeout)
    }

    /// Wakes one that waits.
    pub fn notify(&self) -> P::Answer<()> {
        command(&self.port, "notify", &())
    }

    /// Wakes all that wait.
    pub fn notify_all(&self) -> P::Answer<()> {
        command(&self.port, "notify_all", &())
    }
}

/// A wait for ever is one call, since 2.7 has no timeout here. If the manager dies, the connection ends.
fn acquire<P: Port>(port: &P, timeout: Option<Duration>) -> P::Answer<bool> {
    let call = match timeout {
        None => Call::new(port, "acquire", &(true,), None, truth),
        Some(Duration::ZERO) => Call::new(port, "acquire", &(false,), timeout, truth),
        Some(time) => Call::new(port, "acquire", &(true, time.as_secs_f64()), timeout, truth),
    };
    port.start(call)
}

/// The `RLock` of Python 2.7 returns 1.
fn truth<P>(_: &P, bytes: &[u8]) -> Result<bool, Error> {
    match reply::value(bytes)? {
        Value::Bool(yes) => Ok(yes),
        Value::Int(number) => Ok(number != 0),
        other => Err(Error::unexpected(format!("{other:?} in place of True or False"))),
    }
}

/// A shared `threading.Barrier`. Python 2.7 does not have it.
pub struct Barrier<P> {
    port: P,
    item: PhantomData<()>,
}

typed!(Barrier [] "Barrier");

impl<P: Port> Barrier<P> {
    /// Waits until all parties wait, and returns which one this is. After `timeout` the barrier
    /// breaks; `None` waits for ever.
    ///
    /// # Errors
    ///
    /// `BrokenBarrierError` as [`Error::Raised`].
    pub fn wait(&self, timeout: impl Into<Option<Duration>>) -> P::Answer<usize> {
        let timeout = timeout.into();
        waiting(&self.port, "wait", &(timeout.map(|timeout| timeout.as_secs_f64()),), timeout)
    }

    /// Breaks the barrier.
    pub fn abort(&self) -> P::Answer<()> {
        command(&self.port, "abort", &())
    }

    /// Resets the barrier to its first state.
    pub fn reset(&self) -> P::Answer<()> {
        command(&self.port, "reset", &())
    }

    /// Returns how many parties the barrier waits for.
    pub fn parties(&self) -> P::Answer<usize> {
        call(&self.port, "__getattribute__", &("parties",))
    }

    /// Returns how many parties wait.
    pub fn waiting(&self) -> P::Answer<usize> {
        call(&self.port, "__getattribute__", &("n_waiting",))
    }

    /// Returns `true` if the barrier is broken.
    pub fn is_broken(&self) -> P::Answer<bool> {
        call(&self.port, "__getattribute__", &("broken",))
    }
}
