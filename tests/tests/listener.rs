//! `both/listener.rs` on the blocking adapter.

use mpconn_blocking as adapter;

#[path = "both/listener.rs"]
mod listener;
