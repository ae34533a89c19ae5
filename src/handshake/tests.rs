//! Two machines in memory, and one machine against whatever a peer may say. No test takes more
//! steps than a handshake has.

mod abuse;
mod diagram;
mod pairs;
mod reflection;
mod texts;

use std::format;
use std::vec;
use std::vec::Vec;

use super::challenge::Message;
use super::*;
use crate::Digest;
use crate::testing::{Failing, NoEntropy, Outcome, Seeded, response, some};

const KEY: &[u8] = b"the key that both sides hold";

const ROLES: [Role; 2] = [Role::Listener, Role::Client];

/// The messages of a whole handshake, sent and received: three each way.
const MOST_STEPS: usize = 6;

type Step<P = Authenticated> = Handshake<&'static [u8], P>;

fn begin(role: Role, key: &'static [u8], policy: &Policy, seed: u64) -> Step {
    let rng = &mut Seeded::new(seed);
    match role {
        Role::Listener => Handshake::accepting(key, policy, rng).unwrap(),
        Role::Client => Handshake::connecting(key, policy, rng).unwrap(),
    }
}

fn other(role: Role) -> Role {
    match role {
        Role::Listener => Role::Client,
        Role::Client => Role::Listener,
    }
}

/// A challenge as CPython 3.12 makes it.
fn modern_challenge() -> Vec<u8> {
    [CHALLENGE, b"{sha256}", &[0x5a; 40]].concat()
}

/// Lets two sides talk until neither can go on. The messages are listed as they were sent.
fn converse<P: Proof, Q: Proof>(a: Step<P>, b: Step<Q>) -> (Outcome<P>, Outcome<Q>, Vec<Vec<u8>>) {
    let (mut a, mut b) = (Ok(a), Ok(b));
    let (mut to_a, mut to_b) = (vec![], vec![]);
    let mut sent = vec![];
    for _ in 0..=2 * MOST_STEPS {
        a = a.and_then(|step| go_on(step, &mut to_a, &mut to_b, &mut sent));
        b = b.and_then(|step| go_on(step, &mut to_b, &mut to_a, &mut sent));
    }
    (outcome(a), outcome(b), sent)
}

fn go_on<P: Proof>(
    step: Step<P>,
    incoming: &mut Vec<Vec<u8>>,
    outgoing: &mut Vec<Vec<u8>>,
    sent: &mut Vec<Vec<u8>>,
) -> Result<Step<P>, AuthError> {
    match step {
        Handshake::Send(step) => {
            let message = step.message().to_vec();
            sent.push(message.clone());
            outgoing.push(message);
            step.sent()
        }
        Handshake::Receive(step) if !incoming.is_empty() => step.receive(&incoming.remove(0)),
        waiting_or_done => Ok(waiting_or_done),
    }
}

fn outcome<P>(end: Result<Step<P>, AuthError>) -> Outcome<P> {
    match end {
        Ok(Handshake::Done(proof)) => Outcome::Done(proof),
        Ok(Handshake::Receive(_)) => Outcome::Ended,
        Ok(Handshake::Send(_)) => panic!("more steps than a handshake has"),
        Err(error) => Outcome::Failed(error),
    }
}

#[test]
fn is_small() {
    let sizes = [
        size_of::<Handshake<&[u8]>>(),
        size_of::<Handshake<&[u8], Dialect>>(),
        #[cfg(feature = "alloc")]
        size_of::<Handshake<crate::AuthKey>>(),
    ];
    assert!(sizes.iter().all(|&size| size <= 512), "{sizes:?}");
}

#[test]
fn an_honest_handshake_on_the_wire() {
    let listener = begin(Role::Listener, KEY, &Policy::COMPAT, 1);
    let client = begin(Role::Client, KEY, &Policy::COMPAT, 2);
    let (at_listener, at_client, sent) = converse(listener, client);

    let sha256 = Dialect::Prefixed(Digest::Sha256);
    let proof = Authenticated { peer: sha256, own: sha256 };
    assert_eq!((proof.peer(), proof.own()), (sha256, sha256));
    assert_eq!((at_listener, at_client), (Outcome::Done(proof), Outcome::Done(proof)));

    let [ours, theirs_answer, welcome, theirs, ours_answer, welcome_too] = &sent[..] else {
        panic!("{} messages", sent.len());
    };
    for challenge in [ours, theirs] {
        assert_eq!(challenge.len(), 11 + 8 + 40);
        assert!(challenge.starts_with(b"#CHALLENGE#{sha256}"));
    }
    assert_eq!(*theirs_answer, response(sha256, KEY, &ours[11..]));
    assert_eq!(*ours_answer, response(sha256, KEY, &theirs[11..]));
    assert_eq!([&welcome[..], welcome_too], [b"#WELCOME#"; 2]);
}

#[test]
fn no_message_is_longer_than_promised() {
    let mut longest = 0;
    for digest in Digest::ALL {
        let policy = Policy::COMPAT.challenge_with(digest);
        let listener = begin(Role::Listener, KEY, &policy, 1);
        let (.., sent) = converse(listener, begin(Role::Client, KEY, &policy, 2));
        longest = sent.iter().map(Vec::len).max().max(Some(longest)).unwrap();
    }
    assert_eq!(longest, 61, "as the docs of `ToSend::message` say");
    assert_eq!(Message::MAX, longest, "and no byte is kept for nothing");
}

#[test]
fn one_way_turns() {
    for role in ROLES {
        let rng = &mut Seeded::new(1);
        let delivering: Step<Dialect> =
            Handshake::delivering(KEY, role, &Policy::COMPAT, rng).unwrap();
        let answering: Step<Dialect> =
            Handshake::answering(KEY, other(role), &Policy::COMPAT, rng).unwrap();
        let (delivered, answered, sent) = converse(delivering, answering);
        let dialect = Dialect::Prefixed(Digest::Sha256);
        assert_eq!((delivered, answered), (Outcome::Done(dialect), Outcome::Done(dialect)));
        assert_eq!(sent.len(), 3);
        assert_eq!(sent[0].ends_with(&CLIENT_MARK), role == Role::Client);
    }
}

#[test]
fn one_way_turns_with_two_keys() {
    let rng = &mut Seeded::new(1);
    let policy = Policy::COMPAT.challenge_with(Digest::Sha3_384);
    let another: &[u8] = b"another";
    let delivering: Step<Dialect> =
        Handshake::delivering(KEY, Role::Listener, &policy, rng).unwrap();
    let answering: Step<Dialect> =
        Handshake::answering(another, Role::Client, &policy, rng).unwrap();
    let (delivered, answered, sent) = converse(delivering, answering);
    assert_eq!(delivered, Outcome::Failed(AuthError::WrongResponse));
    let rejected = AuthError::Rejected { answered: Dialect::Prefixed(Digest::Sha3_384) };
    assert_eq!(answered, Outcome::Failed(rejected));
    assert_eq!(sent[2], FAILURE);
}

/// The two halves of Python's own handshake, each on its own, make up the whole one.
#[test]
fn one_way_turns_make_a_whole() {
    let rng = &mut Seeded::new(1);
    let listener = begin(Role::Listener, KEY, &Policy::COMPAT, 2);
    let mut messages = vec![];
    let mut peer: Step<Dialect> =
        Handshake::answering(KEY, Role::Client, &Policy::COMPAT, rng).unwrap();
    let mut ours = listener;
    let (mut to_peer, mut to_us, mut turns) = (vec![], vec![], 0);
    for _ in 0..2 * MOST_STEPS {
        ours = go_on(ours, &mut to_us, &mut to_peer, &mut messages).unwrap();
        peer = go_on(peer, &mut to_peer, &mut to_us, &mut messages).unwrap();
        if let (Handshake::Done(_), 0) = (&peer, turns) {
            turns += 1;
            peer = Handshake::delivering(KEY, Role::Client, &Policy::COMPAT, rng).unwrap();
        }
    }
    assert!(matches!((ours, peer), (Handshake::Done(_), Handshake::Done(_))));
}

#[test]
fn random_bytes_are_never_used_twice() {
    let rng = &mut Seeded::new(1);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..200 {
        for role in ROLES {
            let challenge = Message::challenge(role, Digest::Sha256, rng).unwrap();
            let nonce = challenge.as_ref()[CHALLENGE.len() + 8..].to_vec();
            assert_eq!(nonce.len(), 40);
            assert_eq!(nonce.ends_with(&CLIENT_MARK), role == Role::Client);
            assert!(seen.insert(nonce[..24].to_vec()), "the random part is new");
        }
    }
}

#[test]
fn a_failing_generator_is_an_error() {
    let error = StartError::Rng(NoEntropy);
    let policy = &Policy::COMPAT;
    assert_eq!(Handshake::accepting(KEY, policy, &mut Failing).unwrap_err(), error);
    assert_eq!(Handshake::connecting(KEY, policy, &mut Failing).unwrap_err(), error);
    for role in ROLES {
        assert_eq!(Handshake::delivering(KEY, role, policy, &mut Failing).unwrap_err(), error);
        assert_eq!(Handshake::answering(KEY, role, policy, &mut Failing).unwrap_err(), error);
    }
    use core::error::Error as _;
    assert_eq!(format!("{}", error.source().unwrap()), "no entropy");
}

#[test]
fn an_empty_key_has_to_be_asked_for() {
    let empty: &[u8] = b"";
    let rng = &mut Seeded::new(1);
    for policy in [Policy::COMPAT, Policy::MODERN, Policy::COMPAT.raw_sha256()] {
        let refused = |error| matches!(error, StartError::EmptyKey);
        assert!(refused(Handshake::accepting(empty, &policy, rng).unwrap_err()));
        assert!(refused(Handshake::connecting(empty, &policy, rng).unwrap_err()));
        for role in ROLES {
            assert!(refused(Handshake::delivering(empty, role, &policy, rng).unwrap_err()));
            assert!(refused(Handshake::answering(empty, role, &policy, rng).unwrap_err()));
        }
        let policy = policy.allow_empty_key();
        let listener = begin(Role::Listener, empty, &policy, 1);
        let ends = converse(listener, begin(Role::Client, empty, &policy, 2));
        assert!(matches!(ends, (Outcome::Done(_), Outcome::Done(_), _)), "{ends:?}");
    }
    // The key is looked at before the generator.
    let error = Handshake::accepting(empty, &Policy::COMPAT, &mut Failing).unwrap_err();
    assert_eq!(error, StartError::EmptyKey);
    assert!(format!("{error}").contains("allow_empty_key"));
}

#[test]
#[should_panic(expected = "the policy refuses MD5")]
fn a_policy_cannot_challenge_with_what_it_refuses() {
    let _ = Policy::MODERN.challenge_with(Digest::Md5);
}

/// What may be printed, and so no byte of a key or challenge.
#[test]
fn debug_shows_the_turn_alone() {
    let show = |step: &Step| format!("{step:?}");
    let listener = begin(Role::Listener, KEY, &Policy::COMPAT, 1);
    assert_eq!(show(&listener), "Send(ToSend { turn: Challenge, .. })");
    let Handshake::Send(step) = listener else { panic!("the listener begins") };
    let challenge = step.message()[CHALLENGE.len()..].to_vec();
    let listener = step.sent().unwrap();
    assert_eq!(show(&listener), "Receive(ToReceive { turn: Response, .. })");
    let Handshake::Receive(step) = listener else { panic!("now the client") };
    let right = response(Dialect::RawMd5, KEY, &challenge);
    let listener = step.receive(&right).unwrap();
    assert_eq!(show(&listener), "Send(ToSend { turn: Welcome(RawMd5), .. })");

    let client = begin(Role::Client, KEY, &Policy::COMPAT, 1);
    assert_eq!(show(&client), "Receive(ToReceive { turn: Challenge, .. })");
    let Handshake::Receive(step) = client else { panic!("the listener begins") };
    let client = step.receive(&modern_challenge()).unwrap();
    assert_eq!(show(&client), "Send(ToSend { turn: Response(Prefixed(Sha256)), .. })");
}
