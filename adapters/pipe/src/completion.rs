//! What becomes of an operation in flight.

use std::io;
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use windows_sys::Win32::Foundation::WIN32_ERROR;

/// Whoever waits longest is woken for nothing when more than this many ask: those who still wait ask
/// again, and those who gave up are forgotten so.
const WAKERS: usize = 8;

/// Shared between the port, which [ends](Self::end) the operation, and whoever waits for it.
#[derive(Debug, Default)]
pub(crate) struct Completion(Mutex<Progress>);

#[derive(Debug)]
enum Progress {
    /// To be woken: who asked, since several threads may wait for one pipe.
    Pending(Vec<Waker>),
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
        Self::Pending(Vec::new())
    }
}

impl Completion {
    /// Takes the outcome. To be asked until it is there, and no more.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.poll_with(cx, mem::take)
    }

    /// Whether the outcome is there.
    pub(crate) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_with(cx, |_| ())
    }

    fn poll_with<T>(&self, cx: &mut Context<'_>, take: impl FnOnce(&mut Outcome) -> T) -> Poll<T> {
        let mut progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wakers = match &mut *progress {
            Progress::Ended(outcome) => return Poll::Ready(take(outcome)),
            Progress::Pending(wakers) => wakers,
        };
        if wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        let too_many = if wakers.len() < WAKERS { Vec::new() } else { mem::take(wakers) };
        wakers.push(cx.waker().clone());
        drop(progress);
        too_many.into_iter().for_each(Waker::wake);
        Poll::Pending
    }

    /// Stores the outcome, and returns who is to be woken: without any lock, since a waker may do
    /// anything.
    #[must_use = "who waits must be woken"]
    pub(crate) fn end(&self, outcome: Outcome) -> Vec<Waker> {
        let mut progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match mem::replace(&mut *progress, Progress::Ended(outcome)) {
            Progress::Pending(wakers) => wakers,
            Progress::Ended(_) => Vec::new(),
        }
    }
}

/// The error of this number.
pub(crate) fn from_win32(error: WIN32_ERROR) -> io::Error {
    io::Error::from_raw_os_error(i32::from_ne_bytes(error.to_ne_bytes()))
}
