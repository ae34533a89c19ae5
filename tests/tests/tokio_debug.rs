//! `both/debug.rs` on the tokio adapter.

use mpconn_tests::driven as adapter;

#[path = "both/debug.rs"]
mod debug;
