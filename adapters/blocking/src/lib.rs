//! Python's `multiprocessing.connection` in Rust, blocking: [`Listener`], [`connect`],
//! [`Connection`], [`pipe`] and [`wait`], over TCP, Unix sockets and Windows' named pipes.
//!
//! ```no_run
//! use std::thread;
//!
//! use mpconn_blocking::{AuthKey, Listener};
//!
//! # fn f() -> Result<(), mpconn_blocking::Error> {
//! let mut listener = Listener::bind(("127.0.0.1", 6000), AuthKey::new("a secret of 16 bytes or more"))?;
//! loop {
//!     let mut connection = listener.accept()?; // A Python's, or another Rust's.
//!     thread::spawn(move || {
//!         while let Ok(message) = connection.recv_bytes() {
//!             connection.send_bytes(&message)?;
//!         }
//!         Ok::<_, mpconn_blocking::Error>(()) // It has left.
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
//! A listener, at a fresh address of the platform's fastest kind, and a client of it. Both have to
//! hold the key, and find out before the first message:
//!
//! ```
//! use std::thread;
//! use std::time::Duration;
//!
//! use mpconn_blocking::{AuthKey, ConnectOptions, Error, ListenerOptions, SysRng, connect, pipe, wait};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = AuthKey::generate(&mut SysRng)?;
//! let mut listener = ListenerOptions::with_key(key.clone())
//!     .handshake_timeout(Duration::from_secs(5))
//!     .bind_fresh()?;
//! let address = listener.address().clone();
//!
//! let client = thread::spawn(move || {
//!     // Another key is an error of the client's; the listener goes on to the next.
//!     let wrong = connect(address.clone(), AuthKey::new("another key altogether"));
//!     assert!(wrong.is_err_and(|error| error.is_authentication()));
//!     ConnectOptions::with_key(key).connect_timeout(Duration::from_secs(5)).connect(address)
//! });
//! let mut served = listener.accept()?;
//! let mut client = client.join().expect("it does not panic")?;
//! println!("the client proved its key with {}", served.authenticated().expect("it did").peer());
//!
//! // Messages are bytes, and come whole. Many small ones go out with one system call.
//! client.send_many(["one", "two", ""])?;
//! assert_eq!(served.recv_bytes()?, b"one");
//! assert_eq!(served.recv_borrowed()?, b"two"); // Not even copied.
//! assert_eq!(served.recv_bytes()?, b""); // Empty, and not the end.
//!
//! // Everything has a deadline, and giving up loses nothing.
//! served.set_receive_timeout(Duration::from_millis(10));
//! assert!(matches!(served.recv_bytes(), Err(Error::TimedOut(_))));
//!
//! // Two threads, a half each.
//! let (mut receiver, mut sender) = served.split();
//! let received = thread::scope(|scope| {
//!     scope.spawn(|| sender.send_bytes(b"from one thread"));
//!     client.send_bytes(b"to another")?;
//!     receiver.recv_bytes()
//! })?;
//! assert_eq!(received, b"to another");
//! assert_eq!(client.recv_bytes()?, b"from one thread");
//!
//! // Which of many has something to say? Connections, halves and listeners all do.
//! let (one, mut other) = pipe()?;
//! other.send_bytes(b"through a pipe of two connections")?;
//! assert_eq!(wait([&client, &one], Duration::from_secs(5))?, [1]);
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
//! use mpconn_blocking::pipe;
//!
//! let (mut here, mut python) = pipe()?;
//! here.send(&BTreeMap::from([("job", 7)]))?; // Python receives {'job': 7}
//! let job: BTreeMap<String, u32> = python.recv()?; // as Python sends {'job': 7}
//! assert_eq!(job["job"], 7);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # From Python's names to these
//!
//! | Python | here |
//! | --- | --- |
//! | `Listener(address, authkey=key)` | [`Listener::bind`] |
//! | its other arguments; no address | [`ListenerOptions`]; [`bind_fresh`](ListenerOptions::bind_fresh) |
//! | `listener.accept()`, `address`, `last_accepted`, `close()` | the same; [`Listener::incoming`] shows failed peers |
//! | `Client(address, authkey=key)` | [`connect`], [`ConnectOptions`] |
//! | `send_bytes`, `recv_bytes`, `recv_bytes_into`, `poll`, `close` | the same; [`recv_bytes_to`](Connection::recv_bytes_to), [`recv_borrowed`](Connection::recv_borrowed), [`send_many`](Connection::send_many) |
//! | `fileno()`, `closed`, `readable`, `writable` | `fd`, [`is_closed`](Connection::is_closed), [`is_readable`](Connection::is_readable), [`is_writable`](Connection::is_writable) |
//! | `Pipe()`, `Pipe(False)`, `wait(...)` | [`pipe`], [`one_way_pipe`], [`wait()`], [`WaitSet`] |
//! | `deliver_challenge`, `answer_challenge` | [`Connection::deliver_challenge`], [`Connection::answer_challenge`] |
//! | `current_process().authkey` | [`AuthKey::process`], [`with_process_key`](ListenerOptions::with_process_key) |
//! | `AuthenticationError`, `EOFError`, `BufferTooShort` | [`Error::Auth`]; [`Error::Ended`], [`Error::HandshakeEnded`]; [`Error::BufferTooShort`] |
//!
//! # What Python does not have
//!
//! An accept that no peer can block; a deadline for everything; limits on what a peer may send;
//! halves for two threads; connections over [anything that reads and writes](ReadWrite); IPv6
//! clients; socket files and pipes that only their owner can use. There is no thread behind any of
//! it, but one a process for all of Windows' pipes, and nothing busy-waits.
//!
//! # Platforms
//!
//! Linux is what it is tested on most. On Windows there are TCP and named pipes, and `handle` and
//! `socket` in place of `fd`; that was tested under Wine, with CPython 3.8, 3.12 and 3.13 for
//! Windows as peers, and not on Windows itself. For macOS it compiles, and no more is known.
//!
//! # Features
//!
//! - `pickle`: [`Connection`]`::send` and `recv`, Python objects from and to any type of serde's;
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
mod deadline;
mod listener;
#[cfg(feature = "pickle")]
mod objects;
mod pending;
#[cfg_attr(unix, path = "unix/mod.rs")]
#[cfg_attr(windows, path = "windows/mod.rs")]
mod platform;
// The calls of `kqueue` are `unsafe` in rustix: elsewhere, who waits asks about each descriptor.
#[cfg_attr(target_os = "linux", path = "poller/epoll.rs")]
#[cfg_attr(not(target_os = "linux"), path = "poller/asked.rs")]
mod poller;
mod receiver;
mod sender;
mod session;
mod transport;
mod wait;
mod wait_set;

pub use client::{ConnectOptions, connect};
pub use connection::{Connection, NotTheSame};
pub use deadline::Deadline;
pub use getrandom::SysRng;
pub use listener::{Closer, Incoming, Listener, ListenerOptions};
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
pub use platform::pipe::{one_way_pipe, pipe};
pub use platform::socket::Socket;
pub use receiver::Receiver;
pub use sender::Sender;
pub use transport::{Duplex, ReadWrite, Transport};
pub use wait::{Source, wait};
pub use wait_set::{InsertError, WaitKey, WaitSet};
