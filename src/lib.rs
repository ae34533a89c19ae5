//! The wire protocol of Python's `multiprocessing.connection`, without I/O.
//!
//! Bytes go in; events and bytes to transmit come out. This crate opens no socket, reads no clock
//! and makes no random bytes. To serve or call a Python over sockets, use an adapter:
//! `mpconn-blocking` or `mpconn-tokio`. To speak the protocol from your own event loop, read on.
//!
//! # The driver's loop
//!
//! A [`Connection`] is one side of a connection: first the handshake that proves that both sides
//! hold the same key, then messages both ways. The caller, called the driver here, owns the
//! transport and moves the bytes:
//!
//! 1. Create a [`Handshake`] from a key, a [`Policy`] and a random number generator:
//!    [`accepting`](Handshake::accepting) on the side that accepted the transport,
//!    [`connecting`](Handshake::connecting) on the other. Create a [`Connection`] from it, with the limit
//!    for messages after the handshake.
//! 2. Call [`Connection::poll`] until it returns `None`, and handle each event.
//!    [`ConnectionEvent::Authenticated`] comes once; before it, nothing can be sent.
//!    [`ConnectionEvent::Message`] means that [`Connection::message`] returns a message.
//!    [`ConnectionEvent::Ended`] means that the peer has closed the connection between two messages.
//! 3. If [`Connection::wants_write`] returns `true`, write [`Connection::chunks`] with one vectored
//!    call, and report with [`Connection::sent`] how many bytes the transport took. Continue with
//!    step 2, since a handshake may end with a message that is sent.
//! 4. Otherwise read into [`Connection::read_buf`], and report with [`Connection::received`] how many
//!    bytes came, or with [`Connection::received_eof`] that there are no more. Continue with step 2.
//! 5. If `poll` returns an error, close the transport. An error is final, and every later call returns
//!    the same one. A peer whose key is wrong is told so first, which is a step 3 like any other.
//! 6. Deadlines belong to the driver. No state and no byte is lost when an operation is given up: call
//!    any step again.
//!
//! ```
//! use std::error::Error;
//! use std::io::{IoSlice, Read, Write};
//!
//! use mpconn::{Connection, ConnectionEvent, Handshake};
//!
//! /// Sends every message back to its sender.
//! fn echo<S: Read + Write>(mut stream: S, handshake: Handshake<&[u8]>) -> Result<(), Box<dyn Error>> {
//!     let mut connection = Connection::new(handshake, 1 << 20); // 1
//!     loop {
//!         while let Some(event) = connection.poll()? { // 2, 5
//!             match event {
//!                 ConnectionEvent::Message => {
//!                     let message = connection.message().to_vec();
//!                     connection.send(&message)?;
//!                 }
//!                 ConnectionEvent::Ended => return Ok(()),
//!                 _ => {}
//!             }
//!         }
//!         if connection.wants_write() { // 3
//!             let n = stream.write_vectored(&connection.chunks().map(IoSlice::new))?;
//!             connection.sent(n);
//!             continue;
//!         }
//!         match stream.read(connection.read_buf().into_slice())? { // 4
//!             0 => connection.received_eof(),
//!             n => connection.received(n),
//!         }
//!     }
//! }
//! #
//! # struct Rng;
//! # impl rand_core::TryRng for Rng {
//! #     type Error = core::convert::Infallible;
//! #     fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok(7) }
//! #     fn try_next_u64(&mut self) -> Result<u64, Self::Error> { Ok(7) }
//! #     fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Self::Error> {
//! #         to.fill(7);
//! #         Ok(())
//! #     }
//! # }
//! # impl rand_core::TryCryptoRng for Rng {}
//! # #[cfg(unix)] {
//! # use std::os::unix::net::UnixStream;
//! # use mpconn::Policy;
//! # let (server, mut client) = UnixStream::pair().unwrap();
//! # let server = std::thread::spawn(move || {
//! #     let handshake = Handshake::accepting(&b"a key"[..], &Policy::COMPAT, &mut Rng).unwrap();
//! #     echo(server, handshake).unwrap();
//! # });
//! # let handshake = Handshake::connecting(&b"a key"[..], &Policy::COMPAT, &mut Rng).unwrap();
//! # let mut connection = Connection::new(handshake, 1 << 20);
//! # let mut answers = Vec::new();
//! # while answers.is_empty() {
//! #     while let Some(event) = connection.poll().unwrap() {
//! #         match event {
//! #             ConnectionEvent::Authenticated(_) => connection.send(b"hello").unwrap(),
//! #             ConnectionEvent::Message => answers.push(connection.message().to_vec()),
//! #             _ => unreachable!(),
//! #         }
//! #     }
//! #     if connection.wants_write() {
//! #         let n = client.write_vectored(&connection.chunks().map(IoSlice::new)).unwrap();
//! #         connection.sent(n);
//! #     } else if answers.is_empty() {
//! #         let n = client.read(connection.read_buf().into_slice()).unwrap();
//! #         connection.received(n);
//! #     }
//! # }
//! # assert_eq!(answers, [b"hello"]);
//! # drop(client);
//! # server.join().unwrap();
//! # }
//! ```
//!
//! The loop leaves out that a read or write may be interrupted (call it again) or would block
//! (wait, then call it again). The random bytes of a real driver are the system's: `SysRng` of the
//! crate `getrandom`.
//!
//! # Listeners
//!
//! An [`Acceptor`] holds the connections of a listener whose handshake is pending: how many there
//! may be, for how long, which one is dropped to make room, and how long to pause when the system
//! is short of file descriptors. It reads no clock either: the driver passes the time.
//!
//! # Layers
//!
//! | with | types |
//! | --- | --- |
//! | an allocator | [`Connection`] and [`Acceptor`]; a connection is made of a [`RecvBuffer`], a [`SendBuffer`] and, for the handshake, a [`HandshakeDriver`] |
//! | no allocator | [`Framer`] decodes frames from the caller's buffer, [`Transmit`] encodes a header and counts partial writes, and [`Handshake`] is the state machine of the messages in between |
//!
//! [`Connection::split`] returns the buffers of both directions, for two threads or tasks, and for messages
//! that are sent from the caller's memory without a copy.
//!
//! Without an allocator, the driver's loop is this. `examples/serial` in the repository is a whole
//! one.
//!
//! - [`Handshake::Send`]: create a [`Transmit`] for [`message`](ToSend::message), write its
//!   [`slices`](Transmit::slices), report partial writes with [`advance`](Transmit::advance), and when it
//!   is done, call [`sent`](ToSend::sent).
//! - [`Handshake::Receive`]: pass the unread bytes to [`Framer::next`] and drop as many as it says were
//!   used. Pass the payload of [`Event::Frame`] to [`receive`](ToReceive::receive). On [`Event::Need`],
//!   read more behind the unread bytes. At the end of the stream, call [`Framer::eof`].
//! - [`Handshake::Done`]: raise the limit with [`Framer::set_max`] and continue with the same buffer: the
//!   last message of the handshake and the first one behind it may have come with one read.
//! - A frame that is longer than the framer's `inline` comes as [`Event::Begin`] and then in
//!   [chunks](Event::Chunk). What is not in the buffer yet can be read straight into its destination and
//!   reported with [`Framer::advance`]. Let that memory grow with what arrives, since a header only claims
//!   a length.
//!
//! # The handshake's states
//!
//! Each side goes through both halves: a listener delivers its challenge first, a client answers
//! first.
//!
//! ```text
//! delivering
//!   send challenge    -- sent -----------------> receive response
//!   receive response  -- the right one --------> send welcome
//!   receive response  -- any other ------------> send failure
//!   receive response  -- over 256 bytes -------> AuthError
//!   send failure      -- sent -----------------> AuthError
//!   send welcome      -- sent, as listener ----> receive challenge
//!   send welcome      -- sent, as client ------> done
//!
//! answering
//!   receive challenge -- a good one -----------> send response
//!   receive challenge -- anything else --------> AuthError
//!   send response     -- sent -----------------> receive verdict
//!   receive verdict   -- welcome, as client ---> send challenge
//!   receive verdict   -- welcome, as listener -> done
//!   receive verdict   -- anything else --------> AuthError
//! ```
//!
//! # Guarantees
//!
//! - Input from a peer never causes a panic. Memory grows with the bytes received, not with the length
//!   that a header claims. Peers are isolated from each other.
//! - The same bytes give the same messages, however they are split.
//! - There is no `unsafe` code. Limits are named and can be set. Errors are typed.
//!
//! The handshake proves that both sides hold one key, and nothing else: it does not encrypt, it
//! does not bind the proof to the connection, and an attacker between the two can relay it. On a
//! network that others can write to, run it inside TLS or another secure tunnel.
//!
//! # Features
//!
//! - `std` (default): [`Address`], and the key of the process. Implies `alloc`.
//! - `alloc`: [`Connection`], [`Acceptor`], what they are made of, [`AuthKey`] and [`encode`].
//! - Without either: [`Framer`], [`Transmit`] and [`Handshake`], which never allocate.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

#[cfg(feature = "alloc")]
mod acceptor;
#[cfg(feature = "std")]
mod address;
#[cfg(feature = "alloc")]
mod connection;
mod digest;
#[cfg(feature = "alloc")]
mod driver;
#[cfg(feature = "alloc")]
mod error;
mod frame;
#[cfg(all(feature = "std", any(test, feature = "__fuzzing")))]
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
#[cfg(feature = "alloc")]
mod key;
#[cfg(feature = "alloc")]
mod recv_buffer;
#[cfg(feature = "alloc")]
mod send_buffer;
#[cfg(any(test, feature = "__fuzzing"))]
mod testing;
mod transmit;

#[cfg(feature = "alloc")]
pub use acceptor::{AcceptTime, Acceptor, Client, ClientId, ClientProgress, Full, RealTime};
#[cfg(feature = "std")]
pub use address::{Address, AddressError, Family};
#[cfg(feature = "alloc")]
pub use connection::{Connection, ConnectionEvent};
pub use digest::Digest;
#[cfg(feature = "alloc")]
pub use driver::{HandshakeDriver, Progress};
#[cfg(feature = "alloc")]
pub use error::ProtocolError;
pub use frame::{Event, FrameError, Framer, MAX_HEADER, Want};
pub use handshake::{
    AuthError, Authenticated, Awaited, CLIENT_MARK, Dialect, Handshake, HandshakeStep, MAX_MESSAGE,
    OtherProtocol, Policy, Proof, Role, StartError, ToReceive, ToSend,
};
#[cfg(feature = "alloc")]
pub use key::AuthKey;
#[cfg(feature = "alloc")]
pub use recv_buffer::{ReadBuf, RecvBuffer};
#[cfg(feature = "alloc")]
pub use send_buffer::{SendBuffer, SendError};
#[cfg(feature = "alloc")]
pub use transmit::encode;
pub use transmit::{Extended, TooLong, Transmit};
