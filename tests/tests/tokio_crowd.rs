//! `both/crowd.rs` on the tokio adapter.

use mpconn_tests::driven as adapter;

#[path = "both/crowd.rs"]
mod crowd;
