//! Tests of the blocking adapter.

mod connecting;
mod connection;
mod deadlines;
mod halves;
mod messages;
mod namespace;
mod pipe;
mod process_key;
mod python_documentation;
#[path = "shared/mod.rs"]
mod shared;
mod shortage;
mod shortage_pauses;
mod signals;
mod tls;
mod transports;
mod wait;
mod wait_set;

use mpconn_tests::net::Net;

/// The adapter, and what the tests need of both in the same form.
mod adapter {
    use std::io;
    use std::os::fd::OwnedFd;

    pub(super) use mpconn_blocking::*;

    pub(super) fn socket(fd: OwnedFd) -> io::Result<Socket> {
        Ok(fd.into())
    }
}

/// The families over which [`shared::keys`] runs: every Python over each.
const PYTHON_NETS: &[&[Net]] = &[&[Net::Tcp, Net::Unix]];
