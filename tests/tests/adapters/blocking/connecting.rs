//! A client on its way to a listener: one with no room, one of several addresses, one that comes
//! later.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use mpconn_blocking::{ConnectOptions, Error, ListenerOptions, Phase};
use mpconn_tests::net::{Net, fresh_path, scratch};
use mpconn_tests::pythons;

const SHORT: Duration = Duration::from_millis(300);

/// What a machine under load may take for things that take no time.
const LONG: Duration = Duration::from_secs(10);

#[test]
fn a_listener_without_room_costs_the_connect_timeout() {
    for net in [Net::Tcp, Net::Unix] {
        let scratch = scratch();
        // Nobody accepts here.
        let listener = ListenerOptions::without_key().backlog(1).bind(net.fresh(&scratch)).unwrap();
        let options = ConnectOptions::without_key().connect_timeout(SHORT);
        let mut waiting = Vec::new();
        let (error, took) = loop {
            let since = Instant::now();
            match options.connect(listener.address()) {
                Ok(connection) => waiting.push(connection),
                Err(error) => break (error, since.elapsed()),
            }
            assert!(waiting.len() < 10, "a backlog of 1");
        };
        assert!(matches!(error, Error::TimedOut(Phase::Connect)), "{error:?}");
        assert!((SHORT..LONG).contains(&took), "{took:?}");
    }
}

/// `/etc/hosts` is another file to the child, and there the name has two addresses.
#[test]
fn all_addresses_of_a_name_are_tried() {
    const NAME: &str = "mpconn-test";
    if !Net::Tcp6.is_here() {
        return;
    }
    let scratch = scratch();
    let hosts = fresh_path(&scratch);
    fs::write(&hosts, format!("127.0.0.1 {NAME}\n::1 {NAME}\n")).unwrap();
    let mount = "mount --bind \"$1\" /etc/hosts";
    let in_another_world = |script: &str, arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", script, "sh"]).arg(&hosts).args(arguments);
        command
    };
    let tried = in_another_world(mount, &[]).stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        assert!(!pythons::are_expected(), "unshare(1) is needed to give a name two addresses");
        return pythons::announce(
            "no name has two addresses here: that they are tried is not shown",
        );
    }
    for (listener, other) in [("::1", "127.0.0.1"), ("127.0.0.1", "::1")] {
        let listener = TcpListener::bind((listener, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(std::net::TcpStream::connect((other, port)).is_err(), "nobody is at the other");
        let address = format!("tcp://{NAME}:{port}");
        let child = env!("CARGO_BIN_EXE_child");
        let script = format!("{mount} && exec \"$2\" connect \"$3\"");
        assert!(in_another_world(&script, &[child, &address]).status().unwrap().success());
        let mut message = [0; 13];
        io::Read::read_exact(&mut listener.accept().unwrap().0, &mut message).unwrap();
        assert_eq!(&message, b"\0\0\0\x09here I am");
    }
}

#[test]
fn a_listener_that_is_not_there_yet() {
    let scratch = scratch();
    let path = fresh_path(&scratch);
    let at_once = ConnectOptions::without_key();
    let error = at_once.connect(path.as_path()).unwrap_err();
    let Error::Unreachable { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.kind(), io::ErrorKind::NotFound);

    let retrying = at_once.retry(true).connect_timeout(LONG);
    thread::scope(|scope| {
        let client = scope.spawn(|| retrying.connect(path.as_path()));
        thread::sleep(SHORT);
        assert!(!client.is_finished());
        // First a file that nobody listens at.
        drop(UnixListener::bind(&path).unwrap());
        thread::sleep(SHORT);
        assert!(!client.is_finished());
        let options = ListenerOptions::without_key().replace_stale(true);
        let mut listener = options.bind(path.as_path()).unwrap();
        assert!(client.join().unwrap().is_ok());
        assert!(listener.accept().is_ok());
    });
}

#[test]
fn a_port_that_is_not_open_yet() {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let retrying = ConnectOptions::without_key().retry(true).connect_timeout(LONG);
    thread::scope(|scope| {
        let client = scope.spawn(|| retrying.connect(("127.0.0.1", port)));
        thread::sleep(SHORT);
        assert!(!client.is_finished());
        let mut listener = ListenerOptions::without_key().bind(("127.0.0.1", port)).unwrap();
        assert!(client.join().unwrap().is_ok());
        assert!(listener.accept().is_ok());
    });
}

#[test]
fn retrying_ends_with_the_connect_timeout() {
    let scratch = scratch();
    let path = fresh_path(&scratch);
    let since = Instant::now();
    let options = ConnectOptions::without_key().retry(true).connect_timeout(SHORT);
    let error = options.connect(path.as_path()).unwrap_err();
    // Why it could not be reached says more than that time is over.
    assert!(matches!(error, Error::Unreachable { phase: Phase::Connect, .. }), "{error:?}");
    assert!((SHORT..LONG).contains(&since.elapsed()));
}
