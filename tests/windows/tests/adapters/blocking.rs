//! Tests of the blocking adapter.

mod only;
#[path = "shared/mod.rs"]
mod shared;

/// The adapter that [`shared`] tests.
mod adapter {
    pub(crate) use mpconn_blocking::*;

    /// A send that times out within a message poisons the sender.
    pub(crate) const SENDS_RESUME: bool = false;
}
