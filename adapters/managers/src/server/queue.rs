//! A shared queue: Python's `queue.Queue`.

use std::collections::VecDeque;
use std::time::Duration;

use mpconn_pickle::{Exception, Value};

use super::python::raise;
use super::{Call, Outcome, SharedObject};

/// A queue that clients share, in order of arrival. With a size, `put` waits for room.
#[derive(Debug, Default)]
pub struct Queue {
    items: VecDeque<Value>,
    /// No limit if it is zero.
    size: usize,
    unfinished: usize,
    is_shut_down: bool,
}

impl Queue {
    /// Creates a queue of at most `size` items; 0 is for any number.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self { size, ..Self::default() }
    }

    /// Creates a queue as a client asks for: `Queue(maxsize=0)`.
    pub(crate) fn create(call: &Call<'_, '_>) -> Result<Self, Exception> {
        let [size] = call.bind(["maxsize"], 0)?;
        let size = call.read_or(size, 0_i64)?;
        Ok(Self::new(usize::try_from(size).unwrap_or(0)))
    }

    /// Appends an item, whatever the size is.
    pub fn push(&mut self, item: Value) {
        self.items.push_back(item);
        self.unfinished += 1;
    }

    fn put(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception> {
        let [item, block, timeout] = call.bind(["item", "block", "timeout"], 1)?;
        let (block, timeout) = (call.read_or(block, true)?, call.timeout(timeout)?);
        self.put_item(call, item, block, timeout)
    }

    fn put_item(
        &mut self,
        call: &Call<'_, '_>,
        item: Option<mpconn_pickle::View<'_, '_>>,
        block: bool,
        timeout: Option<Duration>,
    ) -> Result<Outcome, Exception> {
        if self.is_shut_down {
            return Err(of_queue("ShutDown"));
        }
        if self.size > 0 && self.items.len() >= self.size {
            return if block { Ok(Outcome::Wait(timeout)) } else { Err(of_queue("Full")) };
        }
        let item = call.read(item)?;
        self.push(item);
        Ok(Outcome::NONE)
    }

    fn take(&mut self, block: bool, timeout: Option<Duration>) -> Result<Outcome, Exception> {
        match self.items.pop_front() {
            Some(item) => Ok(Outcome::Take(item)),
            None if self.is_shut_down => Err(of_queue("ShutDown")),
            None if block => Ok(Outcome::Wait(timeout)),
            None => Err(of_queue("Empty")),
        }
    }

    fn shut_down(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception> {
        let [immediate] = call.bind(["immediate"], 0)?;
        self.is_shut_down = true;
        if call.read_or(immediate, false)? {
            self.unfinished = self.unfinished.saturating_sub(self.items.len());
            self.items.clear();
        }
        Ok(Outcome::NONE)
    }
}

/// The exceptions have a module of their own in Python.
fn of_queue(class: &str) -> Exception {
    Exception::new("queue", class, Vec::new())
}

impl SharedObject for Queue {
    fn exposed(&self) -> &[&str] {
        &[
            "empty",
            "full",
            "get",
            "get_nowait",
            "join",
            "put",
            "put_nowait",
            "qsize",
            "shutdown",
            "task_done",
        ]
    }

    fn call(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception> {
        match call.method() {
            "put" => self.put(call),
            "put_nowait" => {
                let [item] = call.bind(["item"], 1)?;
                self.put_item(call, item, false, None)
            }
            "get" => {
                let [block, timeout] = call.bind(["block", "timeout"], 0)?;
                self.take(call.read_or(block, true)?, call.timeout(timeout)?)
            }
            "get_nowait" => {
                call.nothing()?;
                self.take(false, None)
            }
            "shutdown" => self.shut_down(call),
            "task_done" => {
                call.nothing()?;
                let left = self.unfinished.checked_sub(1);
                self.unfinished =
                    left.ok_or_else(|| raise("ValueError", "task_done() called too many times"))?;
                Ok(Outcome::NONE)
            }
            "join" => {
                call.nothing()?;
                Ok(if self.unfinished > 0 { Outcome::Wait(None) } else { Outcome::NONE })
            }
            method => {
                call.nothing()?;
                match method {
                    "empty" => Outcome::of(&self.items.is_empty()),
                    "full" => Outcome::of(&(self.size > 0 && self.items.len() >= self.size)),
                    _ => Outcome::of(&self.items.len()),
                }
            }
        }
    }

    fn expired(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception> {
        Err(of_queue(if call.method() == "put" { "Full" } else { "Empty" }))
    }

    fn restore(&mut self, value: Value) {
        self.items.push_front(value);
    }

    fn repr(&self) -> String {
        "<queue.Queue object>".to_owned()
    }

    fn visit(&self, visit: &mut dyn FnMut(&Value)) {
        self.items.iter().for_each(visit);
    }
}
