//! `both/relay.rs` on the tokio adapter.

use mpconn_tests::driven as adapter;

#[path = "both/relay.rs"]
mod relay;
