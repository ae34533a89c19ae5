//! `both/objects.rs` on the blocking adapter.

use mpconn_blocking as adapter;

#[path = "both/objects.rs"]
mod objects;
