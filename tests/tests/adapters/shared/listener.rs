//! A listener in time: peers half-way, slow peers, and being closed.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::adapter::{
    Address, AuthKey, Closer, Error, Listener, ListenerOptions, PeerError, Phase, connect,
};
use mpconn_tests::net::{Net, Stream, scratch};
use mpconn_tests::stall::bounded;
use mpconn_tests::wire::{CHALLENGE, WELCOME, challenge, frame, md5, receive, send};
use tempfile::TempDir;

const KEY: &[u8] = b"a key of more than sixteen bytes";
const NETS: [Net; 2] = [Net::Tcp, Net::Unix];
const DEADLINE: Duration = Duration::from_millis(500);

/// Clients that fail one after the other.
#[test]
fn others_do_not_extend_the_time_to_accept() {
    for net in NETS {
        let (mut listener, _scratch) = listen(net, DEADLINE * 10);
        let address = listener.address().clone();
        let is_over = AtomicBool::new(false);
        let elapsed = thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        if let Ok(mut peer) = Stream::connect(&address) {
                            let _ = send(&mut peer, b"not a response");
                        }
                    }
                });
            }
            let started = std::time::Instant::now();
            let accepted = listener.accept_timeout(DEADLINE);
            let elapsed = started.elapsed();
            is_over.store(true, Ordering::Relaxed);
            // Ends clients that wait in a full backlog.
            drop(listener);
            let error = accepted.unwrap_err();
            assert!(error.is_timeout(), "{error}");
            let Error::NoneAccepted(rejections) = error else { panic!("{error}") };
            let last = &rejections.last.error;
            assert!(last.is_authentication() || last.is_disconnect(), "{last}");
            assert!(rejections.count > 0);
            elapsed
        });
        assert!(elapsed >= DEADLINE && elapsed < DEADLINE * 2, "{elapsed:?}");
    }
}

#[test]
fn silence_between_two_accepts_does_not_count_against_a_peer() {
    for net in NETS {
        let (mut listener, _scratch) = listen(net, DEADLINE);
        let mut peer = Stream::connect(listener.address()).unwrap();
        let nothing = listener.accept_timeout(DEADLINE / 10);
        assert!(matches!(nothing, Err(Error::TimedOut(Phase::Accept))));
        respond(&mut peer);
        let nothing = listener.accept_timeout(DEADLINE / 10);
        assert!(matches!(nothing, Err(Error::TimedOut(Phase::Accept))));

        // The program is busy elsewhere, and the peer goes on before it is back, or after.
        thread::sleep(DEADLINE * 2);
        send_challenge(&mut peer);
        assert_eq!(receive(&mut peer).unwrap(), WELCOME);
        thread::scope(|scope| {
            scope.spawn(|| {
                assert!(receive(&mut peer).is_some(), "a response, when accept goes on");
                send(&mut peer, WELCOME).unwrap();
            });
            assert!(listener.accept().is_ok());
        });
    }
}

#[test]
fn what_has_arrived_is_processed_before_anything_expires() {
    for net in NETS {
        let (mut listener, _scratch) = listen(net, DEADLINE);
        let mut peer = Stream::connect(listener.address()).unwrap();
        let nothing = listener.accept_timeout(DEADLINE / 10);
        assert!(matches!(nothing, Err(Error::TimedOut(Phase::Accept))));
        // The whole rest at once, while nobody is in `accept`: nothing of it is late.
        respond(&mut peer);
        send_challenge(&mut peer);
        send(&mut peer, WELCOME).unwrap();
        thread::sleep(DEADLINE * 2);
        assert!(listener.accept().is_ok());
    }
}

#[test]
fn a_slow_peer_keeps_nobody_waiting() {
    for net in NETS {
        let (mut listener, _scratch) = listen(net, Duration::from_secs(60));
        let address = listener.address().clone();
        let slow_is_in = AtomicBool::new(false);
        let honest_in_time = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut peer = Stream::connect(&address).unwrap();
                for byte in response_to(&receive(&mut peer).unwrap()) {
                    Write::write_all(&mut peer, &[byte]).unwrap();
                    thread::sleep(Duration::from_millis(200));
                }
                assert_eq!(receive(&mut peer).unwrap(), WELCOME);
                slow_is_in.store(true, Ordering::Relaxed);
                send_challenge(&mut peer);
                assert!(receive(&mut peer).is_some());
                send(&mut peer, WELCOME).unwrap();
            });
            scope.spawn(|| {
                while !slow_is_in.load(Ordering::Relaxed) {
                    connect(&address, AuthKey::new(KEY)).unwrap();
                    honest_in_time.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(100));
                }
                // The last to be accepted, so that the loop below ends.
                connect(&address, AuthKey::new(KEY)).unwrap().send_bytes(b"last").unwrap();
            });
            // The slow one says nothing after its handshake, so it ends the same way as most.
            let last = |message: Result<Vec<u8>, Error>| message.is_ok_and(|m| m == b"last");
            while !last(listener.accept().unwrap().recv_bytes()) {}
        });
        assert!(honest_in_time.into_inner() > 5, "while the slow one sent its 20 bytes");
    }
}

#[test]
fn closing_wakes_a_blocked_accept_and_ends_what_is_pending() {
    for net in NETS {
        let (mut listener, _scratch) = listen(net, Duration::from_secs(60));
        let address = listener.address().clone();
        let closer = listener.closer();
        let mut silent = Stream::connect(&address).unwrap();
        let mut half_way = Stream::connect(&address).unwrap();
        thread::scope(|scope| {
            let accepting = scope.spawn(move || {
                let ended = listener.accept();
                assert!(listener.incoming().next().is_none());
                ended.map(drop)
            });
            assert!(receive(&mut silent).is_some());
            respond(&mut half_way);
            assert_eq!(receive(&mut half_way).unwrap(), WELCOME);
            closer.close();
            let ended = accepting.join().unwrap();
            assert!(matches!(ended, Err(Error::Closed)), "{ended:?}");
        });
        // The listener went with the thread.
        assert_eq!(receive(&mut silent), None);
        assert_eq!(receive(&mut half_way), None);
        assert_gone(&address);
        closer.close();
    }
}

#[test]
fn dropping_closes_what_is_pending_too() {
    for net in NETS {
        let (mut listener, _scratch) = listen(net, Duration::from_secs(60));
        let address = listener.address().clone();
        let mut pending = Stream::connect(&address).unwrap();
        let mut not_taken = Stream::connect(&address).unwrap();
        assert!(listener.accept_timeout(DEADLINE).is_err());
        let closer: Closer = listener.closer();
        listener.close();
        for peer in [&mut pending, &mut not_taken] {
            assert!(receive(peer).is_some(), "both were taken, and challenged");
            assert_eq!(receive(peer), None);
        }
        assert_gone(&address);
        // There is nothing left to close.
        closer.close();
    }
}

#[test]
fn an_error_names_the_peer_and_does_not_end_the_listener() {
    let (mut listener, _scratch) = listen(Net::Tcp, DEADLINE);
    let mut peer = Stream::connect(listener.address()).unwrap();
    send(&mut peer, b"not a response").unwrap();
    let Some(Err(Error::Peer(error))) = listener.incoming().next() else {
        panic!("a peer's error")
    };
    let PeerError { address: Some(Address::Inet { host, .. }), error } = *error else {
        panic!("with its address")
    };
    assert_eq!(host, "127.0.0.1");
    assert!(error.is_authentication());

    let address = listener.address().clone();
    thread::scope(|scope| {
        scope.spawn(|| connect(&address, AuthKey::new(KEY)).unwrap());
        assert!(listener.incoming().next().unwrap().is_ok());
    });
}

fn listen(net: Net, deadline: Duration) -> (Listener, TempDir) {
    let scratch = scratch();
    let options = ListenerOptions::with_key(AuthKey::new(KEY)).handshake_timeout(deadline);
    (options.bind(net.fresh(&scratch)).unwrap(), scratch)
}

/// The frame with the right response to this challenge.
fn response_to(challenge: &[u8]) -> Vec<u8> {
    frame(&md5(KEY, challenge.strip_prefix(CHALLENGE).unwrap()))
}

/// Responds to the challenge that waits for it.
fn respond(peer: &mut Stream) {
    let challenge = receive(peer).unwrap();
    Write::write_all(peer, &response_to(&challenge)).unwrap();
}

fn send_challenge(peer: &mut Stream) {
    send(peer, &challenge(&[b'x'; 20])).unwrap();
}

fn assert_gone(address: &Address) {
    if let Address::Unix(path) = address {
        assert!(!path.exists(), "the socket's file");
    }
    let error = connect(address, AuthKey::new(KEY)).unwrap_err();
    assert!(matches!(error, Error::Unreachable { phase: Phase::Connect, .. }), "{error:?}");
}

/// Clients that answer long after many others have come: the listener waits for old ones in another way
/// than for new ones. Some drip, some go, and some are still silent at the end.
#[test]
fn clients_that_answer_late_and_bit_by_bit() {
    const CLIENTS: usize = 60;
    for net in [Net::Tcp, Net::Unix] {
        bounded(move || {
            let scratch = scratch();
            let options = ListenerOptions::with_key(AuthKey::new(KEY));
            let mut listener = options.bind(net.fresh(&scratch)).unwrap();
            let mut clients: Vec<_> =
                (0..CLIENTS).map(|_| Stream::connect(listener.address()).unwrap()).collect();
            let come = listener.accept_timeout(Duration::from_millis(300));
            assert!(matches!(come, Err(Error::TimedOut(_))), "{come:?}");
            // Those that are gone, then those that are still there, the oldest first.
            let mut expected = 0;
            for (number, mut client) in clients.drain(..).enumerate() {
                if number % 5 == 4 {
                    continue;
                }
                let theirs = receive(&mut client).unwrap();
                let response = frame(&md5(KEY, &theirs[CHALLENGE.len()..]));
                let drips = if number % 5 == 3 { response.len() } else { 1 };
                let size = response.len().div_ceil(drips);
                let mut parts = response.chunks(size);
                for part in parts.by_ref().take(drips - 1) {
                    client.write_all(part).unwrap();
                    let come = listener.accept_timeout(Duration::from_millis(1));
                    assert!(
                        matches!(come, Err(Error::TimedOut(_) | Error::NoneAccepted(_))),
                        "{come:?}"
                    );
                }
                client.write_all(parts.next().unwrap()).unwrap();
                let rest = thread::spawn(move || {
                    assert_eq!(receive(&mut client).unwrap(), WELCOME);
                    send(&mut client, &challenge(&[7; 20])).unwrap();
                    assert_eq!(receive(&mut client).unwrap(), md5(KEY, &[7; 20]));
                    send(&mut client, WELCOME).unwrap();
                    send(&mut client, b"late").unwrap();
                });
                let mut connection = listener.accept_timeout(Duration::from_secs(20)).unwrap();
                assert_eq!(connection.recv_bytes().unwrap(), b"late");
                rest.join().unwrap();
                expected += 1;
            }
            assert_eq!(expected, CLIENTS - CLIENTS / 5);
        });
    }
}
