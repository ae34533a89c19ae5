//! What the adapters of [`mpconn`] share: the options of listeners and clients, how addresses are
//! taken and found, and when to leave clients waiting. It starts no I/O of its own but that.
//!
//! This crate is internal: the adapters require exactly their own version of it. Programs use
//! `mpconn-blocking` or `mpconn-tokio`.
#![forbid(unsafe_code)]
#![cfg(any(unix, windows))]

mod attempts;
mod bind;
mod challenge;
mod closing;
mod error;
#[cfg(unix)]
mod explained;
mod halves;
mod handshake;
#[cfg(unix)]
mod keep_alive;
#[cfg(feature = "pickle")]
mod object;
mod options;
mod parts;
#[cfg_attr(unix, path = "unix/mod.rs")]
#[cfg_attr(windows, path = "windows/mod.rs")]
mod platform;
mod receiving;
mod sending;
mod session;
mod shortage;
mod slots;

pub use attempts::Attempts;
pub use bind::{Bound, unsupported};
pub use challenge::{ChallengeOptions, Turn as ChallengeTurn};
pub use closing::Closing;
pub(crate) use error::failed_at;
pub use error::{Error, PeerError, Phase, Rejections, gave_up};
pub use halves::NotTheSame;
pub use handshake::{Operation, drive, timed_out};
#[cfg(unix)]
pub use keep_alive::KeepAlive;
#[cfg(feature = "pickle")]
pub use object::ObjectError;
pub use options::{
    Connecting, Listening, RETRY_AFTER, host_or_any, no_address, resolve, share, sort,
};
pub use parts::{Link, Parts, Peer};
pub use platform::*;
pub use receiving::Receiving;
pub use sending::{has_room_for, is_gathered, or_drop_gathered, write_all};
pub use session::{MAX_MESSAGE_BYTES, Session, pipelines, process_key};
pub use slots::{Admitted, Outcome, Slots, Turn};
