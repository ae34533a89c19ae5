//! Python's `multiprocessing.connection` in Rust, blocking: [`Listener`], [`connect`],
//! [`Connection`], [`pipe`] and [`wait`], over TCP, Unix sockets and Windows' named pipes.
//!
//! ```no_run
//! use mpconn_blocking::{AuthKey, Listener};
//!
//! let mut listener = Listener::bind(("127.0.0.1", 6000), AuthKey::new("a secret of 16 bytes or more"))?;
//! let mut connection = listener.accept()?; // A Python's, or another Rust's.
//! let message = connection.recv_bytes()?;
//! connection.send_bytes(&message)?;
//! # Ok::<(), mpconn_blocking::Error>(())
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
//! | `Pipe()`, `Pipe(False)`, `wait(...)` | [`pipe`], [`one_way_pipe`], [`wait()`] |
//! | `deliver_challenge`, `answer_challenge` | [`Connection::deliver_challenge`], [`Connection::answer_challenge`] |
//! | `current_process().authkey` | [`AuthKey::process`], [`with_process_key`](ListenerOptions::with_process_key) |
//! | `AuthenticationError`, `EOFError`, `BufferTooShort` | [`Error::Auth`], [`Error::Ended`], [`Error::BufferTooShort`] |
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
//! `socket` in place of `fd`; that was tested under Wine, with CPython 3.8, 3.12 and 3.13 for Windows
//! as peers, and not on Windows itself. For macOS it compiles, and no more is known.
//!
//! # Features
//!
//! - `tracing`: events about peers that got in or were turned away, shortages, and short keys. Never
//!   keys, challenges or payloads.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg(any(unix, windows))]

mod client;
mod connection;
mod deadline;
mod listener;
#[cfg_attr(unix, path = "unix/mod.rs")]
#[cfg_attr(windows, path = "windows/mod.rs")]
mod platform;
mod receiver;
mod sender;
mod session;
mod transport;
mod wait;

pub use client::{ConnectOptions, connect};
pub use connection::{Connection, NotTheSame};
pub use deadline::Deadline;
pub use getrandom::SysRng;
pub use listener::{Closer, Incoming, Listener, ListenerOptions};
pub use mpconn::{
    Address, AddressError, AuthError, AuthKey, Authenticated, Dialect, Digest, Error, Extended,
    Family, FrameError, PeerError, Phase, Policy, Role, Space,
};
#[cfg(target_os = "linux")]
pub use mpconn_sockets::Credentials;
#[cfg(windows)]
pub use mpconn_sockets::Security;
pub use platform::{Socket, one_way_pipe, pipe};
pub use receiver::Receiver;
pub use sender::Sender;
pub use transport::{Duplex, ReadWrite, Transport};
pub use wait::{Source, wait};
