//! A process of its own, because it measures memory and descriptors: after many connections, and
//! in the middle of many messages.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use super::adapter::{AuthKey, Error, ListenerOptions, connect};
use mpconn::FrameError;
use mpconn_tests::net::{Net, Stream, scratch};
use mpconn_tests::process::alone;
use mpconn_tests::{process, pythons};

const FEW: usize = 10_000;
const MANY: usize = 100_000;

/// A connection that left only 12 bytes behind would show.
const GROWTH: u64 = 1 << 20;

#[test]
fn a_hundred_thousand_connections_leave_nothing_behind() {
    alone(|| {
        process::stay_on_one_cpu().unwrap();
        let key = AuthKey::new("a key of more than sixteen bytes");
        // What the adapter takes once, for all its listeners, a runtime perhaps, is nobody's leak.
        drop(ListenerOptions::with_key(key.clone()).bind_fresh().unwrap());
        let descriptors = process::descriptors();
        let mut listener = ListenerOptions::with_key(key.clone()).bind_fresh().unwrap();
        let address = listener.address().clone();
        let resident = thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..MANY {
                    let mut connection = connect(&address, key.clone()).unwrap();
                    connection.send_bytes(b"hello").unwrap();
                }
            });
            [FEW, MANY - FEW].map(|connections| {
                for _ in 0..connections {
                    assert_eq!(listener.accept().unwrap().recv_bytes().unwrap(), b"hello");
                }
                process::resident()
            })
        });
        drop(listener);
        assert_eq!(process::descriptors(), descriptors);
        let [after_few, after_many] = resident.map(|bytes| bytes / 1024);
        pythons::announce(&format!(
            "resident after {FEW} connections: {after_few} kB, after {MANY}: {after_many} kB"
        ));
        assert!(resident[1] < resident[0] + GROWTH, "{resident:?}");
    });
}

/// The connections that wait for the rest of a message.
const WAITING: usize = 1000;

/// A page for the memory of a large message, and the connection itself.
const EACH: u64 = 8 << 10;

#[test]
fn unfinished_messages_keep_what_has_arrived() {
    alone(|| {
        process::allow_descriptors(2 * WAITING as u64 + 200).unwrap();
        for net in [Net::Tcp, Net::Unix] {
            // A part of a header; a small message; one of 60 MiB.
            for begun in [&b"\0"[..], b"\0\0\xff\xffsome of it", b"\x03\xc0\0\0some of it"] {
                let scratch = scratch();
                let mut listener =
                    ListenerOptions::without_key().bind(net.fresh(&scratch)).unwrap();
                let address = listener.address().clone();
                let mut connections = Vec::new();
                let mut before = 0;
                for number in 0..WAITING {
                    let mut peer = Stream::connect(&address).unwrap();
                    let mut connection = listener.accept().unwrap();
                    peer.write_all(begun).unwrap();
                    connection.set_receive_timeout(Duration::from_millis(1));
                    assert!(matches!(connection.recv_bytes(), Err(Error::TimedOut(_))));
                    connections.push((peer, connection));
                    // What is taken once is nobody's.
                    if number == WAITING / 10 {
                        before = process::resident();
                    }
                }
                let each = (process::resident() - before) / (WAITING - WAITING / 10) as u64;
                pythons::announce(&format!(
                    "{each} bytes for each unfinished message of {} bytes over {net:?}",
                    begun.len()
                ));
                assert!(each <= EACH, "{each} bytes for {} that arrived", begun.len());
            }
        }
    });
}

#[test]
fn no_memory_for_a_message_is_an_error() {
    // More than the limit by far: a thread that starts may map 128 MiB for a moment.
    const MESSAGE: u32 = 1 << 30;
    const MEMORY: u64 = 256 << 20;
    alone(|| {
        for net in [Net::Tcp, Net::Unix] {
            let scratch = scratch();
            let mut listener = ListenerOptions::without_key().bind(net.fresh(&scratch)).unwrap();
            let address = listener.address().clone();
            let mut peer = Stream::connect(&address).unwrap();
            let mut connection = listener.accept().unwrap();
            connection.set_max_message(u64::from(MESSAGE));
            process::limit_memory(MEMORY).unwrap();
            let sender = thread::spawn(move || {
                peer.write_all(&MESSAGE.to_be_bytes()).unwrap();
                // The receiver goes in the middle of it.
                while peer.write_all(&[7; 4096]).is_ok() {}
            });
            let Err(error) = connection.recv_bytes() else { panic!("there was memory for it") };
            let length = u64::from(MESSAGE);
            assert!(
                matches!(error, Error::Frame(FrameError::OutOfMemory { length: l }) if l == length),
                "{error}"
            );
            assert_eq!(io::Error::from(error).kind(), io::ErrorKind::OutOfMemory);
            drop(connection);
            sender.join().unwrap();

            // Others go on.
            let mut peer = Stream::connect(&address).unwrap();
            let mut connection = listener.accept().unwrap();
            peer.write_all(b"\0\0\0\x05hello").unwrap();
            assert_eq!(connection.recv_bytes().unwrap(), b"hello");
        }
    });
}
