//! A set of many that are mostly silent, of every kind of item.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use mpconn_blocking::{
    AuthKey, Connection, Error, Listener, ListenerOptions, Receiver, Socket, Source, WaitKey,
    WaitSet, connect, pipe,
};
use mpconn_tests::over::{LONG, Over, SHORT};
use mpconn_tests::python::Peer;
use mpconn_tests::pythons;
use mpconn_tests::stall::bounded;

const KEY: &[u8] = b"a key of more than sixteen bytes";

fn key() -> AuthKey {
    AuthKey::new(KEY)
}

/// Items of all kinds.
enum Item {
    Connection(Connection),
    Receiver(Receiver),
    Listener(Listener),
    Fd(OwnedFd),
}

impl<'a> From<&'a Item> for Source<'a> {
    fn from(item: &'a Item) -> Self {
        match item {
            Item::Connection(connection) => connection.into(),
            Item::Receiver(receiver) => receiver.into(),
            Item::Listener(listener) => listener.into(),
            Item::Fd(fd) => fd.into(),
        }
    }
}

fn set_of(number: usize, over: Over) -> (WaitSet<Connection>, Vec<(WaitKey, Connection)>) {
    let mut set = WaitSet::new().unwrap();
    let others = (0..number).map(|_| {
        let (one, other) = over.pair();
        (set.insert(one).unwrap(), other)
    });
    let others = others.collect();
    (set, others)
}

#[test]
fn those_that_speak_among_those_that_are_silent() {
    for over in Over::ALL {
        let (mut set, mut others) = set_of(300, over);
        assert_eq!(set.wait(Duration::ZERO).unwrap(), []);
        let mut speakers = BTreeSet::new();
        for (key, other) in others.iter_mut().step_by(7) {
            other.send_bytes(b"first").unwrap();
            other.send_bytes(b"second").unwrap();
            speakers.insert(*key);
        }
        // Until it was received, and until what was read ahead was.
        for message in [b"first".as_slice(), b"second"] {
            for _ in 0..2 {
                assert!(set.wait(LONG).unwrap().into_iter().eq(speakers.iter().copied()));
            }
            for key in &speakers {
                assert_eq!(set.get_mut(*key).unwrap().recv_bytes().unwrap(), message);
            }
        }
        assert_eq!(set.wait(SHORT).unwrap(), []);
        // An end is something to receive.
        let (last, _) = others.pop().unwrap();
        assert_eq!(set.wait(LONG).unwrap(), [last]);
        assert!(matches!(set.get_mut(last).unwrap().recv_bytes(), Err(Error::Ended)));
        set.get_mut(last).unwrap().close();
        assert_eq!(set.wait(LONG).unwrap(), [last]);
        set.remove(last).unwrap();
        assert_eq!((set.wait(SHORT).unwrap(), set.len()), (vec![], 299));
        assert!(set.get(last).is_none() && set.get_mut(last).is_none());
        assert!(set.remove(last).is_none());
    }
}

#[test]
fn what_was_read_ahead_before_it_was_added() {
    let (mut one, mut other) = pipe().unwrap();
    other.send_many(["1", "2", "3"]).unwrap();
    assert_eq!(one.recv_bytes().unwrap(), b"1");
    let mut set = WaitSet::new().unwrap();
    let key = set.insert(one).unwrap();
    for message in [b"2", b"3"] {
        assert_eq!(set.wait(LONG).unwrap(), [key]);
        assert_eq!(set.get_mut(key).unwrap().recv_bytes().unwrap(), message);
    }
    assert_eq!(set.wait(SHORT).unwrap(), []);
    other.send_bytes(b"4").unwrap();
    assert_eq!(set.wait(LONG).unwrap(), [key]);
    // Removed with something read ahead, and added again.
    other.send_bytes(b"5").unwrap();
    assert_eq!(set.get_mut(key).unwrap().recv_bytes().unwrap(), b"4");
    let one = set.remove(key).unwrap();
    assert_eq!(set.wait(SHORT).unwrap(), []);
    let again = set.insert(one).unwrap();
    assert_ne!(again, key);
    assert_eq!(set.wait(LONG).unwrap(), [again]);
}

/// The kernel goes on reporting a descriptor whose duplicate is open.
#[test]
fn a_duplicate_outlives_the_item() {
    let (mut set, mut others) = set_of(3, Over::Unix);
    let (gone, other) = &mut others[0];
    let item = set.remove(*gone).unwrap();
    let fd = item.fd().unwrap().try_clone_to_owned().unwrap();
    let again = set.insert(item).unwrap();
    // Closed before it is removed: the set cannot tell the kernel which descriptor it was.
    set.get_mut(again).unwrap().close();
    set.remove(again).unwrap();
    other.send_bytes(b"to nobody").unwrap();
    assert_eq!(set.wait(SHORT).unwrap(), []);
    others[1].1.send_bytes(b"to somebody").unwrap();
    assert_eq!(set.wait(LONG).unwrap(), [others[1].0]);
    drop(fd);
}

#[test]
fn every_kind_of_item_with_a_python() {
    for python in pythons::all() {
        bounded(move || {
            let mut set = WaitSet::new().unwrap();
            let listener = ListenerOptions::with_key(key()).bind_fresh().unwrap();
            let script = Peer::new(python, Some(KEY), "exchange")
                .with("sizes", "0,1,1000,100000")
                .client(listener.address());
            set.insert(Item::Listener(listener)).unwrap();
            let (reader, writer) = rustix::pipe::pipe().unwrap();
            let fd = set.insert(Item::Fd(reader)).unwrap();
            let (one, mut other) = pipe().unwrap();
            let (receiver, _sender) = one.split();
            let receiver = set.insert(Item::Receiver(receiver)).unwrap();
            let mut received = 0;
            // The Python expects as many, and sends as many.
            while received < 4 {
                for key in set.wait(LONG).unwrap() {
                    match set.get_mut(key).unwrap() {
                        Item::Listener(listener) => {
                            if let Ok(mut client) = listener.accept_timeout(Duration::ZERO) {
                                for (index, size) in [0, 1, 1000, 100_000].into_iter().enumerate() {
                                    let message = mpconn_tests::content::message(index, size);
                                    client.send_bytes(&message).unwrap();
                                }
                                set.insert(Item::Connection(client)).unwrap();
                            }
                        }
                        Item::Connection(client) => {
                            client.recv_bytes().unwrap();
                            received += 1;
                        }
                        Item::Receiver(_) | Item::Fd(_) => panic!("nobody has spoken"),
                    }
                }
            }
            other.send_bytes(b"spoken").unwrap();
            File::from(writer).write_all(b"written").unwrap();
            let ready: Vec<_> = set.wait(LONG).unwrap();
            assert!(ready.contains(&fd) && ready.contains(&receiver), "{ready:?}");
            drop(set);
            assert_eq!(script.result(), "ok", "{}", python.name());
        });
    }
}

/// What is not there yet is waited for, also beside a listener, and no longer than asked.
#[test]
fn deadlines_and_what_comes_later() {
    for with_listener in [false, true] {
        let mut set = WaitSet::new().unwrap();
        if with_listener {
            let listener = ListenerOptions::with_key(key()).bind_fresh().unwrap();
            set.insert(Item::Listener(listener)).unwrap();
        }
        let (one, mut other) = pipe().unwrap();
        let one = set.insert(Item::Connection(one)).unwrap();
        let begun = Instant::now();
        assert_eq!(set.wait(SHORT).unwrap(), []);
        assert!((SHORT..LONG).contains(&begun.elapsed()));
        let later = thread::spawn(move || {
            thread::sleep(SHORT);
            other.send_bytes(b"later").unwrap();
            other
        });
        assert_eq!(set.wait(None).unwrap(), [one]);
        later.join().unwrap();
    }
}

#[test]
fn a_listener_lets_its_clients_in() {
    let listener = ListenerOptions::with_key(key()).bind_fresh().unwrap();
    let address = listener.address().clone();
    let mut set = WaitSet::new().unwrap();
    let key_of_listener = set.insert(listener).unwrap();
    let clients: Vec<_> = (0..20)
        .map(|_| {
            let address = address.clone();
            thread::spawn(move || connect(address, key()).unwrap())
        })
        .collect();
    let mut accepted = Vec::new();
    while accepted.len() < clients.len() {
        assert_eq!(set.wait(LONG).unwrap(), [key_of_listener]);
        accepted.extend(set.get_mut(key_of_listener).unwrap().accept_timeout(Duration::ZERO));
    }
    clients.into_iter().for_each(|client| drop(client.join().unwrap()));
}

/// The item comes back with the reason.
#[test]
fn what_cannot_be_watched_is_returned() {
    let mut set = WaitSet::new().unwrap();
    let file =
        Connection::unauthenticated(Socket::from(OwnedFd::from(tempfile::tempfile().unwrap())));
    let (returned, error) = set.insert(file).unwrap_err().into_parts();
    assert!(returned.fd().is_some() && error.raw_os_error().is_some(), "{error}");
    assert!(set.is_empty());
}

/// It is closed while the set is not waiting, and nothing else happens.
#[test]
fn a_listener_that_is_closed_between_two_waits() {
    bounded(|| {
        let mut set = WaitSet::new().unwrap();
        let listener = ListenerOptions::with_key(key()).bind_fresh().unwrap();
        let closer = listener.closer();
        let listener = set.insert(Item::Listener(listener)).unwrap();
        let (one, mut other) = pipe().unwrap();
        let one = set.insert(Item::Connection(one)).unwrap();
        other.send_bytes(b"first").unwrap();
        assert_eq!(set.wait(None).unwrap(), [one]);
        let Some(Item::Connection(connection)) = set.get_mut(one) else { panic!("it is one") };
        connection.recv_bytes().unwrap();
        closer.close();
        assert_eq!(set.wait(None).unwrap(), [listener]);
    });
}

/// Closed and removed, while its other half keeps the descriptor, which comes again.
#[test]
fn a_descriptor_comes_again() {
    let (one, mut other) = pipe().unwrap();
    let (receiver, sender) = one.split();
    let mut set = WaitSet::new().unwrap();
    let key = set.insert(receiver).unwrap();
    set.get_mut(key).unwrap().close();
    set.remove(key).unwrap();
    let again = Connection::from_parts(sender.into_parts().unwrap()).split().0;
    let key = set.insert(again).unwrap();
    other.send_bytes(b"to the same descriptor").unwrap();
    assert_eq!(set.wait(LONG).unwrap(), [key]);
}
