//! Using something without the interpreter's lock.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mpconn_blocking::Error;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::calls;
use crate::error::to_python;

/// What one thread at a time can use.
///
/// It is taken out meanwhile, where others would lock it: threads fork while another one waits in
/// a receive, and nobody would unlock it in the child. So this lock is held only together with the
/// interpreter's, which a thread that forks has.
pub(crate) struct Slot<T>(Mutex<State<T>>);

enum State<T> {
    Free(T),
    InUse,
    Closed,
}

impl<T> Slot<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(State::Free(value)))
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes it out until the answer is dropped, if it is there.
    pub(crate) fn take_if_free(&self) -> Option<Taken<'_, T>> {
        let mut state = self.state();
        let free = matches!(*state, State::Free(_));
        match free.then(|| mem::replace(&mut *state, State::InUse))? {
            State::Free(value) => Some(Taken { slot: self, value: Some(value) }),
            _ => None,
        }
    }

    fn take(&self) -> PyResult<Taken<'_, T>> {
        if self.is_closed() {
            return Err(to_python(Error::Closed));
        }
        self.take_if_free().ok_or_else(|| PyValueError::new_err("another thread is using it"))
    }

    /// Uses it, while other threads of the interpreter run.
    pub(crate) fn with<R: Send>(
        &self,
        py: Python<'_>,
        operation: impl FnOnce(&mut T) -> Result<R, Error> + Send,
    ) -> PyResult<R>
    where
        T: Send,
    {
        calls::count()?;
        let mut taken = self.take()?;
        let value = &mut *taken;
        py.detach(|| operation(value)).map_err(to_python)
    }

    /// Drops it, at once or when its use ends; then the answer is false.
    pub(crate) fn close(&self) -> bool {
        let before = mem::replace(&mut *self.state(), State::Closed);
        !matches!(before, State::InUse)
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(*self.state(), State::Closed)
    }
}

/// Goes back into its slot when it is dropped, unless that was closed.
pub(crate) struct Taken<'a, T> {
    slot: &'a Slot<T>,
    value: Option<T>,
}

const PRESENT: &str = "it leaves when it is dropped";

impl<T> Deref for Taken<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect(PRESENT)
    }
}

impl<T> DerefMut for Taken<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect(PRESENT)
    }
}

impl<T> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        let mut state = self.slot.state();
        if let (State::InUse, Some(value)) = (&*state, self.value.take()) {
            *state = State::Free(value);
        }
    }
}
