//! Sockets and named pipes on Windows.

pub(crate) mod bell;
mod handles;
pub(crate) mod pipe;
pub(crate) mod poll;
pub(crate) mod socket;

use std::task::{Context, Poll, Waker};

/// What is there without waiting.
pub(crate) fn now<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    match poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
