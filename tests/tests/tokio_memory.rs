//! `both/memory.rs` on the tokio adapter.

use mpconn_tests::driven as adapter;

#[path = "both/memory.rs"]
mod memory;
