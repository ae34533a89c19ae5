//! `both/debug.rs` on the blocking adapter.

use mpconn_blocking as adapter;

#[path = "both/debug.rs"]
mod debug;
