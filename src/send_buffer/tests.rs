//! Errors and states; that messages arrive as they were sent is asserted by `fuzzing::operations`.

use std::{format, vec};

use super::*;

/// Takes `n` bytes, and returns them.
fn take(send: &mut SendBuffer, payload: &[u8], n: usize) -> Vec<u8> {
    let bytes = send.chunks(payload).concat()[..n].to_vec();
    send.advance(n);
    bytes
}

#[test]
fn what_is_buffered_precedes_a_begun_message() {
    let mut send = SendBuffer::new();
    assert!(send.is_empty());
    send.push(b"one").unwrap();
    send.push(b"").unwrap();
    send.begin(3).unwrap();
    assert_eq!((send.buffered(), send.is_empty()), (11, false));
    assert_eq!(send.chunks(b"two"), [&b"\0\0\0\x03one\0\0\0\0"[..], b"\0\0\0\x03", b"two"]);
    assert!(!send.advance(11));
    assert_eq!(send.buffer.capacity(), 0, "an idle buffer keeps no memory");
    assert!(!send.advance(5));
    assert!(send.advance(2) && send.is_empty());
}

#[test]
fn a_send_may_stop_in_the_buffer_and_go_on_into_the_message() {
    let mut send = SendBuffer::new();
    send.push(b"one").unwrap();
    send.begin(3).unwrap();
    assert!(!send.advance(3));
    assert_eq!(send.chunks(b"two")[0], b"\x03one");
    assert!(!send.advance(9));
    assert_eq!(send.chunks(b"two"), [&b""[..], b"", b"wo"]);
    assert!(send.advance(2));
}

#[test]
fn giving_up_between_messages_poisons_nothing() {
    let mut send = SendBuffer::new();
    send.begin(3).unwrap();
    send.abandon();
    assert!(!send.is_poisoned() && send.is_empty());
    send.push(b"one").unwrap();
    send.abandon();
    assert_eq!((send.is_poisoned(), send.buffered()), (false, 7));
    send.begin(3).unwrap();
    take(&mut send, b"two", 14);
    send.abandon();
    assert!(!send.is_poisoned(), "all of it was written");
}

#[test]
fn giving_up_inside_a_message_poisons() {
    let inside: [fn(&mut SendBuffer); 4] = [
        |send| {
            send.begin(3).unwrap();
            send.advance(1);
        },
        |send| {
            send.push(b"abc").unwrap();
            send.advance(1);
        },
        |send| {
            send.begin(3).unwrap();
            send.advance(5);
            send.keep(b"abc");
        },
        |send| {
            send.begin(3).unwrap();
            send.advance(5);
            send.keep(b"abc");
            send.push(b"another").unwrap();
        },
    ];
    for make in inside {
        let mut send = SendBuffer::new();
        make(&mut send);
        send.abandon();
        assert!(send.is_poisoned() && send.is_empty());
        assert_eq!(send.begin(0), Err(SendError::Poisoned));
        assert_eq!(send.push(b""), Err(SendError::Poisoned));
        assert_eq!(format!("{send:?}"), "SendBuffer { buffered: 0, poisoned: true, .. }");
    }
}

/// A future that is leaked runs no destructor.
#[test]
fn a_message_that_was_leaked_poisons_only_if_a_part_was_written() {
    for written in [0, 1, 6] {
        let mut send = SendBuffer::new();
        send.begin(3).unwrap();
        send.advance(written);
        let next = send.push(b"next");
        assert_eq!(next.is_err(), written > 0, "{written}");
        assert_eq!(send.buffered(), if written > 0 { 0 } else { 8 });
    }
}

#[test]
fn only_the_rest_of_a_message_is_kept() {
    for (written, kept) in [(0, 0), (5, 2), (7, 0)] {
        let mut send = SendBuffer::new();
        send.begin(3).unwrap();
        send.advance(written);
        send.keep(b"abc");
        assert_eq!((send.buffered(), send.is_poisoned()), (kept, false));
    }
}

#[test]
fn what_was_pushed_is_truncated_unless_some_was_written() {
    let mut send = SendBuffer::new();
    send.push(b"abc").unwrap();
    send.push(b"def").unwrap();
    send.truncate(7);
    assert_eq!(take(&mut send, b"", 7), b"\0\0\0\x03abc");
    send.push(b"abc").unwrap();
    send.advance(2);
    send.truncate(0);
    assert_eq!(send.buffered(), 5, "it is out already");
}

#[test]
#[should_panic(expected = "advanced past the end of the frame")]
fn more_than_there_is_cannot_have_been_written() {
    let mut send = SendBuffer::new();
    send.push(b"abc").unwrap();
    send.advance(8);
}

/// A payload of 2 GiB that is never touched costs nothing.
#[cfg(all(target_pointer_width = "64", not(miri)))]
#[test]
fn a_message_that_is_too_long_is_refused() {
    let long = vec![0; 1 << 31];
    let mut send = SendBuffer::new();
    send.set_extended(Extended::Refuse);
    assert!(matches!(send.push(&long), Err(SendError::TooLong(_))));
    assert!(matches!(send.begin(long.len()), Err(SendError::TooLong(_))));
    assert!(send.is_empty() && !send.is_poisoned());
    send.push(b"abc").unwrap();
}

#[test]
fn a_payload_in_flight_is_not_copied() {
    let mut send = SendBuffer::new();
    send.push(b"one").unwrap();
    let mut payload = vec![7; 100_000];
    let memory = payload.as_ptr();
    send.begin(payload.len()).unwrap();
    let (bytes, from) = send.start_write(&mut payload).unwrap();
    assert_eq!((&bytes[from..], payload.len()), (&b"\0\0\0\x03one\0\x01\x86\xa0"[..], 100_000));
    assert!(!send.finish_write(bytes, 5, &mut payload), "a partial write");
    let (bytes, from) = send.start_write(&mut payload).unwrap();
    assert_eq!(&bytes[from..], b"ne\0\x01\x86\xa0");
    assert!(!send.finish_write(bytes, 6, &mut payload));
    let (bytes, from) = send.start_write(&mut payload).unwrap();
    assert_eq!((bytes.as_ptr(), from, payload.len()), (memory, 0, 0));
    assert!(!send.finish_write(bytes, 99_999, &mut payload));
    let (bytes, from) = send.start_write(&mut payload).unwrap();
    assert_eq!((bytes.as_ptr(), from), (memory, 99_999));
    assert!(send.finish_write(bytes, 1, &mut payload));
    assert_eq!(payload.as_ptr(), memory);
    assert!(send.start_write(&mut Vec::new()).is_none());
}

#[test]
fn what_is_pushed_during_a_write_comes_behind_it() {
    let mut send = SendBuffer::new();
    send.push(b"one").unwrap();
    let (bytes, _) = send.start_write(&mut Vec::new()).unwrap();
    send.push(b"two").unwrap();
    assert!(!send.is_empty());
    assert!(!send.finish_write(bytes, 6, &mut Vec::new()));
    assert_eq!(send.chunks(b"")[0], b"e\0\0\0\x03two");
    send.abandon();
    assert!(send.is_poisoned(), "the buffer starts inside a message");
}

#[test]
fn a_message_that_was_leaked_leaves_the_buffer_alone() {
    let mut send = SendBuffer::new();
    send.push(b"one").unwrap();
    send.begin(5).unwrap();
    assert_eq!(take(&mut send, b"leaks", 2), b"\0\0");
    send.begin(3).unwrap();
    assert_eq!(send.chunks(b"two").concat(), b"\0\x03one\0\0\0\x03two");
}

#[test]
fn a_header_that_moves_into_the_buffer_leaves_the_stream_inside_a_message() {
    for payload in [&b""[..], b"two"] {
        let mut send = SendBuffer::new();
        send.begin(payload.len()).unwrap();
        take(&mut send, payload, 2);
        let mut owned = payload.to_vec();
        let (bytes, _) = send.start_write(&mut owned).unwrap();
        send.finish_write(bytes, 0, &mut owned);
        send.abandon();
        assert!(send.is_poisoned());
    }
}
