//! What `{:?}` shows of those that hold messages, which end up in logs: none of the messages.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::fmt::Debug;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use super::adapter::{AuthKey, Error, Listener, ListenerOptions};
use mpconn::{ReadBuf, RecvBuffer, SendBuffer};
use mpconn_tests::net::{Net, Stream, scratch};
use mpconn_tests::wire::{frame, receive};

const PAYLOAD: &[u8] = b"ReCoGnIsAbLeZqXj";
const KEY: &[u8] = b"KeYtHaTnObOdYsHoUlDsEe";

/// As many bytes as nothing else shows by accident.
const PART: usize = 4;

/// Longer than what is read ahead.
const LARGE: usize = 100_000;

#[test]
fn a_connection_shows_nothing_of_its_messages() {
    let scratch = scratch();
    let mut listener = ListenerOptions::without_key().bind(Net::Unix.fresh(&scratch)).unwrap();
    let mut peer = Stream::connect(listener.address()).unwrap();
    let mut ours = listener.accept().unwrap();
    for _ in 0..3 {
        peer.write_all(&frame(PAYLOAD)).unwrap();
    }
    assert_eq!(ours.recv_bytes().unwrap(), PAYLOAD);
    assert_shows_nothing(&ours, "with two messages read ahead");

    let error = ours.recv_bytes_into(&mut [0; 3]).unwrap_err();
    assert!(matches!(&error, Error::BufferTooShort(message) if message == PAYLOAD));
    assert_shows_nothing(&error, "the message that did not fit");
    assert!(!error.to_string().contains("ReCoGn"));
    let error = std::io::Error::from(error);
    assert_shows_nothing(&error, "the same as the system's kind of error");
    assert_shows_nothing(&ours, "with one message left");
    ours.send_bytes(PAYLOAD).unwrap();
    assert_shows_nothing(&ours, "after it has sent one");
}

#[test]
fn a_listener_shows_nothing_of_its_key_and_of_what_is_pending() {
    let scratch = scratch();
    let mut listener = Listener::bind(Net::Unix.fresh(&scratch), AuthKey::new(KEY)).unwrap();
    assert_shows_nothing(&listener, "a new one");
    let mut peer = Stream::connect(listener.address()).unwrap();
    // All but the last byte of something that may become a response.
    let response = frame(PAYLOAD);
    peer.write_all(&response[..response.len() - 1]).unwrap();
    assert!(listener.accept_timeout(Duration::from_millis(100)).is_err());
    assert!(receive(&mut peer).is_some(), "it is pending");
    assert_shows_nothing(&listener, "with a client half-way");

    peer.write_all(&response[response.len() - 1..]).unwrap();
    let Some(Err(error)) = listener.incoming().next() else { panic!("that was no response") };
    assert_shows_nothing(&error, "what became of that client");
}

#[test]
fn an_authenticated_connection_shows_nothing_of_its_key() {
    let scratch = scratch();
    let mut listener = Listener::bind(Net::Unix.fresh(&scratch), AuthKey::new(KEY)).unwrap();
    let address = listener.address().clone();
    let client = thread::spawn(move || {
        let client = super::adapter::connect(address, AuthKey::new(KEY)).unwrap();
        assert_shows_nothing(&client, "the client");
    });
    assert_shows_nothing(&listener.accept().unwrap(), "the listener's side");
    client.join().unwrap();
}

#[test]
fn a_receive_buffer_shows_nothing_of_what_has_arrived() {
    let mut recv = RecvBuffer::new(u64::MAX);
    let two = [frame(PAYLOAD), frame(PAYLOAD)].concat();
    fill(&mut recv, &two);
    assert_shows_nothing(&recv, "before a poll");
    assert!(recv.poll().unwrap());
    assert_eq!(recv.message(), PAYLOAD);
    assert_shows_nothing(&recv, "with a message to show, and one behind it");

    // Large ones have memory of their own.
    let large: Vec<u8> = PAYLOAD.iter().copied().cycle().take(LARGE).collect();
    let mut recv = RecvBuffer::new(u64::MAX);
    let mut rest = &frame(&large)[..];
    while !recv.poll().unwrap() {
        assert_shows_nothing(&recv, "with a part of a large one");
        let n = fill(&mut recv, &rest[..rest.len().min(70_000)]);
        rest = &rest[n..];
    }
    assert_eq!(recv.message(), large);
    assert_shows_nothing(&recv, "with a large one");

    assert_shows_nothing(&ReadBuf::Slice(&mut PAYLOAD.to_vec()), "memory used before");
    assert_shows_nothing(&ReadBuf::Spare(&mut PAYLOAD.to_vec()), "what is appended to");
}

#[test]
fn a_send_buffer_shows_nothing_of_what_it_keeps() {
    let mut send = SendBuffer::new();
    send.push(PAYLOAD).unwrap();
    assert_eq!(send.buffered(), frame(PAYLOAD).len());
    assert_shows_nothing(&send, "with a message pushed");

    let mut send = SendBuffer::new();
    send.begin(PAYLOAD.len()).unwrap();
    send.advance(5);
    assert_shows_nothing(&send, "with a message under way");
    send.keep(PAYLOAD);
    assert!(send.buffered() > PART);
    assert_shows_nothing(&send, "with the rest of one");
}

#[test]
fn this_test_would_see_it() {
    let shown: [&dyn Debug; 4] =
        [&PAYLOAD, &&PAYLOAD[5..], &"..ReCoGnIs", &std::io::IoSlice::new(KEY)];
    for shown in shown {
        assert!(shows(shown).is_some(), "{shown:?}");
    }
    assert!(shows(&UnixStream::pair().unwrap()).is_none());
}

fn fill(recv: &mut RecvBuffer, bytes: &[u8]) -> usize {
    let mut bytes = bytes;
    let n = match recv.read_buf() {
        ReadBuf::Slice(slice) => std::io::Read::read(&mut bytes, slice).unwrap(),
        ReadBuf::Spare(vec) => {
            let n = bytes.len().min(vec.capacity() - vec.len());
            vec.extend_from_slice(&bytes[..n]);
            n
        }
    };
    recv.advance(n);
    n
}

#[track_caller]
fn assert_shows_nothing(value: &dyn Debug, when: &str) {
    if let Some(part) = shows(value) {
        panic!("{when}: it shows {part}");
    }
}

/// A part of the payload or the key that is to be seen: as text, as numbers, or in hexadecimal.
fn shows(value: &dyn Debug) -> Option<String> {
    for mut shown in [format!("{value:?}"), format!("{value:#?}")] {
        shown.retain(|c| !c.is_whitespace());
        for part in [PAYLOAD, KEY].into_iter().flat_map(|secret| secret.windows(PART)) {
            let text = String::from_utf8(part.to_vec()).unwrap();
            let decimals: Vec<_> = part.iter().map(ToString::to_string).collect();
            let hex: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
            let forms = [text, decimals.join(","), hex];
            if let Some(form) = forms.into_iter().find(|form| shown.contains(form)) {
                return Some(form);
            }
        }
    }
    None
}
