//! `both/crowd.rs` on the blocking adapter.

use mpconn_blocking as adapter;

#[path = "both/crowd.rs"]
mod crowd;
