//! Managers of Python's, and what tests of both roles need.

use std::time::Duration;

use mpconn_managers::blocking::Manager;
use mpconn_managers::{Address, AuthKey, Options};
use mpconn_tests::net::{Net, scratch};
use mpconn_tests::python::Script;
use mpconn_tests::pythons::{self, Python};
use tempfile::TempDir;

pub(crate) const KEY: &[u8] = b"a key that both sides hold";

/// More than any call here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A manager of Python's that runs, and goes when this is dropped.
pub(crate) struct PythonManager {
    _script: Script,
    pub(crate) address: Address,
    _scratch: TempDir,
}

impl PythonManager {
    pub(crate) fn start(python: &Python, net: Net) -> Self {
        let scratch = scratch();
        let address = net.fresh(&scratch);
        Self::start_at(python, address, scratch)
    }

    pub(crate) fn start_at(python: &Python, address: Address, scratch: TempDir) -> Self {
        let mut script = Script::start(python, "manager.py");
        script.order("role", b"server");
        script.order("key", KEY);
        script.order_address(&address);
        script.go();
        let port = script.told("listening").parse().expect("a port");
        let address = match address {
            Address::Inet { host, .. } => (host, port).into(),
            other => other,
        };
        Self { _script: script, address, _scratch: scratch }
    }

    pub(crate) fn connect(&self) -> Manager {
        Manager::connect_with(&self.address, options()).expect("the manager is there")
    }
}

pub(crate) fn options() -> Options {
    Options::new(AuthKey::new(KEY)).timeout(PATIENCE)
}

/// Runs a test with each Python, over TCP and Unix sockets in turn.
pub(crate) fn with_each(test: impl Fn(&Python, Net)) {
    for (python, net) in pythons::all().iter().zip([Net::Tcp, Net::Unix].into_iter().cycle()) {
        eprintln!("{} over {net:?}", python.name());
        test(python, net);
    }
}
