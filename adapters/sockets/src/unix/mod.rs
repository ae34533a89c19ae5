//! What is Unix's.

mod bind;
#[cfg(target_os = "linux")]
mod credentials;
mod stream;
mod trouble;

pub use bind::{SocketFile, keep_nonblocking, socket, stop, unix_address, unix_name};
pub(crate) use bind::{listen_tcp, open, open_fresh};
#[cfg(target_os = "linux")]
pub use credentials::{Credentials, peer_credentials};
pub use stream::{connect_unix, receive, send, transfer_now};
pub(crate) use trouble::trouble;
