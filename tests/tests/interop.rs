//! `both/interop.rs` on the blocking adapter.

use mpconn_blocking as adapter;

#[path = "both/interop.rs"]
mod interop;
