//! `both/abuse.rs` on the blocking adapter.
#![cfg(windows)]

use mpconn_blocking as adapter;

/// Whether the next send goes on with what was sent half-way before its time was up.
const SENDS_RESUME: bool = false;

#[path = "both/abuse.rs"]
mod abuse;
