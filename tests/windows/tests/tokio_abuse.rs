//! `both/abuse.rs` on the tokio adapter.
#![cfg(windows)]

use mpconn_tests::driven as adapter;

/// Whether the next send goes on with what was sent half-way before its time was up.
const SENDS_RESUME: bool = true;

#[path = "both/abuse.rs"]
mod abuse;
