//! `both/sockets.rs` on the blocking adapter.

use mpconn_blocking as adapter;

#[path = "both/sockets.rs"]
mod sockets;
