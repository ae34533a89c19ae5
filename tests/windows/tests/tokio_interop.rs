//! `both/interop.rs` on the tokio adapter.
#![cfg(windows)]

use mpconn_tests::driven as adapter;

#[path = "both/interop.rs"]
mod interop;
