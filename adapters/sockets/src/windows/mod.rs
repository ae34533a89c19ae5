//! What is Windows's.

mod bind;
mod trouble;

pub use bind::SocketFile;
pub(crate) use bind::{listen_tcp, open, open_fresh};
pub use mpconn_pipe::Security;
pub(crate) use trouble::trouble;
