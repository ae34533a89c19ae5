//! Every edge of the state diagram, and no other.
//!
//! Every path begins anew, and may have four MACs. So Miri, which takes long for each, gets the two
//! halves of a handshake, and not the whole of it.
#![cfg_attr(miri, expect(dead_code, reason = "what only the whole handshake needs"))]

use std::borrow::ToOwned;
use std::collections::BTreeSet;
use std::string::String;

use super::*;

/// The edges that both roles and one-way turns share, as `state: message -> state`.
const DELIVERING: &str = "
    send challenge: sent -> receive response
    receive response: right response -> send welcome
    receive response: wrong response -> send failure
    receive response: challenge -> send failure
    receive response: short challenge -> send failure
    receive response: marked challenge -> send failure
    receive response: welcome -> send failure
    receive response: failure -> send failure
    receive response: 257 bytes -> MessageTooLong { length: 257 }
    send failure: sent -> an error, the one it says";

const ANSWERING: &str = "
    receive challenge: challenge -> send response
    receive challenge: short challenge -> ChallengeTooShort { length: 19 }
    receive challenge: right response -> NotAChallenge
    receive challenge: wrong response -> NotAChallenge
    receive challenge: welcome -> NotAChallenge
    receive challenge: failure -> NotAChallenge
    receive challenge: 257 bytes -> MessageTooLong { length: 257 }
    send response: sent -> receive verdict
    receive verdict: failure -> Rejected { answered: Prefixed(Sha256) }
    receive verdict: right response -> NotAVerdict
    receive verdict: wrong response -> NotAVerdict
    receive verdict: challenge -> NotAVerdict
    receive verdict: short challenge -> NotAVerdict
    receive verdict: marked challenge -> NotAVerdict
    receive verdict: 257 bytes -> MessageTooLong { length: 257 }";

/// Where the roles differ, and nowhere else.
const AS_LISTENER: &str = "
    send welcome: sent -> receive challenge
    receive challenge: marked challenge -> send response
    receive verdict: welcome -> done";

const AS_CLIENT: &str = "
    receive verdict: welcome -> send challenge
    receive challenge: marked challenge -> Reflected
    send welcome: sent -> done";

#[cfg(not(miri))]
#[test]
fn of_a_listener() {
    let begin = || begin(Role::Listener, KEY, &Policy::COMPAT, 1);
    let walked = assert_edges(begin, "send challenge", &[DELIVERING, ANSWERING, AS_LISTENER]);
    assert_drawn(&walked, "as client");
}

#[cfg(not(miri))]
#[test]
fn of_a_client() {
    let begin = || begin(Role::Client, KEY, &Policy::COMPAT, 1);
    let walked = assert_edges(begin, "receive challenge", &[DELIVERING, ANSWERING, AS_CLIENT]);
    assert_drawn(&walked, "as listener");
}

#[test]
fn of_delivering_alone() {
    for role in ROLES {
        let rng = || Seeded::new(1);
        let begin = || Handshake::delivering(KEY, role, &Policy::COMPAT, &mut rng()).unwrap();
        assert_edges(begin, "send challenge", &[DELIVERING, "send welcome: sent -> done"]);
    }
}

#[test]
fn of_answering_alone() {
    for (role, marked) in [(Role::Listener, "send response"), (Role::Client, "Reflected")] {
        let rng = || Seeded::new(1);
        let begin = || Handshake::answering(KEY, role, &Policy::COMPAT, &mut rng()).unwrap();
        let marked = format!("receive challenge: marked challenge -> {marked}");
        let done = "receive verdict: welcome -> done";
        assert_edges(begin, "receive challenge", &[ANSWERING, &marked, done]);
    }
}

/// The diagram in the crate's documentation has these states, and leads from each to the same, the
/// edges of the other role aside.
fn assert_drawn(walked: &BTreeSet<String>, other: &str) {
    let walked: BTreeSet<_> = walked
        .iter()
        .map(|edge| {
            let (from, rest) = edge.split_once(": ").unwrap();
            let (_, to) = rest.split_once(" -> ").unwrap();
            let is_state = to == "done" || to.starts_with("send ") || to.starts_with("receive ");
            (from.to_owned(), if is_state { to } else { "AuthError" }.to_owned())
        })
        .collect();
    let drawn = include_str!("../../lib.rs").lines().filter_map(|line| {
        let (from, rest) = line.strip_prefix("//!   ")?.split_once(" -- ")?;
        let (label, to) = rest.split_once('>')?;
        (!label.contains(other)).then(|| (from.trim().to_owned(), to.trim().to_owned()))
    });
    assert_eq!(walked, drawn.collect());
}

/// Compares the edges of every path from the beginning on with those listed, and gives them.
fn assert_edges<P: Proof>(
    begin: impl Fn() -> Step<P>,
    first: &str,
    edges: &[&str],
) -> BTreeSet<String> {
    assert_eq!(state(&begin()), first);
    let listed = edges.iter().flat_map(|lines| lines.lines()).map(str::trim);
    let listed: BTreeSet<_> = listed.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let walked = walk(begin);
    assert_eq!(walked, listed);
    walked
}

/// Walks every path from the beginning on, and gives the edges it took.
fn walk<P: Proof>(begin: impl Fn() -> Step<P>) -> BTreeSet<String> {
    let mut walked = BTreeSet::new();
    let mut paths = vec![vec![]];
    while let Some(path) = paths.pop() {
        assert!(path.len() <= MOST_STEPS, "a path without an end: {path:?}");
        for choice in 0..choices(&begin, &path) {
            let path = [&path[..], &[choice]].concat();
            let (edge, goes_on) = last_edge(&begin, &path);
            walked.insert(edge);
            paths.extend(goes_on.then_some(path));
        }
    }
    walked
}

/// In how many ways it can go on after `path`.
fn choices<P: Proof>(begin: impl Fn() -> Step<P>, path: &[usize]) -> usize {
    let mut challenge = vec![];
    let end = path.iter().try_fold(begin(), |step, &choice| take(step, choice, &mut challenge).1);
    match end.expect("only paths that go on are followed") {
        Handshake::Send(_) => 1,
        Handshake::Receive(_) => MESSAGES.len(),
        Handshake::Done(_) => 0,
    }
}

/// The edge at the end of `path`, and whether it leads to a state.
fn last_edge<P: Proof>(begin: impl Fn() -> Step<P>, path: &[usize]) -> (String, bool) {
    let mut challenge = vec![];
    let (last, before) = path.split_last().expect("at least one step");
    let steps = before.iter();
    let step = steps
        .copied()
        .try_fold(begin(), |step, choice| take(step, choice, &mut challenge).1)
        .expect("only paths that go on are followed");
    let from = state(&step);
    let (input, to) = take(step, *last, &mut challenge);
    match to {
        Ok(step) => (format!("{from}: {input} -> {}", state(&step)), true),
        Err(_) if from == "send failure" => {
            (format!("{from}: {input} -> an error, the one it says"), false)
        }
        Err(error) => (format!("{from}: {input} -> {error:?}"), false),
    }
}

fn take<P: Proof>(
    step: Step<P>,
    choice: usize,
    challenge: &mut Vec<u8>,
) -> (&'static str, Result<Step<P>, AuthError>) {
    match step {
        Handshake::Send(step) => {
            if let Some(made) = step.message().strip_prefix(CHALLENGE) {
                *challenge = made.to_vec();
            }
            let says = step.failure();
            assert_eq!(says.is_some(), step.message() == FAILURE);
            let sent = step.sent();
            assert_eq!(sent.as_ref().err(), says.as_ref());
            ("sent", sent)
        }
        Handshake::Receive(step) => {
            let kind = MESSAGES[choice];
            (kind, step.receive(&message(kind, challenge)))
        }
        Handshake::Done(_) => panic!("nothing comes after the end"),
    }
}

/// What makes a difference somewhere.
const MESSAGES: [&str; 8] = [
    "right response",
    "wrong response",
    "challenge",
    "short challenge",
    "marked challenge",
    "welcome",
    "failure",
    "257 bytes",
];

fn message(kind: &str, challenge: &[u8]) -> Vec<u8> {
    let right = || response(Dialect::Prefixed(Digest::Sha256), KEY, challenge);
    match kind {
        "right response" => right(),
        "wrong response" => {
            let mut wrong = right();
            wrong[20] ^= 1;
            wrong
        }
        "challenge" => modern_challenge(),
        "short challenge" => [CHALLENGE, &[0x5a; 19]].concat(),
        "marked challenge" => [CHALLENGE, b"{sha256}", &[0x5a; 24], &CLIENT_MARK].concat(),
        "welcome" => WELCOME.to_vec(),
        "failure" => FAILURE.to_vec(),
        "257 bytes" => vec![b'#'; 257],
        other => panic!("what is {other}?"),
    }
}

fn state<P>(step: &Step<P>) -> &'static str {
    match step {
        Handshake::Send(step) => match step.turn {
            Sending::Challenge => "send challenge",
            Sending::Response(_) => "send response",
            Sending::Welcome(_) => "send welcome",
            Sending::Failure(_) => "send failure",
        },
        Handshake::Receive(step) => match step.turn {
            Receiving::Challenge => "receive challenge",
            Receiving::Response => "receive response",
            Receiving::Verdict(_) => "receive verdict",
        },
        Handshake::Done(_) => "done",
    }
}
