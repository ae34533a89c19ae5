//! `both/relay.rs` on the blocking adapter.

use mpconn_blocking as adapter;

#[path = "both/relay.rs"]
mod relay;
