//! The wire protocol of Python's `multiprocessing.connection`: bytes in, events out.
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
#[doc(hidden)]
pub use handshake::{respond, verify};
#[cfg(feature = "alloc")]
pub use inbox::{Inbox, Space};
#[cfg(feature = "alloc")]
pub use key::AuthKey;
#[cfg(feature = "std")]
pub use negotiation::{Negotiation, Operation};
#[cfg(feature = "std")]
pub use outbox::Outbox;
pub use transmit::{Extended, TooLong, Transmit};
