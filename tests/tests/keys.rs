//! `both/keys.rs` on the blocking adapter.

use mpconn_blocking as adapter;
use mpconn_tests::net::Net;

/// Every Python over each.
const NETS: &[&[Net]] = &[&[Net::Tcp, Net::Unix]];

#[path = "both/keys.rs"]
mod keys;
