//! `both/listener.rs` on the tokio adapter.

use mpconn_tests::driven as adapter;

#[path = "both/listener.rs"]
mod listener;
