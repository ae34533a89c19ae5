//! Single turns of the handshake on a connection that is in use, against Python's own
//! `deliver_challenge` and `answer_challenge`.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::adapter::{
    AuthError, AuthKey, ChallengeOptions, ConnectOptions, Connection, Dialect, Error,
    ListenerOptions, Policy, Role, socket,
};
use mpconn::Digest;
use mpconn_tests::content::message;
use mpconn_tests::net::{Net, Stream, scratch};
use mpconn_tests::over::{LONG, Over};
use mpconn_tests::pythons::{self, Python};
use mpconn_tests::stall::bounded;
use mpconn_tests::wire::{CHALLENGE, WELCOME, challenge, receive, send, sha256};

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
    let [ours, theirs] = Over::Unix.descriptors();
    let mut ours = Connection::unauthenticated(socket(ours).unwrap());
    let child = Command::new(&python.executable)
        .args(["-c", PYTHON])
        .stdin(Stdio::from(theirs))
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

fn key() -> AuthKey {
    AuthKey::new(KEY)
}

fn options(role: Role, policy: Policy, timeout: Duration) -> ChallengeOptions {
    ChallengeOptions { role: Some(role), policy: Some(policy), timeout: Some(timeout) }
}

fn as_role(role: Role) -> ChallengeOptions {
    options(role, Policy::COMPAT, LONG)
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
                    b"deliver" => connection.answer_challenge_with(&key(), &as_role(role)),
                    b"answer" => connection.deliver_challenge_with(&key(), &as_role(role)),
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
        let turn = connection.deliver_challenge_with(&key(), &as_role(Role::Listener));
        assert!(matches!(turn, Err(Error::Auth(AuthError::WrongResponse))), "{turn:?}");
        assert_eq!(connection.recv_bytes().unwrap(), b"AuthenticationError");
        connection.send_bytes(b"deliver").unwrap();
        let turn = connection.answer_challenge_with(&key(), &as_role(Role::Listener));
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
        let [mut one, mut other] =
            over.descriptors().map(|fd| Connection::unauthenticated(socket(fd).unwrap()));
        let answering = std::thread::spawn(move || {
            other.send_bytes(b"before").unwrap();
            let role = Role::Client;
            let dialect =
                other.answer_challenge_with(&key(), &options(role, Policy::MODERN, LONG)).unwrap();
            other.send_bytes(&message(0, 100_000)).unwrap();
            (other, dialect)
        });
        assert_eq!(one.recv_bytes().unwrap(), b"before");
        let policy = Policy::MODERN.challenge_with(Digest::Sha3_384);
        let proved =
            one.deliver_challenge_with(&key(), &options(Role::Listener, policy, LONG)).unwrap();
        let (mut other, answered) = answering.join().unwrap();
        assert_eq!((proved, answered), (Dialect::Prefixed(Digest::Sha3_384), proved));
        // The limit of a turn is over with it.
        assert!(one.recv_bytes().unwrap() == message(0, 100_000));

        // Whoever says nothing is not waited for.
        let turn = one
            .answer_challenge_with(&key(), &options(Role::Listener, Policy::COMPAT, LONG / 1000));
        assert!(matches!(turn, Err(Error::TimedOut(_))), "{turn:?}");
        // What came late is what it was waiting for.
        other.send_bytes(b"no challenge").unwrap();
        let turn = one.answer_challenge_with(&key(), &as_role(Role::Listener));
        assert!(matches!(turn, Err(Error::Auth(AuthError::NotAChallenge))), "{turn:?}");
        one.close();
        let turn = one.answer_challenge_with(&key(), &as_role(Role::Listener));
        assert!(matches!(turn, Err(Error::Closed)), "{turn:?}");
        let turn = other.deliver_challenge_with(&AuthKey::new(*b""), &as_role(Role::Client));
        assert!(matches!(turn, Err(Error::Start(_))), "{turn:?}");
    }
}

/// A listener and a client need not say who they are, and their policies hold in the turns too.
#[test]
fn turns_as_the_connections_own_handshake() {
    for (policy, dialect) in [
        (Policy::COMPAT, Dialect::Prefixed(Digest::Sha256)),
        (Policy::COMPAT.challenge_with(Digest::Sha3_256), Dialect::Prefixed(Digest::Sha3_256)),
    ] {
        let options = ListenerOptions::with_key(key()).policy(policy.clone());
        let mut listener = options.bind_fresh().unwrap();
        let address = listener.address().clone();
        bounded(move || {
            let calling = std::thread::spawn(move || {
                let options = ConnectOptions::with_key(key()).policy(policy);
                let mut client = options.connect(address).unwrap();
                assert_eq!(client.answer_challenge(&key()).unwrap(), dialect);
                assert_eq!(client.deliver_challenge(&key()).unwrap(), dialect);
                // The mark of a client is in its challenge: another client does not answer it.
                let delivered = client.deliver_challenge(&key());
                let error = delivered.unwrap_err();
                assert!(error.is_disconnect() || error.is_authentication(), "{error:?}");
            });
            let mut served = listener.accept().unwrap();
            assert_eq!(served.deliver_challenge(&key()).unwrap(), dialect);
            assert_eq!(served.answer_challenge(&key()).unwrap(), dialect);
            let as_client = as_role(Role::Client);
            let answered = served.answer_challenge_with(&key(), &as_client);
            assert!(matches!(answered, Err(Error::Auth(AuthError::Reflected))), "{answered:?}");
            drop(served);
            calling.join().unwrap();
        });
    }
}

/// Nobody has said which end of a pair is which.
#[test]
fn turns_without_a_role() {
    let [mut one, _other] =
        Over::Unix.descriptors().map(|fd| Connection::unauthenticated(socket(fd).unwrap()));
    for turn in [one.deliver_challenge(&key()), one.answer_challenge(&key())] {
        assert!(matches!(turn, Err(Error::NoRole)), "{turn:?}");
    }
}

/// A client of the RHEL family answers in raw SHA-256, and verifies that: it is answered so too.
#[test]
fn a_turn_with_a_client_that_speaks_raw_sha256() {
    for net in [Net::Tcp, Net::Unix] {
        let scratch = scratch();
        let mut listener = ListenerOptions::with_key(key()).bind(net.fresh(&scratch)).unwrap();
        let mut stream = Stream::connect(listener.address()).unwrap();
        let calling = std::thread::spawn(move || {
            let theirs = receive(&mut stream).unwrap();
            send(&mut stream, &sha256(KEY, &theirs[CHALLENGE.len()..])).unwrap();
            assert_eq!(receive(&mut stream).unwrap(), WELCOME);
            // In the handshake, and again within the connection.
            for nonce in [[7; 20], [8; 20]] {
                send(&mut stream, &challenge(&nonce)).unwrap();
                assert_eq!(receive(&mut stream).unwrap(), sha256(KEY, &nonce));
                send(&mut stream, WELCOME).unwrap();
            }
            stream
        });
        let mut served = listener.accept().unwrap();
        assert_eq!(served.answer_challenge(&key()).unwrap(), Dialect::RawSha256);
        calling.join().unwrap();
    }
}
