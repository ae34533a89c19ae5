use std::string::ToString;
use std::vec;
use std::vec::Vec;

use proptest::collection;
use proptest::prelude::*;

use super::*;
use crate::testing::expected;
use crate::{Event, Framer};

fn frame(payload_len: usize) -> Transmit {
    Transmit::new(payload_len, Extended::Allow).unwrap()
}

#[test]
fn is_small() {
    assert!(size_of::<Transmit>() <= 64, "{}", size_of::<Transmit>());
}

#[test]
fn headers_of_both_forms() {
    assert_eq!(frame(0).header(), [0; 4]);
    assert_eq!(frame(1).header(), [0, 0, 0, 1]);
    assert_eq!(frame(0x0102_0304).header(), [1, 2, 3, 4]);
    assert_eq!(frame(SHORT_MAX).header(), [0x7f, 0xff, 0xff, 0xff]);
}

/// Only the length is needed for it, so that no test has to hold 2 GiB.
#[test]
#[cfg(target_pointer_width = "64")]
fn extended_headers_both_ways() {
    for length in [SHORT_MAX + 1, 1 << 32, (1 << 62) + 5, usize::MAX] {
        let mut transmit = frame(length);
        let header = [&[0xff; 4][..], &length.to_be_bytes()].concat();
        assert_eq!(transmit.header(), header);
        assert_eq!(transmit.ranges(), (0..12, 0..length));

        let mut framer = Framer::new(u64::MAX, 64);
        assert_eq!(framer.next(transmit.header()), Ok((12, Event::Begin(length as u64))));
        framer.advance(length - 1);
        assert_eq!(framer.next(b"x"), Ok((1, Event::Chunk { data: 0..1, left: 0 })));

        assert!(!transmit.advance(13));
        assert_eq!(transmit.ranges(), (12..12, 1..length));
        assert!(transmit.advance(length - 1));
    }
}

#[test]
fn the_policy_refuses_what_old_pythons_cannot_read() {
    let refused = |length| Transmit::new(length, Extended::Refuse);
    assert_eq!(refused(SHORT_MAX).unwrap().header().len(), 4);
    let error = refused(SHORT_MAX + 1).unwrap_err();
    assert_eq!(error, TooLong { length: SHORT_MAX + 1 });
    assert!(error.to_string().contains("2147483648"));
    assert_eq!(Extended::default(), Extended::Allow, "as CPython 3.8 and later do");
}

#[test]
fn says_what_is_left() {
    let payload = b"hello";
    let mut transmit = frame(5);
    assert!(transmit.is_untouched() && !transmit.is_done());
    assert_eq!(transmit.slices(payload), [&b"\0\0\0\x05"[..], b"hello"]);
    assert_eq!(transmit.ranges(), (0..4, 0..5));

    assert!(!transmit.advance(0));
    assert!(transmit.is_untouched());
    assert!(!transmit.advance(3));
    assert!(!transmit.is_untouched());
    assert_eq!(transmit.slices(payload), [&b"\x05"[..], b"hello"]);
    assert_eq!(transmit.ranges(), (3..4, 0..5));
    assert_eq!(transmit.whole_header(), b"\0\0\0\x05");

    assert!(!transmit.advance(2));
    assert_eq!(transmit.slices(payload), [&b""[..], b"ello"]);
    assert_eq!(transmit.ranges(), (4..4, 1..5));
    assert!(transmit.advance(4));
    assert_eq!(transmit.slices(payload), [b"", b""]);
    assert!(transmit.is_done());
}

#[test]
fn an_empty_payload_is_done_with_its_header() {
    let mut transmit = frame(0);
    assert!(!transmit.is_done());
    assert!(transmit.advance(4));
}

#[test]
#[should_panic(expected = "not the payload of this frame")]
fn another_payload_panics() {
    let _ = frame(5).slices(b"four");
}

#[test]
#[should_panic(expected = "past the end of the frame")]
fn advancing_too_far_panics() {
    frame(5).advance(10);
}

#[test]
#[should_panic(expected = "past the end of the frame")]
fn advancing_past_what_is_left_panics() {
    let mut transmit = frame(5);
    transmit.advance(6);
    transmit.advance(4);
}

#[test]
#[should_panic(expected = "past the end of the frame")]
fn advancing_so_far_that_it_wraps_panics() {
    let mut transmit = frame(5);
    transmit.advance(6);
    transmit.advance(usize::MAX);
}

proptest! {
    #[test]
    fn what_is_written_in_any_pieces_is_read(
        payloads in collection::vec(collection::vec(any::<u8>(), 0..300), 1..6),
        writes in collection::vec(1..64_usize, 1..20),
    ) {
        let mut writes = writes.iter().copied().cycle();
        let mut stream = Vec::new();
        for payload in &payloads {
            let mut transmit = frame(payload.len());
            loop {
                let [header, rest] = transmit.slices(payload);
                let (of_header, of_payload) = transmit.ranges();
                prop_assert_eq!(header, &transmit.whole_header()[of_header]);
                prop_assert_eq!(rest, &payload[of_payload]);
                let mut both = [header, rest].concat();
                both.truncate(writes.next().unwrap());
                stream.extend_from_slice(&both);
                if transmit.advance(both.len()) {
                    break;
                }
            }
            prop_assert!(transmit.is_done());
        }
        let received = expected(&stream, u64::MAX, usize::MAX);
        prop_assert_eq!(received.end, Ok(()));
        let sent: Vec<_> = payloads.into_iter().map(|payload| (false, payload)).collect();
        prop_assert_eq!(received.messages, sent);
    }
}

#[cfg(feature = "alloc")]
#[test]
fn encoding_appends_and_takes_no_memory_beyond() {
    let mut out = Vec::new();
    encode(&[7; 1000], Extended::Allow, &mut out).unwrap();
    assert!(out.capacity() < 2000, "{}", out.capacity());
    encode(b"", Extended::Allow, &mut out).unwrap();
    assert_eq!(out, [&[0, 0, 0x03, 0xe8][..], &[7; 1000], &[0; 4]].concat());
}

#[test]
fn many_frames_are_one_stream() {
    let mut stream = vec![];
    for payload in [&b""[..], b"a", &[7; 300]] {
        stream.extend_from_slice(&frame(payload.len()).slices(payload).concat());
    }
    assert_eq!(stream[..9], *b"\0\0\0\0\0\0\0\x01a");
    assert_eq!(stream[9..13], [0, 0, 1, 44]);
    assert_eq!(stream.len(), 313);
}
