//! What `tests/signals.rs` starts: a process whose main thread the signals are for.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::env;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use mpconn_blocking::{
    Address, AuthKey, Connection, Error, Listener, ListenerOptions, Sender, Socket, SysRng,
    connect, one_way_pipe, pipe, wait,
};
use mpconn_tests::content::message;
use mpconn_tests::over::{LONG, Over, pairs};
use mpconn_tests::wire::frame;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

/// The time between two interruptions, about.
const EVERY: Duration = Duration::from_millis(1);

/// How long an operation goes on while it is interrupted.
const WHILE: Duration = Duration::from_millis(100);

fn main() {
    match env::args().nth(1).as_deref() {
        Some("interrupted") => interrupted(),
        Some("sockets") => send_to_closed_peers(),
        Some("control") => write_to_a_closed_peer(),
        Some("pipe") => send_over_a_pipe_of_the_file_system(),
        other => panic!("{other:?} is nothing to do"),
    }
}

fn interrupted() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let _handler =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::user_defined1()).unwrap();
    println!("interrupt me");

    // The control: on this thread these calls are interrupted. With a timeout of the socket's own,
    // the kernel does not go on by itself with a receive or a send (signal(7)).
    let patient = |over: Over| {
        over.descriptors().map(|fd| {
            let fd = match over {
                Over::Tcp => {
                    let stream = TcpStream::from(fd);
                    stream.set_read_timeout(Some(LONG)).unwrap();
                    stream.set_write_timeout(Some(LONG)).unwrap();
                    OwnedFd::from(stream)
                }
                Over::Unix => {
                    let stream = UnixStream::from(fd);
                    stream.set_read_timeout(Some(LONG)).unwrap();
                    stream.set_write_timeout(Some(LONG)).unwrap();
                    OwnedFd::from(stream)
                }
            };
            Socket::from(fd)
        })
    };
    let [one, _other] = patient(Over::Unix);
    assert_eq!(recv(&one, &mut [0], RecvFlags::empty()).unwrap_err(), Errno::INTR);
    assert_eq!(poll(&mut [PollFd::new(&one, PollFlags::IN)], None).unwrap_err(), Errno::INTR);

    for over in Over::ALL {
        for timeout in [None, Some(LONG)] {
            let [one, other] = patient(over);
            let mut one = Connection::unauthenticated(one);
            one.set_receive_timeout(timeout);
            one.set_send_timeout(timeout);
            let mut other = std::fs::File::from(OwnedFd::from(other));
            let peer = thread::spawn(move || {
                // A message that comes a few bytes at a time, then one that is taken slowly.
                for part in frame(&message(0, 100)).chunks(2) {
                    other.write_all(part).unwrap();
                    thread::sleep(EVERY);
                }
                thread::sleep(WHILE);
                Connection::unauthenticated(Socket::from(OwnedFd::from(other))).recv_bytes()
            });
            assert_eq!(one.recv_bytes().unwrap(), message(0, 100));
            one.send_bytes(&message(0, 8 << 20)).unwrap();
            assert!(peer.join().unwrap().unwrap() == message(0, 8 << 20));

            // Deadlines are not put off.
            one.set_receive_timeout(WHILE);
            let started = Instant::now();
            assert!(matches!(one.recv_bytes(), Err(Error::Ended)));
            let (mut waiting, _peer) = pipe().unwrap();
            waiting.set_receive_timeout(WHILE);
            assert!(matches!(waiting.recv_bytes(), Err(Error::TimedOut(_))));
            assert!(!waiting.poll(WHILE).unwrap());
            assert!(wait([&waiting], WHILE).unwrap().is_empty());
            let elapsed = started.elapsed();
            assert!(elapsed >= WHILE * 3 && elapsed < WHILE * 50, "{elapsed:?}");
        }
    }

    let key = AuthKey::generate(&mut SysRng).unwrap();
    let mut listener = Listener::bind(("127.0.0.1", 0), key.clone()).unwrap();
    assert!(matches!(listener.accept_timeout(WHILE), Err(Error::TimedOut(_))));
    for _ in 0..20 {
        let (address, key) = (listener.address().clone(), key.clone());
        let client = thread::spawn(move || {
            thread::sleep(EVERY * 5);
            connect(address, key).unwrap()
        });
        listener.accept().unwrap();
        client.join().unwrap();
    }
    let address = listener.address().clone();
    let accepting = thread::spawn(move || (0..20).for_each(|_| drop(listener.accept().unwrap())));
    for _ in 0..20 {
        connect(address.clone(), key.clone()).unwrap();
    }
    accepting.join().unwrap();
}

fn write_to_a_closed_peer() {
    sigpipe::reset();
    let (one, other) = UnixStream::pair().unwrap();
    drop(other);
    let _ = rustix::io::write(&one, b"x");
}

fn send_over_a_pipe_of_the_file_system() {
    sigpipe::reset();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    drop(reader);
    let _ = Sender::unauthenticated(Socket::from(writer)).send_bytes(b"x");
}

fn send_to_closed_peers() {
    sigpipe::reset();
    for timeout in [None, Some(LONG)] {
        for (mut one, other) in pairs() {
            one.set_send_timeout(timeout);
            drop(other);
            // TCP learns of it with the answer to the first send.
            let sent = |result| match result {
                Ok(()) => false,
                Err(Error::Io(error)) => {
                    let kind = error.kind();
                    assert!(matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset));
                    kind == ErrorKind::BrokenPipe
                }
                Err(error) => panic!("{error:?}"),
            };
            let started = Instant::now();
            while !sent(one.send_bytes(b"x")) {
                assert!(started.elapsed() < LONG);
            }
            assert!(sent(one.send_many([b"x", b"y"])));
            assert!(sent(one.send_bytes(&message(0, 1 << 20))));
        }
        let (receiver, mut sender) = one_way_pipe().unwrap();
        sender.set_timeout(timeout);
        drop(receiver);
        assert!(matches!(sender.send_bytes(b"x"), Err(Error::Io(_))));

        // A handshake with somebody who has gone, on both sides and from a descriptor.
        let key = AuthKey::generate(&mut SysRng).unwrap();
        for over in Over::ALL {
            let [one, other] = over.descriptors();
            drop(other);
            let options = ListenerOptions::with_key(key.clone()).handshake_timeout(timeout);
            assert!(options.authenticate(Socket::from(one)).is_err());
        }
        let mut listener = ListenerOptions::with_key(key.clone()).bind_fresh().unwrap();
        let Address::Unix(path) = listener.address() else { panic!() };
        drop(UnixStream::connect(path).unwrap());
        assert!(listener.incoming().next().unwrap().is_err());
        let mut listener = ListenerOptions::with_key(key).bind(("127.0.0.1", 0)).unwrap();
        let Address::Inet { host, port } = listener.address() else { panic!() };
        drop(TcpStream::connect((host.as_str(), *port)).unwrap());
        assert!(listener.incoming().next().unwrap().is_err());
    }
}
