//! `both/files.rs` on the blocking adapter.

use mpconn_blocking as adapter;

#[path = "both/files.rs"]
mod files;
