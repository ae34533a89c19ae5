//! Sockets and named pipes on Windows.

mod handles;
pub(crate) mod listen;
pub(crate) mod pipe;
pub(crate) mod socket;
