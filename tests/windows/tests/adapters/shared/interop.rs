//! Messages between this and every Windows Python, both ways, over named pipes and TCP.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use mpconn::{Address, AuthKey, Dialect, Digest};
use mpconn_tests::content::message;
use mpconn_tests::python::{Peer, Script};
use mpconn_tests::pythons::{self, Python};
use mpconn_windows_tests::{KEY, LONG, Net};

use super::adapter::{ConnectOptions, Connection, Error, Listener, ListenerOptions};

/// Those at which somebody's buffers and reads change, and an empty one last.
const SIZES: [usize; 15] =
    [0, 1, 127, 128, 129, 4095, 4096, 4097, 8192, 65_535, 65_536, 65_537, 200_000, 16 << 20, 0];

fn pythons() -> &'static [Python] {
    let pythons = pythons::all();
    assert!(!pythons.is_empty(), "these tests are nothing without Pythons");
    pythons
}

fn exchange(python: &Python) -> Peer<'_> {
    let sizes: Vec<_> = SIZES.iter().map(usize::to_string).collect();
    Peer::new(python, Some(KEY), "exchange").with("sizes", sizes.join(","))
}

fn converse(python: &Python, mut peer: Connection, script: Script) {
    let name = python.name();
    let expected = match python.is_at_least(3, 12) {
        true => Dialect::Prefixed(Digest::Sha256),
        false => Dialect::RawMd5,
    };
    let proof = *peer.authenticated().unwrap();
    assert_eq!((proof.own(), proof.peer()), (expected, expected), "{name}");
    for (index, &size) in SIZES.iter().enumerate() {
        peer.send_bytes(&message(index, size)).unwrap();
    }
    for (index, &size) in SIZES.iter().enumerate() {
        let received = peer.recv_bytes().unwrap();
        assert!(received == message(index + SIZES.len(), size), "{name}: message {index}");
    }
    peer.close();
    assert_eq!(script.result(), "ok", "{name}");
}

/// Python imports what a handshake needs when it comes to it, which may take its time.
fn listen(net: Net) -> Listener {
    let options = ListenerOptions::with_key(AuthKey::new(KEY)).handshake_timeout(LONG);
    options.bind(net.fresh()).unwrap()
}

fn connect(address: Address) -> Result<Connection, Error> {
    ConnectOptions::with_key(AuthKey::new(KEY)).handshake_timeout(LONG).connect(address)
}

/// Takes one message and leaves with an empty one.
fn part<'a>(python: &'a Python, key: Option<&'a [u8]>) -> Peer<'a> {
    Peer::new(python, key, "part")
}

fn take_leave(python: &Python, mut peer: Connection, script: Script) {
    let name = python.name();
    peer.send_bytes(b"go").unwrap();
    assert_eq!(peer.recv_bytes().unwrap(), b"", "{name}");
    let end = peer.recv_bytes();
    assert!(matches!(end, Err(Error::Ended)), "{name}: {end:?}");
    assert_eq!(script.result(), "ok", "{name}");
}

#[test]
fn a_listener_serves_every_python() {
    for python in pythons() {
        for net in Net::ALL {
            let mut listener = listen(net);
            let script = exchange(python).client(listener.address());
            let connection = listener.accept_timeout(LONG).unwrap();
            assert_eq!(connection.peer().is_none(), net == Net::Pipe);
            converse(python, connection, script);
        }
    }
}

#[test]
fn a_client_calls_every_python() {
    for python in pythons() {
        for net in Net::ALL {
            let (script, address) = exchange(python).listener(&net.fresh());
            converse(python, connect(address).unwrap(), script);
        }
    }
}

#[test]
fn either_side_chooses_the_address_and_it_is_a_pipe() {
    for python in pythons() {
        let options = ListenerOptions::with_key(AuthKey::new(KEY)).handshake_timeout(LONG);
        let mut listener = options.bind_fresh().unwrap();
        let (script, address) = part(python, Some(KEY)).fresh_listener("AF_PIPE");
        for address in [&address, listener.address()] {
            assert!(matches!(address, Address::Pipe(name) if name.starts_with(r"\\.\pipe\")));
        }
        take_leave(python, connect(address).unwrap(), script);
        let script = part(python, Some(KEY)).client(listener.address());
        take_leave(python, listener.accept_timeout(LONG).unwrap(), script);
    }
}

#[test]
fn our_last_message_is_empty() {
    for python in pythons() {
        let mut listener = listen(Net::Pipe);
        let mut script = Peer::new(python, Some(KEY), "listen").client(listener.address());
        let mut connection = listener.accept_timeout(LONG).unwrap();
        connection.send_bytes(b"x").unwrap();
        connection.send_bytes(b"").unwrap();
        drop(connection);
        assert_eq!(script.told("connected"), "");
        assert_eq!(script.told("received"), "78");
        assert_eq!(script.told("received"), "");
        assert_eq!(script.result(), "EOFError", "{}", python.name());
    }
}

#[test]
fn another_key_is_refused_on_both_sides() {
    for python in pythons() {
        for net in Net::ALL {
            let mut listener = listen(net);
            let script = part(python, Some(b"another key")).client(listener.address());
            let Some(Err(error)) = listener.incoming().next() else { panic!("it got in") };
            assert!(error.is_authentication(), "{}: {error:?}", python.name());
            assert_eq!(script.result(), "AuthenticationError", "{}", python.name());

            let (script, address) = part(python, Some(b"another key")).listener(&net.fresh());
            let error = connect(address).unwrap_err();
            assert!(error.is_authentication(), "{}: {error:?}", python.name());
            assert_eq!(script.result(), "AuthenticationError", "{}", python.name());
        }
    }
}

#[test]
fn without_a_key() {
    for python in pythons() {
        let mut listener = ListenerOptions::without_key().bind(Net::Pipe.fresh()).unwrap();
        let script = part(python, None).client(listener.address());
        take_leave(python, listener.accept_timeout(LONG).unwrap(), script);

        let (script, address) = part(python, None).listener(&Net::Pipe.fresh());
        take_leave(python, ConnectOptions::without_key().connect(address).unwrap(), script);
    }
}

#[test]
fn fifty_clients_at_once() {
    const CLIENTS: usize = 50;
    for python in pythons() {
        for net in Net::ALL {
            let mut listener = listen(net);
            let mut script = Script::start(python, "swarm.py");
            script.order("key", KEY);
            script.order("threads", CLIENTS.to_string().as_bytes());
            script.order_address(listener.address());
            script.go();
            // None is answered before all are in.
            let mut connections: Vec<_> =
                (0..CLIENTS).map(|_| listener.accept_timeout(LONG).unwrap()).collect();
            for connection in &mut connections {
                let mut message = connection.recv_bytes().unwrap();
                message.reverse();
                connection.send_bytes(&message).unwrap();
            }
            assert_eq!(script.told("served"), CLIENTS.to_string(), "{}", python.name());
        }
    }
}
