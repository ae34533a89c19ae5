use std::collections::VecDeque;
use std::{format, vec};

use super::*;
use crate::testing::{Seeded, response, some};
use crate::{Dialect, Digest, Policy};

const KEY: &[u8] = b"the key that both sides hold";

type Bytes = VecDeque<u8>;

/// One end of a connection, and its state.
struct End {
    driver: HandshakeDriver<&'static [u8]>,
    recv: RecvBuffer,
    send: SendBuffer,
}

impl End {
    fn new(handshake: Handshake<&'static [u8]>) -> Self {
        let recv = RecvBuffer::new(MAX_MESSAGE as u64);
        Self { driver: HandshakeDriver::new(handshake), recv, send: SendBuffer::new() }
    }

    fn listener(key: &'static [u8]) -> Self {
        Self::new(Handshake::accepting(key, &Policy::COMPAT, &mut Seeded::new(1)).unwrap())
    }

    fn client(key: &'static [u8]) -> Self {
        Self::new(Handshake::connecting(key, &Policy::COMPAT, &mut Seeded::new(2)).unwrap())
    }

    fn poll(&mut self) -> Result<Progress<Authenticated>, ProtocolError> {
        self.driver.poll(&mut self.recv, &mut self.send)
    }

    /// A part of a message was written, and its rest was not.
    fn is_inside(&self) -> bool {
        let left = self.driver.chunks(&self.send).concat().len();
        self.driver.begun != Begun::No && !self.send.is_empty() && left < 4 + self.message().len()
    }

    fn message(&self) -> &[u8] {
        match &self.driver.handshake {
            Some(Handshake::Send(step)) => step.message(),
            _ => b"",
        }
    }

    /// Moves `most` bytes at a time, and no more in all than there are and `room` allows.
    fn drive(
        &mut self,
        incoming: &mut Bytes,
        outgoing: &mut Bytes,
        most: usize,
        mut room: usize,
    ) -> Result<Option<Authenticated>, ProtocolError> {
        loop {
            let moved = match self.poll()? {
                Progress::Done(proof) => return Ok(Some(proof)),
                Progress::Write => {
                    let bytes = self.driver.chunks(&self.send).concat();
                    let n = bytes.len().min(most).min(room);
                    outgoing.extend(&bytes[..n]);
                    room -= n;
                    self.send.advance(n);
                    n
                }
                Progress::Read => {
                    let room = self.recv.read_buf().into_slice();
                    let n = incoming.len().min(most).min(room.len());
                    room.iter_mut().zip(incoming.drain(..n)).for_each(|(to, byte)| *to = byte);
                    self.recv.advance(n);
                    n
                }
            };
            if moved == 0 {
                return Ok(None);
            }
        }
    }
}

fn frame(payload: &[u8]) -> Bytes {
    [&u32::try_from(payload.len()).unwrap().to_be_bytes(), payload].concat().into()
}

#[test]
fn two_get_on_with_any_number_of_bytes_at_a_time() {
    for most in some([1, 2, 3, 7, 64, 1000]) {
        for (room, pipelines) in [(most, false), (1000, false), (most, true), (1000, true)] {
            let (mut listener, mut client) = (End::listener(KEY), End::client(KEY));
            client.driver.set_pipelining(pipelines);
            let (mut to_listener, mut to_client) = (Bytes::new(), Bytes::new());
            let (mut at_listener, mut at_client) = (None, None);
            // A handshake has fewer bytes than this.
            for _ in 0..400 {
                if at_listener.is_none() {
                    let went = listener.drive(&mut to_listener, &mut to_client, most, room);
                    at_listener = went.unwrap();
                }
                if at_client.is_none() {
                    let went = client.drive(&mut to_client, &mut to_listener, most, room);
                    at_client = went.unwrap();
                }
            }
            assert!(at_listener.is_some() && at_listener == at_client, "{most} {room}");
        }
    }
}

#[test]
fn tells_what_it_waits_for() {
    let (mut listener, mut client) = (End::listener(KEY), End::client(KEY));
    assert!(listener.driver.wants_write() && !client.driver.wants_write());
    assert!(!listener.is_inside());
    let (mut to_listener, mut to_client) = (Bytes::new(), Bytes::new());

    assert_eq!(listener.drive(&mut to_listener, &mut to_client, 9, 0).unwrap(), None);
    assert!(listener.driver.wants_write() && !listener.is_inside());
    assert_eq!(listener.drive(&mut to_listener, &mut to_client, 9, 9).unwrap(), None);
    assert!(listener.driver.wants_write() && listener.is_inside());
    assert_eq!(listener.drive(&mut to_listener, &mut to_client, 99, 99).unwrap(), None);
    assert!(!listener.driver.wants_write() && !listener.is_inside());

    assert_eq!(client.drive(&mut to_client, &mut to_listener, 99, 99).unwrap(), None);
    assert!(!listener.driver.is_peer_authenticated());
    assert_eq!(listener.drive(&mut to_listener, &mut to_client, 99, 1).unwrap(), None);
    assert!(listener.driver.is_peer_authenticated());
    assert!(format!("{:?}", listener.driver).contains("Welcome"));
}

#[test]
fn a_wrong_peer_is_told_and_then_it_ends() {
    let (mut listener, mut client) = (End::listener(KEY), End::client(b"another"));
    let (mut to_listener, mut to_client) = (Bytes::new(), Bytes::new());
    assert_eq!(listener.drive(&mut to_listener, &mut to_client, 99, 99).unwrap(), None);
    assert_eq!(client.drive(&mut to_client, &mut to_listener, 99, 99).unwrap(), None);
    let error = listener.drive(&mut to_listener, &mut to_client, 99, 99).unwrap_err();
    assert!(matches!(error, ProtocolError::Auth(AuthError::WrongResponse)));
    assert_eq!(to_client, frame(b"#FAILURE#"));
    let error = client.drive(&mut to_client, &mut to_listener, 99, 99).unwrap_err();
    let answered = Dialect::Prefixed(Digest::Sha256);
    assert!(
        matches!(error, ProtocolError::Auth(AuthError::Rejected { answered: how }) if how == answered)
    );
}

/// A listener that is to say `#FAILURE#`, and cannot for now.
fn about_to_fail() -> End {
    let mut listener = End::listener(KEY);
    let mut heard = Bytes::new();
    assert_eq!(listener.drive(&mut heard, &mut Bytes::new(), 99, 99).unwrap(), None);
    let mut wrong = frame(&response(Dialect::RawMd5, b"another", b""));
    assert_eq!(listener.drive(&mut wrong, &mut Bytes::new(), 99, 0).unwrap(), None);
    listener
}

#[test]
fn why_a_peer_is_to_be_rejected_is_known_before_it_is_told() {
    let mut listener = about_to_fail();
    assert_eq!(listener.driver.failure(), Some(AuthError::WrongResponse));
    assert!(listener.driver.wants_write());
    let mut told = Bytes::new();
    let error = listener.drive(&mut Bytes::new(), &mut told, 99, 99).unwrap_err();
    assert_eq!(error, ProtocolError::Auth(AuthError::WrongResponse));
    assert_eq!(told, frame(b"#FAILURE#"));
    assert_eq!(End::listener(KEY).driver.failure(), None);
    assert_eq!(End::client(KEY).driver.failure(), None);
}

#[test]
fn a_message_over_the_limit_of_the_handshake_ends_it() {
    let mut client = End::client(KEY);
    client.recv.set_max(u64::MAX);
    let mut long = Bytes::from([0, 0, 1, 1]);
    let error = client.drive(&mut long, &mut Bytes::new(), 99, 99).unwrap_err();
    assert_eq!(error, ProtocolError::Auth(AuthError::MessageTooLong { length: 257 }));
}

#[test]
fn what_was_buffered_before_goes_first() {
    let mut listener = End::listener(KEY);
    listener.send.push(b"before").unwrap();
    let mut said = Bytes::new();
    assert_eq!(listener.drive(&mut Bytes::new(), &mut said, 99, 99).unwrap(), None);
    let said = Vec::from(said);
    assert!(said.starts_with(b"\0\0\0\x06before\0\0\0"), "{said:?}");
    assert!(said[14..].starts_with(b"#CHALLENGE#"), "{said:?}");
}

#[test]
#[should_panic(expected = "polled after its end")]
fn is_not_polled_past_its_end() {
    let mut client = End::client(KEY);
    let mut junk = frame(b"junk");
    assert!(client.drive(&mut junk, &mut Bytes::new(), 99, 99).is_err());
    let _ = client.drive(&mut junk, &mut Bytes::new(), 99, 99);
}

fn pipelining(key: &'static [u8]) -> End {
    let mut client = End::client(key);
    client.driver.set_pipelining(true);
    client
}

/// The first bytes of the messages that each side writes before it has to wait for the other.
fn turns(mut listener: End, mut client: End) -> Vec<Vec<&'static str>> {
    let (mut to_listener, mut to_client) = (Bytes::new(), Bytes::new());
    let mut turns = Vec::new();
    let (mut listens, mut calls) = (true, true);
    while listens {
        let went = listener.drive(&mut to_listener, &mut to_client, 1000, 1000);
        listens = went.is_ok_and(|proof| proof.is_none());
        turns.push(to_client.clone());
        if calls {
            let went = client.drive(&mut to_client, &mut to_listener, 1000, 1000);
            calls = went.is_ok_and(|proof| proof.is_none());
            turns.push(to_listener.clone());
        }
    }
    let kinds = ["#CHALLENGE#", "#WELCOME#", "#FAILURE#", "{sha256}"];
    let messages = |turn: Bytes| {
        let bytes = Vec::from(turn);
        let mut messages = Vec::new();
        let mut rest = &bytes[..];
        while let [0, 0, 0, length, behind @ ..] = rest {
            let (message, behind) = behind.split_at(usize::from(*length));
            messages.extend(kinds.into_iter().filter(|kind| message.starts_with(kind.as_bytes())));
            rest = behind;
        }
        messages
    };
    turns.into_iter().map(messages).filter(|turn| !turn.is_empty()).collect()
}

#[test]
fn a_client_that_pipelines_halves_the_turns() {
    let one_by_one = [
        ["#CHALLENGE#"],
        ["{sha256}"],
        ["#WELCOME#"],
        ["#CHALLENGE#"],
        ["{sha256}"],
        ["#WELCOME#"],
    ];
    assert_eq!(turns(End::listener(KEY), End::client(KEY)), one_by_one);
    let pipelined = [
        vec!["#CHALLENGE#"],
        vec!["{sha256}", "#CHALLENGE#"],
        vec!["#WELCOME#", "{sha256}"],
        vec!["#WELCOME#"],
    ];
    assert_eq!(turns(End::listener(KEY), pipelining(KEY)), pipelined);
}

/// Only a peer that has proved its key gets a MAC, whatever it sends ahead.
#[test]
fn a_wrong_peer_that_pipelines_gets_no_mac() {
    let refused = [vec!["#CHALLENGE#"], vec!["{sha256}", "#CHALLENGE#"], vec!["#FAILURE#"]];
    assert_eq!(turns(End::listener(KEY), pipelining(b"another")), refused);
}

/// One direction alone has no message to send ahead, and neither has a listener.
#[test]
fn only_clients_are_ahead() {
    let challenge = |from: &Handshake<&'static [u8]>| match from {
        Handshake::Send(step) => step.message().to_vec(),
        other => panic!("{other:?}"),
    };
    let listener = Handshake::accepting(KEY, &Policy::COMPAT, &mut Seeded::new(1)).unwrap();
    let Handshake::Send(first) = &listener else { panic!("{listener:?}") };
    assert_eq!(first.ahead(), None);
    let message = challenge(&listener);
    let rng = &mut Seeded::new(2);
    let answering = Handshake::answering(KEY, crate::Role::Client, &Policy::COMPAT, rng).unwrap();
    let Handshake::Receive(step) = answering else { panic!("{answering:?}") };
    let Handshake::Send(response) = step.receive(&message).unwrap() else { panic!("no response") };
    assert_eq!(response.ahead(), None);
}

/// The last message is written, and not kept for one that comes after the handshake.
#[test]
fn the_last_verdict_does_not_wait_for_what_is_behind() {
    for pipelines in [false, true] {
        let (mut listener, mut client) = (End::listener(KEY), End::client(KEY));
        client.driver.set_pipelining(pipelines);
        let (mut to_listener, mut to_client) = (Bytes::new(), Bytes::new());
        // Until the listener has written its response, which is its last word.
        for _ in 0..if pipelines { 1 } else { 2 } {
            assert_eq!(listener.drive(&mut to_listener, &mut to_client, 999, 999).unwrap(), None);
            assert_eq!(client.drive(&mut to_client, &mut to_listener, 999, 999).unwrap(), None);
        }
        assert_eq!(listener.drive(&mut to_listener, &mut to_client, 999, 999).unwrap(), None);
        to_client.extend(frame(b"a message behind it"));
        let proof = client.drive(&mut to_client, &mut to_listener, 1000, 1000).unwrap();
        assert!(proof.is_some() && client.send.is_empty());
        assert_eq!(to_listener, frame(b"#WELCOME#"));
    }
}

/// What the peer sends ahead may arrive while a message is being written: it is neither lost nor sent
/// twice.
#[test]
fn bytes_arrive_while_a_verdict_is_written() {
    for written in 0..=13 {
        let (mut listener, mut client) = (End::listener(KEY), pipelining(KEY));
        let (mut to_listener, mut to_client) = (Bytes::new(), Bytes::new());
        assert_eq!(listener.drive(&mut to_listener, &mut to_client, 999, 999).unwrap(), None);
        assert_eq!(client.drive(&mut to_client, &mut to_listener, 999, 999).unwrap(), None);
        // The response alone, and a part of the verdict.
        let mut response: Bytes = to_listener.drain(..44).collect();
        assert_eq!(listener.drive(&mut response, &mut to_client, 999, 0).unwrap(), None);
        assert!(matches!(listener.poll(), Ok(Progress::Write)));
        let verdict = listener.driver.chunks(&listener.send).concat();
        to_client.extend(&verdict[..written]);
        listener.send.advance(written);
        // The challenge, before the rest of the verdict.
        let challenge = to_listener.make_contiguous().to_vec();
        if written < verdict.len() {
            listener.recv.read_buf().into_slice()[..challenge.len()].copy_from_slice(&challenge);
            listener.recv.advance(challenge.len());
            to_listener.clear();
        }
        let mut at_client = None;
        for _ in 0..3 {
            let at_listener = listener.drive(&mut to_listener, &mut to_client, 999, 999).unwrap();
            if at_client.is_none() {
                at_client = client.drive(&mut to_client, &mut to_listener, 999, 999).unwrap();
            }
            if at_listener.is_some() {
                break;
            }
        }
        assert!(at_client.is_some(), "{written}");
    }
}

/// The verdict on the response is sent, although the challenge behind it is refused.
#[test]
fn a_refused_challenge_does_not_take_the_verdict_with_it() {
    let mut listener = End::listener(KEY);
    let (mut to_listener, mut to_client) = (Bytes::new(), Bytes::new());
    assert_eq!(listener.drive(&mut to_listener, &mut to_client, 999, 999).unwrap(), None);
    let challenge = Vec::from(to_client.split_off(4 + CHALLENGE_PREFIX.len()));
    to_listener.extend(frame(&response(Dialect::RawMd5, KEY, &challenge)));
    to_listener.extend(frame(b"#CHALLENGE#too short"));
    to_client.clear();
    assert_eq!(listener.drive(&mut to_listener, &mut to_client, 999, 0).unwrap(), None);
    assert!(listener.driver.wants_write());
    assert!(listener.driver.failure().is_some());
    let error = listener.drive(&mut to_listener, &mut to_client, 999, 999).unwrap_err();
    assert!(matches!(error, ProtocolError::Auth(AuthError::ChallengeTooShort { .. })), "{error:?}");
    assert_eq!(to_client, frame(b"#WELCOME#"));
}

const CHALLENGE_PREFIX: &[u8] = b"#CHALLENGE#";
