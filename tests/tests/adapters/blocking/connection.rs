//! What a connection sends and receives, over TCP, Unix sockets and pipes.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use mpconn_blocking::{Error, FrameError, Phase};
use mpconn_tests::content::message;
use mpconn_tests::over::{LONG, Over, SHORT, pairs};
use mpconn_tests::stall::bounded;
use mpconn_tests::wire::frame;

/// A read-ahead message, the longest of these, the shortest large one, and a large one.
const SIZES: [usize; 4] = [300, 65_536, 65_537, 1 << 20];

fn timed_out<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::TimedOut(Phase::Receive)))
}

#[test]
fn messages_of_all_sizes_both_ways() {
    for (mut one, mut other) in pairs() {
        bounded(move || {
            let echo = thread::spawn(move || {
                while let Ok(message) = other.recv_bytes() {
                    other.send_bytes(&message).unwrap();
                }
            });
            for size in [0, 1, 16_384, 16_385].into_iter().chain(SIZES) {
                one.send_bytes(&message(size, size)).unwrap();
                assert!(one.recv_bytes().unwrap() == message(size, size), "{size} bytes");
            }
            // A part of a buffer, as send_bytes(buffer, offset, size) does in Python.
            one.send_bytes(&message(0, 100)[10..20]).unwrap();
            assert_eq!(one.recv_bytes().unwrap(), message(10, 10));
            one.close();
            echo.join().unwrap();
        });
    }
}

#[test]
fn many_messages_arrive_whole_and_in_order() {
    for (one, mut other) in pairs() {
        bounded(move || {
            let sizes = [0, 3, 70_000, 16_384, 0, 16_385, 65_536, 65_537, 1, 200_000, 0, 40];
            let sizes = sizes.into_iter().chain((0..5000).map(|n| n * 37 % 500)).chain([1 << 20]);
            let messages: Arc<[_]> =
                sizes.enumerate().map(|(index, size)| message(index, size)).collect();
            let sent = Arc::clone(&messages);
            let (mut receiver, mut sender) = one.split();
            let sending = thread::spawn(move || sender.send_many(sent.iter()).unwrap());
            for message in &*messages {
                assert!(other.recv_borrowed().unwrap() == message);
            }
            sending.join().unwrap();
            assert!(!other.poll(Duration::ZERO).unwrap());
            other.send_many::<&[u8]>([]).unwrap();
            assert!(!receiver.poll(SHORT).unwrap());
            receiver.set_timeout(SHORT);
            assert!(timed_out(receiver.recv_bytes()));
        });
    }
}

#[test]
fn a_message_over_the_maximum_ends_receiving_and_not_sending() {
    for (mut one, mut other) in pairs() {
        other.send_many([&b"0123456789"[..], b"", b"01234567890", b"more"]).unwrap();
        assert_eq!(one.recv_bytes_max(10).unwrap(), b"0123456789");
        assert_eq!(one.recv_bytes_max(0).unwrap(), b"");
        for _ in 0..2 {
            let error = one.recv_bytes_max(10).unwrap_err();
            assert!(
                matches!(error, Error::Frame(FrameError::TooLong { length: 11, max: 10 })),
                "{error:?}"
            );
            assert!(!one.is_readable() && one.is_writable() && !one.is_closed());
        }
        // It stays so: the stream has no next message any more.
        assert!(matches!(one.recv_bytes(), Err(Error::Frame(_))));
        assert!(one.poll(Duration::ZERO).unwrap());
        one.send_bytes(b"still sent").unwrap();
        assert_eq!(other.recv_bytes().unwrap(), b"still sent");
    }
}

#[test]
fn the_limit_of_the_connection_holds_as_well() {
    for (mut one, mut other) in pairs() {
        one.set_max_message(100_000);
        let sending = thread::spawn(move || {
            other.send_bytes(&message(0, 100_000)).unwrap();
            // The receiver may be gone before all of it is sent.
            let _ = other.send_bytes(&message(0, 100_001));
            other
        });
        assert!(one.recv_bytes_max(u64::MAX).unwrap() == message(0, 100_000));
        let error = one.recv_bytes_max(u64::MAX).unwrap_err();
        assert!(matches!(
            error,
            Error::Frame(FrameError::TooLong { length: 100_001, max: 100_000 })
        ));
        drop(one);
        sending.join().unwrap();
    }
}

/// A limit that is lowered when a large message is half there holds for it too: its memory is
/// given up.
#[test]
fn a_large_message_that_has_begun_can_become_too_long() {
    for over in Over::ALL {
        let (mut connection, mut peer) = over.raw();
        connection.set_receive_timeout(SHORT);
        peer.write_all(&frame(&message(0, 100_000))[..5000]).unwrap();
        assert!(timed_out(connection.recv_bytes()));
        let error = connection.recv_bytes_max(99_999).unwrap_err();
        assert!(matches!(error, Error::Frame(FrameError::TooLong { length: 100_000, .. })));
        assert!(!connection.is_readable() && connection.is_writable());
    }
}

#[test]
fn a_buffer_that_is_too_short_loses_nothing() {
    for (mut one, mut other) in pairs() {
        bounded(move || {
            let sending = thread::spawn(move || {
                for size in [0, 5, 5, 100_000, 100_000, 3] {
                    other.send_bytes(&message(1, size)).unwrap();
                }
                other
            });
            assert_eq!(one.recv_bytes_into(&mut []).unwrap(), 0);
            let mut buffer = [0xee; 8];
            let Err(Error::BufferTooShort(whole)) = one.recv_bytes_into(&mut buffer[..4]) else {
                panic!("it does not fit")
            };
            assert_eq!(whole, message(1, 5));
            assert_eq!(one.recv_bytes_into(&mut buffer).unwrap(), 5);
            assert_eq!(buffer, *[&message(1, 5)[..], &[0xee; 3]].concat());

            let mut large = vec![0; 100_000];
            let Err(Error::BufferTooShort(whole)) = one.recv_bytes_into(&mut large[1..]) else {
                panic!("it does not fit")
            };
            assert!(whole == message(1, 100_000));
            assert_eq!(one.recv_bytes_into(&mut large).unwrap(), 100_000);
            assert!(large == message(1, 100_000));
            assert_eq!(one.recv_bytes_into(&mut large[..3]).unwrap(), 3);
            assert_eq!(large[..3], message(1, 3));
            sending.join().unwrap();
        });
    }
}

#[test]
fn a_borrowed_message_is_the_one_that_was_read_ahead() {
    for (mut one, mut other) in pairs() {
        other.send_many([&b"first"[..], b"", b"third"]).unwrap();
        assert_eq!(one.recv_borrowed().unwrap(), b"first");
        assert_eq!(one.recv_borrowed().unwrap(), b"");
        assert_eq!(one.recv_borrowed().unwrap(), b"third");
        let large = message(0, 100_000);
        let sending = thread::spawn(move || {
            other.send_bytes(&message(0, 100_000)).unwrap();
            other.send_bytes(b"last").unwrap();
        });
        assert!(one.recv_borrowed().unwrap() == large);
        sending.join().unwrap();
        // A lent large message is not received again, and not handed over either.
        assert!(one.poll(LONG).unwrap());
        assert_eq!(one.recv_borrowed().unwrap(), b"last");
    }
}

#[test]
fn memory_is_reused() {
    for (mut one, mut other) in pairs() {
        bounded(move || {
            let sizes = [1 << 20, 1 << 20, 1 << 20, 300, 300, 0, 1 << 20, 70_000, 1 << 20];
            let sending = thread::spawn(move || {
                for size in sizes {
                    other.send_bytes(&message(size, size)).unwrap();
                }
            });
            let mut out = Vec::new();
            let mut last: Option<(*const u8, usize)> = None;
            for size in sizes {
                one.recv_bytes_to(&mut out).unwrap();
                assert!(out == message(size, size), "{size} bytes");
                let memory = (out.as_ptr(), out.capacity());
                // The memory is large enough from the first message on.
                assert_eq!(*last.get_or_insert(memory), memory, "{size} bytes");
            }
            sending.join().unwrap();
        });
    }
}
