//! A connection over a stream that is none of ours: TLS, by rustls.
//!
//! The peer is this library too: Python's `Connection` runs over descriptors only, not over a
//! stream of its `ssl` module.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::io::{ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;

use mpconn_blocking::{
    AuthKey, ChallengeOptions, ConnectOptions, Connection, Error, FrameError, ListenerOptions,
    Phase, Policy, ReadWrite, Role, SysRng,
};
use mpconn_tests::content::message;
use mpconn_tests::over::{LONG, Over, SHORT};
use mpconn_tests::stall::bounded;
use mpconn_tests::wire::frame;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use rustls::{ConnectionCommon, SideData, StreamOwned};

type Server = StreamOwned<ServerConnection, TcpStream>;
type Client = StreamOwned<ClientConnection, TcpStream>;

/// Both sides of a TLS stream over TCP, with a certificate made for this test. The TLS handshake is
/// held with the first bytes.
fn tls() -> (Server, Client) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = certified.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();

    let server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key))
        .unwrap();
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let server = ServerConnection::new(Arc::new(server)).unwrap();
    let client = ClientConnection::new(Arc::new(client), "localhost".try_into().unwrap()).unwrap();
    let [one, other] = Over::Tcp.descriptors().map(TcpStream::from);
    (StreamOwned::new(server, one), StreamOwned::new(client, other))
}

/// Tells the peer that this is the end, which is not left to TCP.
fn close<C, S>(connection: Connection<ReadWrite<StreamOwned<C, TcpStream>>>)
where
    C: std::ops::DerefMut<Target = ConnectionCommon<S>>,
    S: SideData,
{
    let (transport, unread) = connection.into_parts().unwrap().into_transport().unwrap();
    assert!(unread.is_empty());
    let mut stream = transport.into_inner();
    stream.conn.send_close_notify();
    while stream.conn.wants_write() {
        stream.conn.write_tls(&mut stream.sock).unwrap();
    }
}

#[test]
fn an_authenticated_conversation() {
    let (server, client) = tls();
    let key = AuthKey::generate(&mut SysRng).unwrap();
    let sizes = [0, 1, 300, 16_384, 16_385, 65_536, 65_537, 1 << 20];
    bounded(move || {
        let listener_key = key.clone();
        let serving = thread::spawn(move || {
            let options = ListenerOptions::with_key(listener_key);
            let mut connection = options.authenticate(ReadWrite::new(server)).unwrap();
            assert!(connection.authenticated().is_some());
            loop {
                match connection.recv_bytes() {
                    Ok(message) => connection.send_bytes(&message).unwrap(),
                    Err(Error::Ended) => break close(connection),
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
        let options = ConnectOptions::with_key(key);
        let mut connection = options.authenticate(ReadWrite::new(client)).unwrap();
        assert!(connection.authenticated().is_some());
        for size in sizes {
            connection.send_bytes(&message(size, size)).unwrap();
            assert!(connection.recv_bytes().unwrap() == message(size, size), "{size} bytes");
        }
        connection.send_many((0..100).map(|n| message(n, n))).unwrap();
        for n in 0..100 {
            assert_eq!(connection.recv_borrowed().unwrap(), message(n, n));
        }
        // It cannot tell whether there is anything to receive.
        assert!(matches!(
            connection.poll(SHORT),
            Err(Error::Io(error)) if error.kind() == ErrorKind::Unsupported
        ));
        close(connection);
        serving.join().unwrap();
    });
}

#[test]
fn another_key_over_tls() {
    let (server, client) = tls();
    bounded(move || {
        let serving = thread::spawn(move || {
            ListenerOptions::with_key(AuthKey::new(*b"the key of the listener"))
                .authenticate(ReadWrite::new(server))
                .map(|_| ())
        });
        let options = ConnectOptions::with_key(AuthKey::new(*b"the key of the client"));
        let error = options.authenticate(ReadWrite::new(client)).unwrap_err();
        assert!(error.is_authentication(), "{error:?}");
        assert!(serving.join().unwrap().unwrap_err().is_authentication());
    });
}

/// Without a `close_notify`, which an attacker cannot forge, the end is no end of the conversation.
#[test]
fn a_stream_that_is_cut_off() {
    for sent in [9, 0, 7, 3] {
        let (server, mut client) = tls();
        bounded(move || {
            let mut connection = Connection::unauthenticated(ReadWrite::new(server));
            let sending =
                thread::spawn(move || client.write_all(&frame(b"first")).map(|()| client));
            assert_eq!(connection.recv_bytes().unwrap(), b"first");
            let mut client = sending.join().unwrap().unwrap();
            client.write_all(&frame(b"whole")[..sent]).unwrap();
            // Closing it would be a reset: it has not read the session tickets.
            client.sock.shutdown(Shutdown::Write).unwrap();
            let mut received = connection.recv_bytes();
            if sent == 9 {
                assert_eq!(received.unwrap(), b"whole");
                received = connection.recv_bytes();
            }
            let error = received.unwrap_err();
            match (sent % 9, &error) {
                (0, Error::Io(error)) => assert_eq!(error.kind(), ErrorKind::UnexpectedEof),
                (3, Error::Frame(FrameError::TruncatedHeader)) => {}
                (7, Error::Frame(FrameError::TruncatedPayload { missing: 2 })) => {}
                other => panic!("{other:?}"),
            }
        });
    }
}

/// The timeouts of the socket below are the connection's deadlines, and lose nothing.
#[test]
fn timeouts_of_the_stream() {
    let (server, client) = tls();
    bounded(move || {
        server.sock.set_read_timeout(Some(SHORT)).unwrap();
        let mut one = Connection::unauthenticated(ReadWrite::new(server));
        let (go_on, goes_on) = std::sync::mpsc::channel();
        let sending = thread::spawn(move || {
            let mut other = Connection::unauthenticated(ReadWrite::new(client));
            for n in 0..3 {
                goes_on.recv().unwrap();
                other.send_bytes(&message(n, 200_000)).unwrap();
            }
            assert_eq!(other.recv_bytes().unwrap(), b"all of them");
            // Mid-stream, one side proves its key to the other.
            let turn = other.answer_challenge_with(&AuthKey::new(*b"a key"), &turn(Role::Client));
            turn.unwrap();
            goes_on.recv().unwrap();
            // Gone without a word.
        });
        for n in 0..3 {
            assert!(matches!(one.recv_bytes(), Err(Error::TimedOut(Phase::Receive))));
            go_on.send(()).unwrap();
            let received = loop {
                match one.recv_bytes() {
                    Ok(message) => break message,
                    Err(error) => assert!(matches!(error, Error::TimedOut(_)), "{error:?}"),
                }
            };
            assert!(received == message(n, 200_000));
        }
        one.send_bytes(b"all of them").unwrap();
        let (transport, unread) = one.into_parts().unwrap().into_transport().unwrap();
        let server = transport.into_inner();
        server.sock.set_read_timeout(Some(LONG)).unwrap();
        let mut one = Connection::resumed(ReadWrite::new(server), unread);
        one.deliver_challenge_with(&AuthKey::new(*b"a key"), &turn(Role::Listener)).unwrap();
        go_on.send(()).unwrap();
        sending.join().unwrap();
        // TLS tells a stream that was cut off from one that has ended.
        assert!(matches!(
            one.recv_bytes(),
            Err(Error::Io(error)) if error.kind() == ErrorKind::UnexpectedEof
        ));
    });
}

fn turn(role: Role) -> ChallengeOptions {
    ChallengeOptions { role: Some(role), policy: Some(Policy::MODERN), timeout: None }
}
