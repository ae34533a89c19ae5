//! `both/abuse.rs` on the tokio adapter.
#![cfg(windows)]

use mpconn_tests::driven as adapter;

#[path = "both/abuse.rs"]
mod abuse;
