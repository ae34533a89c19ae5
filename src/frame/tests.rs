use std::vec;
use std::vec::Vec;

use proptest::collection;
use proptest::prelude::*;

use super::*;
use crate::testing::{Received, expected, receive};

const NO_MAX: u64 = u64::MAX;

/// The 4-byte form of a header.
fn short(length: usize) -> Vec<u8> {
    i32::try_from(length).unwrap().to_be_bytes().to_vec()
}

/// The 12-byte form of a header.
fn extended(length: u64) -> Vec<u8> {
    [&[0xff; 4][..], &length.to_be_bytes()].concat()
}

fn need(n: usize) -> Result<(usize, Event), FrameError> {
    Ok((0, Event::Need(Want::Buffer(n))))
}

#[test]
fn is_small() {
    assert!(size_of::<Framer>() <= 64, "{}", size_of::<Framer>());
}

#[test]
fn asks_for_the_rest_of_a_header() {
    let header = extended(3);
    for arrived in 0..4 {
        assert_eq!(Framer::new(NO_MAX, 8).next(&header[..arrived]), need(4 - arrived));
    }
    for arrived in 4..12 {
        assert_eq!(Framer::new(NO_MAX, 8).next(&header[..arrived]), need(12 - arrived));
    }
}

#[test]
fn gives_short_frames_whole() {
    let mut framer = Framer::new(NO_MAX, 3);
    assert_eq!(framer.next(b"\0\0\0\x03ab"), need(1));
    assert_eq!(framer.next(b"\0\0\0\x03abcd"), Ok((7, Event::Frame(4..7))));
    assert_eq!(framer.next(b"\0\0\0\0"), Ok((4, Event::Frame(4..4))), "an empty message");
    assert_eq!(framer.next(b""), need(4), "is not the end");
}

#[test]
fn reads_extended_headers_that_are_not_minimal() {
    let mut framer = Framer::new(NO_MAX, 3);
    let frame = [&extended(3)[..], b"abc"].concat();
    assert_eq!(framer.next(&frame[..14]), need(1));
    assert_eq!(framer.next(&frame), Ok((15, Event::Frame(12..15))));
    assert_eq!(framer.next(&extended(0)), Ok((12, Event::Frame(12..12))));
}

#[test]
fn begins_long_frames() {
    let mut framer = Framer::new(NO_MAX, 3);
    assert_eq!(framer.clone().next(b"\0\0\0\x04abcd"), Ok((4, Event::Begin(4))), "whole");
    assert_eq!(framer.next(b"\0\0\0\x04ab"), Ok((4, Event::Begin(4))));
    assert_eq!(framer.next(b"ab"), Ok((2, Event::Chunk { data: 0..2, left: 2 })));
    assert_eq!(framer.next(b""), Ok((0, Event::Need(Want::Payload(2)))));
    framer.advance(0);
    framer.advance(1);
    assert_eq!(framer.next(b""), Ok((0, Event::Need(Want::Payload(1)))));
    assert_eq!(framer.next(b"d\0\0"), Ok((1, Event::Chunk { data: 0..1, left: 0 })));
    assert_eq!(framer.next(b"\0\0"), need(2));
}

#[test]
fn begins_a_frame_before_any_of_its_payload_came() {
    let mut framer = Framer::new(NO_MAX, 0);
    assert_eq!(framer.next(b"\0\0\0\x01"), Ok((4, Event::Begin(1))));
    framer.advance(1);
    assert_eq!(framer.next(&extended(5)), Ok((12, Event::Begin(5))));
    framer.advance(5);
    assert_eq!(framer.next(b""), need(4));
}

#[test]
fn lengths_around_each_limit() {
    let too_long = |length, max| Err(FrameError::TooLong { length, max });
    let begin = |used, length| Ok((used, Event::Begin(length)));
    let invalid = |length| Err(FrameError::InvalidLength(length));
    for (header, max, answer) in [
        (vec![0; 4], 0, Ok((4, Event::Frame(4..4)))),
        (extended(0), 0, Ok((12, Event::Frame(12..12)))),
        (vec![0, 0, 0, 1], 0, too_long(1, 0)),
        (vec![0, 0, 1, 0], 256, begin(4, 256)),
        (vec![0, 0, 1, 1], 256, too_long(257, 256)),
        (vec![0x7f, 0xff, 0xff, 0xff], NO_MAX, begin(4, 0x7fff_ffff)),
        (vec![0x7f, 0xff, 0xff, 0xff], 256, too_long(0x7fff_ffff, 256)),
        (vec![0x80, 0, 0, 0], NO_MAX, invalid(i32::MIN)),
        (vec![0xff, 0xff, 0xff, 0xfe], NO_MAX, invalid(-2)),
        (vec![0xff, 0xff, 0xff, 0xfe], 0, invalid(-2)),
        (extended(257), 256, too_long(257, 256)),
        (extended(1 << 31), NO_MAX, begin(12, 1 << 31)),
        (extended(1 << 31), (1 << 31) - 1, too_long(1 << 31, (1 << 31) - 1)),
        (extended(1 << 63), NO_MAX, begin(12, 1 << 63)),
        (extended(1 << 63), 256, too_long(1 << 63, 256)),
        (extended(u64::MAX), NO_MAX, begin(12, u64::MAX)),
        (extended(u64::MAX), u64::MAX - 1, too_long(u64::MAX, u64::MAX - 1)),
    ] {
        assert_eq!(Framer::new(max, 16).next(&header), answer, "{header:x?} with {max}");
    }
}

#[test]
fn whatever_inline_says_no_length_overflows() {
    for length in [u64::MAX, u64::MAX - 12, i64::MAX as u64, 1 << 62] {
        let mut framer = Framer::new(NO_MAX, usize::MAX);
        let (used, event) = framer.next(&extended(length)).unwrap();
        match event {
            Event::Begin(begun) => assert_eq!((used, begun), (12, length)),
            event => assert!(matches!(event, Event::Need(Want::Buffer(_))), "{event:?}"),
        }
        assert!(framer.eof(&extended(length)).is_err());
    }
}

#[test]
fn errors_are_final_and_consume_nothing() {
    for header in [&b"\xff\xff\xff\xfe"[..], b"\0\0\x10\0"] {
        let mut framer = Framer::new(16, 16);
        let input = [b"\0\0\0\x01a", header].concat();
        let (used, _) = framer.next(&input).unwrap();
        assert_eq!(used, 5);
        assert!(!framer.has_failed());
        let error = framer.next(&input[used..]).unwrap_err();
        assert!(framer.has_failed());
        framer.set_max(NO_MAX);
        for later in [&input[..], b"", b"\0\0\0\0"] {
            assert_eq!(framer.next(later), Err(error));
            assert_eq!(framer.eof(later), Err(error));
        }
    }
}

#[test]
fn the_limit_changes_from_the_next_header_on() {
    let mut framer = Framer::new(4, 2);
    assert_eq!(framer.next(b"\0\0\0\x04"), Ok((4, Event::Begin(4))));
    framer.set_max(1);
    assert_eq!(framer.next(b"abcd"), Ok((4, Event::Chunk { data: 0..4, left: 0 })));
    assert_eq!(framer.next(b"\0\0\0\x01e"), Ok((5, Event::Frame(4..5))));
    framer.set_max(NO_MAX);
    assert_eq!(framer.next(b"\0\x01\0\0"), Ok((4, Event::Begin(65536))));
    framer.set_max(0);
    framer.advance(65536);
    let error = FrameError::TooLong { length: 1, max: 0 };
    assert_eq!(framer.next(b"\0\0\0\x01e"), Err(error));
}

/// Facts 5: CPython tells the first and the last of these from the others, but not from each other.
#[test]
fn the_end_in_every_state() {
    let truncated = |missing| Err(FrameError::TruncatedPayload { missing });
    let long = [&extended(9)[..], b"abc"].concat();
    for (stream, end) in [
        (&b""[..], Ok(())),
        (b"\0\0\0\x01a", Ok(())),
        (b"\0\0\0\0", Ok(())),
        (b"\0", Err(FrameError::TruncatedHeader)),
        (b"\0\0\0\0\0\0\0", Err(FrameError::TruncatedHeader)),
        (b"\xff\xff\xff\xff", Err(FrameError::TruncatedHeader)),
        (&long[..11], Err(FrameError::TruncatedHeader)),
        (b"\0\0\0\x02", truncated(2)),
        (b"\0\0\0\x02a", truncated(1)),
        (b"\0\0\0\x09", truncated(9)),
        (b"\0\0\0\x09a", truncated(8)),
        (&long[..12], truncated(9)),
        (&long, truncated(6)),
        (b"\xff\xff\xff\xfe", Err(FrameError::InvalidLength(-2))),
    ] {
        for inline in [0, 4, 16] {
            // Asked at once, and after all that can be said was said.
            assert_eq!(Framer::new(NO_MAX, inline).eof(stream), end, "{stream:x?}");
            let received = receive(stream, NO_MAX, inline, &[stream.len()], |_| false);
            assert_eq!(received.end, end, "{stream:x?}, {inline} inline");
        }
    }
}

#[test]
fn the_end_changes_nothing() {
    let framer = Framer::new(NO_MAX, 16);
    assert!(framer.eof(b"\0\0").is_err());
    assert_eq!(framer.clone().next(b"\0\0\0\0"), Ok((4, Event::Frame(4..4))));
}

#[test]
#[should_panic(expected = "no payload is under way")]
fn advancing_between_frames_panics() {
    Framer::new(NO_MAX, 16).advance(1);
}

#[test]
#[should_panic(expected = "past the end of the frame")]
fn advancing_too_far_panics() {
    let mut framer = Framer::new(NO_MAX, 0);
    assert_eq!(framer.next(b"\0\0\0\x02"), Ok((4, Event::Begin(2))));
    framer.advance(3);
}

#[test]
#[should_panic(expected = "no payload is under way")]
fn advancing_after_an_error_panics() {
    let mut framer = Framer::new(0, 0);
    assert!(framer.next(b"\0\0\0\x02").is_err());
    framer.advance(1);
}

#[test]
fn a_buffer_of_inline_and_a_header_always_suffices() {
    for inline in [0, 1, 255, 256, 4096] {
        for length in [inline, inline + 1, 2 * inline + 100] {
            for header in [short(length), extended(length as u64)] {
                let stream = [header, vec![7; length], vec![0; 4]].concat();
                let mut framer = Framer::new(NO_MAX, inline);
                let mut buffer = Vec::with_capacity(inline + MAX_HEADER);
                let (mut sent, mut payload) = (0, 0);
                while sent < stream.len() || !buffer.is_empty() {
                    let n = (inline + MAX_HEADER - buffer.len()).min(stream.len() - sent);
                    buffer.extend_from_slice(&stream[sent..sent + n]);
                    sent += n;
                    let (used, event) = framer.next(&buffer).unwrap();
                    assert!(used > 0, "stuck with {inline} inline and {length} bytes: {event:?}");
                    match event {
                        Event::Frame(range) => payload += range.len(),
                        Event::Chunk { data, .. } => payload += data.len(),
                        _ => {}
                    }
                    buffer.drain(..used);
                }
                assert_eq!(payload, length);
            }
        }
    }
}

/// A parser that begins again at every byte would need days for this.
#[test]
fn byte_by_byte_stays_linear() {
    const LENGTH: usize = if cfg!(miri) { 2 << 8 } else { 2 << 20 };
    let stream = [short(LENGTH), vec![7; LENGTH]].concat();
    let mut framer = Framer::new(NO_MAX, LENGTH);
    for arrived in 0..stream.len() {
        let missing = if arrived < 4 { 4 - arrived } else { stream.len() - arrived };
        assert_eq!(framer.next(&stream[..arrived]), need(missing));
    }
    assert_eq!(framer.next(&stream), Ok((stream.len(), Event::Frame(4..stream.len()))));
}

#[test]
fn errors_say_what_to_do_and_quote_nothing() {
    use std::string::ToString;

    let text = FrameError::TooLong { length: 300, max: 256 }.to_string();
    assert!(text.contains("300") && text.contains("256") && text.contains("raise the limit"));
    assert!(FrameError::InvalidLength(-2).to_string().contains("-2"));
    assert!(FrameError::TruncatedHeader.to_string().contains("header"));
    assert!(FrameError::TruncatedPayload { missing: 7 }.to_string().contains("7 bytes"));
}

/// Frames in both header forms, in part with a header that ends the stream, cut off anywhere.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![Just(0), 1..4_usize, 4..40_usize, 250..260_usize];
    let frame = (length, any::<bool>(), any::<u8>()).prop_map(|(length, long, fill)| {
        let header = if long { extended(length as u64) } else { short(length) };
        [header, vec![fill; length]].concat()
    });
    let bad = prop_oneof![
        3 => Just(Vec::new()),
        1 => any::<u64>().prop_map(extended),
        1 => any::<[u8; 4]>().prop_map(|header| header.to_vec()),
    ];
    (collection::vec(frame, 0..8), bad, any::<prop::sample::Index>()).prop_map(
        |(mut frames, bad, cut)| {
            frames.push(bad);
            let mut stream = frames.concat();
            stream.truncate(stream.len() - cut.index(stream.len() + 1) / 4);
            stream
        },
    )
}

proptest! {
    /// Law 3.
    #[test]
    fn any_split_gives_the_same(
        stream in streams(),
        max in prop_oneof![Just(NO_MAX), 0..300_u64],
        inline in prop_oneof![Just(0_usize), 0..300_usize],
        reads in collection::vec(1..80_usize, 1..20),
        direct: u64,
    ) {
        let split = receive(&stream, max, inline, &reads, |turn| direct >> (turn % 64) & 1 == 1);
        prop_assert_eq!(&split, &expected(&stream, max, inline));
        let whole = receive(&stream, max, inline, &[stream.len()], |_| false);
        prop_assert_eq!(split, whole);
    }

    #[test]
    fn any_bytes_do(stream: Vec<u8>, max: u64, inline in 0..64_usize) {
        let Received { end, .. } = receive(&stream, max, inline, &[1], |_| true);
        prop_assert_eq!(end, expected(&stream, max, inline).end);
    }
}

/// With as much input behind them as they would claim, were they not negative. Pages that nobody
/// touches cost nothing.
#[cfg(all(target_pointer_width = "64", not(miri)))]
#[test]
fn negative_lengths_are_none_however_much_is_there() {
    let mut input = vec![0; (1 << 31) + MAX_HEADER];
    input[0] = 0x80;
    let mut framer = Framer::new(u64::MAX, usize::MAX);
    assert_eq!(framer.next(&input), Err(FrameError::InvalidLength(i32::MIN)));
}
