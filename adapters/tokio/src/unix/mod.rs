//! What is Unix's.

mod descriptors;
mod listen;
mod pipe;
mod socket;

pub(crate) use listen::{Client, Listen};
pub use pipe::{one_way_pipe, pipe};
pub use socket::Socket;
pub(crate) use socket::{open, transfer_now};
