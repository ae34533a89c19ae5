//! What the adapters of [`mpconn`] share: the options of listeners and clients, how addresses are
//! taken and found, and when to leave clients waiting. It starts no I/O of its own but that.
//!
//! This is the adapters' own business. Programs use `mpconn-blocking` or `mpconn-tokio`.
#![forbid(unsafe_code)]
#![cfg(unix)]

mod bind;
mod closing;
mod halves;
mod options;
mod session;
mod shortage;
mod slots;
mod stream;

pub use bind::{Bound, SocketFile, socket, unix_address, unix_name, unsupported};
pub use closing::Closing;
pub use halves::NotTheSame;
pub use options::{Connecting, Listening, RETRY_AFTER, host_or_any, resolve, share, sort};
pub use session::{MAX_MESSAGE_BYTES, Session, process_key, start_error};
pub use shortage::Shortage;
pub use slots::{Admitted, Outcome, Slot, Slots, Transfer};
pub use stream::{connect_unix, receive, send, transfer_now};

#[cfg(target_os = "linux")]
mod credentials;
#[cfg(target_os = "linux")]
pub use credentials::{Credentials, peer_credentials};
