//! What becomes of an operation in flight.

use std::io;
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use windows_sys::Win32::Foundation::WIN32_ERROR;

/// Shared between the port, which [ends](Self::end) the operation, and whoever waits for it.
#[derive(Debug, Default)]
pub(crate) struct Completion(Mutex<Progress>);

#[derive(Debug)]
enum Progress {
    /// To be woken: the last who asked.
    Pending(Option<Waker>),
    Ended(Outcome),
}

/// How an operation ended.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The memory that it was started with.
    pub(crate) buffer: Vec<u8>,
    pub(crate) transferred: usize,
    pub(crate) error: WIN32_ERROR,
}

impl Default for Progress {
    fn default() -> Self {
        Self::Pending(None)
    }
}

impl Completion {
    /// Takes the outcome. To be asked until it is there, and no more.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Progress::Pending(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Progress::Ended(outcome) => Poll::Ready(mem::take(outcome)),
        }
    }

    /// Whether the outcome is there.
    pub(crate) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Progress::Pending(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Progress::Ended(_) => Poll::Ready(()),
        }
    }

    pub(crate) fn end(&self, outcome: Outcome) {
        let mut progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = mem::replace(&mut *progress, Progress::Ended(outcome));
        drop(progress);
        // Outside the lock: a waker may do anything.
        if let Progress::Pending(Some(waker)) = before {
            waker.wake();
        }
    }
}

/// The error of this number.
pub(crate) fn from_win32(error: WIN32_ERROR) -> io::Error {
    io::Error::from_raw_os_error(i32::from_ne_bytes(error.to_ne_bytes()))
}
