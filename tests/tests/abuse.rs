//! `both/abuse/mod.rs` on the blocking adapter.

use mpconn_blocking as adapter;

#[path = "both/abuse/mod.rs"]
mod abuse;
