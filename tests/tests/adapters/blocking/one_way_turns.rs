//! Single turns of the handshake on a connection that is in use, against Python's own
//! `deliver_challenge` and `answer_challenge`; and the key of the process.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use mpconn_blocking::{
    AuthError, AuthKey, Connection, Dialect, Digest, Error, ListenerOptions, Policy, Role, SysRng,
    connect, pipe,
};
use mpconn_tests::content::message;
use mpconn_tests::over::{LONG, Over};
use mpconn_tests::pythons::{self, Python};
use mpconn_tests::stall::bounded;

const KEY: &[u8] = b"the key of these tests";

/// Does what it is told by messages, with the key that it is told first.
const PYTHON: &str = "
import os
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge

connection = Connection(os.dup(0))
key = connection.recv_bytes()
while True:
    try:
        order = connection.recv_bytes()
    except EOFError:
        break
    try:
        if order == b'deliver':
            deliver_challenge(connection, key)
        elif order == b'answer':
            answer_challenge(connection, key)
        result = b'done'
    except AuthenticationError:
        result = b'AuthenticationError'
    connection.send_bytes(result)
";

fn start(python: &Python, key: &[u8]) -> (Connection, Child) {
    let (mut ours, theirs) = pipe().unwrap();
    let (socket, _) = theirs.into_parts().unwrap().into_transport().unwrap();
    let child = Command::new(&python.executable)
        .args(["-c", PYTHON])
        .stdin(Stdio::from(OwnedFd::from(socket)))
        .spawn()
        .unwrap();
    ours.set_receive_timeout(LONG);
    ours.send_bytes(key).unwrap();
    (ours, child)
}

/// What a Python proves its key with, when it is challenged with SHA-256.
fn dialect(python: &Python) -> Dialect {
    let modern = python.is_at_least(3, 12);
    if modern { Dialect::Prefixed(Digest::Sha256) } else { Dialect::RawMd5 }
}

fn python3s() -> impl Iterator<Item = &'static Python> {
    pythons::all().iter().filter(|python| python.is_at_least(3, 0))
}

fn finish(connection: Connection, mut child: Child) {
    drop(connection);
    bounded(move || assert!(child.wait().unwrap().success()));
}

#[test]
fn turns_between_messages_in_any_order() {
    for python in python3s() {
        let (mut connection, child) = start(python, KEY);
        for role in [Role::Listener, Role::Client, Role::Listener] {
            for order in [&b"deliver"[..], b"answer", b"answer", b"nothing", b"deliver"] {
                // What is behind the turn comes out of the same read as its end.
                connection.send_bytes(order).unwrap();
                let turn = match order {
                    b"deliver" => connection.answer_challenge(KEY, role, &Policy::COMPAT, LONG),
                    b"answer" => connection.deliver_challenge(KEY, role, &Policy::COMPAT, LONG),
                    _ => Ok(dialect(python)),
                };
                assert_eq!(turn.unwrap(), dialect(python));
                assert_eq!(connection.recv_bytes().unwrap(), b"done");
            }
        }
        // Turns prove one side each, and no connection is authenticated by them.
        assert!(connection.authenticated().is_none());
        finish(connection, child);
    }
}

#[test]
fn turns_with_another_key() {
    for python in python3s() {
        let (mut connection, child) = start(python, b"another key, which is wrong");
        connection.send_bytes(b"answer").unwrap();
        let turn = connection.deliver_challenge(KEY, Role::Listener, &Policy::COMPAT, LONG);
        assert!(matches!(turn, Err(Error::Auth(AuthError::WrongResponse))), "{turn:?}");
        assert_eq!(connection.recv_bytes().unwrap(), b"AuthenticationError");
        connection.send_bytes(b"deliver").unwrap();
        let turn = connection.answer_challenge(KEY, Role::Listener, &Policy::COMPAT, LONG);
        let answered = dialect(python);
        assert!(
            matches!(turn, Err(Error::Auth(AuthError::Rejected { answered: by })) if by == answered),
            "{turn:?}"
        );
        assert_eq!(connection.recv_bytes().unwrap(), b"AuthenticationError");
        finish(connection, child);
    }
}

#[test]
fn turns_between_two_of_these() {
    for over in Over::ALL {
        let (mut one, mut other) = over.pair();
        let answering = std::thread::spawn(move || {
            other.send_bytes(b"before").unwrap();
            let role = Role::Client;
            let dialect = other.answer_challenge(KEY, role, &Policy::MODERN, LONG).unwrap();
            other.send_bytes(&message(0, 100_000)).unwrap();
            (other, dialect)
        });
        assert_eq!(one.recv_bytes().unwrap(), b"before");
        let policy = Policy::MODERN.challenge_with(Digest::Sha3_384);
        let proved = one.deliver_challenge(KEY, Role::Listener, &policy, LONG).unwrap();
        let (mut other, answered) = answering.join().unwrap();
        assert_eq!((proved, answered), (Dialect::Prefixed(Digest::Sha3_384), proved));
        // The limit of a turn is over with it.
        assert!(one.recv_bytes().unwrap() == message(0, 100_000));

        // Whoever says nothing is not waited for.
        let turn = one.answer_challenge(KEY, Role::Listener, &Policy::COMPAT, LONG / 1000);
        assert!(matches!(turn, Err(Error::TimedOut(_))), "{turn:?}");
        // What came late is what it was waiting for.
        other.send_bytes(b"no challenge").unwrap();
        let turn = one.answer_challenge(KEY, Role::Listener, &Policy::COMPAT, LONG);
        assert!(matches!(turn, Err(Error::Auth(AuthError::NotAChallenge))), "{turn:?}");
        one.close();
        let turn = one.answer_challenge(KEY, Role::Listener, &Policy::COMPAT, LONG);
        assert!(matches!(turn, Err(Error::Closed)), "{turn:?}");
        let turn = other.deliver_challenge(b"", Role::Client, &Policy::COMPAT, LONG);
        assert!(matches!(turn, Err(Error::Start(_))), "{turn:?}");
    }
}

/// The two lines of [`AuthKey::write_line`], and then a client with the key of its process.
const CHILD_WITH_KEY: &str = "
import binascii, multiprocessing, sys
multiprocessing.current_process().authkey = binascii.unhexlify(sys.stdin.readline().strip())

from multiprocessing.connection import Client
connection = Client(sys.argv[1], authkey=multiprocessing.current_process().authkey)
connection.send_bytes(connection.recv_bytes())
";

/// One test, since the key is the whole process's.
#[test]
fn the_key_of_the_process_is_handed_down() {
    let first = AuthKey::process(&mut SysRng).unwrap();
    assert_eq!(first.as_ref().len(), AuthKey::GENERATED);
    assert_eq!(AuthKey::process(&mut SysRng).unwrap().as_ref(), first.as_ref());
    for set in [None, Some(AuthKey::new(*b"\x00\n\xff a key of bytes of all kinds"))] {
        if let Some(key) = &set {
            AuthKey::set_process(key.clone());
        }
        let key = AuthKey::process(&mut SysRng).unwrap();
        assert_eq!(key.as_ref(), set.as_ref().unwrap_or(&first).as_ref());
        let mut listener = ListenerOptions::with_process_key().unwrap().bind_fresh().unwrap();
        for python in pythons::all() {
            let mut child = Command::new(&python.executable)
                .args(["-c", CHILD_WITH_KEY, &listener.address().to_string()])
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            key.write_line(child.stdin.as_mut().unwrap()).unwrap();
            child.stdin.as_mut().unwrap().flush().unwrap();
            let mut connection = listener.accept_timeout(LONG).unwrap();
            assert_eq!(connection.authenticated().unwrap().peer(), dialect(python));
            connection.set_receive_timeout(LONG);
            connection.send_bytes(b"hello").unwrap();
            assert_eq!(connection.recv_bytes().unwrap(), b"hello");
            bounded(move || assert!(child.wait().unwrap().success()));
        }
        // A key that was not handed down does not do.
        let address = listener.address().clone();
        let stranger = AuthKey::generate(&mut SysRng).unwrap();
        let stranger = std::thread::spawn(move || connect(address, stranger));
        let outcome = listener.incoming().next().unwrap();
        assert!(outcome.unwrap_err().is_authentication());
        assert!(stranger.join().unwrap().unwrap_err().is_authentication());
    }
}
