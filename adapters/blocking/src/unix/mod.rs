//! What is Unix's.

pub(crate) mod bell;
mod descriptors;
mod pipe;
pub(crate) mod poll;
mod socket;

pub use pipe::{one_way_pipe, pipe};
pub use socket::Socket;
pub(crate) use socket::open;
