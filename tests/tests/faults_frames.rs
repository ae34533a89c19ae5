//! `both/faults_frames.rs` on the blocking adapter.

mod adapter {
    pub(crate) use mpconn_blocking::*;

    /// A send whose time is up inside a message is the last.
    pub(crate) const SENDS_RESUME: bool = false;
}

#[path = "both/faults_frames.rs"]
mod faults_frames;
