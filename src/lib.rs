//! The wire protocol of Python's `multiprocessing.connection`: bytes in, events out.
//!
//! This crate does no I/O, reads no clock and makes no random bytes. It turns what a transport gave
//! into messages, messages into what a transport is to be given, and holds Python's mutual
//! authentication in between. To serve or call a Python over sockets, take an adapter:
//! `mpconn-blocking` or `mpconn-tokio`. To speak the protocol from an event loop of your own, read
//! on; it is an evening's work.
//!
//! # The driver's contract
//!
//! ```text
//!             read                                                 write
//!  transport ------> buffer --> Framer --> message      message --> Transmit ------> transport
//!                   (yours)                   |            ^        (header)
//!                                             v            |
//!                                       receive(..)    message()
//!                                             Handshake
//! ```
//!
//! 1. Make a [`Framer`] whose limit is [`MAX_MESSAGE`], a buffer of that and [`MAX_HEADER`] bytes,
//!    and a [`Handshake`]: [`accepting`](Handshake::accepting) on the side that accepted,
//!    [`connecting`](Handshake::connecting) on the other. The random bytes of its challenge
//!    are the system's (`SysRng` of the crate `getrandom`, by its feature `sys_rng`), or another
//!    `TryCryptoRng`'s.
//! 2. [`Handshake::Send`]: make a [`Transmit`] for [`message`](ToSend::message), write its
//!    [`slices`](Transmit::slices), tell it with [`advance`](Transmit::advance) how far that went,
//!    and when it is done, call [`sent`](ToSend::sent).
//! 3. [`Handshake::Receive`]: hand the unread bytes to [`Framer::next`] and drop as many of them as
//!    it says. [`Event::Frame`] is what [`receive`](ToReceive::receive) wants;
//!    [`Event::Need`] asks you to read more behind them. At the end of the stream, ask
//!    [`Framer::eof`] what that means.
//! 4. [`Handshake::Done`] holds the proof, [`Authenticated`]. An [`AuthError`] or a [`FrameError`]
//!    instead means: close the transport, and nothing else.
//! 5. Raise the limit with [`Framer::set_max`] and go on with the same buffer: a client's last
//!    `#WELCOME#` and its first message may have come in one read.
//! 6. A frame that is longer than the framer's `inline` comes as [`Event::Begin`] and then in
//!    [chunks](Event::Chunk); what is not in the buffer yet can be read straight into its
//!    destination and told with [`Framer::advance`]. Let that memory grow with what arrives: a
//!    header only claims.
//! 7. Deadlines are yours. Nothing is lost when an operation is given up, since all state is here
//!    and all bytes are in your buffer.
//!
//! A whole driver, over anything that reads and writes:
//!
//! ```
//! use std::io::{self, Read, Write};
//!
//! use mpconn::{Event, Extended, Framer, Handshake, MAX_HEADER, MAX_MESSAGE, Proof, Transmit};
//!
//! /// Holds the handshake. What is left in `unread` afterwards belongs to the first message.
//! fn authenticate<K: AsRef<[u8]>, P: Proof>(
//!     transport: &mut (impl Read + Write),
//!     unread: &mut Vec<u8>,
//!     mut handshake: Handshake<K, P>,
//! ) -> Result<P, Box<dyn std::error::Error>> {
//!     let mut framer = Framer::new(MAX_MESSAGE as u64, MAX_MESSAGE); // 1
//!     loop {
//!         handshake = match handshake {
//!             Handshake::Send(step) => {
//!                 let mut transmit = Transmit::new(step.message().len(), Extended::Refuse)?;
//!                 while !transmit.is_done() {
//!                     let slices = transmit.slices(step.message()).map(io::IoSlice::new); // 2
//!                     let written = transport.write_vectored(&slices)?;
//!                     if written == 0 {
//!                         return Err(io::Error::from(io::ErrorKind::WriteZero).into());
//!                     }
//!                     transmit.advance(written);
//!                 }
//!                 step.sent()?
//!             }
//!             Handshake::Receive(step) => match framer.next(unread)? {
//!                 (used, Event::Frame(payload)) => {
//!                     let next = step.receive(&unread[payload])?; // 3
//!                     unread.drain(..used);
//!                     next
//!                 }
//!                 _ => {
//!                     let mut buffer = [0; MAX_MESSAGE + MAX_HEADER];
//!                     let read = transport.read(&mut buffer)?;
//!                     if read == 0 {
//!                         framer.eof(unread)?;
//!                         return Err("the peer closed".into());
//!                     }
//!                     unread.extend_from_slice(&buffer[..read]);
//!                     Handshake::Receive(step)
//!                 }
//!             },
//!             Handshake::Done(proof) => return Ok(proof), // 4
//!         };
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
//! # use mpconn::{Authenticated, Policy};
//! # let (mut one, mut other) = UnixStream::pair().unwrap();
//! # let key = b"a key of both sides";
//! # let listener = std::thread::spawn(move || {
//! #     let handshake = Handshake::accepting(key, &Policy::COMPAT, &mut Rng).unwrap();
//! #     authenticate(&mut one, &mut Vec::new(), handshake).unwrap()
//! # });
//! # let handshake = Handshake::connecting(key, &Policy::COMPAT, &mut Rng).unwrap();
//! # let proof: Authenticated = authenticate(&mut other, &mut Vec::new(), handshake).unwrap();
//! # assert_eq!(proof, listener.join().unwrap());
//! # }
//! ```
//!
//! With an allocator there is more at hand: [`Inbox`] is the receiving half with its memory and
//! [`Outbox`] the sending one, and [`Negotiation`] drives the loop above a little at a time, for an
//! event loop with many peers. They believe what they are told of the transport for good, so tell
//! them neither of `WouldBlock`, which is their `None`, nor of `Interrupted`, after which one tries
//! again (the example leaves that out). The adapters are made of these three, and a server is no more than this, once for each
//! connection:
//!
//! ```
//! use std::io::{self, Read, Write};
//!
//! use mpconn::{AuthKey, Error, Handshake, Inbox, Negotiation, Operation, Outbox, Policy};
//!
//! fn serve<S: Read + Write>(
//!     mut stream: S,
//!     handshake: Handshake<AuthKey>,
//! ) -> Result<(), Error> {
//!     let (mut inbox, mut outbox) = (Inbox::new(), Outbox::new());
//!     let mut negotiation = Negotiation::new(handshake);
//!     // A stream that cannot move a byte for now would say so with `None` here.
//!     negotiation.drive(&mut inbox, |operation| match operation {
//!         Operation::Write(bytes) => stream.write(bytes).map(Some),
//!         Operation::Read(space) => stream.read(space.into_slice()).map(Some),
//!     })?;
//!     inbox.open(1 << 20);
//!     let mut large = Vec::new();
//!     loop {
//!         let read = |space: mpconn::Space<'_>| stream.read(space.into_slice()).map(Some);
//!         match inbox.receive_with(1 << 20, &mut large, read) {
//!             Err(Error::Ended) => return Ok(()),
//!             received => received?,
//!         };
//!         outbox.send_with(inbox.message(), |slices| stream.write_vectored(slices).map(Some))?;
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
//! # let (server, mut stream) = UnixStream::pair().unwrap();
//! # let key = AuthKey::new("a key of both sides");
//! # let accepting = Handshake::accepting(key.clone(), &Policy::COMPAT, &mut Rng).unwrap();
//! # let server = std::thread::spawn(move || serve(server, accepting));
//! # let connecting = Handshake::connecting(key, &Policy::COMPAT, &mut Rng).unwrap();
//! # let (mut inbox, mut negotiation) = (Inbox::new(), Negotiation::<_>::new(connecting));
//! # let proof = negotiation.drive(&mut inbox, |operation| match operation {
//! #     Operation::Write(bytes) => stream.write(bytes).map(Some),
//! #     Operation::Read(space) => stream.read(space.into_slice()).map(Some),
//! # });
//! # assert!(proof.unwrap().is_some());
//! # stream.write_all(b"\0\0\0\x05hello").unwrap();
//! # let mut answer = [0; 9];
//! # stream.read_exact(&mut answer).unwrap();
//! # assert_eq!(&answer, b"\0\0\0\x05hello");
//! # drop(stream);
//! # server.join().unwrap().unwrap();
//! # }
//! ```
//!
//! # The handshake's states
//!
//! [`Handshake::Send`] and [`Handshake::Receive`] are these, which a test walks edge by edge. Each
//! side goes through both halves: a listener delivers first, a client answers first.
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
//! # What it promises
//!
//! No byte of a peer's panics, allocates what it merely claims, or is held against another peer.
//! Nothing is `unsafe`. The same bytes in any split give the same messages. Limits are named and
//! can be set; errors are typed, and say what to do.
//!
//! The handshake proves that both sides hold one key, and no more: it encrypts nothing, it does not
//! bind the proof to the connection, and a listener in the middle can relay it. On a network that
//! others can write to, run it inside TLS or another tunnel.
//!
//! # Features
//!
//! - `std` (default): [`Address`], [`Error`], [`Outbox`], [`Negotiation`], and the key of the
//!   process. Implies `alloc`.
//! - `alloc`: [`AuthKey`], [`Inbox`] and [`encode`].
//! - without either: [`Framer`], [`Transmit`] and [`Handshake`], which never allocate.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

#[cfg(feature = "std")]
mod address;
mod digest;
#[cfg(feature = "std")]
mod error;
mod frame;
#[cfg(all(feature = "std", any(test, feature = "__fuzzing")))]
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
#[cfg(feature = "alloc")]
mod inbox;
#[cfg(feature = "alloc")]
mod key;
#[cfg(feature = "std")]
mod negotiation;
#[cfg(feature = "std")]
mod outbox;
#[cfg(any(test, feature = "__fuzzing"))]
mod testing;
mod transmit;

#[cfg(feature = "std")]
pub use address::{Address, AddressError, Family};
pub use digest::Digest;
#[cfg(feature = "std")]
pub use error::{Error, PeerError, Phase};
pub use frame::{Event, FrameError, Framer, MAX_HEADER, Want};
pub use handshake::{
    AuthError, Authenticated, CLIENT_MARK, Dialect, Handshake, MAX_MESSAGE, Policy, Proof, Role,
    StartError, ToReceive, ToSend,
};
#[cfg(feature = "alloc")]
pub use inbox::{Inbox, Space};
#[cfg(feature = "alloc")]
pub use key::AuthKey;
#[cfg(feature = "std")]
pub use negotiation::{Negotiation, Operation};
#[cfg(feature = "std")]
pub use outbox::Outbox;
#[cfg(feature = "alloc")]
pub use transmit::encode;
pub use transmit::{Extended, TooLong, Transmit};
