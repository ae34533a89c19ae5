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

use mpconn_blocking as adapter;
use mpconn_tests::net::Net;

/// The families over which [`shared::keys`] runs: every Python over each.
const PYTHON_NETS: &[&[Net]] = &[&[Net::Tcp, Net::Unix]];
