//! Faults at every byte of a handshake, both roles: the right result or the expected typed error, in
//! bounded steps.
//!
//! An interruption is here what a stream reports as `ErrorKind::Interrupted`; `signals.rs` has real
//! signals.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::io::IoSlice;

use super::adapter::{
    AuthError, AuthKey, ConnectOptions, Connection, Error, ListenerOptions, Policy, ReadWrite,
    Role, SysRng, Transport,
};
use mpconn::{Handshake, HandshakeDriver, MAX_MESSAGE, RecvBuffer, SendBuffer};
use mpconn_sockets::{Operation, drive};
use mpconn_tests::script::{
    Authenticating, Fault, HANDSHAKE, Plan, Way, Wire, check, end_at, plans,
};
use mpconn_tests::scripted::{Scripted, Stream};
use mpconn_tests::stall::bounded;
use mpconn_tests::wire::frame;

const KEY: &[u8] = b"a key of more than 16 bytes";

/// More than any of these takes, moved byte by byte with a fault before each.
const STEPS: usize = 1000;

const GREETING: &[u8] = b"the first message";

fn peer(role: Role, key: &[u8]) -> Authenticating {
    let handshake = match role {
        Role::Listener => Handshake::accepting(key.to_owned(), &Policy::COMPAT, &mut SysRng),
        Role::Client => Handshake::connecting(key.to_owned(), &Policy::COMPAT, &mut SysRng),
    };
    Authenticating::new(handshake.unwrap(), frame(GREETING))
}

fn other(role: Role) -> Role {
    if role == Role::Client { Role::Listener } else { Role::Client }
}

fn authenticate<T: Transport>(role: Role, transport: T) -> Result<Connection<T>, Error> {
    let key = AuthKey::new(KEY);
    match role {
        Role::Listener => ListenerOptions::with_key(key).authenticate(transport),
        Role::Client => ConnectOptions::with_key(key).authenticate(transport),
    }
}

/// The handshake and the first message behind it.
fn converse<T: Transport>(role: Role, transport: T) -> Result<(), Error> {
    let mut connection = authenticate(role, transport)?;
    assert!(connection.authenticated().is_some());
    // The greeting comes with the last message of the handshake, or right behind it.
    assert_eq!(connection.recv_bytes()?, GREETING);
    Ok(())
}

/// The payloads of each way's messages, in a handshake of `role`.
fn handshake_messages(role: Role, way: Way) -> &'static [usize] {
    // A challenge has 59 bytes, a response with SHA-256 has 40, a verdict 9.
    match (role, way) {
        (Role::Listener, Way::Out) | (Role::Client, Way::In) => &[59, 9, 40],
        (Role::Listener, Way::In) | (Role::Client, Way::Out) => &[40, 59, 9],
    }
}

fn length(messages: &[usize]) -> usize {
    messages.iter().map(|payload| 4 + payload).sum()
}

fn handshakes(role: Role, interrupted: bool, converse: impl Fn(Scripted) -> Result<(), Error>) {
    for plan in plans(|way| length(handshake_messages(role, way)), interrupted) {
        let wire = Wire::new(peer(other(role), KEY), Some(plan), STEPS);
        let result = converse(Scripted::new(wire));
        let end = plan.at.map_or(Ok(()), |at| end_at(handshake_messages(role, plan.way), at));
        check(plan, &result, end, HANDSHAKE);
    }
}

#[test]
fn the_handshake_is_as_long_as_the_plans_take_it_to_be() {
    for role in [Role::Listener, Role::Client] {
        let scripted = Scripted::new(Wire::new(peer(other(role), KEY), None, STEPS));
        converse(role, scripted.clone()).unwrap();
        let messages = handshake_messages(role, Way::Out);
        assert_eq!(scripted.wire().moved(Way::Out), length(messages));
        let messages = handshake_messages(role, Way::In);
        let greeting = 4 + GREETING.len();
        assert_eq!(scripted.wire().moved(Way::In), length(messages) + greeting);
    }
}

#[test]
fn a_handshake_with_a_fault_at_every_byte() {
    for role in [Role::Listener, Role::Client] {
        bounded(move || handshakes(role, false, |scripted| converse(role, scripted)));
    }
}

#[test]
fn a_handshake_over_a_stream_that_is_interrupted_at_every_byte() {
    for role in [Role::Listener, Role::Client] {
        bounded(move || {
            handshakes(role, true, |scripted| converse(role, ReadWrite::new(Stream(scripted))));
        });
    }
}

/// What a readiness loop sees: the transport has nothing more for now, at each byte in turn, and
/// the handshake is gone on with later.
#[test]
fn a_handshake_that_pauses_before_every_byte() {
    for role in [Role::Listener, Role::Client] {
        let all = [Way::In, Way::Out].map(|way| Plan { way, at: None, fault: Fault::Later });
        let each = plans(|way| length(handshake_messages(role, way)), false);
        for plan in each.into_iter().filter(|plan| plan.fault == Fault::Later).chain(all) {
            let wire = Wire::new(peer(other(role), KEY), Some(plan), STEPS);
            let handshake = match role {
                Role::Listener => Handshake::accepting(KEY, &Policy::COMPAT, &mut SysRng),
                Role::Client => Handshake::connecting(KEY, &Policy::COMPAT, &mut SysRng),
            };
            let mut driver = HandshakeDriver::<_>::new(handshake.unwrap());
            let (mut recv, mut send) = (RecvBuffer::new(MAX_MESSAGE as u64), SendBuffer::new());
            let transport = Scripted::new(wire);
            let mut pauses = 0;
            loop {
                let done = drive(&mut driver, &mut recv, &mut send, |operation| match operation {
                    Operation::Write(bytes) => transport.write(&[IoSlice::new(bytes)]),
                    Operation::Read(space) => transport.read(space),
                });
                match done.unwrap() {
                    Some(_) => break,
                    None => pauses += 1,
                }
            }
            assert!(pauses > 0, "{plan:?}");
        }
    }
}

/// That the peer is rejected says more than that it could not be told so.
#[test]
fn a_rejection_with_a_fault_at_every_byte() {
    let out = [59, 9];
    for plan in plans(|way| if way == Way::Out { length(&out) } else { 0 }, false) {
        let wire = Wire::new(peer(Role::Client, b"another key"), Some(plan), STEPS);
        let result = authenticate(Role::Listener, Scripted::new(wire)).map(|_| ());
        if plan.at.is_none_or(|at| at >= length(&out[..1]) || plan.fault == Fault::Short) {
            assert!(
                matches!(result, Err(Error::Auth(AuthError::WrongResponse))),
                "{plan:?} gave {result:?}"
            );
        } else {
            check(plan, &result, Ok(()), HANDSHAKE);
        }
    }
    let wire = Wire::new(peer(Role::Listener, b"another key"), None, STEPS);
    let result = authenticate(Role::Client, Scripted::new(wire)).map(|_| ());
    assert!(matches!(result, Err(Error::Auth(AuthError::Rejected { .. }))), "{result:?}");
}
