//! Every deadline of the tokio adapter, by a clock that stands still until nothing else is to be done.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::io;
use std::time::Duration;

use mpconn_tests::net::scratch;
use mpconn_tokio::{
    AuthKey, Awaited, ConnectOptions, Connection, Error, HandshakeStep, ListenerOptions, Phase,
    ReadWrite, Role,
};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, advance, sleep};

const KEY: &str = "a key of more than sixteen bytes";
const TIMEOUT: Duration = Duration::from_secs(3600);

fn pair(size: usize) -> (Connection<ReadWrite<DuplexStream>>, DuplexStream) {
    let (one, other) = duplex(size);
    (Connection::unauthenticated(ReadWrite::new(one)), other)
}

fn at(role: Role, awaited: Awaited) -> Phase {
    Phase::Handshake(HandshakeStep { role, awaited })
}

/// Runs out of time in `phase`, neither before nor after.
fn assert_timed_out<T: std::fmt::Debug>(result: &Result<T, Error>, phase: Phase, since: Instant) {
    assert!(matches!(result, Err(Error::TimedOut(at)) if *at == phase), "{result:?}");
    // The clock has a resolution of one millisecond.
    assert!((TIMEOUT..TIMEOUT + Duration::from_millis(2)).contains(&since.elapsed()));
}

#[tokio::test(start_paused = true)]
async fn the_handshake_has_one_deadline_for_all_of_it() {
    let options = ListenerOptions::with_key(AuthKey::new(KEY)).handshake_timeout(TIMEOUT);
    let (ours, mut theirs) = duplex(1000);
    let since = Instant::now();
    let slow = tokio::spawn(async move {
        // It goes on saying something, and never enough.
        for byte in [0, 0, 0, 40, b'x', b'x'] {
            theirs.write_all(&[byte]).await.unwrap();
            sleep(TIMEOUT / 5).await;
        }
    });
    let result = options.authenticate(ReadWrite::new(ours)).await;
    assert_timed_out(&result, at(Role::Listener, Awaited::Response), since);
    slow.abort();

    let options = ConnectOptions::with_key(AuthKey::new(KEY)).handshake_timeout(TIMEOUT);
    let (ours, _theirs) = duplex(1000);
    let since = Instant::now();
    let result = options.authenticate(ReadWrite::new(ours)).await;
    assert_timed_out(&result, at(Role::Client, Awaited::Challenge), since);
}

#[tokio::test(start_paused = true)]
async fn a_receive_that_times_out_is_gone_on_with() {
    let (mut ours, mut theirs) = pair(1000);
    ours.set_receive_timeout(TIMEOUT);
    theirs.write_all(b"\0\0\0\x05ab").await.unwrap();
    for _ in 0..3 {
        let since = Instant::now();
        assert_timed_out(&ours.recv_bytes().await, Phase::Receive, since);
    }
    theirs.write_all(b"cde").await.unwrap();
    assert_eq!(ours.recv_bytes().await.unwrap(), b"abcde");
}

#[tokio::test(start_paused = true)]
async fn a_send_that_times_out_is_gone_on_with() {
    let (mut ours, theirs) = pair(10);
    ours.set_send_timeout(TIMEOUT);
    let since = Instant::now();
    assert_timed_out(&ours.send_bytes(&[7; 100]).await, Phase::Send, since);
    let since = Instant::now();
    assert_timed_out(&ours.flush().await, Phase::Send, since);

    let mut theirs = Connection::unauthenticated(ReadWrite::new(theirs));
    let (sent, received) = tokio::join!(ours.send_bytes(b"next"), async {
        [theirs.recv_bytes().await.unwrap(), theirs.recv_bytes().await.unwrap()]
    });
    sent.unwrap();
    assert_eq!(received, [vec![7; 100], b"next".to_vec()]);
}

#[tokio::test(start_paused = true)]
async fn polling_and_accepting_for_a_while() {
    let (mut one, _other) = mpconn_tokio::pipe().unwrap();
    let since = Instant::now();
    assert!(!one.poll(TIMEOUT).await.unwrap());
    assert!(since.elapsed() >= TIMEOUT);

    let mut listener = ListenerOptions::without_key().bind_fresh().unwrap();
    let since = Instant::now();
    assert_timed_out(&listener.accept_timeout(TIMEOUT).await, Phase::Accept, since);
}

#[tokio::test(start_paused = true)]
async fn connecting_where_nobody_listens_yet() {
    let scratch = scratch();
    let path = scratch.path().join("listener");
    let options = ConnectOptions::without_key().connect_timeout(TIMEOUT).retry(true);
    let since = Instant::now();
    // What the last attempt met, and not only that the time was up.
    let error = options.connect(path.as_path()).await.unwrap_err();
    assert!((TIMEOUT..TIMEOUT + Duration::from_millis(2)).contains(&since.elapsed()));
    let source = std::error::Error::source(&error).and_then(|it| it.downcast_ref::<io::Error>());
    assert_eq!(source.map(io::Error::kind), Some(io::ErrorKind::NotFound), "{error}");

    let (connected, accepted) = tokio::join!(options.connect(path.as_path()), async {
        sleep(TIMEOUT / 2).await;
        let mut listener = ListenerOptions::without_key().bind(path.as_path()).unwrap();
        listener.accept().await
    });
    connected.unwrap();
    accepted.unwrap();
}

/// The time between two calls of accept is not the peer's.
#[tokio::test(start_paused = true)]
async fn a_listeners_clock_runs_while_it_is_driven() {
    let options = ListenerOptions::with_key(AuthKey::new(KEY)).handshake_timeout(TIMEOUT);
    let mut listener = options.bind_fresh().unwrap();
    let address = listener.address().clone();
    let silent = ConnectOptions::without_key().connect(address).await.unwrap();

    for _ in 0..3 {
        let nothing = listener.accept_timeout(TIMEOUT / 4).await;
        assert!(matches!(nothing, Err(Error::TimedOut(Phase::Accept))));
        advance(2 * TIMEOUT).await;
    }
    // A quarter is left: its own time is over before that of the accept.
    let since = Instant::now();
    let mut incoming = listener.incoming();
    let outcome = futures_util::StreamExt::next(&mut incoming).await.unwrap();
    let Err(Error::Peer(peer)) = outcome else { panic!("{outcome:?}") };
    assert!(matches!(peer.error, Error::TimedOut(Phase::Handshake(_))), "{peer:?}");
    let quarter = TIMEOUT / 4;
    assert!(since.elapsed() <= quarter && since.elapsed() > quarter - Duration::from_millis(20));
    drop(silent);
}
