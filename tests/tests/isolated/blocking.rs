//! The tests of `shared/` over the blocking adapter.

#[path = "shared/mod.rs"]
mod shared;

use mpconn_blocking as adapter;
