//! Shared events, locks and semaphores.

use mpconn_pickle::{Exception, Value};

use super::python::raise;
use super::{Call, Outcome, SharedObject};

/// An event that clients share: Python's `threading.Event`.
#[derive(Debug, Default)]
pub struct Event {
    is_set: bool,
}

impl SharedObject for Event {
    fn exposed(&self) -> &[&str] {
        &["is_set", "set", "clear", "wait"]
    }

    fn call(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception> {
        if call.method() == "wait" {
            let [timeout] = call.bind(["timeout"], 0)?;
            let timeout = call.timeout(timeout)?;
            return if self.is_set { Outcome::of(&true) } else { Ok(Outcome::Wait(timeout)) };
        }
        call.nothing()?;
        match call.method() {
            "set" => self.is_set = true,
            "clear" => self.is_set = false,
            _ => return Outcome::of(&self.is_set),
        }
        Ok(Outcome::NONE)
    }

    fn expired(&mut self, _: &Call<'_, '_>) -> Result<Outcome, Exception> {
        Outcome::of(&false)
    }

    fn repr(&self) -> String {
        format!("<threading.Event: {}>", if self.is_set { "set" } else { "unset" })
    }
}

/// A semaphore that clients share: Python's `threading.Semaphore`, `BoundedSemaphore` and `Lock`.
///
/// The owner is not recorded: if a client dies, the semaphore stays acquired, as in CPython.
#[derive(Debug)]
pub struct Semaphore {
    free: u64,
    /// More than this is an error of the class, with the text.
    bound: Option<(u64, &'static str, &'static str)>,
}

impl Semaphore {
    /// Creates a semaphore with this number of permits.
    #[must_use]
    pub fn new(free: u64) -> Self {
        Self { free, bound: None }
    }

    /// Creates a semaphore that never has more than this number of permits.
    #[must_use]
    pub fn bounded(free: u64) -> Self {
        Self { free, bound: Some((free, "ValueError", "Semaphore released too many times")) }
    }

    pub(crate) fn into_bounded(self) -> Self {
        Self::bounded(self.free)
    }

    /// Creates a lock.
    #[must_use]
    pub fn lock() -> Self {
        Self { free: 1, bound: Some((1, "RuntimeError", "release unlocked lock")) }
    }

    /// Creates a semaphore as a client asks for: `Semaphore(value=1)`.
    pub(crate) fn create(call: &Call<'_, '_>) -> Result<Self, Exception> {
        let [value] = call.bind(["value"], 0)?;
        let free = u64::try_from(call.read_or(value, 1_i64)?);
        let free = free.map_err(|_| raise("ValueError", "semaphore initial value must be >= 0"))?;
        Ok(Self::new(free))
    }

    fn acquire(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception> {
        let [block, timeout] = call.bind(["blocking", "timeout"], 0)?;
        let block = call.read_or(block, true)?;
        // A lock takes -1 for no timeout.
        let timeout = match call.read_or::<Option<f64>>(timeout, None)? {
            Some(-1.0) => None,
            _ => call.timeout(timeout)?,
        };
        if self.free > 0 {
            self.free -= 1;
            return Ok(Outcome::Take(true.into()));
        }
        if block { Ok(Outcome::Wait(timeout)) } else { Outcome::of(&false) }
    }

    fn release(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception> {
        let [count] = call.bind(["n"], 0)?;
        let count = u64::try_from(call.read_or(count, 1_i64)?).unwrap_or(0);
        let free = self.free.checked_add(count).filter(|_| count > 0);
        let free = free.ok_or_else(|| raise("ValueError", "n must be one or more"))?;
        if let Some((bound, class, text)) = self.bound.filter(|(bound, ..)| free > *bound) {
            debug_assert!(self.free <= bound);
            return Err(raise(class, text));
        }
        self.free = free;
        Ok(Outcome::NONE)
    }
}

impl SharedObject for Semaphore {
    fn exposed(&self) -> &[&str] {
        &["acquire", "release"]
    }

    fn call(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception> {
        if call.method() == "acquire" { self.acquire(call) } else { self.release(call) }
    }

    fn expired(&mut self, _: &Call<'_, '_>) -> Result<Outcome, Exception> {
        Outcome::of(&false)
    }

    fn restore(&mut self, _: Value) {
        self.free += 1;
    }

    fn repr(&self) -> String {
        format!("<threading.Semaphore: {} free>", self.free)
    }
}
