//! What the adapters of [`mpconn`] share: the options of listeners and clients, how addresses are
//! taken and found, and when to leave clients waiting. It starts no I/O of its own but that.
//!
//! This is the adapters' own business. Programs use `mpconn-blocking` or `mpconn-tokio`.
#![forbid(unsafe_code)]
#![cfg(any(unix, windows))]

mod bind;
mod closing;
mod halves;
#[cfg(feature = "pickle")]
mod object;
mod options;
#[cfg_attr(unix, path = "unix/mod.rs")]
#[cfg_attr(windows, path = "windows/mod.rs")]
mod platform;
mod session;
mod shortage;
mod slots;

pub use bind::{Bound, unsupported};
pub use closing::Closing;
pub use halves::NotTheSame;
#[cfg(feature = "pickle")]
pub use object::ObjectError;
pub use options::{Connecting, Listening, RETRY_AFTER, host_or_any, resolve, share, sort};
pub use platform::*;
pub use session::{MAX_MESSAGE_BYTES, Session, process_key};
pub use shortage::Shortage;
pub use slots::{Admitted, Outcome, Slot, Slots, Transfer};
