//! Tests of the tokio adapter.

mod only;
#[path = "shared/mod.rs"]
mod shared;

use mpconn_tests::driven as adapter;
