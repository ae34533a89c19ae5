//! Python's `multiprocessing.connection` on tokio: [`Listener`], [`connect`], [`Connection`] and
//! [`pipe`], over TCP and Unix sockets. The names are those of `mpconn-blocking`.
//!
//! ```no_run
//! use mpconn_tokio::{AuthKey, Listener};
//!
//! # async fn f() -> Result<(), mpconn_tokio::Error> {
//! let mut listener = Listener::bind(("127.0.0.1", 6000), AuthKey::new("a secret of 16 bytes or more"))?;
//! loop {
//!     let mut connection = listener.accept().await?; // A Python's, or another Rust's.
//!     tokio::spawn(async move {
//!         while let Ok(message) = connection.recv_bytes().await {
//!             connection.send_bytes(&message).await?;
//!         }
//!         Ok::<_, mpconn_tokio::Error>(())
//!     });
//! }
//! # }
//! ```
//!
//! # Cancel safety
//!
//! Whatever is given up, by a timeout, by `select!` or by dropping a future, loses nothing. What
//! had arrived of a message stays with the [`Receiver`], and the next receive goes on with it. A
//! message whose first bytes had been written stays with the [`Sender`], and its rest goes before
//! whatever is sent next. Handshakes that were pending go on with the next `accept`. Only the one-way
//! turns, [`Connection::deliver_challenge`] and its like, cannot be resumed.
//!
//! # Tasks and threads
//!
//! No task is spawned behind your back: the task that awaits [`Listener::accept`] drives the
//! pending handshakes. [`connect`] looks a host's name up on one of the runtime's blocking threads,
//! as tokio does; an IP address needs none.
//!
//! # Features
//!
//! - `pickle`: [`Connection`]`::send` and `recv`, Python objects from and to any type of serde's;
//!   `ObjectError`, and the crate behind them as `pickle`. Nothing that a peer sends is imported or
//!   called. With futures' `SinkExt` in scope too, `connection.send(..)` is this one.
//! - `tracing`: events about peers that got in or were turned away, shortages, and short keys. Never
//!   keys, challenges or payloads.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg(any(unix, windows))]

mod client;
mod connection;
mod listener;
#[cfg(feature = "pickle")]
mod objects;
mod pending;
#[cfg_attr(unix, path = "unix/mod.rs")]
#[cfg_attr(windows, path = "windows/mod.rs")]
mod platform;
mod ready;
mod receiver;
mod sender;
mod session;
mod transport;

pub use client::{ConnectOptions, connect};
pub use connection::{Connection, NotTheSame};
pub use getrandom::SysRng;
pub use listener::{Accept, Closer, Incoming, Listener, ListenerOptions};
pub use mpconn::{
    Address, AddressError, AuthError, AuthKey, Authenticated, Dialect, Digest, Error, Extended,
    Family, FrameError, PeerError, Phase, Policy, Role, Space,
};
#[cfg(feature = "pickle")]
pub use mpconn_pickle as pickle;
#[cfg(target_os = "linux")]
pub use mpconn_sockets::Credentials;
#[cfg(feature = "pickle")]
pub use mpconn_sockets::ObjectError;
pub use platform::{Socket, one_way_pipe, pipe};
pub use receiver::Receiver;
pub use sender::Sender;
pub use transport::{ReadWrite, Transport};
