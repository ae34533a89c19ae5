//! A rogue listener without the key hands one client's challenge to another, and so gets in.
//!
//! The wire as it is lets it. A client of ours marks its challenges and refuses marked ones, so
//! that it takes two clients of ours to keep a rogue out: as long as one CPython client can be had,
//! that one answers for it. All four pairs are shown here, with every Python.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::thread::{self, JoinHandle};

use super::adapter::{Address, AuthError, AuthKey, Connection, Error, connect};
use mpconn::CLIENT_MARK;
use mpconn_tests::net::{Net, RawListener, Stream, scratch};
use mpconn_tests::python::{Peer, Script};
use mpconn_tests::pythons::{self, Python};
use mpconn_tests::wire::{CHALLENGE, WELCOME, challenge, receive, send};

const KEY: &[u8] = b"a key that the rogue does not have";

#[test]
fn two_pythons_let_a_rogue_in() {
    for python in pythons::all() {
        let relay = Relay::set_up(&Client::Python(python), &Client::Python(python));
        assert!(!relay.challenge.ends_with(&CLIENT_MARK));
        assert_eq!(relay.verdict.as_deref(), Some(WELCOME), "{}", python.name());
    }
}

#[test]
fn our_client_cannot_tell_a_pythons_challenge_from_a_listeners() {
    for python in pythons::all() {
        let relay = Relay::set_up(&Client::Python(python), &Client::Ours);
        assert_eq!(relay.verdict.as_deref(), Some(WELCOME), "{}", python.name());
    }
}

#[test]
fn a_python_answers_our_marked_challenge_for_a_rogue() {
    for python in pythons::all() {
        let relay = Relay::set_up(&Client::Ours, &Client::Python(python));
        assert!(relay.challenge.ends_with(&CLIENT_MARK));
        assert_eq!(relay.verdict.as_deref(), Some(WELCOME), "{}", python.name());
    }
}

#[test]
fn two_clients_of_ours_keep_a_rogue_out() {
    let relay = Relay::set_up(&Client::Ours, &Client::Ours);
    assert!(relay.challenge.ends_with(&CLIENT_MARK));
    assert_eq!(relay.verdict, None);
    let error = relay.second.error().unwrap();
    assert!(matches!(error, Error::Auth(AuthError::Reflected)), "{error:?}");
    // The first is left without an answer.
    assert!(relay.first.error().is_some());
}

/// How the attack went.
struct Relay {
    /// What the first client challenged the rogue with.
    challenge: Vec<u8>,
    /// What it said to the answer that the rogue had of the second; none if it had no answer.
    verdict: Option<Vec<u8>>,
    first: Running,
    second: Running,
}

impl Relay {
    fn set_up(first: &Client<'_>, second: &Client<'_>) -> Self {
        let scratch = scratch();
        let (rogue, address) = RawListener::bind(Net::Unix, &scratch).unwrap();
        let first = first.connect(&address);
        let mut to_first = rogue.accept().unwrap();
        let challenge = first_challenge(&mut to_first);

        let second = second.connect(&address);
        let mut to_second = rogue.accept().unwrap();
        send(&mut to_second, &challenge).unwrap();
        let verdict = receive(&mut to_second).map(|response| {
            send(&mut to_first, &response).unwrap();
            receive(&mut to_first).unwrap()
        });
        Self { challenge, verdict, first, second }
    }
}

/// A rogue says welcome to any response, and then it is the client's turn to challenge.
fn first_challenge(client: &mut Stream) -> Vec<u8> {
    send(client, &challenge(&[&b"{sha256}"[..], &[b'r'; 40]].concat())).unwrap();
    receive(client).unwrap();
    send(client, WELCOME).unwrap();
    let challenge = receive(client).unwrap();
    assert!(challenge.starts_with(CHALLENGE));
    challenge
}

/// A client that has the key, lured to the rogue.
enum Client<'a> {
    Python(&'a Python),
    Ours,
}

enum Running {
    Python { _script: Script },
    Ours(JoinHandle<Result<Connection, Error>>),
}

impl Client<'_> {
    fn connect(&self, address: &Address) -> Running {
        match self {
            Self::Python(python) => {
                Running::Python { _script: Peer::new(python, Some(KEY), "listen").client(address) }
            }
            Self::Ours => {
                let address = address.clone();
                Running::Ours(thread::spawn(|| connect(address, AuthKey::new(KEY))))
            }
        }
    }
}

impl Running {
    fn error(self) -> Option<Error> {
        match self {
            Self::Python { .. } => None,
            Self::Ours(client) => client.join().unwrap().err(),
        }
    }
}
