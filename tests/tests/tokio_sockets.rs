//! `both/sockets.rs` on the tokio adapter.

use mpconn_tests::driven as adapter;

#[path = "both/sockets.rs"]
mod sockets;
