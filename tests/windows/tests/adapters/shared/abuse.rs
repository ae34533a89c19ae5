//! Hostile, slow and broken peers on named pipes.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::io;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use super::adapter::{
    ConnectOptions, Connection, Error, Listener, ListenerOptions, PeerError, Phase, connect,
};
use mpconn::{Address, AuthError, AuthKey, FrameError};
use mpconn_pipe::{Security, pair};
use mpconn_windows_tests::{KEY, LONG, Net, Raw, SHORT};

/// More than the system keeps for a peer that does not receive.
const LARGE: usize = 4 << 20;

fn listen() -> Listener {
    Listener::bind(Net::Pipe.fresh(), AuthKey::new(KEY)).unwrap()
}

/// What becomes of the next client.
fn outcome(listener: &mut Listener) -> Result<Connection, Error> {
    listener.incoming().next().expect("the listener is open").map_err(|error| match error {
        Error::Peer(peer) => {
            let PeerError { error, .. } = *peer;
            error
        }
        other => panic!("an error of the listener's own: {other:?}"),
    })
}

/// The next honest client gets in and is served.
fn serves_an_honest_client(listener: &mut Listener) {
    let address = listener.address().clone();
    let client = thread::spawn(move || {
        let mut client = connect(address, AuthKey::new(KEY)).unwrap();
        client.send_bytes(b"honest").unwrap();
        client.recv_bytes().unwrap()
    });
    let mut connection = listener.accept_timeout(LONG).unwrap();
    let message = connection.recv_bytes().unwrap();
    connection.send_bytes(&message).unwrap();
    assert_eq!(client.join().unwrap(), b"honest");
}

/// A connection without a key, and its peer.
fn connected() -> (Connection, Raw) {
    let (one, other) = pair().unwrap();
    (Connection::unauthenticated(one.into()), other.into())
}

#[test]
fn silent_clients_block_nobody_and_expire() {
    let options = ListenerOptions::with_key(AuthKey::new(KEY)).handshake_timeout(SHORT * 20);
    let mut listener = options.bind(Net::Pipe.fresh()).unwrap();
    let address = listener.address().clone();
    let silent = thread::spawn(move || [(); 3].map(|()| Raw::connect(&address)));
    serves_an_honest_client(&mut listener);
    for _ in 0..3 {
        let error = outcome(&mut listener).unwrap_err();
        assert!(matches!(error, Error::TimedOut(Phase::Handshake(_))), "{error:?}");
    }
    for mut silent in silent.join().unwrap() {
        assert!(silent.receive().unwrap().starts_with(b"#CHALLENGE#"));
        assert!(matches!(silent.receive(), Err(Error::Ended)));
    }
}

#[test]
fn at_the_cap_the_oldest_gives_way() {
    let options = ListenerOptions::with_key(AuthKey::new(KEY)).max_pending(2);
    let mut listener = options.bind(Net::Pipe.fresh()).unwrap();
    let address = listener.address().clone();
    let silent = thread::spawn(move || [(); 3].map(|()| Raw::connect(&address)));
    assert!(matches!(outcome(&mut listener), Err(Error::Evicted)));
    serves_an_honest_client(&mut listener);
    drop(silent.join().unwrap());
}

#[test]
fn a_client_that_connects_and_leaves() {
    let mut listener = listen();
    drop(Raw::connect(listener.address()));
    let error = outcome(&mut listener).unwrap_err();
    // It depends on whether the challenge was written before the system knew.
    let has_left = match &error {
        Error::HandshakeEnded { .. } => true,
        Error::Io(error) => error.kind() == io::ErrorKind::BrokenPipe,
        _ => false,
    };
    assert!(has_left, "{error:?}");

    let mut raw = Raw::connect(listener.address());
    raw.send(b"an answer to nothing, and gone");
    drop(raw);
    assert!(outcome(&mut listener).is_err());
    serves_an_honest_client(&mut listener);
}

#[test]
fn wrong_answers_are_told_so() {
    let mut listener = listen();
    let answers: [&[u8]; 5] = [b"", b"#WELCOME#", &[7; 16], &[7; 32], &[7; 256]];
    for answer in answers {
        let address = listener.address().clone();
        let raw = thread::spawn(move || {
            let mut raw = Raw::connect(&address);
            assert!(raw.receive().unwrap().starts_with(b"#CHALLENGE#"));
            raw.send(answer);
            assert_eq!(raw.receive().unwrap(), b"#FAILURE#");
            assert!(matches!(raw.receive(), Err(Error::Ended)));
        });
        let error = outcome(&mut listener).unwrap_err();
        assert!(matches!(error, Error::Auth(_)), "{error:?}");
        raw.join().unwrap();
    }
    serves_an_honest_client(&mut listener);
}

#[test]
fn a_handshake_message_over_the_limit() {
    let mut listener = listen();
    let address = listener.address().clone();
    let raw = thread::spawn(move || {
        let mut raw = Raw::connect(&address);
        raw.send(&[7; 257]);
        assert!(raw.receive().unwrap().starts_with(b"#CHALLENGE#"));
        // Nothing but the end, however that is told.
        assert!(raw.receive().is_err());
    });
    let error = outcome(&mut listener).unwrap_err();
    let too_long = Error::Auth(AuthError::MessageTooLong { length: 257 });
    assert_eq!(format!("{error:?}"), format!("{too_long:?}"));
    raw.join().unwrap();
    serves_an_honest_client(&mut listener);
}

#[test]
fn a_message_over_the_limit() {
    let (mut connection, mut raw) = connected();
    connection.set_max_message(1000);
    raw.send(&[7; 1000]);
    raw.send(&[7; 1001]);
    assert_eq!(connection.recv_bytes().unwrap(), [7; 1000]);
    let error = connection.recv_bytes().unwrap_err();
    let Error::Frame(FrameError::TooLong { length: 1001, max: 1000 }) = error else {
        panic!("{error:?}");
    };
    assert!(matches!(connection.recv_bytes(), Err(Error::Frame(_))));
    connection.send_bytes(b"it can still send").unwrap();
    assert_eq!(raw.receive().unwrap(), b"it can still send");
}

#[test]
fn the_server_is_gone() {
    let listener = ListenerOptions::without_key().bind(Net::Pipe.fresh()).unwrap();
    let address = listener.address().clone();
    let mut waiting = ConnectOptions::without_key().connect(&address).unwrap();
    listener.close();
    assert!(matches!(waiting.recv_bytes(), Err(Error::Ended)));
    let error = connect(&address, AuthKey::new(KEY)).unwrap_err();
    let Error::Unreachable { phase: Phase::Connect, source, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(source.kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_close_ends_a_waiting_accept() {
    for net in Net::ALL {
        let mut listener = Listener::bind(net.fresh(), AuthKey::new(KEY)).unwrap();
        let closer = listener.closer();
        let closing = thread::spawn(move || {
            thread::sleep(SHORT);
            closer.close();
        });
        assert!(matches!(listener.accept(), Err(Error::Closed)));
        closing.join().unwrap();
    }
}

#[test]
fn time_runs_out_at_every_step_before_the_first_message() {
    let mut listener = listen();
    let nobody = listener.accept_timeout(SHORT);
    assert!(matches!(nobody, Err(Error::TimedOut(Phase::Accept))));

    // A listener that takes nobody in.
    let deaf = mpconn_pipe::Listener::bind_fresh(&Security::default()).unwrap();
    let address = Address::Pipe(deaf.name().to_owned());
    let options = ConnectOptions::with_key(AuthKey::new(KEY));
    let options = options.connect_timeout(SHORT).handshake_timeout(SHORT);
    let silence = options.connect(&address);
    assert!(matches!(silence, Err(Error::TimedOut(Phase::Handshake(_)))), "{silence:?}");
    // Its one instance was left by the client, and not by the server yet.
    let busy = options.connect(&address);
    assert!(matches!(busy, Err(Error::TimedOut(Phase::Connect))), "{busy:?}");
}

#[test]
fn a_receive_whose_time_is_up_loses_nothing() {
    let (mut connection, mut raw) = connected();
    connection.set_receive_timeout(SHORT);
    for message in [&b"late"[..], b"", &[7; 100_000]] {
        assert!(!connection.poll(Duration::ZERO).unwrap());
        assert!(matches!(connection.recv_bytes(), Err(Error::TimedOut(Phase::Receive))));
        let sending = thread::spawn(move || {
            raw.send(message);
            raw
        });
        assert!(connection.poll(LONG).unwrap());
        assert!(connection.poll(Duration::ZERO).unwrap());
        connection.set_receive_timeout(LONG);
        assert_eq!(connection.recv_bytes().unwrap(), message);
        connection.set_receive_timeout(SHORT);
        raw = sending.join().unwrap();
    }
}

#[test]
fn a_send_whose_time_is_up_arrives_whole() {
    let (mut connection, mut raw) = connected();
    connection.set_send_timeout(SHORT);
    let given_up = connection.send_bytes(&[7; LARGE]);
    assert!(matches!(given_up, Err(Error::TimedOut(Phase::Send))), "{given_up:?}");
    let next = connection.send_bytes(b"next");
    assert!(matches!(next, Err(Error::TimedOut(Phase::Send))), "{next:?}");
    assert!(raw.receive().unwrap() == [7; LARGE]);
    connection.set_send_timeout(LONG);
    connection.send_bytes(b"last").unwrap();
    assert_eq!(raw.receive().unwrap(), b"last");
}

#[test]
fn a_close_in_the_middle_of_a_message_is_an_error() {
    let (mut connection, raw) = connected();
    let mut frame = Vec::new();
    mpconn::encode(&[7; LARGE], mpconn::Extended::Allow, &mut frame).unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    let sent = raw.pipe.poll_send(&mut cx, &[io::IoSlice::new(&frame)]);
    assert!(sent.is_ready());
    assert!(connection.poll(LONG).unwrap());
    drop(raw);
    let error = connection.recv_bytes().unwrap_err();
    let is_truncated = match &error {
        Error::Frame(FrameError::TruncatedPayload { .. }) => true,
        Error::Io(error) => error.kind() == io::ErrorKind::UnexpectedEof,
        _ => false,
    };
    assert!(is_truncated, "{error:?}");
    assert!(connection.recv_bytes().is_err(), "for good");
}

#[test]
fn an_empty_message_and_then_the_end() {
    let (mut connection, mut raw) = connected();
    raw.send(b"");
    drop(raw);
    assert!(connection.poll(LONG).unwrap());
    assert_eq!(connection.recv_bytes().unwrap(), b"");
    assert!(connection.poll(LONG).unwrap());
    assert!(matches!(connection.recv_bytes(), Err(Error::Ended)));
}

#[test]
fn a_rogue_listener_gets_nothing_from_a_client() {
    let rogue = mpconn_pipe::Listener::bind_fresh(&Security::default()).unwrap();
    let address = Address::Pipe(rogue.name().to_owned());
    let challenges: [(&[u8], AuthError); 3] = [
        (b"#CHALLENGE#", AuthError::ChallengeTooShort { length: 0 }),
        (b"#CHALLENGE#{sha512}0123456789012345", AuthError::UnknownDigest),
        (b"hello", AuthError::NotAChallenge),
    ];
    for (challenge, expected) in challenges {
        let connected = thread::scope(|scope| {
            let client = scope.spawn(|| connect(&address, AuthKey::new(KEY)));
            let accepted = mpconn_pipe::block_until(None, |cx| rogue.poll_accept(cx));
            let mut raw = Raw::from(accepted.unwrap().unwrap());
            raw.send(challenge);
            let answer = raw.receive();
            assert!(matches!(answer, Err(Error::Ended)), "{answer:?}");
            client.join().unwrap()
        });
        let Err(Error::Auth(error)) = connected else { panic!("{connected:?}") };
        assert_eq!(error, expected);
    }
}
