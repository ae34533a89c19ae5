//! A connection closed, taken apart, and put together again.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;

use mpconn_blocking::{Connection, Error, Phase, Receiver, one_way_pipe, pipe};
use mpconn_tests::content::message;
use mpconn_tests::over::{Over, SHORT, pairs};
use mpconn_tests::stall::bounded;
use mpconn_tests::wire::frame;

#[test]
fn after_a_close_everything_says_so() {
    for (mut one, mut other) in pairs() {
        assert!(!one.is_closed() && one.is_readable() && one.is_writable() && one.fd().is_some());
        other.send_bytes(b"never received").unwrap();
        one.close();
        one.close();
        assert!(one.is_closed() && !one.is_readable() && !one.is_writable() && one.fd().is_none());
        assert!(matches!(one.send_bytes(b""), Err(Error::Closed)));
        assert!(matches!(one.send_many([b""]), Err(Error::Closed)));
        assert!(matches!(one.recv_bytes(), Err(Error::Closed)));
        assert!(matches!(one.recv_borrowed(), Err(Error::Closed)));
        assert!(matches!(one.recv_bytes_into(&mut []), Err(Error::Closed)));
        assert!(matches!(one.recv_bytes_to(&mut Vec::new()), Err(Error::Closed)));
        assert!(matches!(one.poll(None), Err(Error::Closed)));
        assert!(one.into_parts().is_none());
        // TCP tells of what was thrown away with a reset.
        match other.recv_bytes() {
            Err(Error::Ended) => {}
            Err(Error::Io(error)) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn halves_in_two_threads() {
    for (one, other) in pairs() {
        bounded(move || {
            let (mut receiver, mut sender) = one.split();
            let echo = thread::spawn(move || {
                let (mut receiver, mut sender) = other.split();
                let sending = thread::spawn(move || {
                    // Both sides send more than the kernel holds, at the same time.
                    (0..50).for_each(|n| sender.send_bytes(&message(n, 200_000)).unwrap());
                });
                (0..50).for_each(|n| assert!(receiver.recv_bytes().unwrap() == message(n, 99_999)));
                sending.join().unwrap();
            });
            let sending = thread::spawn(move || {
                (0..50).for_each(|n| sender.send_bytes(&message(n, 99_999)).unwrap());
                sender
            });
            (0..50).for_each(|n| assert!(receiver.recv_bytes().unwrap() == message(n, 200_000)));
            echo.join().unwrap();
            let connection = Connection::reunite(receiver, sending.join().unwrap()).unwrap();
            assert!(connection.is_readable() && connection.is_writable());
        });
    }
}

#[test]
fn only_halves_of_one_connection_come_together() {
    let [(one, mut other), (stranger, _peer), _] = pairs();
    let (receiver, sender) = one.split();
    let (strange_receiver, strange_sender) = stranger.split();
    let (receiver, strange_sender) =
        Connection::reunite(receiver, strange_sender).unwrap_err().into_halves();
    let (strange_receiver, sender) =
        Connection::reunite(strange_receiver, sender).unwrap_err().into_halves();
    drop((strange_receiver, strange_sender));
    let mut one = Connection::reunite(receiver, sender).unwrap();
    one.send_bytes(b"together").unwrap();
    assert_eq!(other.recv_bytes().unwrap(), b"together");

    let (mut receiver, sender) = one.split();
    receiver.close();
    let error = Connection::reunite(receiver, sender).unwrap_err();
    assert_eq!(error.to_string(), "the halves are not of one open connection");
    // The transport closes with the last half, not before.
    assert!(!other.poll(Duration::ZERO).unwrap());
    drop(error);
    assert!(matches!(other.recv_bytes(), Err(Error::Ended)));
}

/// What was read ahead goes with the transport: whole messages, a part of a small one, and half of
/// a large one.
#[test]
fn taken_apart_and_gone_on_with() {
    for over in Over::ALL {
        for cut in [0, 1, 4, 30, 300, 4 + 300 + 2, 4 + 300 + 4, 50_000, 4 + 300 + 4 + 99_999] {
            let (mut connection, mut peer) = over.raw();
            let whole = [frame(&message(1, 300)), frame(&message(2, 100_000))].concat();
            let (before, after) = whole.split_at(cut);
            let before = [frame(b"first"), before.to_owned()].concat();
            peer.write_all(&before).unwrap();
            assert_eq!(connection.recv_bytes().unwrap(), b"first");
            connection.set_receive_timeout(SHORT);
            let mut received = Vec::new();
            while let Ok(message) = connection.recv_bytes() {
                received.push(message);
            }
            let (socket, unread) = connection.into_parts().unwrap().into_transport().unwrap();
            assert!(unread.len() <= cut + 8, "{} bytes of {cut}", unread.len());
            // Once more, with nothing received in between.
            let parts = Connection::resumed(socket, unread).into_parts().expect("it is open");
            let mut connection = Connection::from_parts(parts);
            let rest = after.to_owned();
            let writing = thread::spawn(move || {
                peer.write_all(&rest).unwrap();
                peer.write_all(&frame(b"last")).unwrap();
                peer
            });
            while received.len() < 2 {
                received.push(connection.recv_bytes().unwrap());
            }
            assert!(received == [message(1, 300), message(2, 100_000)], "cut at {cut}");
            assert_eq!(connection.recv_bytes().unwrap(), b"last");
            // And the other way.
            let mut peer = writing.join().unwrap();
            connection.send_bytes(b"hello").unwrap();
            let mut hello = [0; 9];
            peer.read_exact(&mut hello).unwrap();
            assert_eq!(hello, *frame(b"hello"));
        }
    }
}

/// What was lent is received: it does not come again.
#[test]
fn taken_apart_with_a_message_lent() {
    for size in [5, 100_000] {
        let (mut one, other) = pipe().unwrap();
        let (other_receiver, mut sender) = other.split();
        let sending = thread::spawn(move || {
            sender.send_many([message(0, size), message(1, size)]).unwrap();
            sender
        });
        assert!(one.recv_borrowed().unwrap() == message(0, size));
        let (socket, unread) = one.into_parts().unwrap().into_transport().unwrap();
        let mut receiver = Receiver::resumed(socket, unread);
        assert!(receiver.recv_bytes().unwrap() == message(1, size));
        drop((sending.join().unwrap(), other_receiver));
        assert!(matches!(receiver.recv_bytes(), Err(Error::Ended)));
    }
}

#[test]
fn a_one_way_pipe_goes_one_way() {
    let (mut receiver, mut sender) = one_way_pipe().unwrap();
    sender.send_many([b"one", b"two"]).unwrap();
    assert_eq!(receiver.recv_bytes().unwrap(), b"one");
    assert!(receiver.poll(Duration::ZERO).unwrap());
    assert_eq!(receiver.recv_bytes().unwrap(), b"two");
    assert!(!receiver.poll(SHORT).unwrap());
    drop(sender);
    assert!(matches!(receiver.recv_bytes(), Err(Error::Ended)));

    let (receiver, mut sender) = one_way_pipe().unwrap();
    drop(receiver);
    let Err(Error::Io(error)) = sender.send_bytes(b"to nobody") else { panic!("nobody is there") };
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn parts_carry_what_is_unsent() {
    for (mut one, mut other) in pairs() {
        let large = message(1, 4 << 20);
        one.set_send_timeout(SHORT);
        assert!(matches!(one.send_bytes(&large), Err(Error::TimedOut(Phase::Send))));
        let parts = one.into_parts().unwrap();
        assert!(parts.unsent() > 0);
        // Nobody else can continue with the stream,
        let parts = parts.into_transport().unwrap_err();
        // but a connection can.
        let mut one = Connection::from_parts(*parts);
        let reading = thread::spawn(move || {
            assert!(other.recv_bytes().unwrap() == large);
            assert_eq!(other.recv_bytes().unwrap(), b"next");
            other
        });
        one.send_bytes(b"next").unwrap();
        let other = reading.join().unwrap();
        assert!(one.into_parts().unwrap().into_transport().is_ok());
        drop(other);
    }
}

#[test]
fn parts_carry_errors() {
    for (mut one, mut other) in pairs() {
        other.send_many([&b"too long"[..], b"short"]).unwrap();
        one.set_max_message(7);
        let too_long = one.recv_bytes().unwrap_err();
        let parts = one.into_parts().unwrap().into_transport().unwrap_err();
        let mut one = Connection::from_parts(parts.map(|socket| socket));
        assert_eq!(one.recv_bytes().unwrap_err().to_string(), too_long.to_string());
        one.send_bytes(b"still sent").unwrap();
        assert_eq!(other.recv_bytes().unwrap(), b"still sent");
    }
}
