//! Python's `multiprocessing.connection` in Rust, blocking.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg(unix)]

mod bind;
mod client;
mod connection;
mod deadline;
mod listener;
mod session;
mod slots;
mod socket;
mod transport;

pub use client::{ConnectOptions, connect};
pub use connection::Connection;
pub use deadline::Deadline;
pub use getrandom::SysRng;
pub use listener::{Closer, Incoming, Listener, ListenerOptions};
pub use mpconn::{
    Address, AddressError, AuthError, AuthKey, Authenticated, Dialect, Digest, Error, Extended,
    Family, FrameError, PeerError, Phase, Policy,
};
pub use socket::Socket;
pub use transport::{ReadWrite, Transport};
