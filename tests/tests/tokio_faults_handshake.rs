//! `both/faults_handshake.rs` on the tokio adapter.

use mpconn_tests::driven as adapter;

#[path = "both/faults_handshake.rs"]
mod faults_handshake;
