//! Windows message pipes for the adapters of [`mpconn`]: Python's `AF_PIPE`.
//!
//! Programs use `mpconn-blocking` or `mpconn-tokio`, which have these pipes beside their sockets.
//! Elsewhere than on Windows this crate is empty.
//!
//! A pipe keeps messages apart by itself, and nothing but payloads goes over it. Here each message
//! shows with the header that it would have on a stream, in both directions, so that the machines of
//! [`mpconn`] that know streams know pipes as well: its limits hold before anything is allocated, a
//! close in the middle of a message is told from one between two, and a part of a message that was
//! received stays received.
//!
//! # What has been seen
//!
//! All of it was tested under Wine 8, with CPython 3.8, 3.12 and 3.13 for Windows as peers, and not on
//! Windows itself. Wine does not enforce the first instance's claim to the name, security descriptors
//! and impersonation levels: that these are asked for is tested, and what Windows makes of them is its
//! documentation's word.
//!
//! # How it works
//!
//! - `sys` and `security`: the system's calls, one by one.
//! - `port`: one completion port and one thread for the process. What the system may still write to
//!   belongs to it, so that whatever is dropped meanwhile frees nothing.
//! - `completion`: what became of an operation, and whom to wake.
//! - `receiving`, `sending`: one operation in flight each; giving up waiting leaves it there.
//! - `Pipe`, `Listener`, `connect`, `pair`: what is made of them. `block_until` waits.
//!
//! All `unsafe` is in the first three.
#![cfg(windows)]

mod block;
mod completion;
mod listener;
mod pipe;
mod port;
mod receiving;
mod security;
mod sending;
mod sys;

pub use block::block_until;
pub use listener::Listener;
pub use pipe::{Pipe, connect, one_way_pair, pair};
pub use security::Security;
