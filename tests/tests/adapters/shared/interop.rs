//! Messages of all sizes between this and every Python, both ways, over every kind of socket.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::env;
use std::thread;

use super::adapter::{
    Address, AuthKey, ConnectOptions, Connection, Dialect, Error, Listener, ListenerOptions,
};
use mpconn::Digest;
use mpconn_tests::content::{message, sizes};
use mpconn_tests::net::{Net, scratch};
use mpconn_tests::python::{Peer, Script};
use mpconn_tests::pythons::{self, Python};

const KEY: &[u8] = b"a key that both sides have";
const LARGEST: usize = 70 << 20;
const ALL: [Net; 4] = [Net::Tcp, Net::Unix, Net::Tcp6, Net::Abstract];

/// What a CPython may prove its key with: up to 3.11, and from 3.12 on (or where that was taken
/// over into an earlier one).
const LEGAL: [Dialect; 2] = [Dialect::RawMd5, Dialect::Prefixed(Digest::Sha256)];

#[test]
fn a_listener_serves_every_python() {
    let mut dialects = Vec::new();
    for python in pythons::all() {
        // A Python client cannot connect to an IPv6 address.
        for net in ALL.into_iter().filter(|&net| net != Net::Tcp6) {
            let scratch = scratch();
            let options = ListenerOptions::with_key(AuthKey::new(KEY)).max_message(LARGEST as u64);
            let mut listener = options.bind(net.fresh(&scratch)).unwrap();
            let sizes = sizes(largest(net == Net::Tcp));
            let script = peer(python, &sizes).client(listener.address());
            let connection = listener.accept().unwrap();
            let dialect = connection.authenticated().unwrap().peer();
            dialects.push(format!("{} by {dialect}", python.name()));
            converse(python, net, connection, &sizes, script);
        }
    }
    dialects.dedup();
    pythons::announce(&format!("authenticated {}", dialects.join(", ")));
}

#[test]
fn a_client_calls_every_python() {
    for python in pythons::all() {
        for net in ALL.into_iter().filter(|net| net.is_here()) {
            let scratch = scratch();
            let sizes = sizes(largest(net == Net::Unix));
            let (script, address) = peer(python, &sizes).listener(&net.fresh(&scratch));
            let options = ConnectOptions::with_key(AuthKey::new(KEY)).max_message(LARGEST as u64);
            let connection = options.connect(address).unwrap();
            converse(python, net, connection, &sizes, script);
        }
    }
}

#[test]
fn ipv6_between_ourselves() {
    if !Net::Tcp6.is_here() {
        return;
    }
    let mut listener = Listener::bind(("::1", 0), AuthKey::new(KEY)).unwrap();
    let address = listener.address().clone();
    assert!(matches!(&address, Address::Inet { host, port } if host == "::1" && *port != 0));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = super::adapter::connect(address, AuthKey::new(KEY)).unwrap();
            connection.send_bytes(b"over IPv6").unwrap();
        });
        assert_eq!(listener.accept().unwrap().recv_bytes().unwrap(), b"over IPv6");
    });
}

/// Such a message takes most of a second, so that not every kind of socket carries one.
fn largest(is_the_one: bool) -> usize {
    if is_the_one { LARGEST } else { 3 << 20 }
}

fn peer<'a>(python: &'a Python, sizes: &[usize]) -> Peer<'a> {
    let sizes: Vec<_> = sizes.iter().map(usize::to_string).collect();
    Peer::new(python, Some(KEY), "exchange").with("sizes", sizes.join(","))
}

fn converse(python: &Python, net: Net, mut peer: Connection, sizes: &[usize], script: Script) {
    let name = python.name();
    let proof = *peer.authenticated().unwrap();
    assert!(LEGAL.contains(&proof.peer()), "{name}: {proof:?}");
    // A legacy challenge and a legacy response come from the same peers.
    assert_eq!(proof.own(), proof.peer(), "{name}");

    let sent = sizes
        .iter()
        .enumerate()
        .try_for_each(|(index, &size)| peer.send_bytes(&message(index, size)));
    assert!(sent.is_ok(), "{name} over {net:?}: {sent:?}");
    for (index, &size) in sizes.iter().enumerate() {
        let expected = message(index + sizes.len(), size);
        let received = peer.recv_bytes().unwrap();
        assert!(received == expected, "{name} over {net:?}: message {index} of {size} bytes");
    }
    peer.close();
    assert_eq!(script.result(), "ok", "{name} over {net:?}");
}

/// A length that needs an extended header.
const HUGE: usize = (1 << 31) + 12_345;

/// It takes several gigabytes of memory on both sides, so that it is done where
/// `MPCONN_HUGE=1` asks for it.
#[test]
fn one_message_over_2_gib_each_way() {
    if env::var_os("MPCONN_HUGE").is_none_or(|value| value != "1") {
        return pythons::announce("no message over 2 GiB was sent: MPCONN_HUGE=1 asks for it");
    }
    let Some(python) = pythons::all().iter().rev().find(|python| python.is_at_least(3, 8)) else {
        return;
    };
    let mut listener =
        ListenerOptions::with_key(AuthKey::new(KEY)).max_message(u64::MAX).bind_fresh().unwrap();
    let script = Peer::new(python, Some(KEY), "huge")
        .with("size", HUGE.to_string())
        .client(listener.address());
    let mut connection = listener.accept().unwrap();
    let sent = message(0, HUGE);
    connection.send_bytes(&sent).unwrap();
    assert!(connection.recv_bytes().unwrap() == sent, "it came back changed");
    connection.close();
    assert_eq!(script.result(), "ok");
}

#[test]
fn two_hundred_pythons_at_once() {
    const PROCESSES: usize = 4;
    const THREADS: usize = 50;
    let Some(python) = pythons::all().last() else { return };
    for net in [Net::Tcp, Net::Unix] {
        let scratch = scratch();
        let options = ListenerOptions::with_key(AuthKey::new(KEY));
        let mut listener = options.bind(net.fresh(&scratch)).unwrap();
        let mut scripts: Vec<_> = (0..PROCESSES)
            .map(|_| {
                let mut script = Script::start(python, "swarm.py");
                script.order("key", KEY);
                script.order("threads", THREADS.to_string().as_bytes());
                script.order_address(listener.address());
                script.go();
                script
            })
            .collect();

        // None is answered before all are in.
        let connected: Result<Vec<_>, Error> =
            (0..PROCESSES * THREADS).map(|_| listener.accept()).collect();
        for connection in &mut connected.unwrap() {
            let mut message = connection.recv_bytes().unwrap();
            message.reverse();
            connection.send_bytes(&message).unwrap();
        }
        for script in &mut scripts {
            assert_eq!(script.told("served"), THREADS.to_string());
        }
    }
}
