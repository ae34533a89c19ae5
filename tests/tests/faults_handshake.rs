//! `both/faults_handshake.rs` on the blocking adapter.

use mpconn_blocking as adapter;

#[path = "both/faults_handshake.rs"]
mod faults_handshake;
