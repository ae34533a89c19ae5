//! Keys and policies against every Python: right, wrong, missing, empty; every digest.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::time::Duration;

use super::adapter::{
    AuthError, AuthKey, Authenticated, ConnectOptions, Connection, Dialect, Error, Listener,
    ListenerOptions, Phase, Policy,
};
use mpconn::Digest;
use mpconn_tests::net::{Net, scratch};
use mpconn_tests::python::{Peer, Script};
use mpconn_tests::pythons::{self, Python};
use tempfile::TempDir;

const KEY: &[u8] = b"a key that both sides have";
const OTHER_KEY: &[u8] = b"a key that one side has";

/// Where a handshake cannot end by itself.
const SHORT: Duration = Duration::from_millis(300);

/// What CPython's client and listener raise for a peer that does not speak as it should: the first
/// up to 3.11, the second from 3.12 on.
const OUT_OF_PROTOCOL: [&str; 2] = ["AssertionError", "AuthenticationError"];

/// What they raise when the peer goes while they wait for it.
const GONE: [&str; 4] = ["EOFError", "ConnectionResetError", "OSError", "IOError"];

#[test]
fn a_wrong_key_is_told_to_both_sides() {
    for_every_pair(|pair| {
        let (ours, theirs) = pair.serve(listener(KEY), Some(OTHER_KEY), "listen");
        assert!(matches!(error(ours), Error::Auth(AuthError::WrongResponse)));
        assert_eq!(theirs.result(), "AuthenticationError");

        let (ours, theirs) = pair.call(client(KEY), Some(OTHER_KEY), "listen");
        assert!(matches!(error(ours), Error::Auth(AuthError::Rejected { .. })));
        assert_eq!(theirs.result(), "AuthenticationError");
    });
}

#[test]
fn a_key_on_our_side_only_ends_by_the_deadline_or_with_the_first_message() {
    for_every_pair(|pair| {
        // Silent, and then not a challenge or a response.
        let (ours, mut theirs) = pair.serve(listener(KEY).handshake_timeout(SHORT), None, "listen");
        assert!(matches!(error(ours), Error::TimedOut(Phase::Handshake(_))));
        assert_eq!(theirs.told("connected"), "");
        assert!(theirs.told("received").starts_with(&hex(b"#CHALLENGE#{sha256}")));
        assert_one_of(&theirs.result(), &GONE);

        let (ours, mut theirs) = pair.serve(listener(KEY), None, "speak");
        assert!(matches!(error(ours), Error::Auth(AuthError::UnknownResponse)));
        assert_eq!(theirs.told("connected"), "");
        theirs.told("received");
        assert_eq!(theirs.told("received"), hex(b"#FAILURE#"));

        let (ours, theirs) = pair.call(client(KEY).handshake_timeout(SHORT), None, "listen");
        assert!(matches!(error(ours), Error::TimedOut(Phase::Handshake(_))));
        assert_one_of(&theirs.result(), &GONE);

        let (ours, theirs) = pair.call(client(KEY), None, "speak");
        assert!(matches!(error(ours), Error::Auth(AuthError::NotAChallenge)));
        assert_one_of(&theirs.result(), &GONE);
    });
}

#[test]
fn a_key_on_their_side_only_shows_in_the_first_message() {
    for_every_pair(|pair| {
        let (ours, theirs) = pair.serve(ListenerOptions::without_key(), Some(KEY), "listen");
        let mut ours = ours.unwrap();
        assert!(ours.authenticated().is_none());
        ours.send_bytes(b"hello").unwrap();
        assert_one_of(&theirs.result(), &OUT_OF_PROTOCOL);

        let (ours, theirs) = pair.call(ConnectOptions::without_key(), Some(KEY), "listen");
        let mut ours = ours.unwrap();
        let error = ours.recv_bytes().unwrap_err();
        assert!(matches!(error, Error::Auth(AuthError::KeyWanted)), "{error}");
        assert!(error.is_authentication());
        // It does not wait for the listener, which waits for an answer.
        let again = ours.recv_bytes();
        assert!(matches!(again, Err(Error::Auth(AuthError::KeyWanted))), "{again:?}");
        drop(ours);
        assert_one_of(&theirs.result(), &GONE);
    });
}

#[test]
fn no_key_on_either_side() {
    for_every_pair(|pair| {
        let (ours, theirs) = pair.serve(ListenerOptions::without_key(), None, "exchange");
        talk(ours.unwrap(), theirs);
        let (ours, theirs) = pair.call(ConnectOptions::without_key(), None, "exchange");
        talk(ours.unwrap(), theirs);
    });
}

#[test]
fn an_empty_key_by_name_only() {
    assert!(matches!(Listener::bind(("::1", 0), AuthKey::new("")), Err(Error::Start(_))));
    let policy = Policy::COMPAT.allow_empty_key();
    for_every_pair(|pair| {
        let options = listener(b"").policy(policy.clone());
        let (ours, theirs) = pair.serve(options, Some(b""), "exchange");
        talk(ours.unwrap(), theirs);

        // A listener up to 3.12.1 does not authenticate with an empty key, and its client does.
        // Where it does, it must not be slower than the deadline.
        let options = client(b"").policy(policy.clone()).handshake_timeout(SHORT * 3);
        match pair.call(options, Some(b""), "exchange") {
            (Ok(ours), theirs) => {
                assert!(pair.python.is_at_least(3, 12), "{}", pair.python.name());
                talk(ours, theirs);
            }
            (Err(Error::TimedOut(Phase::Handshake(_))), _) => {
                assert!(!pair.python.is_at_least(3, 13), "{}", pair.python.name());
            }
            (Err(other), _) => panic!("{other:?}"),
        }
    });
}

#[test]
fn the_modern_policy_takes_those_that_need_no_md5() {
    for_every_pair(|pair| {
        let (ours, theirs) = pair.serve(listener(KEY), Some(KEY), "exchange");
        let compat = *ours.as_ref().unwrap().authenticated().unwrap();
        talk(ours.unwrap(), theirs);

        let options = listener(KEY).policy(Policy::MODERN);
        let (ours, theirs) = pair.serve(options, Some(KEY), "exchange");
        assert_modern(compat, ours, theirs, "AuthenticationError");

        let options = client(KEY).policy(Policy::MODERN);
        let (ours, theirs) = pair.call(options, Some(KEY), "exchange");
        assert_modern(compat, ours, theirs, "EOFError");
    });
}

fn assert_modern(
    compat: Authenticated,
    ours: Result<Connection, Error>,
    theirs: Script,
    refused: &str,
) {
    match compat.peer() {
        Dialect::Prefixed(_) => talk(ours.unwrap(), theirs),
        _ => {
            let error = error(ours);
            assert!(matches!(error, Error::Auth(AuthError::Refused(Dialect::RawMd5))), "{error}");
            assert_eq!(theirs.result(), refused);
        }
    }
}

#[test]
fn every_digest_of_ours_is_answered() {
    for_every_pair(|pair| {
        for digest in Digest::ALL {
            let policy = Policy::COMPAT.challenge_with(digest);
            let options = listener(KEY).policy(policy.clone());
            let (ours, theirs) = pair.serve(options, Some(KEY), "exchange");
            assert_answered(digest, ours.unwrap(), theirs);

            let options = client(KEY).policy(policy);
            let (ours, theirs) = pair.call(options, Some(KEY), "exchange");
            assert_answered(digest, ours.unwrap(), theirs);
        }
    });
}

fn assert_answered(digest: Digest, ours: Connection, theirs: Script) {
    let peer = ours.authenticated().unwrap().peer();
    assert!([Dialect::RawMd5, Dialect::Prefixed(digest)].contains(&peer), "{digest}: {peer}");
    talk(ours, theirs);
}

/// The RHEL family's Pythons up to 3.11, by the same change made to others here.
#[test]
fn raw_sha256_of_patched_pythons() {
    let named = Policy::COMPAT.raw_sha256();
    for_every_pair(|pair| {
        if pair.python.is_at_least(3, 12) {
            return;
        }
        // As a verifier, we know it when we see it, and answer likewise.
        for policy in [Policy::COMPAT, Policy::MODERN, named.clone(), Policy::MODERN.raw_sha256()] {
            let options = listener(KEY).policy(policy);
            let (ours, theirs) = pair.serve(options, Some(KEY), "rhel exchange");
            assert_raw_sha256(ours.unwrap(), theirs);
        }
        // Also where the others were expected.
        let (ours, theirs) = pair.serve(listener(KEY).policy(named.clone()), Some(KEY), "exchange");
        let ours = ours.unwrap();
        assert_eq!(ours.authenticated().unwrap().own(), Dialect::RawMd5);
        talk(ours, theirs);

        // A client's answer, to a challenge like any other legacy one, needs the policy.
        let (ours, theirs) = pair.call(client(KEY), Some(KEY), "rhel exchange");
        assert_names_the_policy(&error(ours), Dialect::RawMd5);
        assert_eq!(theirs.result(), "AuthenticationError");
        for policy in [named.clone(), Policy::MODERN.raw_sha256()] {
            let options = client(KEY).policy(policy);
            let (ours, theirs) = pair.call(options, Some(KEY), "rhel exchange");
            assert_raw_sha256(ours.unwrap(), theirs);
        }

        // And one that is not patched says no to it.
        let options = client(KEY).policy(named.clone());
        let (ours, _theirs) = pair.call(options, Some(KEY), "exchange");
        assert_names_the_policy(&error(ours), Dialect::RawSha256);
    });
}

fn assert_names_the_policy(error: &Error, expected: Dialect) {
    assert!(
        matches!(error, Error::Auth(AuthError::Rejected { answered }) if *answered == expected),
        "{error:?}"
    );
    assert!(error.to_string().contains("Policy::raw_sha256"), "{error}");
}

fn assert_raw_sha256(ours: Connection, theirs: Script) {
    let proof = ours.authenticated().unwrap();
    assert_eq!((proof.peer(), proof.own()), (Dialect::RawSha256, Dialect::RawSha256));
    talk(ours, theirs);
}

/// A Python, and a kind of socket to talk to it over.
struct Pair<'a> {
    python: &'a Python,
    net: Net,
    scratch: TempDir,
}

fn for_every_pair(test: impl Fn(&Pair<'_>)) {
    for (python, nets) in pythons::all().iter().zip(super::PYTHON_NETS.iter().cycle()) {
        for &net in *nets {
            test(&Pair { python, net, scratch: scratch() });
        }
    }
}

impl Pair<'_> {
    /// Our listener's first outcome, with a Python client that `does` something.
    fn serve(
        &self,
        ours: ListenerOptions,
        key: Option<&[u8]>,
        does: &str,
    ) -> (Result<Connection, Error>, Script) {
        let mut listener = ours.bind(self.net.fresh(&self.scratch)).unwrap();
        let script = self.peer(key, does).client(listener.address());
        let outcome = listener.incoming().next().unwrap();
        (outcome, script)
    }

    /// The same with our client and a Python listener.
    fn call(
        &self,
        ours: ConnectOptions,
        key: Option<&[u8]>,
        does: &str,
    ) -> (Result<Connection, Error>, Script) {
        let address = self.net.fresh(&self.scratch);
        let (script, address) = self.peer(key, does).listener(&address);
        (ours.connect(address), script)
    }

    fn peer<'a>(&'a self, key: Option<&'a [u8]>, does: &'a str) -> Peer<'a> {
        match does.strip_prefix("rhel ") {
            Some(does) => self.peer(key, does).with("rhel", ""),
            None => Peer::new(self.python, key, does).with("sizes", "5"),
        }
    }
}

fn listener(key: &[u8]) -> ListenerOptions {
    ListenerOptions::with_key(AuthKey::new(key))
}

fn client(key: &[u8]) -> ConnectOptions {
    ConnectOptions::with_key(AuthKey::new(key))
}

/// One message each way, as the script's `exchange` wants it, and the end.
fn talk(mut ours: Connection, theirs: Script) {
    ours.send_bytes(&[0, 1, 2, 3, 4]).unwrap();
    assert_eq!(ours.recv_bytes().unwrap(), [1, 2, 3, 4, 5]);
    drop(ours);
    assert_eq!(theirs.result(), "ok");
}

/// Why it failed, on whichever side it was.
fn error(outcome: Result<Connection, Error>) -> Error {
    match outcome.unwrap_err() {
        Error::Peer(peer) => peer.error,
        error => error,
    }
}

fn assert_one_of(result: &str, expected: &[&str]) {
    assert!(expected.contains(&result), "{result}, and not one of {expected:?}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
