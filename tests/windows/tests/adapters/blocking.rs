//! Tests of the blocking adapter.

mod only;
#[path = "shared/mod.rs"]
mod shared;

use mpconn_blocking as adapter;
