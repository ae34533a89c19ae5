//! `wait`: a thousand at once, everything that can be waited for, fairness, and no busy waiting.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::io::Write;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use mpconn_blocking::{
    AuthKey, Connection, Error, Listener, ListenerOptions, Source, SysRng, connect, one_way_pipe,
    pipe, wait,
};
use mpconn_tests::content::message;
use mpconn_tests::over::{LONG, Over, SHORT};
use mpconn_tests::process::allow_descriptors;
use mpconn_tests::stall::bounded;
use mpconn_tests::wire::frame;
use rustix::time::{ClockId, clock_gettime};

const NONE: [usize; 0] = [];

fn key() -> AuthKey {
    AuthKey::generate(&mut SysRng).unwrap()
}

#[test]
fn a_thousand_at_once() {
    allow_descriptors(3000).unwrap();
    let (mut connections, mut peers): (Vec<_>, Vec<_>) = (0..1000).map(|_| pipe().unwrap()).unzip();
    assert_eq!(wait(&connections, Duration::ZERO).unwrap(), NONE);

    // In the kernel, read ahead, ended and closed.
    peers[17].send_bytes(b"").unwrap();
    peers[500].send_many([b"one", b"two"]).unwrap();
    assert_eq!(connections[500].recv_bytes().unwrap(), b"one");
    peers[998].close();
    connections[999].close();
    for timeout in [None, Some(Duration::ZERO), Some(LONG)] {
        assert_eq!(wait(&connections, timeout).unwrap(), [17, 500, 998, 999]);
    }
    assert_eq!(connections[17].recv_bytes().unwrap(), b"");
    assert_eq!(connections[500].recv_bytes().unwrap(), b"two");
    assert!(matches!(connections[998].recv_bytes(), Err(Error::Ended)));
    assert!(matches!(connections[999].recv_bytes(), Err(Error::Closed)));
    // An end stays an end.
    assert_eq!(wait(&connections, SHORT).unwrap(), [998, 999]);

    // All of them, each answered when it is its turn.
    connections.truncate(998);
    for (n, peer) in peers[..998].iter_mut().enumerate() {
        peer.send_bytes(&message(n, 10)).unwrap();
    }
    let ready = wait(&connections, None).unwrap();
    assert_eq!(ready, Vec::from_iter(0..998));
    for n in ready {
        assert_eq!(connections[n].recv_bytes().unwrap(), message(n, 10));
    }
    assert_eq!(wait(&connections, Duration::ZERO).unwrap(), NONE);
}

#[test]
fn everything_that_can_be_waited_for() {
    for unix in [false, true] {
        bounded(move || {
            let key = key();
            let options = ListenerOptions::with_key(key.clone());
            let mut listener = if unix {
                options.bind_fresh().unwrap()
            } else {
                options.bind(("127.0.0.1", 0)).unwrap()
            };
            let (mut connection, mut peer) = pipe().unwrap();
            let (mut receiver, mut sender) = one_way_pipe().unwrap();
            let (stream, mut other_stream) = UnixStream::pair().unwrap();
            let (reader, writer) = rustix::pipe::pipe().unwrap();
            macro_rules! ready {
                ($timeout:expr) => {{
                    let sources = [
                        Source::from(&connection),
                        (&receiver).into(),
                        (&listener).into(),
                        stream.as_fd().into(),
                        reader.as_fd().into(),
                    ];
                    wait(sources, $timeout).unwrap()
                }};
            }
            assert_eq!(ready!(SHORT), NONE);
            sender.send_bytes(b"one way").unwrap();
            assert_eq!(ready!(LONG), [1]);
            other_stream.write_all(b"x").unwrap();
            assert_eq!(ready!(LONG), [1, 3]);
            drop(writer);
            assert_eq!(ready!(LONG), [1, 3, 4]);
            receiver.recv_bytes().unwrap();
            rustix::io::read(&stream, &mut [0]).unwrap();
            assert_eq!(ready!(LONG), [4]);

            // A client is one thing to wait for after another until it is a connection.
            let address = listener.address().clone();
            let client = thread::spawn(move || connect(address, key).unwrap());
            let accepted = loop {
                assert_eq!(wait([&listener], LONG).unwrap(), [0]);
                assert_eq!(ready!(LONG), [2, 4]);
                match listener.accept_timeout(Duration::ZERO) {
                    Ok(accepted) => break accepted,
                    Err(error) => assert!(matches!(error, Error::TimedOut(_)), "{error:?}"),
                }
            };
            assert!(accepted.authenticated().is_some());
            client.join().unwrap();
            assert_eq!(ready!(SHORT), [4]);
            peer.send_bytes(b"").unwrap();
            assert_eq!(ready!(LONG), [0, 4]);
            connection.recv_bytes().unwrap();

            // A close from elsewhere ends the waiting.
            let closer = listener.closer();
            let closing = thread::spawn(move || {
                thread::sleep(SHORT);
                closer.close();
            });
            assert_eq!(wait([&listener], None).unwrap(), [0]);
            closing.join().unwrap();
            assert!(matches!(listener.accept(), Err(Error::Closed)));
            assert_eq!(wait([&listener], None).unwrap(), [0]);
        });
    }
}

/// Two clients come at once, and one call of `accept` gives one: the other is not forgotten.
#[test]
fn a_listener_with_another_connection_at_hand_is_ready() {
    bounded(|| {
        let mut listener = ListenerOptions::without_key().bind_fresh().unwrap();
        let clients: Vec<_> = (0..2)
            .map(|_| {
                let mpconn_blocking::Address::Unix(path) = listener.address() else { panic!() };
                UnixStream::connect(path).unwrap()
            })
            .collect();
        for _ in &clients {
            assert_eq!(wait([&listener], None).unwrap(), [0]);
            listener.accept_timeout(Duration::ZERO).unwrap();
        }
        assert_eq!(wait([&listener], SHORT).unwrap(), NONE);
    });
}

/// A part of a small message, once read ahead, is nothing to receive: no loop of `wait` and receive
/// may spin on it.
#[test]
fn a_part_of_a_message_is_waited_with() {
    for over in Over::ALL {
        let (mut connection, mut peer) = over.raw();
        connection.set_receive_timeout(Duration::ZERO);
        peer.write_all(&frame(b"hello")[..7]).unwrap();
        assert_eq!(wait([&connection], LONG).unwrap(), [0]);
        assert!(matches!(connection.recv_bytes(), Err(Error::TimedOut(_))));
        assert_eq!(wait([&connection], SHORT).unwrap(), NONE);
        peer.write_all(&frame(b"hello")[7..]).unwrap();
        assert_eq!(wait([&connection], LONG).unwrap(), [0]);
        assert_eq!(connection.recv_bytes().unwrap(), b"hello");
    }
}

/// A busy connection, whose messages have all been read ahead, hides none of the others.
#[test]
fn it_is_fair() {
    let (mut connections, mut peers): (Vec<_>, Vec<_>) = (0..3).map(|_| pipe().unwrap()).unzip();
    peers[1].send_many((0..1000).map(|n| message(n, 10))).unwrap();
    assert_eq!(connections[1].recv_bytes().unwrap(), message(0, 10));
    for round in 1..500 {
        peers[0].send_bytes(b"a").unwrap();
        peers[2].send_bytes(b"c").unwrap();
        let ready = wait(&connections, None).unwrap();
        assert_eq!(ready, [0, 1, 2], "round {round}");
        for place in ready {
            connections[place].recv_bytes().unwrap();
        }
    }
}

#[test]
fn timeouts_are_kept() {
    let (connection, mut peer) = pipe().unwrap();
    for timeout in [0, 1, 20, 100].map(Duration::from_millis) {
        let started = Instant::now();
        assert_eq!(wait([&connection], timeout).unwrap(), NONE);
        assert!(started.elapsed() >= timeout);
        assert!(started.elapsed() < timeout + LONG);
    }
    // With nothing to wait for, it is a pause, as in Python.
    let started = Instant::now();
    assert_eq!(wait::<&Connection>([], SHORT).unwrap(), NONE);
    assert!(started.elapsed() >= SHORT);
    // What is ready ends the longest of them.
    let sending = thread::spawn(move || {
        thread::sleep(SHORT);
        peer.send_bytes(b"").unwrap();
        peer
    });
    assert_eq!(wait([&connection], Duration::MAX).unwrap(), [0]);
    sending.join().unwrap();
}

/// The processor time of `operation`, on this thread.
fn processor_time(operation: impl FnOnce()) -> Duration {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let before = now();
    operation();
    now() - before
}

/// One second of waiting for nothing costs next to none.
#[test]
fn nothing_busy_waits() {
    const SECOND: Duration = Duration::from_secs(1);
    const LITTLE: Duration = Duration::from_millis(30);
    fn idle(name: &'static str, operation: impl FnOnce() + Send + 'static) {
        bounded(move || {
            let mut waited = Duration::ZERO;
            let cost = processor_time(|| {
                let started = Instant::now();
                operation();
                waited = started.elapsed();
            });
            assert!(waited >= SECOND, "{name} waited for {waited:?}");
            assert!(cost < LITTLE, "{name} took {cost:?}");
        });
    }
    let pair = || {
        let (mut connection, peer) = pipe().unwrap();
        connection.set_receive_timeout(SECOND);
        connection.set_send_timeout(SECOND);
        (connection, peer)
    };
    let silent = |listener: &Listener| -> Vec<_> {
        let mpconn_blocking::Address::Inet { host, port } = listener.address() else { panic!() };
        (0..50).map(|_| TcpStream::connect((host.as_str(), *port)).unwrap()).collect()
    };
    let cases: Vec<thread::JoinHandle<()>> = vec![
        thread::spawn(move || {
            let pairs: Vec<_> = (0..200).map(|_| pipe().unwrap()).collect();
            idle("wait", move || {
                wait(pairs.iter().map(|(connection, _)| connection), SECOND).unwrap();
            });
        }),
        thread::spawn(move || {
            let (connection, _peer) = pair();
            idle("poll", move || assert!(!connection.poll(SECOND).unwrap()));
        }),
        thread::spawn(move || {
            let (mut connection, _peer) = pair();
            idle("a receive", move || assert!(connection.recv_bytes().is_err()));
        }),
        thread::spawn(move || {
            let (mut connection, mut peer) = Over::Unix.raw();
            peer.write_all(&frame(b"hello")[..6]).unwrap();
            connection.set_receive_timeout(SECOND);
            idle("the rest of a message", move || assert!(connection.recv_bytes().is_err()));
        }),
        thread::spawn(move || {
            let (mut connection, _peer) = pair();
            // The first half fills the kernel's buffers, which takes time of its own.
            connection.set_send_timeout(SHORT);
            while connection.send_bytes(b"x").is_ok() {}
            connection.set_send_timeout(SECOND);
            idle("a send", move || assert!(connection.send_bytes(b"x").is_err()));
        }),
        thread::spawn(move || {
            let mut listener = Listener::bind(("127.0.0.1", 0), key()).unwrap();
            let clients = silent(&listener);
            // Taking them in costs something, and they are silent from then on.
            assert!(listener.accept_timeout(SHORT).is_err());
            idle("an accept beside silent clients", move || {
                assert!(listener.accept_timeout(SECOND).is_err());
                drop(clients);
            });
        }),
        thread::spawn(move || {
            let (transport, _silent) = UnixStream::pair().unwrap();
            let options = ListenerOptions::with_key(key()).handshake_timeout(SECOND);
            idle("a handshake", move || {
                assert!(options.authenticate(mpconn_blocking::Socket::from(transport)).is_err());
            });
        }),
    ];
    cases.into_iter().for_each(|case| case.join().unwrap());
}
