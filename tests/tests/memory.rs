//! `both/memory.rs` on the blocking adapter.

use mpconn_blocking as adapter;

#[path = "both/memory.rs"]
mod memory;
