//! `both/abuse/mod.rs` on the tokio adapter.

use mpconn_tests::driven as adapter;

#[path = "both/abuse/mod.rs"]
mod abuse;
