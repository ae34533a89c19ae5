use std::collections::VecDeque;
use std::vec::Vec;

use super::*;
use crate::testing::{Seeded, some};
use crate::{AuthError, FrameError, Policy};

type Keyed = Connection<&'static [u8]>;

const KEY: &[u8] = b"the key that both sides hold";

fn listener(key: &'static [u8]) -> Keyed {
    let handshake = Handshake::accepting(key, &Policy::COMPAT, &mut Seeded::new(1));
    Connection::new(handshake.unwrap(), 1 << 20)
}

fn client(key: &'static [u8]) -> Keyed {
    let handshake = Handshake::connecting(key, &Policy::COMPAT, &mut Seeded::new(2));
    Connection::new(handshake.unwrap(), 1 << 20)
}

/// Moves at most `most` bytes each way, and returns how many were moved.
fn exchange(one: &mut Keyed, other: &mut Keyed, most: usize) -> usize {
    carry(one, other, most) + carry(other, one, most)
}

fn carry(from: &mut Keyed, to: &mut Keyed, most: usize) -> usize {
    let bytes = from.chunks().concat();
    let room = to.read_buf().into_slice();
    let n = bytes.len().min(most).min(room.len());
    room[..n].copy_from_slice(&bytes[..n]);
    to.received(n);
    from.sent(n);
    n
}

/// All events of a connection until there is none.
fn events(connection: &mut Keyed) -> Vec<ConnectionEvent> {
    std::iter::from_fn(|| connection.poll().unwrap()).collect()
}

#[test]
fn two_authenticate_and_talk_with_any_number_of_bytes_at_a_time() {
    for most in some([1, 2, 7, 64, 100_000]) {
        let (mut one, mut other) = (listener(KEY), client(KEY));
        let mut authenticated = 0;
        let mut moved = 1;
        while moved > 0 {
            for end in [&mut one, &mut other] {
                authenticated += events(end).len();
            }
            moved = exchange(&mut one, &mut other, most);
        }
        assert_eq!(authenticated, 2, "{most}");
        assert!(one.handshake().is_none() && other.handshake().is_none());

        let mut expected = VecDeque::from([std::vec![7; 100_000], Vec::new(), std::vec![8; 5]]);
        for message in &expected {
            one.send(message).unwrap();
        }
        while let Some(message) = expected.front() {
            match other.poll().unwrap() {
                Some(ConnectionEvent::Message) => {
                    assert_eq!(other.message(), message);
                    expected.pop_front();
                }
                None => assert!(carry(&mut one, &mut other, most) > 0),
                event => panic!("{event:?}"),
            }
        }
        other.received_eof();
        assert_eq!(other.poll(), Ok(Some(ConnectionEvent::Ended)));
        assert_eq!(other.poll(), Ok(Some(ConnectionEvent::Ended)));
        let (recv, send) = other.split().unwrap();
        assert!(recv.into_unread().is_some_and(|unread| unread.is_empty()) && send.is_empty());
    }
}

#[test]
fn nothing_is_sent_before_the_handshake_is_done() {
    let mut client = client(KEY);
    assert_eq!(client.send(b"early"), Err(SendError::Unauthenticated));
    assert!(!client.wants_write());
    assert!(client.split().is_none());
    let mut open = Keyed::unauthenticated(10);
    open.send(b"at once").unwrap();
    assert_eq!(open.chunks().concat(), b"\0\0\0\x07at once");
}

#[test]
fn an_error_is_final() {
    let (mut one, mut other) = (listener(KEY), client(b"another key"));
    let mut errors = Vec::new();
    for _ in 0..10 {
        for end in [&mut one, &mut other] {
            if let Err(error) = end.poll() {
                errors.push(error);
            }
        }
        exchange(&mut one, &mut other, 1000);
    }
    assert_eq!(errors[0], ProtocolError::Auth(AuthError::WrongResponse), "the listener's");
    assert!(errors.len() > 10, "every later call returns it");
    assert!(matches!(other.poll(), Err(ProtocolError::Auth(AuthError::Rejected { .. }))));
}

#[test]
fn an_end_within_the_handshake_or_a_message_is_an_error() {
    let mut ended = client(KEY);
    ended.received_eof();
    assert_eq!(ended.poll(), Err(ProtocolError::Ended));
    for (mut connection, bytes) in
        [(client(KEY), &b"\0\0\0\x09#CHAL"[..]), (Keyed::unauthenticated(10), b"\0\0\0\x09hello")]
    {
        assert_eq!(connection.poll(), Ok(None));
        connection.read_buf().into_slice()[..bytes.len()].copy_from_slice(bytes);
        connection.received(bytes.len());
        connection.received_eof();
        let missing = 4;
        let truncated = FrameError::TruncatedPayload { missing };
        assert_eq!(connection.poll(), Err(ProtocolError::Frame(truncated)));
    }
}

#[test]
fn what_was_read_before_the_end_comes_before_it() {
    let mut connection = Keyed::unauthenticated(10);
    assert_eq!(connection.poll(), Ok(None));
    connection.read_buf().into_slice()[..6].copy_from_slice(b"\0\0\0\x02hi");
    connection.received(6);
    connection.received_eof();
    assert_eq!(connection.poll(), Ok(Some(ConnectionEvent::Message)));
    assert_eq!(connection.message(), b"hi");
    assert_eq!(connection.poll(), Ok(Some(ConnectionEvent::Ended)));
}

/// Completes a write of one connection and a read of the other, of at most `most` bytes each.
fn complete<K: AsRef<[u8]>>(from: &mut Connection<K>, to: &mut Connection<K>, most: usize) -> bool {
    let Some((bytes, start)) = from.start_write() else { return false };
    let (mut memory, at) = to.start_read();
    assert_eq!(to.poll().unwrap(), None, "the memory is in flight");
    let n = (bytes.len() - start).min(memory.len() - at).min(most);
    memory[at..at + n].copy_from_slice(&bytes[start..start + n]);
    // As some transports do.
    memory.truncate(at + n);
    to.finish_read(memory, n);
    from.finish_write(bytes, n);
    true
}

#[test]
fn a_completion_loop_moves_every_byte_once() {
    for most in [1, 3, 100, 70_000, usize::MAX] {
        let (mut client, mut server) = (client(KEY), listener(KEY));
        let sizes = [0, 1, 300, 70_000, 500_000];
        let sizes = if most < 100 { &sizes[..3] } else { &sizes };
        let (mut received, mut authenticated) = (Vec::new(), 0);
        while received.len() < sizes.len() {
            while let Some(event) = client.poll().unwrap() {
                assert!(matches!(event, ConnectionEvent::Authenticated(_)));
                authenticated += 1;
                for &size in sizes {
                    client.send(&std::vec![7; size]).unwrap();
                }
            }
            while let Some(event) = server.poll().unwrap() {
                match event {
                    ConnectionEvent::Message => received.push(server.message().len()),
                    _ => authenticated += 1,
                }
            }
            let to_server = complete(&mut client, &mut server, most);
            let to_client = complete(&mut server, &mut client, most);
            assert!(to_server || to_client || received.len() == sizes.len());
        }
        assert_eq!((&received[..], authenticated), (sizes, 2));
    }
}

#[test]
fn memory_in_flight_is_missed() {
    let mut connection = Connection::<Vec<u8>>::unauthenticated(1 << 20);
    connection.send(b"one").unwrap();
    drop(connection.start_write());
    assert!(connection.wants_write());
    let panics = |act: &mut dyn FnMut()| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).is_err()
    };
    assert!(panics(&mut || drop(connection.start_write())));
    drop(connection.start_read());
    assert!(panics(&mut || drop(connection.start_read())));
    let (recv, mut send) = connection.split().unwrap();
    send.abandon();
    assert_eq!(send.push(b"two"), Err(SendError::Poisoned));
    assert_eq!(recv.into_unread(), None);
}
