//! Sockets and pipes on Unix.

mod descriptors;
pub(crate) mod listen;
pub(crate) mod pipe;
pub(crate) mod socket;
