//! Python's proxies on a server in Rust.

use std::thread;

use mpconn_managers::blocking::{Manager, Server};
use mpconn_managers::pickle::{Exception, Value};
use mpconn_managers::server::{Call, Limits, Outcome, Queue, Registry, SharedObject};
use mpconn_managers::{Address, AuthKey};
use mpconn_tests::net::{Net, scratch};
use mpconn_tests::python::Script;
use mpconn_tests::pythons::{self, Python};
use tempfile::TempDir;

use crate::support::{KEY, options, with_each};

/// The `Counter` of `tests/python/manager.py`.
struct Counter(i64);

impl Counter {
    fn create(call: &Call<'_, '_>) -> Result<Self, Exception> {
        let [start] = call.bind(["start"], 0)?;
        Ok(Self(call.read_or(start, 0)?))
    }
}

impl SharedObject for Counter {
    fn exposed(&self) -> &[&str] {
        &["add", "fail", "child", "panic"]
    }

    fn call(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception> {
        match call.method() {
            "add" => {
                let [amount, times] = call.bind(["amount", "times"], 1)?;
                self.0 += call.read::<i64>(amount)? * call.read_or(times, 1)?;
                Outcome::of(&self.0)
            }
            "panic" => panic!("on purpose"),
            "fail" => {
                let text = call.only("text")?;
                Err(Exception::new("builtins", "LookupError", vec![Value::Str(text), 7.into()]))
            }
            _ => Ok(Outcome::Proxy { typeid: "Child".to_owned(), object: Box::new(Self(self.0)) }),
        }
    }
}

pub(crate) fn registry() -> Registry {
    Registry::new().register("get_jobs", Queue::new(0)).register_type("Counter", Counter::create)
}

/// Starts a client of the server at `address`, which goes through the table.
pub(crate) fn client(python: &Python, address: &Address) -> Script {
    client_that(python, address, None)
}

/// Starts a client that does something else.
pub(crate) fn client_that(python: &Python, address: &Address, does: Option<&str>) -> Script {
    let mut script = Script::start(python, "manager.py");
    if let Some(does) = does {
        script.order("do", does.as_bytes());
    }
    script.order("role", b"client");
    script.order("key", KEY);
    script.order_address(address);
    script.go();
    script
}

/// Which front end serves.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Blocking,
    Tokio,
}

/// A server that runs, and ends when this is dropped.
pub(crate) struct RustServer {
    pub(crate) address: Address,
    end: Option<Box<dyn FnOnce()>>,
    _scratch: TempDir,
}

impl RustServer {
    pub(crate) fn start(net: Net) -> Self {
        Self::with_limits(Kind::Blocking, net, Limits::default())
    }

    pub(crate) fn with_limits(kind: Kind, net: Net, limits: Limits) -> Self {
        let scratch = scratch();
        let (address, key) = (net.fresh(&scratch), AuthKey::new(KEY));
        let (address, end): (_, Box<dyn FnOnce()>) = match kind {
            Kind::Blocking => {
                let listener = mpconn_blocking::Listener::bind(address, key).expect("it listens");
                let server = Server::new(listener, registry(), limits);
                let (address, stopper) = (server.address().clone(), server.stopper());
                let thread = thread::spawn(move || server.serve().expect("it serves"));
                let end = move || {
                    stopper.stop();
                    thread.join().expect("it ends without a panic");
                };
                (address, Box::new(end))
            }
            Kind::Tokio => {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(1)
                    .enable_all()
                    .build()
                    .expect("a runtime");
                let server = {
                    let _entered = runtime.enter();
                    let listener = mpconn_tokio::Listener::bind(address, key).expect("it listens");
                    mpconn_managers::tokio::Server::new(listener, registry(), limits)
                };
                let address = server.address().clone();
                let task = runtime.spawn(server.serve());
                let end = move || {
                    assert!(!task.is_finished(), "it serves");
                    drop(runtime);
                };
                (address, Box::new(end))
            }
        };
        Self { address, end: Some(end), _scratch: scratch }
    }

    pub(crate) fn connect(&self) -> Manager {
        Manager::connect_with(&self.address, options()).expect("the server is there")
    }
}

impl Drop for RustServer {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end();
        }
    }
}

#[test]
fn every_type_by_method_and_version() {
    with_each(|python, net| {
        let server = RustServer::start(net);
        assert_eq!(client(python, &server.address).result(), "ok", "{}", python.name());
        assert_eq!(
            server.connect().number_of_objects().expect("it is there"),
            0,
            "{}",
            python.name()
        );
    });
}

/// CPython's own tests of managers, of what is served. They mostly sleep, so all run at a time; 2.7 has
/// them not where they could be imported.
#[test]
fn the_tests_of_each_python() {
    thread::scope(|scope| {
        for python in pythons::all().iter().filter(|python| python.is_at_least(3, 6)) {
            scope.spawn(|| tests_of(python, Kind::Blocking, Net::Unix));
        }
        if let Some(python) = pythons::all().last().filter(|python| python.is_at_least(3, 6)) {
            scope.spawn(|| tests_of(python, Kind::Tokio, Net::Tcp));
        }
    });
}

fn tests_of(python: &Python, kind: Kind, net: Net) {
    let server = RustServer::with_limits(kind, net, Limits::default());
    let mut script = Script::start(python, "manager_cpython.py");
    script.order("key", KEY);
    script.order_address(&server.address);
    script.go();
    let mut line = script.line();
    while line.starts_with("because") {
        eprintln!("{line}");
        line = script.line();
    }
    let ran = line.strip_prefix("ran ").and_then(|count| count.parse::<u32>().ok());
    assert!(ran.is_some_and(|count| count >= 20), "{}: {line}", python.name());
    assert_eq!(script.result(), "ok", "{} with {kind:?}", python.name());
}
