//! What is Unix's.

mod bind;
#[cfg(target_os = "linux")]
mod credentials;
mod stream;
mod trouble;

pub use bind::{SocketFile, keep_nonblocking, socket, unix_name};
pub(crate) use bind::{listen_tcp, open, open_fresh, unix_address};
#[cfg(target_os = "linux")]
pub use credentials::{Credentials, peer_credentials};
pub use stream::{accept, connect_tcp, connect_unix, receive, send, transfer_now};
pub(crate) use trouble::trouble;
