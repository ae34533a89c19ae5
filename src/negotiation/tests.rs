use std::collections::VecDeque;
use std::{format, vec};

use super::*;
use crate::testing::{Seeded, response, some};
use crate::{AuthError, Dialect, Digest, FrameError, Phase, Policy};

const KEY: &[u8] = b"the key that both sides hold";

type Bytes = VecDeque<u8>;

/// One end: what it hears, what it says, and how many bytes move at a time.
struct End {
    negotiation: Negotiation<&'static [u8]>,
    inbox: Inbox,
}

impl End {
    fn listener(key: &'static [u8]) -> Self {
        let handshake = Handshake::accepting(key, &Policy::COMPAT, &mut Seeded::new(1));
        Self { negotiation: Negotiation::new(handshake.unwrap()), inbox: Inbox::new() }
    }

    fn client(key: &'static [u8]) -> Self {
        let handshake = Handshake::connecting(key, &Policy::COMPAT, &mut Seeded::new(2));
        Self { negotiation: Negotiation::new(handshake.unwrap()), inbox: Inbox::new() }
    }

    /// Moves `most` bytes at a time, and no more in all than there are and `room` allows.
    fn drive(
        &mut self,
        hears: &mut Bytes,
        says: &mut Bytes,
        most: usize,
        mut room: usize,
    ) -> Result<Option<Authenticated>, Error> {
        self.negotiation.drive(&mut self.inbox, |operation| {
            let moved = match operation {
                Operation::Write(bytes) => {
                    let n = bytes.len().min(most).min(room);
                    says.extend(&bytes[..n]);
                    room -= n;
                    n
                }
                Operation::Read(space) => {
                    let space = space.into_slice();
                    let n = hears.len().min(most).min(space.len());
                    space.iter_mut().zip(hears.drain(..n)).for_each(|(byte, heard)| *byte = heard);
                    n
                }
            };
            Ok(Some(moved).filter(|&moved| moved > 0))
        })
    }
}

fn frame(payload: &[u8]) -> Bytes {
    [&u32::try_from(payload.len()).unwrap().to_be_bytes(), payload].concat().into()
}

#[test]
fn two_get_on_with_any_number_of_bytes_at_a_time() {
    for most in some([1, 2, 3, 7, 64, 1000]) {
        for room in [most, 1000] {
            let (mut listener, mut client) = (End::listener(KEY), End::client(KEY));
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
    assert!(listener.negotiation.wants_write() && !client.negotiation.wants_write());
    assert!(!listener.negotiation.is_half_sent());
    let (mut to_listener, mut to_client) = (Bytes::new(), Bytes::new());

    assert_eq!(listener.drive(&mut to_listener, &mut to_client, 9, 0).unwrap(), None);
    assert!(listener.negotiation.wants_write() && !listener.negotiation.is_half_sent());
    assert_eq!(listener.drive(&mut to_listener, &mut to_client, 9, 9).unwrap(), None);
    assert!(listener.negotiation.wants_write() && listener.negotiation.is_half_sent());
    assert_eq!(listener.drive(&mut to_listener, &mut to_client, 99, 99).unwrap(), None);
    assert!(!listener.negotiation.wants_write() && !listener.negotiation.is_half_sent());

    assert_eq!(client.drive(&mut to_client, &mut to_listener, 99, 99).unwrap(), None);
    assert!(!listener.negotiation.peer_is_proved());
    assert_eq!(listener.drive(&mut to_listener, &mut to_client, 99, 1).unwrap(), None);
    assert!(listener.negotiation.peer_is_proved());
    assert!(format!("{:?}", listener.negotiation).contains("Welcome"));
}

#[test]
fn a_wrong_peer_is_told_and_then_it_ends() {
    let (mut listener, mut client) = (End::listener(KEY), End::client(b"another"));
    let (mut to_listener, mut to_client) = (Bytes::new(), Bytes::new());
    assert_eq!(listener.drive(&mut to_listener, &mut to_client, 99, 99).unwrap(), None);
    assert_eq!(client.drive(&mut to_client, &mut to_listener, 99, 99).unwrap(), None);
    let error = listener.drive(&mut to_listener, &mut to_client, 99, 99).unwrap_err();
    assert!(matches!(error, Error::Auth(AuthError::WrongResponse)));
    assert_eq!(to_client, frame(b"#FAILURE#"));
    let error = client.drive(&mut to_client, &mut to_listener, 99, 99).unwrap_err();
    let answered = Dialect::Prefixed(Digest::Sha256);
    assert!(matches!(error, Error::Auth(AuthError::Rejected { answered: how }) if how == answered));
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
fn why_a_peer_is_rejected_says_more_than_that_it_cannot_be_told() {
    let end = |moved: fn() -> io::Result<Option<usize>>| {
        let mut listener = about_to_fail();
        let error = listener.negotiation.drive(&mut listener.inbox, |_| moved()).unwrap_err();
        assert!(matches!(error, Error::Auth(AuthError::WrongResponse)), "{error}");
    };
    end(|| Err(io::ErrorKind::ConnectionReset.into()));
    end(|| Ok(Some(0)));
    let given_up = about_to_fail().negotiation.give_up();
    assert!(matches!(given_up, Error::Auth(AuthError::WrongResponse)));
}

#[test]
fn a_transport_that_fails_ends_it() {
    let mut listener = End::listener(KEY);
    let nothing = listener.negotiation.drive(&mut listener.inbox, |_| Ok(Some(0))).unwrap_err();
    assert!(matches!(nothing, Error::Io(error) if error.kind() == io::ErrorKind::WriteZero));
    let mut listener = End::listener(KEY);
    let reset = || Err(io::ErrorKind::ConnectionReset.into());
    let failed = listener.negotiation.drive(&mut listener.inbox, |_| reset()).unwrap_err();
    assert!(matches!(failed, Error::Io(error) if error.kind() == io::ErrorKind::ConnectionReset));

    let mut client = End::client(KEY);
    let ended = client.negotiation.drive(&mut client.inbox, |_| Ok(Some(0))).unwrap_err();
    assert!(matches!(ended, Error::Ended));
    let mut client = End::client(KEY);
    let mut long = Bytes::from([0, 0, 1, 1]);
    let error = client.drive(&mut long, &mut Bytes::new(), 99, 99).unwrap_err();
    let too_long = FrameError::TooLong { length: 257, max: 256 };
    assert!(matches!(error, Error::Frame(found) if found == too_long));
}

#[test]
fn given_up_it_took_too_long() {
    for end in [End::listener(KEY), End::client(KEY)] {
        let given_up = end.negotiation.give_up();
        assert!(matches!(given_up, Error::TimedOut(Phase::Handshake)));
    }
}

#[test]
#[should_panic(expected = "driven past its end")]
fn is_not_driven_past_its_end() {
    let mut client = End::client(KEY);
    let mut junk = frame(b"junk");
    assert!(client.drive(&mut junk, &mut Bytes::new(), 99, 99).is_err());
    let _ = client.drive(&mut junk, &mut Bytes::new(), 99, 99);
}

#[test]
fn operations_are_printed_without_their_bytes() {
    assert_eq!(format!("{:?}", Operation::Write(b"abcde")), "Write(5 bytes)");
    let mut bytes = vec![0; 7];
    let read = Operation::Read(Space::Slice(&mut bytes));
    assert_eq!(format!("{read:?}"), "Read(Slice(7 bytes))");
}
