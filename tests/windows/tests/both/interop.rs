//! Messages between this and every Windows Python, both ways, over named pipes and TCP.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use mpconn::{Address, AuthKey, Dialect, Digest, Error};
use mpconn_tests::content::message;
use mpconn_tests::python::{Peer, Script};
use mpconn_tests::pythons::{self, Python};
use mpconn_windows_tests::{KEY, LONG, Net};

use crate::adapter::{ConnectOptions, Connection, Listener, ListenerOptions, connect};

/// Those at which somebody's buffers and reads change, and an empty one last.
const SIZES: [usize; 15] =
    [0, 1, 127, 128, 129, 4095, 4096, 4097, 8192, 65_535, 65_536, 65_537, 200_000, 16 << 20, 0];

const PIPE: &str = "AF_PIPE";

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

#[test]
fn a_listener_serves_every_python() {
    for python in pythons() {
        for net in Net::ALL {
            let mut listener = Listener::bind(net.fresh(), AuthKey::new(KEY)).unwrap();
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
            converse(python, connect(address, AuthKey::new(KEY)).unwrap(), script);
        }
    }
}

#[test]
fn python_chooses_the_address() {
    for python in pythons() {
        let (script, address) = exchange(python).fresh_listener(PIPE);
        assert!(matches!(&address, Address::Pipe(name) if name.starts_with(r"\\.\pipe\")));
        converse(python, connect(address, AuthKey::new(KEY)).unwrap(), script);
    }
}

#[test]
fn we_choose_the_address_and_it_is_a_pipe() {
    for python in pythons() {
        let mut listener = ListenerOptions::with_key(AuthKey::new(KEY)).bind_fresh().unwrap();
        let Address::Pipe(name) = listener.address() else { panic!("the default is a pipe") };
        assert!(name.starts_with(r"\\.\pipe\"));
        let script = exchange(python).client(listener.address());
        converse(python, listener.accept_timeout(LONG).unwrap(), script);
    }
}

#[test]
fn an_empty_message_is_the_last_and_then_the_end() {
    for python in pythons() {
        for net in Net::ALL {
            let mut listener = Listener::bind(net.fresh(), AuthKey::new(KEY)).unwrap();
            let script = Peer::new(python, Some(KEY), "part").client(listener.address());
            let mut connection = listener.accept_timeout(LONG).unwrap();
            connection.send_bytes(b"go").unwrap();
            assert_eq!(connection.recv_bytes().unwrap(), b"");
            let end = connection.recv_bytes();
            assert!(matches!(end, Err(Error::Ended)), "{}: {end:?}", python.name());
            assert_eq!(script.result(), "ok");

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
}

#[test]
fn another_key_is_refused_on_both_sides() {
    for python in pythons() {
        for net in Net::ALL {
            let mut listener = Listener::bind(net.fresh(), AuthKey::new(KEY)).unwrap();
            let script = Peer::new(python, Some(b"another key"), "part").client(listener.address());
            let Some(Err(error)) = listener.incoming().next() else { panic!("it got in") };
            assert!(error.is_authentication(), "{}: {error:?}", python.name());
            assert_eq!(script.result(), "AuthenticationError", "{}", python.name());

            let peer = Peer::new(python, Some(b"another key"), "part");
            let (script, address) = peer.listener(&net.fresh());
            let error = connect(address, AuthKey::new(KEY)).unwrap_err();
            assert!(error.is_authentication(), "{}: {error:?}", python.name());
            assert_eq!(script.result(), "AuthenticationError", "{}", python.name());
        }
    }
}

#[test]
fn without_a_key() {
    for python in pythons() {
        for net in Net::ALL {
            let mut listener = ListenerOptions::without_key().bind(net.fresh()).unwrap();
            let script = Peer::new(python, None, "part").client(listener.address());
            let mut connection = listener.accept_timeout(LONG).unwrap();
            connection.send_bytes(b"go").unwrap();
            assert_eq!(connection.recv_bytes().unwrap(), b"");
            assert_eq!(script.result(), "ok");

            let (script, address) = Peer::new(python, None, "part").listener(&net.fresh());
            let mut connection = ConnectOptions::without_key().connect(address).unwrap();
            connection.send_bytes(b"go").unwrap();
            assert_eq!(connection.recv_bytes().unwrap(), b"");
            assert_eq!(script.result(), "ok");
        }
    }
}

#[test]
fn fifty_clients_at_once() {
    const CLIENTS: usize = 50;
    for python in pythons() {
        for net in Net::ALL {
            let mut listener = Listener::bind(net.fresh(), AuthKey::new(KEY)).unwrap();
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
