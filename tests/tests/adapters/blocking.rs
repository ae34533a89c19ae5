//! Tests of the blocking adapter.

mod connecting;
mod connection;
mod deadlines;
mod halves;
mod messages;
mod namespace;
mod one_way_turns;
mod pipe;
mod python_documentation;
#[path = "shared/mod.rs"]
mod shared;
mod shortage;
mod shortage_pauses;
mod signals;
mod tls;
mod transports;
mod wait;

use mpconn_tests::net::Net;

/// The adapter that [`shared`] tests.
mod adapter {
    pub(crate) use mpconn_blocking::*;

    /// A send that times out within a message poisons the sender.
    pub(crate) const SENDS_RESUME: bool = false;
}

/// The families over which [`shared::keys`] runs: every Python over each.
const PYTHON_NETS: &[&[Net]] = &[&[Net::Tcp, Net::Unix]];
