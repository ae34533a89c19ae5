//! `both/abuse.rs` on the blocking adapter.
#![cfg(windows)]

use mpconn_blocking as adapter;

#[path = "both/abuse.rs"]
mod abuse;
