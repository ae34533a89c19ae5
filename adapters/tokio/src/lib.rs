//! Python's `multiprocessing.connection` on tokio: [`Listener`], [`connect`], [`Connection`] and
//! [`pipe`], over TCP, Unix sockets and Windows' named pipes. The names are those of
//! `mpconn-blocking`, whose documentation has Python's beside them.
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
//! On the other side, with nothing but the standard library:
//!
//! ```python
//! from multiprocessing.connection import Client
//! connection = Client(('127.0.0.1', 6000), authkey=b'a secret of 16 bytes or more')
//! connection.send_bytes(b'hello')
//! print(connection.recv_bytes())
//! ```
//!
//! # A tour
//!
//! ```
//! use std::time::Duration;
//!
//! use mpconn_tokio::{AuthKey, ConnectOptions, Error, ListenerOptions, SysRng, connect, pipe};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A listener at a fresh address of the platform's fastest kind, and a client of it.
//! let key = AuthKey::generate(&mut SysRng)?;
//! let mut listener = ListenerOptions::with_key(key.clone())
//!     .handshake_timeout(Duration::from_secs(5))
//!     .bind_fresh()?;
//! let address = listener.address().clone();
//! let client = tokio::spawn(async move {
//!     // Another key is an error of the client's; the listener goes on to the next.
//!     let wrong = connect(address.clone(), AuthKey::new("another key altogether")).await;
//!     assert!(wrong.is_err_and(|error| error.is_authentication()));
//!     ConnectOptions::with_key(key).connect(address).await
//! });
//! let mut served = listener.accept().await?;
//! let mut client = client.await??;
//! println!("the client proved its key with {}", served.authenticated().expect("it did").peer());
//!
//! // Messages are bytes, and come whole. Many small ones go out with one system call.
//! client.send_many(["one", "two", ""]).await?;
//! assert_eq!(served.recv_bytes().await?, b"one");
//! assert_eq!(served.recv_borrowed().await?, b"two"); // Not even copied.
//! assert_eq!(served.recv_bytes().await?, b""); // Empty, and not the end.
//!
//! // Giving up loses nothing, by a timeout of one's own or the connection's.
//! served.set_receive_timeout(Duration::from_millis(10));
//! assert!(matches!(served.recv_bytes().await, Err(Error::TimedOut(_))));
//!
//! // Two tasks, a half each.
//! let (mut receiver, mut sender) = served.split();
//! let sending = tokio::spawn(async move {
//!     sender.send_bytes(b"from one task").await.map(|()| sender)
//! });
//! client.send_bytes(b"to another").await?;
//! assert_eq!(receiver.recv_bytes().await?, b"to another");
//! assert_eq!(client.recv_bytes().await?, b"from one task");
//! let _sender = sending.await??;
//!
//! // Which of many has something to say?
//! let (mut one, mut other) = pipe()?;
//! other.send_bytes(b"through a pipe of two connections").await?;
//! tokio::select! {
//!     _ = client.recv_bytes() => unreachable!("nobody writes to it"),
//!     message = one.recv_bytes() => assert_eq!(message?, b"through a pipe of two connections"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Python objects
//!
//! With the feature `pickle`, a connection sends and receives what Python's `send` and `recv` do:
//!
#![cfg_attr(feature = "pickle", doc = "```")]
#![cfg_attr(not(feature = "pickle"), doc = "```ignore")]
//! use std::collections::BTreeMap;
//!
//! use mpconn_tokio::{RecvObject, SendObject, pipe};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (mut here, mut python) = pipe()?;
//! here.send(&BTreeMap::from([("job", 7)])).await?; // Python receives {'job': 7}
//! let job: BTreeMap<String, u32> = python.recv().await?; // as Python sends {'job': 7}
//! assert_eq!(job["job"], 7);
//! # Ok(())
//! # }
//! ```
//!
//! # Cancel safety
//!
//! Whatever is given up, by a timeout, by `select!` or by dropping a future, loses nothing. What
//! had arrived of a message stays with the [`Receiver`], and the next receive goes on with it. A
//! message whose first bytes had been written stays with the [`Sender`], and its rest goes before
//! whatever is sent next. Handshakes that were pending go on with the next `accept`. Only the
//! one-way turns, [`Connection::deliver_challenge`] and its like, cannot be resumed.
//!
//! # Tasks and threads
//!
//! No task is spawned behind your back: the task that awaits [`Listener::accept`] drives the
//! pending handshakes. [`connect`] looks a host's name up on one of the runtime's blocking threads,
//! as tokio does; an IP address needs none. Windows' pipes are no business of the runtime's: one
//! thread of the process wakes whoever waits for them.
//!
//! # Platforms
//!
//! Linux is what it is tested on most. On Windows there are TCP and named pipes, and `handle` and
//! `socket` in place of `fd`; that was tested under Wine, with CPython 3.8, 3.12 and 3.13 for
//! Windows as peers, and not on Windows itself. For macOS it compiles, and no more is known.
//!
//! # Features
//!
//! - `pickle`: `SendObject` and `RecvObject`, Python objects from and to any type of serde's;
//!   `ObjectError`, and the crate behind them as `pickle`. Nothing that a peer sends is imported or
//!   called.
//! - `numpy`: arrays of NumPy, as `pickle::NdArray`.
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
    Address, AddressError, AuthError, AuthKey, Authenticated, Awaited, Dialect, Digest, Extended,
    Family, FrameError, HandshakeStep, OtherProtocol, Policy, ReadBuf, Role,
};
#[cfg(feature = "pickle")]
pub use mpconn_pickle as pickle;
#[cfg(target_os = "linux")]
pub use mpconn_sockets::Credentials;
#[cfg(unix)]
pub use mpconn_sockets::KeepAlive;
#[cfg(feature = "pickle")]
pub use mpconn_sockets::ObjectError;
#[cfg(windows)]
pub use mpconn_sockets::Security;
pub use mpconn_sockets::{ChallengeOptions, Error, Parts, PeerError, Phase, Rejections};
#[cfg(feature = "pickle")]
pub use objects::{RecvObject, SendObject};
pub use platform::pipe::{one_way_pipe, pipe};
pub use platform::socket::Socket;
pub use receiver::Receiver;
pub use sender::Sender;
pub use transport::{ReadWrite, Transport};
