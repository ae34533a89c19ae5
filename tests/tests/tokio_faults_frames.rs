//! `both/faults_frames.rs` on the tokio adapter.

use mpconn_tests::driven as adapter;

#[path = "both/faults_frames.rs"]
mod faults_frames;
