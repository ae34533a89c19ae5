//! `both/keys.rs` on the tokio adapter.

use mpconn_tests::driven as adapter;

#[path = "both/keys.rs"]
mod keys;
