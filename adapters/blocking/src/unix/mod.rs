//! Sockets and pipes on Unix.

pub(crate) mod bell;
mod descriptors;
pub(crate) mod pipe;
pub(crate) mod poll;
pub(crate) mod socket;
