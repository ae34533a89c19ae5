//! Receives and sends that run out of time, and polling.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::io::Write;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use mpconn_blocking::{Connection, Error, FrameError, Phase, pipe};
use mpconn_tests::content::message;
use mpconn_tests::over::{LONG, Over, SHORT, pairs};
use mpconn_tests::stall::bounded;
use mpconn_tests::wire::frame;

/// A read-ahead message, the longest of these, the shortest large one, and a large one.
const SIZES: [usize; 4] = [300, 65_536, 65_537, 1 << 20];

fn timed_out<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::TimedOut(Phase::Receive)))
}

/// Waits until the kernel has all that was written: the connection sees it then with one read.
fn arrived(connection: &Connection) {
    assert!(connection.poll(LONG).unwrap());
}

/// The ways to receive, in turn.
fn receive(connection: &mut Connection, kind: usize) -> Result<Vec<u8>, Error> {
    match kind % 5 {
        0 => connection.recv_bytes(),
        1 => connection.recv_borrowed().map(<[u8]>::to_owned),
        2 => connection.recv_bytes_max(2 << 20),
        3 => {
            let mut out = b"something that was there before".to_vec();
            connection.recv_bytes_to(&mut out).map(|()| out)
        }
        _ => {
            let mut out = vec![0; 2 << 20];
            let n = connection.recv_bytes_into(&mut out)?;
            out.truncate(n);
            Ok(out)
        }
    }
}

/// Where messages of all sizes are cut off: inside the header, behind it, at the first byte of the
/// payload, half-way, and before the last byte.
fn cuts(size: usize) -> [usize; 6] {
    [0, 2, 4, 5, 4 + size / 2, 4 + size - 1]
}

#[test]
fn a_timeout_at_any_point_loses_nothing() {
    let mut threads = Vec::new();
    for over in Over::ALL {
        for size in SIZES {
            threads.push(thread::spawn(move || bounded(move || timeouts(over, size))));
        }
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn timeouts(over: Over, size: usize) {
    let (mut connection, mut peer) = over.raw();
    for (kind, cut) in cuts(size).into_iter().cycle().take(30).enumerate() {
        let bytes = frame(&message(kind, size));
        let (before, after) = bytes.split_at(cut);
        let (before, after) = (before.to_owned(), after.to_owned());
        let (written, is_written) = mpsc::channel();
        let (go_on, goes_on) = mpsc::channel();
        let writing = thread::spawn(move || {
            peer.write_all(&before).unwrap();
            written.send(()).unwrap();
            goes_on.recv().unwrap();
            peer.write_all(&after).unwrap();
            peer.write_all(&frame(b"next")).unwrap();
            peer
        });
        // Half of a large message does not fit into the kernel, and is received on the way.
        connection.set_receive_timeout(Duration::ZERO);
        while is_written.try_recv().is_err() {
            assert!(timed_out(receive(&mut connection, kind)));
        }
        connection.set_receive_timeout(SHORT);
        let started = Instant::now();
        assert!(timed_out(receive(&mut connection, kind + 1)));
        assert!(started.elapsed() >= SHORT);
        go_on.send(()).unwrap();
        connection.set_receive_timeout(None);
        let received = receive(&mut connection, kind + 2 + kind / 6 % 3).unwrap();
        assert!(received == message(kind, size), "{over:?}, {size} bytes cut at {cut}");
        assert_eq!(receive(&mut connection, kind).unwrap(), b"next");
        peer = writing.join().unwrap();
    }
}

#[test]
fn a_send_that_times_out_inside_a_message_is_continued_by_the_next() {
    for (mut one, mut other) in pairs() {
        one.set_send_timeout(SHORT);
        let started = Instant::now();
        let large = message(0, 32 << 20);
        let error = one.send_bytes(&large).unwrap_err();
        assert!(matches!(error, Error::TimedOut(Phase::Send)), "{error:?}");
        assert!(started.elapsed() >= SHORT && started.elapsed() < LONG);
        assert!(one.is_writable() && one.is_readable());
        let buffered = one.buffered();
        assert!(buffered > 0 && buffered < large.len());
        // Without time, a message is refused whole, and so the peer never gets a part of it.
        one.set_send_timeout(Duration::ZERO);
        for error in [one.send_bytes(b"refused"), one.send_many([b"refused"]), one.flush()] {
            assert!(matches!(error, Err(Error::TimedOut(Phase::Send))), "{error:?}");
        }
        other.send_bytes(b"still received").unwrap();
        assert_eq!(one.recv_bytes().unwrap(), b"still received");
        let reading = thread::spawn(move || {
            assert!(other.recv_bytes().unwrap() == large);
            assert_eq!(other.recv_bytes().unwrap(), b"next");
            other.recv_bytes().unwrap_err()
        });
        one.set_send_timeout(None);
        one.send_bytes(b"next").unwrap();
        assert_eq!(one.buffered(), 0);
        drop(one);
        assert!(matches!(reading.join().unwrap(), Error::Ended));
    }
}

#[test]
fn a_send_that_runs_out_of_time_between_two_messages_can_be_repeated() {
    // A Unix socket takes a message of one byte whole or not at all.
    let (mut one, mut other) = pipe().unwrap();
    one.set_send_timeout(Duration::ZERO);
    let mut sent = 0;
    let error = loop {
        match one.send_bytes(b"x") {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::TimedOut(Phase::Send)), "{error:?}");
    assert!(one.is_writable());
    for _ in 0..sent {
        assert_eq!(other.recv_borrowed().unwrap(), b"x");
    }
    assert!(!other.poll(Duration::ZERO).unwrap());
    one.send_bytes(b"y").unwrap();
    assert_eq!(other.recv_bytes().unwrap(), b"y");
}

/// Ready means: a message, the beginning of a large one, the end, an error, or bytes in the kernel.
#[test]
fn poll_tells_what_a_receive_would_find() {
    for over in Over::ALL {
        let (mut connection, mut peer) = over.raw();
        let ready = |connection: &Connection| connection.poll(Duration::ZERO).unwrap();
        let started = Instant::now();
        assert!(!connection.poll(SHORT).unwrap());
        assert!(started.elapsed() >= SHORT);

        // Bytes in the kernel, be they no message yet.
        peer.write_all(&[0]).unwrap();
        arrived(&connection);
        connection.set_receive_timeout(SHORT);
        assert!(timed_out(connection.recv_bytes()));
        // They have been read ahead now, and are still no message.
        assert!(!ready(&connection));
        peer.write_all(&[0, 0, 1, b'x']).unwrap();
        arrived(&connection);
        assert_eq!(connection.recv_bytes().unwrap(), b"x");
        assert!(!ready(&connection));

        // A message that was read ahead, an empty one among them.
        peer.write_all(&[frame(b"a"), frame(b""), frame(b"b")].concat()).unwrap();
        for message in [&b"a"[..], b"", b"b"] {
            assert!(connection.poll(None).unwrap());
            assert_eq!(connection.recv_bytes().unwrap(), message);
        }
        assert!(!ready(&connection));

        // The beginning of a large one; of one that is none, only when it is whole.
        peer.write_all(&[frame(b"c"), frame(&message(0, 65_536))[..50].to_vec()].concat()).unwrap();
        assert_eq!(connection.recv_bytes().unwrap(), b"c");
        assert!(timed_out(connection.recv_bytes()));
        assert!(!ready(&connection));
        peer.write_all(&frame(&message(0, 65_536))[50..]).unwrap();
        assert!(connection.recv_bytes().unwrap() == message(0, 65_536));
        let large = frame(&message(0, 65_537));
        peer.write_all(&[frame(b"d"), large[..4].to_vec()].concat()).unwrap();
        assert_eq!(connection.recv_bytes().unwrap(), b"d");
        assert!(ready(&connection));
        // It has begun then, and what counts is what is new of it.
        assert!(timed_out(connection.recv_bytes()));
        assert!(!ready(&connection));
        peer.write_all(&large[4..]).unwrap();
        arrived(&connection);
        assert!(connection.recv_bytes().unwrap() == message(0, 65_537));

        // The limit of the last receive is not that of the next.
        peer.write_all(&[frame(b"e"), vec![0, 0, 0, 9]].concat()).unwrap();
        assert_eq!(connection.recv_bytes_max(1).unwrap(), b"e");
        assert!(!ready(&connection));
        // Under a limit that it breaks, its header is an error.
        connection.set_max_message(8);
        assert!(ready(&connection));
        assert!(matches!(connection.recv_bytes(), Err(Error::Frame(_))));
        assert!(ready(&connection));
    }
}

#[test]
fn poll_tells_of_the_end_and_of_errors() {
    for over in Over::ALL {
        let (mut connection, peer) = over.raw();
        drop(peer);
        assert!(connection.poll(None).unwrap());
        for _ in 0..2 {
            assert!(matches!(connection.recv_bytes(), Err(Error::Ended)));
            assert!(connection.poll(None).unwrap());
        }
        assert!(connection.is_readable());

        let (mut connection, mut peer) = over.raw();
        peer.write_all(&(-2_i32).to_be_bytes()).unwrap();
        assert!(connection.poll(None).unwrap());
        let error = connection.recv_bytes().unwrap_err();
        assert!(matches!(error, Error::Frame(FrameError::InvalidLength(-2))), "{error:?}");
        assert!(connection.poll(None).unwrap());

        let (mut connection, mut peer) = over.raw();
        peer.write_all(&frame(b"hello")[..6]).unwrap();
        drop(peer);
        for _ in 0..2 {
            let error = connection.recv_bytes().unwrap_err();
            assert!(matches!(error, Error::Frame(FrameError::TruncatedPayload { missing: 3 })));
            assert!(connection.poll(None).unwrap() && !connection.is_readable());
        }
    }
}
