//! Python's `multiprocessing.connection` on tokio.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg(unix)]

mod client;
mod connection;
mod listener;
mod pipe;
mod ready;
mod receiver;
mod sender;
mod session;
mod slots;
mod socket;
mod transport;

pub use client::{ConnectOptions, connect};
pub use connection::{Connection, NotTheSame};
pub use getrandom::SysRng;
pub use listener::{Accept, Closer, Incoming, Listener, ListenerOptions};
pub use mpconn::{
    Address, AddressError, AuthError, AuthKey, Authenticated, Dialect, Digest, Error, Extended,
    Family, FrameError, PeerError, Phase, Policy, Role, Space,
};
#[cfg(target_os = "linux")]
pub use mpconn_sockets::Credentials;
pub use pipe::{one_way_pipe, pipe};
pub use receiver::Receiver;
pub use sender::Sender;
pub use socket::Socket;
pub use transport::{ReadWrite, Transport};
