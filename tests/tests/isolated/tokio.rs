//! The tests of `shared/` over the tokio adapter.

#[path = "shared/mod.rs"]
mod shared;

use mpconn_tests::driven as adapter;
