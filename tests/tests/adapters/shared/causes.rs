//! What went wrong, and why most often: each error says it, by its kind and by its text.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::error::Error as _;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::{Duration, Instant};

use super::adapter::{
    Address, AuthError, AuthKey, Awaited, ConnectOptions, Error, HandshakeStep, ListenerOptions,
    Phase, Role,
};
use mpconn::OtherProtocol;
use mpconn_tests::net::{Net, RawListener, Stream, fresh_path, scratch};
use mpconn_tests::over::LONG;
use mpconn_tests::stall::bounded;
use mpconn_tests::wire::{CHALLENGE, WELCOME, challenge, frame, md5, receive, send};

const KEY: &[u8] = b"a key of more than sixteen bytes";
const NETS: [Net; 2] = [Net::Tcp, Net::Unix];

fn key() -> AuthKey {
    AuthKey::new(KEY)
}

#[test]
fn what_is_no_socket_cannot_be_connected_to() {
    let scratch = scratch();
    let (file, stale) = (fresh_path(&scratch), fresh_path(&scratch));
    File::create(&file).unwrap();
    drop(UnixListener::bind(&stale).unwrap());
    for (path, kind, text) in [
        (scratch.path(), ErrorKind::InvalidInput, "a directory is there"),
        (&*file, ErrorKind::InvalidInput, "a file that is not a socket is there"),
        (&*stale, ErrorKind::ConnectionRefused, "is the listener running?"),
    ] {
        let error = ConnectOptions::with_key(key()).connect(path).unwrap_err();
        assert!(
            matches!(&error, Error::Unreachable { source, .. } if source.kind() == kind),
            "{error:?}"
        );
        assert!(error.to_string().contains(text), "{error}");
    }
    // It will not become a socket by itself.
    let begun = Instant::now();
    let options = ConnectOptions::with_key(key()).retry(true).connect_timeout(LONG);
    options.connect(&*file).unwrap_err();
    assert!(begun.elapsed() < LONG / 2);
    fs::remove_file(stale).unwrap();
}

/// Clients of a name reach whoever is at its first address.
#[test]
fn a_port_that_is_taken_at_the_first_address_of_a_name() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = ListenerOptions::with_key(key()).bind(("localhost", port)).unwrap_err();
    assert!(
        matches!(&error, Error::Unreachable { source, .. } if source.kind() == ErrorKind::AddrInUse),
        "{error:?}"
    );
}

/// The first bytes tell, also without a key, where they would be the length of a message.
#[test]
fn other_protocols_without_a_key() {
    let foreign: [(&[u8], OtherProtocol); 5] = [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", OtherProtocol::Http),
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", OtherProtocol::Tls),
        (b"SSH-2.0-OpenSSH_9.2\r\n", OtherProtocol::Ssh),
        (b"*1\r\n$4\r\nPING\r\n", OtherProtocol::Text),
        (b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n", OtherProtocol::Text),
    ];
    for net in NETS {
        for (bytes, protocol) in foreign {
            let scratch = scratch();
            let mut listener = ListenerOptions::without_key().bind(net.fresh(&scratch)).unwrap();
            let mut client = Stream::connect(listener.address()).unwrap();
            client.write_all(bytes).unwrap();
            let mut served = listener.accept().unwrap();
            for _ in 0..2 {
                let error = served.recv_bytes().unwrap_err();
                let is_it =
                    matches!(error, Error::Auth(AuthError::OtherProtocol(it)) if it == protocol);
                assert!(is_it, "{protocol:?}: {error:?}");
            }

            let (listener, address) = RawListener::bind(net, &scratch).unwrap();
            let mut connection = ConnectOptions::without_key().connect(address).unwrap();
            listener.accept().unwrap().write_all(bytes).unwrap();
            let error = connection.recv_bytes().unwrap_err();
            assert!(matches!(error, Error::Auth(AuthError::OtherProtocol(it)) if it == protocol));
        }
        // After a message, and after a handshake, a long one is a long one.
        let scratch = scratch();
        let mut listener = ListenerOptions::without_key().bind(net.fresh(&scratch)).unwrap();
        let mut client = Stream::connect(listener.address()).unwrap();
        client.write_all(&[&frame(b"a message")[..], b"GET "].concat()).unwrap();
        let mut served = listener.accept().unwrap();
        served.recv_bytes().unwrap();
        assert!(matches!(served.recv_bytes(), Err(Error::Frame(_))));
    }
}

/// How far a client comes before it goes: how many messages it sends.
fn client_of(steps: usize, stream: &mut Stream) {
    let theirs = receive(stream).unwrap();
    if steps >= 1 {
        send(stream, &md5(KEY, &theirs[CHALLENGE.len()..])).unwrap();
        assert_eq!(receive(stream).unwrap(), WELCOME);
    }
    if steps >= 2 {
        send(stream, &challenge(&[7; 20])).unwrap();
        receive(stream).unwrap();
    }
}

fn listener_of(steps: usize, stream: &mut Stream) {
    if steps >= 1 {
        send(stream, &challenge(&[7; 20])).unwrap();
        assert_eq!(receive(stream).unwrap(), md5(KEY, &[7; 20]));
    }
    if steps >= 2 {
        send(stream, WELCOME).unwrap();
        receive(stream).unwrap();
    }
}

const SERVING: [(Awaited, &str); 3] = [
    (Awaited::Response, "before the client answered the challenge: it may have no key"),
    (Awaited::Challenge, "after the client proved its key, before it sent a challenge"),
    (Awaited::Verdict, "before the client accepted this side's response"),
];

const CALLING: [(Awaited, &str); 3] = [
    (Awaited::Challenge, "before the listener sent a challenge: it may have no key"),
    (Awaited::Verdict, "before the listener accepted this side's response"),
    (Awaited::Response, "before the listener proved its key"),
];

fn assert_is_at(error: &Error, role: Role, (awaited, text): (Awaited, &str), silent: bool) {
    let expected = HandshakeStep { role, awaited };
    let step = match error {
        Error::TimedOut(Phase::Handshake(step)) if silent => step,
        Error::HandshakeEnded { step, .. } if !silent => step,
        other => panic!("{expected:?}: {other:?}"),
    };
    assert_eq!((*step, error.is_timeout()), (expected, silent));
    assert_ne!(error.is_timeout(), error.is_disconnect());
    assert!(error.to_string().contains(text), "{error}");
}

/// Closed, silent, or closed with something unread, which is a reset; `authenticate` speaks as the
/// side that it is, too.
#[test]
fn a_handshake_stops_at_every_step() {
    for net in NETS {
        for ending in ["closes", "is silent", "resets"] {
            for (steps, (serving, calling)) in SERVING.into_iter().zip(CALLING).enumerate() {
                bounded(move || {
                    let scratch = scratch();
                    let silent = ending == "is silent";
                    let time = if silent { Duration::from_millis(200) } else { LONG };
                    let options = ListenerOptions::with_key(key()).handshake_timeout(time);
                    let mut listener = options.bind(net.fresh(&scratch)).unwrap();
                    for raw in [false, true] {
                        let mut stream = Stream::connect(listener.address()).unwrap();
                        let leave = thread::spawn(move || {
                            if ending != "resets" {
                                client_of(steps, &mut stream);
                            } else if steps > 0 {
                                // Gone with the answer to its last message unread.
                                client_of(steps - 1, &mut stream);
                                let last =
                                    if steps == 1 { &b"wrong"[..] } else { &challenge(&[7; 20]) };
                                send(&mut stream, last).unwrap();
                                thread::sleep(Duration::from_millis(100));
                            } else {
                                thread::sleep(Duration::from_millis(100));
                            }
                            silent.then_some(stream)
                        });
                        let error = if raw {
                            let (socket, _) = listener.accept_raw().unwrap();
                            options.authenticate(socket).unwrap_err()
                        } else {
                            match listener.incoming().next().unwrap().unwrap_err() {
                                Error::Peer(peer) => peer.error,
                                other => panic!("{other:?}"),
                            }
                        };
                        // A wrong response is the reason, whatever becomes of its sender.
                        if ending == "resets" && steps == 1 {
                            assert!(matches!(error, Error::Auth(AuthError::UnknownResponse)));
                        } else {
                            assert_is_at(&error, Role::Listener, serving, silent);
                        }
                        if ending == "resets" && steps == 0 {
                            let source = error.source().unwrap().to_string();
                            assert!(source.contains("reset"), "{source}");
                        }
                        drop(leave.join().unwrap());
                    }
                    if ending == "resets" {
                        return;
                    }

                    let (listener, address) = RawListener::bind(net, &scratch).unwrap();
                    let leave = thread::spawn(move || {
                        let mut stream = listener.accept().unwrap();
                        listener_of(steps, &mut stream);
                        silent.then_some(stream)
                    });
                    let options = ConnectOptions::with_key(key()).handshake_timeout(time);
                    let error = options.connect(address).unwrap_err();
                    assert_is_at(&error, Role::Client, calling, silent);
                    drop(leave.join().unwrap());
                });
            }
        }
    }
}

/// The address of a listener that nobody reaches is in the error, and what it was met with.
#[test]
fn a_port_that_is_closed() {
    let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let address = Address::from((host, closed.port()));
        let error = ConnectOptions::with_key(key()).connect(&address).unwrap_err();
        assert!(error.to_string().contains("refused"), "{error}");
        let mut source = error.source();
        while let Some(cause) = source {
            let number = cause.downcast_ref().and_then(io::Error::raw_os_error);
            source = cause.source().filter(|_| number.is_none());
            assert!(source.is_some() || number.is_some(), "{error:?}");
        }
    }
}
