use std::vec;
use std::vec::Vec;

use proptest::collection;
use proptest::prelude::*;

use super::*;

const NO_MAX: u64 = u64::MAX;

fn opened() -> Inbox {
    let mut inbox = Inbox::new();
    inbox.open(NO_MAX);
    inbox
}

fn frame(payload: &[u8]) -> Vec<u8> {
    [&u32::try_from(payload.len()).unwrap().to_be_bytes()[..], payload].concat()
}

fn poll(inbox: &mut Inbox) -> Result<bool, FrameError> {
    inbox.poll(NO_MAX, &mut Vec::new())
}

/// Moves at most `most` bytes of the stream into the space there is, as a read would. Returns what
/// is left of the stream.
fn read<'a>(inbox: &mut Inbox, stream: &'a [u8], most: usize, zeroes: bool) -> &'a [u8] {
    let n = match inbox.space() {
        Space::Spare(vec) if !zeroes => {
            let room = vec.capacity() - vec.len();
            assert!(room > 0, "a read into nothing would look like the end");
            let n = most.min(stream.len()).min(room);
            vec.extend_from_slice(&stream[..n]);
            n
        }
        space => {
            let slice = space.into_slice();
            assert!(!slice.is_empty(), "a read into nothing would look like the end");
            let n = most.min(stream.len()).min(slice.len());
            slice[..n].copy_from_slice(&stream[..n]);
            n
        }
    };
    inbox.filled(n);
    &stream[n..]
}

fn read_all(inbox: &mut Inbox, stream: &[u8]) {
    let rest = read(inbox, stream, stream.len(), false);
    assert!(rest.is_empty(), "there is space for it");
}

#[test]
fn reads_ahead_and_lends_one_at_a_time() {
    let mut inbox = opened();
    assert_eq!(poll(&mut inbox), Ok(false));
    assert_eq!(inbox.message(), b"", "there is none");
    read_all(&mut inbox, &[frame(b"one"), frame(b""), frame(b"three")].concat());
    for message in [&b"one"[..], b"", b"three"] {
        assert_eq!(poll(&mut inbox), Ok(true));
        assert_eq!(inbox.message(), message);
        assert_eq!(inbox.message(), message, "until the next poll");
    }
    assert_eq!(poll(&mut inbox), Ok(false));
    assert_eq!(inbox.message(), b"");
    assert_eq!(inbox.eof(), Ok(()));
}

#[test]
fn a_message_is_taken_once() {
    let mut inbox = opened();
    for length in [3, INLINE, INLINE + 1, 3 * GROWTH] {
        let payload = vec![7; length];
        let stream = [frame(&payload), frame(b"next")].concat();
        let mut rest = &stream[..];
        while !poll(&mut inbox).unwrap() {
            rest = read(&mut inbox, rest, usize::MAX, false);
        }
        assert_eq!(inbox.take(), payload);
        assert_eq!(inbox.take(), b"");
        assert_eq!(inbox.message(), b"");
        while !poll(&mut inbox).unwrap() {
            rest = read(&mut inbox, rest, usize::MAX, false);
        }
        assert_eq!(inbox.take(), b"next");
        assert!(rest.is_empty());
    }
}

#[test]
fn a_large_message_keeps_the_memory_that_was_offered() {
    let mut inbox = opened();
    let mut memory = Vec::with_capacity(4 * GROWTH);
    let before = memory.as_ptr();
    for length in [INLINE + 1, 2 * GROWTH, INLINE + 5] {
        let stream = frame(&payload(length, length));
        let mut rest = &stream[..];
        while !inbox.poll(NO_MAX, &mut memory).unwrap() {
            rest = read(&mut inbox, rest, usize::MAX, false);
        }
        inbox.take_to(&mut memory);
        assert_eq!(memory, stream[4..]);
        assert_eq!((memory.as_ptr(), memory.capacity()), (before, 4 * GROWTH));
    }
    read_all(&mut inbox, &frame(b"small"));
    assert_eq!(inbox.poll(NO_MAX, &mut memory), Ok(true));
    inbox.take_to(&mut memory);
    assert_eq!((&memory[..], memory.as_ptr()), (&b"small"[..], before));
}

#[test]
fn memory_of_the_right_size_is_not_zeroed_first() {
    let length = 2 * GROWTH;
    for (capacity, appends) in [(length, true), (length - 1, true), (length + 1, false)] {
        let mut inbox = opened();
        assert_eq!(poll(&mut inbox), Ok(false));
        read_all(&mut inbox, &frame(&vec![7; length])[..4]);
        assert_eq!(inbox.poll(NO_MAX, &mut Vec::with_capacity(capacity)), Ok(false));
        // A byte more, and a read could run on into the next message.
        assert_eq!(matches!(inbox.space(), Space::Spare(_)), appends, "{capacity}");
    }
}

#[test]
fn each_poll_has_its_own_limit() {
    let mut inbox = Inbox::new();
    inbox.open(2);
    assert_eq!(inbox.poll(2, &mut Vec::new()), Ok(false));
    read_all(&mut inbox, &[frame(b"one"), frame(b"two"), frame(b"three")].concat());
    assert_eq!(inbox.poll(3, &mut Vec::new()), Ok(true), "more than at first");
    assert_eq!(inbox.poll(3, &mut Vec::new()), Ok(true));
    let error = FrameError::TooLong { length: 5, max: 4 };
    assert_eq!(inbox.poll(4, &mut Vec::new()), Err(error));
}

#[test]
fn the_longest_inline_message_fits_wherever_it_begins() {
    // Under Miri only the bounds.
    let step = if cfg!(miri) { MAX_HEADER } else { 1 };
    for room in (INLINE - 1..INLINE + MAX_HEADER + 2).step_by(step) {
        let (before, payload) = (READ_AHEAD - room, payload(1, INLINE));
        let header = [&[0xff; 4][..], &(INLINE as u64).to_be_bytes()].concat();
        let stream = [frame(&vec![7; before - 4]), header, payload.clone()].concat();
        let mut inbox = opened();
        let mut rest = &stream[..];
        for message in [&vec![7; before - 4], &payload] {
            while !poll(&mut inbox).unwrap() {
                rest = read(&mut inbox, rest, usize::MAX, false);
            }
            assert!(inbox.message() == message, "{room}");
        }
        assert!(rest.is_empty());
    }
}

#[test]
fn what_was_read_ahead_in_the_handshake_stays() {
    let mut inbox = Inbox::new();
    assert_eq!(poll(&mut inbox), Ok(false));
    read_all(&mut inbox, &[&frame(b"#WELCOME#")[..], &frame(b"first"), b"\0\0\x20"].concat());
    assert_eq!(inbox.poll(256, &mut Vec::new()), Ok(true));
    assert_eq!(inbox.message(), b"#WELCOME#");
    inbox.open(NO_MAX);
    assert_eq!(poll(&mut inbox), Ok(true));
    assert_eq!(inbox.message(), b"first");
    assert_eq!(poll(&mut inbox), Ok(false));
    read_all(&mut inbox, &[&[0][..], &[7; 0x2000]].concat());
    assert_eq!(poll(&mut inbox), Ok(true));
    assert_eq!(inbox.message(), [7; 0x2000]);
}

#[test]
fn a_stranger_gets_no_memory() {
    let mut inbox = Inbox::new();
    assert!(inbox.buffer.is_empty(), "none before the first read");
    assert_eq!(poll(&mut inbox), Ok(false));
    let Space::Slice(space) = inbox.space() else { panic!("it is read ahead") };
    assert_eq!(space.len(), MAX_MESSAGE + MAX_HEADER);
    read_all(&mut inbox, b"\0\0\x01\x01");
    let error = FrameError::TooLong { length: 257, max: 256 };
    assert_eq!(inbox.poll(256, &mut Vec::new()), Err(error));
    assert_eq!(inbox.poll(NO_MAX, &mut Vec::new()), Err(error), "final");
    assert_eq!(inbox.eof(), Err(error));
    assert!(inbox.buffer.capacity() <= 512);
}

/// Law 5: memory grows with what arrives, whatever a header claims.
#[test]
fn a_claimed_length_is_not_believed() {
    let junk = vec![7; 2 * GROWTH];
    for claimed in [1 << 31, 1 << 62, u64::MAX] {
        for at_once in [usize::MAX, 1000] {
            let mut inbox = opened();
            assert_eq!(poll(&mut inbox), Ok(false));
            read_all(&mut inbox, &[&[0xff; 4][..], &u64::to_be_bytes(claimed)].concat());
            let mut arrived = 0;
            while arrived < 8 * GROWTH {
                assert_eq!(poll(&mut inbox), Ok(false));
                let capacity = inbox.large.as_ref().unwrap().bytes.capacity();
                assert!(capacity <= 2 * arrived + GROWTH, "{capacity} after {arrived}");
                arrived += junk.len() - read(&mut inbox, &junk, at_once, false).len();
                let capacity = inbox.large.as_ref().unwrap().bytes.capacity();
                assert!(capacity <= 2 * arrived + GROWTH, "{capacity} after {arrived}");
            }
            let missing = claimed - arrived as u64;
            assert_eq!(inbox.eof(), Err(FrameError::TruncatedPayload { missing }));
        }
    }
}

#[test]
fn a_large_message_under_way_obeys_a_lower_limit() {
    let mut inbox = opened();
    assert_eq!(poll(&mut inbox), Ok(false));
    let length = INLINE + 1;
    let stream = frame(&vec![7; length]);
    read_all(&mut inbox, &stream[..1000]);
    assert_eq!(inbox.poll(length as u64, &mut Vec::new()), Ok(false));
    let error = FrameError::TooLong { length: length as u64, max: 10 };
    for max in [10, 5, NO_MAX] {
        assert_eq!(inbox.poll(max, &mut Vec::new()), Err(error), "the first error is the last");
    }
    assert_eq!(inbox.eof(), Err(error));
    assert!(inbox.large.is_none(), "nobody will ask for its memory");
}

#[test]
fn nothing_is_taken_of_a_message_under_way() {
    let stream = frame(&payload(1, INLINE + 1));
    let mut inbox = opened();
    assert_eq!(poll(&mut inbox), Ok(false));
    read_all(&mut inbox, &stream[..1000]);
    assert_eq!(poll(&mut inbox), Ok(false));
    assert_eq!(inbox.take(), b"");
    let mut rest = &stream[1000..];
    while !poll(&mut inbox).unwrap() {
        rest = read(&mut inbox, rest, usize::MAX, false);
    }
    assert_eq!(inbox.take(), stream[4..]);
}

#[test]
fn a_truncated_message_is_the_last_word() {
    let mut inbox = opened();
    assert_eq!(poll(&mut inbox), Ok(false));
    read_all(&mut inbox, &frame(&vec![7; INLINE + 1])[..1000]);
    assert_eq!(poll(&mut inbox), Ok(false));
    let error = FrameError::TruncatedPayload { missing: INLINE as u64 + 1 - 996 };
    assert_eq!(inbox.eof(), Err(error));
    for max in [10, NO_MAX] {
        assert_eq!(inbox.poll(max, &mut Vec::new()), Err(error));
    }
}

#[test]
#[should_panic(expected = "filled more than the space")]
fn filling_more_than_there_is_panics() {
    let mut inbox = opened();
    assert_eq!(poll(&mut inbox), Ok(false));
    let most = inbox.space().into_slice().len();
    inbox.filled(most + 1);
}

#[test]
#[should_panic(expected = "filled more than the space")]
fn filling_more_payload_than_there_is_panics() {
    let mut inbox = opened();
    assert_eq!(poll(&mut inbox), Ok(false));
    read_all(&mut inbox, &frame(&vec![7; INLINE + 1])[..4]);
    assert_eq!(poll(&mut inbox), Ok(false));
    let most = inbox.space().into_slice().len();
    inbox.filled(most + 1);
}

/// A message, how it is announced, and how it is received.
#[derive(Debug, Clone)]
struct Message {
    length: usize,
    extended: bool,
    offer: Vec<u8>,
    taken: Taken,
}

#[derive(Debug, Clone)]
enum Taken {
    /// Looked at, and left there.
    Lent,
    Owned,
    Into(Vec<u8>),
}

#[test]
fn a_transport_that_failed_has_no_clean_end() {
    let mut inbox = opened();
    let waited = inbox.receive_with(NO_MAX, &mut Vec::new(), |_| Ok(None));
    assert!(matches!(waited, Ok(false)) && !inbox.has_failed());
    let reset = |_: Space<'_>| Err(std::io::ErrorKind::ConnectionReset.into());
    assert!(inbox.receive_with(NO_MAX, &mut Vec::new(), reset).is_err());
    assert!(inbox.has_failed());
    // What the kernel would say next is not asked for.
    let again = inbox.receive_with(NO_MAX, &mut Vec::new(), |_| panic!("it is over"));
    let kind = |error| std::io::Error::from(error).kind();
    assert_eq!(again.map_err(kind), Err(std::io::ErrorKind::ConnectionReset));
}

#[test]
fn what_is_unread_is_as_it_came() {
    let large = [&[0xff; 4][..], &(INLINE as u64 + 1).to_be_bytes(), &payload(1, INLINE)].concat();
    for (stream, begun) in [(large, true), ([frame(b"abc"), vec![0, 0]].concat(), false)] {
        let mut inbox = opened();
        assert_eq!(poll(&mut inbox), Ok(false));
        let rest = read(&mut inbox, &stream, 1000, false);
        if begun {
            assert_eq!(poll(&mut inbox), Ok(false));
        }
        assert_eq!([&inbox.into_unread(), rest].concat(), stream);
        let mut resumed = Inbox::resumed(stream[..stream.len() - rest.len()].to_vec(), NO_MAX);
        assert_eq!(poll(&mut resumed), Ok(!begun));
    }
}

#[test]
fn an_error_fails_it() {
    let mut inbox = Inbox::default();
    assert_eq!(poll(&mut inbox), Ok(false));
    read_all(&mut inbox, &frame(&[7; 200]));
    assert_eq!(
        inbox.poll(199, &mut Vec::new()),
        Err(FrameError::TooLong { length: 200, max: 199 })
    );
    assert!(inbox.has_failed() && inbox.is_ready(NO_MAX));
}

#[test]
fn a_large_message_under_way_is_ready_when_it_is_too_long_or_whole() {
    let stream = frame(&payload(1, 2 * INLINE));
    let mut inbox = opened();
    assert_eq!(poll(&mut inbox), Ok(false));
    let rest = read(&mut inbox, &stream, INLINE, false);
    assert!(inbox.is_ready(NO_MAX), "it begins");
    assert_eq!(poll(&mut inbox), Ok(false));
    assert!(!inbox.is_ready(NO_MAX) && !inbox.is_ready(2 * INLINE as u64));
    assert!(inbox.is_ready(2 * INLINE as u64 - 1));
    let rest = read(&mut inbox, rest, usize::MAX, false);
    assert!(rest.is_empty() && inbox.is_ready(NO_MAX));
    assert_eq!(poll(&mut inbox), Ok(true));
    assert!(!inbox.is_ready(NO_MAX), "it was lent out");
    assert_eq!(inbox.message(), &stream[4..]);
}

#[test]
fn is_printed_without_bytes() {
    let mut inbox = opened();
    assert_eq!(poll(&mut inbox), Ok(false));
    read_all(&mut inbox, &frame(&[7; 100])[..50]);
    let printed = std::format!("{inbox:?}");
    assert!(printed.contains("unread: 50") && !printed.contains("7, 7"), "{printed}");
    let mut spare = Vec::with_capacity(8);
    spare.push(7);
    let room = spare.capacity() - 1;
    assert_eq!(std::format!("{:?}", Space::Spare(&mut spare)), std::format!("Spare({room} bytes)"));
    assert_eq!(Space::Spare(&mut spare).len(), room);
    assert_eq!(std::format!("{:?}", Space::Slice(&mut [7; 3])), "Slice(3 bytes)");
}

/// Memory that has been used before: any length, any capacity.
fn dirty() -> impl Strategy<Value = Vec<u8>> {
    let sizes = prop_oneof![Just(0), 0..200_usize, 60_000..700_000_usize];
    (sizes, 0..3_usize).prop_map(|(size, part)| {
        let mut vec = vec![0xdd; size];
        vec.truncate(size * part / 2);
        vec
    })
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let length = prop_oneof![
        2 => Just(0),
        4 => 1..300_usize,
        2 => INLINE - 20..INLINE + 20,
        1 => READ_AHEAD - 20..READ_AHEAD + 20,
        2 => 60_000..900_000_usize,
    ];
    let taken = prop_oneof![Just(Taken::Lent), Just(Taken::Owned), dirty().prop_map(Taken::Into),];
    let message = (length, any::<bool>(), dirty(), taken)
        .prop_map(|(length, extended, offer, taken)| Message { length, extended, offer, taken });
    collection::vec(message, 1..8)
}

/// Bytes that tell where in which message they belong: in rows of a length that divides no buffer's.
fn payload(nth: usize, length: usize) -> Vec<u8> {
    let row: Vec<u8> = (0..251_usize).map(|at| (at ^ nth).to_le_bytes()[0]).collect();
    let mut payload = row.repeat(length / row.len() + 1);
    payload.truncate(length);
    payload
}

proptest! {
    #![proptest_config(crate::testing::cases(96))]

    /// Law 10, and that nothing of the caller's reused memory shows through.
    #[test]
    fn any_way_of_receiving_gives_the_same(
        messages in messages(),
        reads in collection::vec(prop_oneof![1..50_usize, 1..100_000_usize], 1..8),
        choices: u64,
    ) {
        let mut stream = vec![];
        for (nth, message) in messages.iter().enumerate() {
            if message.extended {
                stream.extend_from_slice(&[0xff; 4]);
                stream.extend_from_slice(&(message.length as u64).to_be_bytes());
            } else {
                stream.extend_from_slice(&u32::try_from(message.length).unwrap().to_be_bytes());
            }
            stream.extend(payload(nth, message.length));
        }
        let mut rest = &stream[..];
        // A few bytes at a time would take too long through the largest.
        let least = stream.len() / 2000 + 1;
        let mut reads = reads.iter().map(|&most| most.max(least)).cycle();
        let mut choices = (0..64).map(|bit| choices >> bit & 1 == 1).cycle();
        let mut choose = || choices.next().unwrap();
        let mut inbox = opened();
        for (nth, message) in messages.into_iter().enumerate() {
            let mut offer = message.offer;
            let max = message.length as u64;
            while !inbox.poll(max, &mut offer).unwrap() {
                prop_assert_eq!(inbox.message(), b"");
                if choose() {
                    // This receive was given up. Another goes on, with other memory.
                    offer = vec![0xee; 100_000];
                    continue;
                }
                rest = read(&mut inbox, rest, reads.next().unwrap(), choose());
            }
            let expected = payload(nth, message.length);
            prop_assert!(inbox.message() == expected, "message {nth} is another");
            match message.taken {
                Taken::Lent => {}
                Taken::Owned => prop_assert!(inbox.take() == expected),
                Taken::Into(mut memory) => {
                    inbox.take_to(&mut memory);
                    prop_assert!(memory == expected);
                }
            }
        }
        prop_assert_eq!(inbox.poll(NO_MAX, &mut Vec::new()), Ok(false));
        prop_assert!(rest.is_empty());
        prop_assert_eq!(inbox.eof(), Ok(()));
    }
}
