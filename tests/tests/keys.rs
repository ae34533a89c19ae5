//! `both/keys.rs` on the blocking adapter.

use mpconn_blocking as adapter;

#[path = "both/keys.rs"]
mod keys;
