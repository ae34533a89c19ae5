//! `both/keys.rs` on the tokio adapter.

use mpconn_tests::driven as adapter;
use mpconn_tests::net::Net;

/// The Pythons take turns: what they say does not depend on the socket, and half of it takes half as
/// long.
const NETS: &[&[Net]] = &[&[Net::Tcp], &[Net::Unix]];

#[path = "both/keys.rs"]
mod keys;
