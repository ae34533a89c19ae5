//! What is Windows's.

pub(crate) mod bell;
mod handles;
mod pipe;
pub(crate) mod poll;
mod socket;

use std::task::{Context, Poll, Waker};

pub use pipe::{one_way_pipe, pipe};
pub use socket::Socket;
pub(crate) use socket::open;

/// What is there without waiting.
pub(crate) fn now<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    match poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
