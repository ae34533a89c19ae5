//! Python's `multiprocessing.managers` in Rust.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg(any(unix, windows))]

#[cfg(feature = "blocking")]
pub mod blocking;
mod call;
mod error;
mod options;
pub mod proxies;
mod reply;
mod request;
pub mod server;
#[cfg(feature = "tokio")]
pub mod tokio;
mod token;

pub use call::Port;
pub use error::Error;
pub use mpconn::{Address, AuthKey};
pub use mpconn_pickle as pickle;
pub use options::Options;
pub use proxies::{Function, Methods, Typed};
pub use reply::Reply;
pub use request::{Arguments, encode_request};
pub use token::{Reference, Token};
