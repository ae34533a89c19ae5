//! `both/objects.rs` on the tokio adapter.

use mpconn_tests::driven as adapter;

#[path = "both/objects.rs"]
mod objects;
