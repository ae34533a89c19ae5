//! `both/files.rs` on the tokio adapter.

use mpconn_tests::driven as adapter;

#[path = "both/files.rs"]
mod files;
