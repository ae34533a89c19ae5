//! Tests of the tokio adapter.

mod cancel;
mod clock;
mod job_server;
mod runtime;
#[path = "shared/mod.rs"]
mod shared;

use mpconn_tests::driven as adapter;
use mpconn_tests::net::Net;

/// The families over which [`shared::keys`] runs: the Pythons take turns, since what they answer does
/// not depend on the socket, and half of the combinations take half of the time.
const PYTHON_NETS: &[&[Net]] = &[&[Net::Tcp], &[Net::Unix]];
