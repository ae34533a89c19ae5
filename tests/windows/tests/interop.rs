//! `both/interop.rs` on the blocking adapter.
#![cfg(windows)]

use mpconn_blocking as adapter;

#[path = "both/interop.rs"]
mod interop;
