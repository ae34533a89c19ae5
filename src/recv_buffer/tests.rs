use std::vec;
use std::vec::Vec;

use proptest::collection;
use proptest::prelude::*;

use super::*;

const NO_MAX: u64 = u64::MAX;

/// The length of a message that is large.
const LARGE: usize = 256 * 1024;

fn opened() -> RecvBuffer {
    RecvBuffer::new(NO_MAX)
}

fn frame(payload: &[u8]) -> Vec<u8> {
    [&u32::try_from(payload.len()).unwrap().to_be_bytes()[..], payload].concat()
}

fn poll(recv: &mut RecvBuffer) -> Result<bool, FrameError> {
    recv.poll()
}

/// Moves at most `most` bytes of the stream into the space there is, as a read would. Returns what
/// is left of the stream.
fn read<'a>(recv: &mut RecvBuffer, stream: &'a [u8], most: usize, zeroes: bool) -> &'a [u8] {
    let n = match recv.read_buf() {
        ReadBuf::Spare(vec) if !zeroes => {
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
    recv.advance(n);
    &stream[n..]
}

fn read_all(recv: &mut RecvBuffer, stream: &[u8]) {
    let rest = read(recv, stream, stream.len(), false);
    assert!(rest.is_empty(), "there is space for it");
}

#[test]
fn reads_ahead_and_lends_one_at_a_time() {
    let mut recv = opened();
    assert_eq!(poll(&mut recv), Ok(false));
    assert_eq!(recv.message(), b"", "there is none");
    read_all(&mut recv, &[frame(b"one"), frame(b""), frame(b"three")].concat());
    for message in [&b"one"[..], b"", b"three"] {
        assert_eq!(poll(&mut recv), Ok(true));
        assert_eq!(recv.message(), message);
        assert_eq!(recv.message(), message, "until the next poll");
    }
    assert_eq!(poll(&mut recv), Ok(false));
    assert_eq!(recv.message(), b"");
    assert_eq!(recv.eof(), Ok(()));
}

#[test]
fn a_message_is_taken_once() {
    let mut recv = opened();
    for length in [3, INLINE, INLINE + 1, 3 * LARGE] {
        let payload = vec![7; length];
        let stream = [frame(&payload), frame(b"next")].concat();
        let mut rest = &stream[..];
        while !poll(&mut recv).unwrap() {
            rest = read(&mut recv, rest, usize::MAX, false);
        }
        assert_eq!(recv.take(), payload);
        assert_eq!(recv.take(), b"");
        assert_eq!(recv.message(), b"");
        while !poll(&mut recv).unwrap() {
            rest = read(&mut recv, rest, usize::MAX, false);
        }
        assert_eq!(recv.take(), b"next");
        assert!(rest.is_empty());
    }
}

#[test]
fn a_large_message_keeps_the_memory_that_was_offered() {
    let mut recv = opened();
    let mut memory = Vec::with_capacity(4 * LARGE);
    let before = memory.as_ptr();
    for length in [INLINE + 1, 2 * LARGE, INLINE + 5] {
        let stream = frame(&payload(length, length));
        let mut rest = &stream[..];
        while !recv.poll_reusing(NO_MAX, &mut memory).unwrap() {
            rest = read(&mut recv, rest, usize::MAX, false);
        }
        recv.take_to(&mut memory);
        assert_eq!(memory, stream[4..]);
        assert_eq!((memory.as_ptr(), memory.capacity()), (before, 4 * LARGE));
    }
    read_all(&mut recv, &frame(b"small"));
    assert_eq!(recv.poll_reusing(NO_MAX, &mut memory), Ok(true));
    recv.take_to(&mut memory);
    assert_eq!((&memory[..], memory.as_ptr()), (&b"small"[..], before));
}

#[test]
fn memory_of_the_right_size_is_not_zeroed_first() {
    let length = 2 * LARGE;
    for (capacity, appends) in [(length, true), (length - 1, true), (length + 1, false)] {
        let mut recv = opened();
        assert_eq!(poll(&mut recv), Ok(false));
        read_all(&mut recv, &frame(&vec![7; length])[..4]);
        assert_eq!(recv.poll_reusing(NO_MAX, &mut Vec::with_capacity(capacity)), Ok(false));
        // A byte more, and a read could run on into the next message.
        assert_eq!(matches!(recv.read_buf(), ReadBuf::Spare(_)), appends, "{capacity}");
    }
}

#[test]
fn each_poll_has_its_own_limit() {
    let mut recv = opened();
    assert_eq!(recv.poll_reusing(2, &mut Vec::new()), Ok(false));
    assert_eq!(recv.max(), NO_MAX, "a limit of one call is not kept");
    read_all(&mut recv, &[frame(b"one"), frame(b"two"), frame(b"three")].concat());
    assert_eq!(recv.poll_reusing(3, &mut Vec::new()), Ok(true), "more than at first");
    assert_eq!(recv.poll_reusing(3, &mut Vec::new()), Ok(true));
    recv.set_max(4);
    let error = FrameError::TooLong { length: 5, max: 4 };
    assert_eq!(recv.poll(), Err(error), "its own limit holds as well");
}

#[test]
fn the_longest_inline_message_fits_wherever_it_begins() {
    // Under Miri only the bounds.
    let step = if cfg!(miri) { MAX_HEADER } else { 1 };
    for room in (INLINE - 1..INLINE + MAX_HEADER + 2).step_by(step) {
        let (before, payload) = (READ_AHEAD - room, payload(1, INLINE));
        let header = [&[0xff; 4][..], &(INLINE as u64).to_be_bytes()].concat();
        let stream = [frame(&vec![7; before - 4]), header, payload.clone()].concat();
        let mut recv = opened();
        let mut rest = &stream[..];
        for message in [&vec![7; before - 4], &payload] {
            while !poll(&mut recv).unwrap() {
                rest = read(&mut recv, rest, usize::MAX, false);
            }
            assert!(recv.message() == message, "{room}");
        }
        assert!(rest.is_empty());
    }
}

#[test]
fn what_was_read_ahead_in_the_handshake_stays() {
    let mut recv = RecvBuffer::new(MAX_MESSAGE as u64);
    assert_eq!(poll(&mut recv), Ok(false));
    read_all(&mut recv, &[&frame(b"#WELCOME#")[..], &frame(b"first"), b"\0\0\x20"].concat());
    assert_eq!(recv.poll_reusing(256, &mut Vec::new()), Ok(true));
    assert_eq!(recv.message(), b"#WELCOME#");
    recv.set_max(NO_MAX);
    assert_eq!(poll(&mut recv), Ok(true));
    assert_eq!(recv.message(), b"first");
    assert_eq!(poll(&mut recv), Ok(false));
    read_all(&mut recv, &[&[0][..], &[7; 0x2000]].concat());
    assert_eq!(poll(&mut recv), Ok(true));
    assert_eq!(recv.message(), [7; 0x2000]);
}

#[test]
fn a_stranger_gets_no_memory() {
    let mut recv = RecvBuffer::new(MAX_MESSAGE as u64);
    assert!(recv.buffer.is_empty(), "none before the first read");
    assert_eq!(poll(&mut recv), Ok(false));
    let ReadBuf::Slice(space) = recv.read_buf() else { panic!("it is read ahead") };
    assert_eq!(space.len(), MAX_MESSAGE + MAX_HEADER);
    read_all(&mut recv, b"\0\0\x01\x01");
    let error = FrameError::TooLong { length: 257, max: 256 };
    assert_eq!(recv.poll_reusing(256, &mut Vec::new()), Err(error));
    assert_eq!(recv.poll_reusing(NO_MAX, &mut Vec::new()), Err(error), "final");
    assert_eq!(recv.eof(), Err(error));
    assert!(recv.buffer.capacity() <= 512);
}

/// Law 5: memory grows with what arrives, whatever a header claims.
#[test]
fn a_claimed_length_is_not_believed() {
    let junk = vec![7; 2 * LARGE];
    for claimed in [1 << 31, 1 << 62, u64::MAX] {
        for at_once in [usize::MAX, 1000] {
            let mut recv = opened();
            assert_eq!(poll(&mut recv), Ok(false));
            read_all(&mut recv, &[&[0xff; 4][..], &u64::to_be_bytes(claimed)].concat());
            let mut arrived = 0;
            while arrived < 8 * LARGE {
                assert_eq!(poll(&mut recv), Ok(false));
                let capacity = recv.large.as_ref().unwrap().bytes.capacity();
                assert!(capacity <= 2 * arrived + LEAST_GROWTH, "{capacity} after {arrived}");
                arrived += junk.len() - read(&mut recv, &junk, at_once, false).len();
                let capacity = recv.large.as_ref().unwrap().bytes.capacity();
                assert!(capacity <= 2 * arrived + LEAST_GROWTH, "{capacity} after {arrived}");
            }
            let missing = claimed - arrived as u64;
            assert_eq!(recv.eof(), Err(FrameError::TruncatedPayload { missing }));
        }
    }
}

#[test]
fn a_large_message_under_way_obeys_a_lower_limit() {
    let mut recv = opened();
    assert_eq!(poll(&mut recv), Ok(false));
    let length = INLINE + 1;
    let stream = frame(&vec![7; length]);
    read_all(&mut recv, &stream[..1000]);
    assert_eq!(recv.poll_reusing(length as u64, &mut Vec::new()), Ok(false));
    let error = FrameError::TooLong { length: length as u64, max: 10 };
    for max in [10, 5, NO_MAX] {
        assert_eq!(
            recv.poll_reusing(max, &mut Vec::new()),
            Err(error),
            "the first error is the last"
        );
    }
    assert_eq!(recv.eof(), Err(error));
    assert!(recv.large.is_none(), "nobody will ask for its memory");
}

#[test]
fn nothing_is_taken_of_a_message_under_way() {
    let stream = frame(&payload(1, INLINE + 1));
    let mut recv = opened();
    assert_eq!(poll(&mut recv), Ok(false));
    read_all(&mut recv, &stream[..1000]);
    assert_eq!(poll(&mut recv), Ok(false));
    assert_eq!(recv.take(), b"");
    let mut rest = &stream[1000..];
    while !poll(&mut recv).unwrap() {
        rest = read(&mut recv, rest, usize::MAX, false);
    }
    assert_eq!(recv.take(), stream[4..]);
}

#[test]
fn a_truncated_message_is_the_last_word() {
    let mut recv = opened();
    assert_eq!(poll(&mut recv), Ok(false));
    read_all(&mut recv, &frame(&vec![7; INLINE + 1])[..1000]);
    assert_eq!(poll(&mut recv), Ok(false));
    let error = FrameError::TruncatedPayload { missing: INLINE as u64 + 1 - 996 };
    assert_eq!(recv.eof(), Err(error));
    for max in [10, NO_MAX] {
        assert_eq!(recv.poll_reusing(max, &mut Vec::new()), Err(error));
    }
}

#[test]
#[should_panic(expected = "advanced past the end of the read buffer")]
fn filling_more_than_there_is_panics() {
    let mut recv = opened();
    assert_eq!(poll(&mut recv), Ok(false));
    let most = recv.read_buf().into_slice().len();
    recv.advance(most + 1);
}

#[test]
#[should_panic(expected = "advanced past the end of the read buffer")]
fn filling_more_payload_than_there_is_panics() {
    let mut recv = opened();
    assert_eq!(poll(&mut recv), Ok(false));
    read_all(&mut recv, &frame(&vec![7; INLINE + 1])[..4]);
    assert_eq!(poll(&mut recv), Ok(false));
    let most = recv.read_buf().into_slice().len();
    recv.advance(most + 1);
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
fn an_idle_buffer_lends_its_memory_to_another() {
    let mut recv = opened();
    assert!(recv.wants_memory() && recv.detach_idle().is_none());
    assert_eq!(poll(&mut recv), Ok(false));
    read_all(&mut recv, &[frame(b"one"), frame(b"two")].concat());
    assert!(!recv.wants_memory());
    assert_eq!(poll(&mut recv), Ok(true));
    assert!(recv.detach_idle().is_none(), "the second message is in it");
    assert_eq!(poll(&mut recv), Ok(true));
    let memory = recv.detach_idle().unwrap();
    assert_eq!((recv.message(), memory.len()), (&b""[..], READ_AHEAD));

    let mut other = RecvBuffer::resumed(frame(b"three")[..5].to_vec(), NO_MAX);
    assert_eq!(poll(&mut other), Ok(false));
    assert!(other.wants_memory());
    let at = memory.as_ptr();
    other.attach(memory);
    assert_eq!(other.buffer.as_ptr(), at);
    read_all(&mut other, &frame(b"three")[5..]);
    assert_eq!((poll(&mut other), other.message()), (Ok(true), &b"three"[..]));
}

#[test]
fn an_unfinished_message_keeps_little() {
    let message = frame(&[7; 60_000]);
    for arrived in [0, 1, 4, 5, PARKED] {
        let mut recv = opened();
        recv.attach(Vec::new());
        assert_eq!(poll(&mut recv), Ok(false));
        read_all(&mut recv, &message[..arrived]);
        assert_eq!(poll(&mut recv), Ok(false));
        let memory = recv.detach_waiting().unwrap();
        assert_eq!((memory.len(), recv.buffer.capacity()), (READ_AHEAD, arrived));
        assert!(recv.detach_waiting().is_none() && recv.wants_memory());
        if arrived % 2 == 0 {
            recv.attach(memory);
        }
        read_all(&mut recv, &message[arrived..]);
        assert_eq!((poll(&mut recv), recv.take().len()), (Ok(true), 60_000));
    }
    // The limit of a handshake, and more than that there already.
    let mut recv = opened();
    recv.attach(Vec::new());
    assert_eq!(poll(&mut recv), Ok(false));
    read_all(&mut recv, &message[..1000]);
    assert_eq!(poll(&mut recv), Ok(false));
    assert!(recv.detach_waiting().is_some());
    recv.set_max(MAX_MESSAGE as u64);
    assert!(recv.read_buf().len() > 0);

    // A large message that was found is forgotten, and not found again.
    let mut recv = opened();
    recv.attach(Vec::new());
    assert_eq!(poll(&mut recv), Ok(false));
    read_all(&mut recv, &frame(&[7; INLINE + 1]));
    assert_eq!(poll(&mut recv), Ok(true));
    assert!(recv.detach_waiting().is_some());
    assert_eq!(poll(&mut recv), Ok(false));

    let mut recv = opened();
    assert_eq!(poll(&mut recv), Ok(false));
    read_all(&mut recv, &message[..=PARKED]);
    assert_eq!(poll(&mut recv), Ok(false));
    assert!(recv.detach_waiting().is_none(), "the copies would cost more");
}

#[test]
fn no_memory_is_wanted_for_a_handshake_nor_for_a_large_message() {
    assert!(!RecvBuffer::new(MAX_MESSAGE as u64).wants_memory());
    let mut recv = opened();
    recv.attach(Vec::new());
    assert_eq!(poll(&mut recv), Ok(false));
    read_all(&mut recv, &frame(&vec![7; INLINE + 1])[..4]);
    assert_eq!(poll(&mut recv), Ok(false));
    assert!(recv.detach_idle().is_some());
    assert!(!recv.wants_memory(), "the payload has a place of its own");
}

#[test]
fn what_is_unread_is_as_it_came() {
    let large = [&[0xff; 4][..], &(INLINE as u64 + 1).to_be_bytes(), &payload(1, INLINE)].concat();
    for (stream, begun) in [(large, true), ([frame(b"abc"), vec![0, 0]].concat(), false)] {
        let mut recv = opened();
        assert_eq!(poll(&mut recv), Ok(false));
        let rest = read(&mut recv, &stream, 1000, false);
        if begun {
            assert_eq!(poll(&mut recv), Ok(false));
        }
        assert_eq!([&recv.into_unread().unwrap(), rest].concat(), stream);
        let mut resumed = RecvBuffer::resumed(stream[..stream.len() - rest.len()].to_vec(), NO_MAX);
        assert_eq!(poll(&mut resumed), Ok(!begun));
    }
}

#[test]
fn an_error_fails_it() {
    let mut recv = opened();
    assert_eq!(poll(&mut recv), Ok(false));
    read_all(&mut recv, &frame(&[7; 200]));
    assert_eq!(
        recv.poll_reusing(199, &mut Vec::new()),
        Err(FrameError::TooLong { length: 200, max: 199 })
    );
    assert!(recv.has_failed() && recv.is_ready());
}

#[test]
fn a_large_message_under_way_is_ready_when_it_is_too_long_or_whole() {
    let stream = frame(&payload(1, 2 * INLINE));
    let mut recv = opened();
    assert_eq!(poll(&mut recv), Ok(false));
    let rest = read(&mut recv, &stream, INLINE, false);
    assert!(recv.is_ready(), "it begins");
    assert_eq!(poll(&mut recv), Ok(false));
    assert!(!recv.is_ready());
    recv.set_max(2 * INLINE as u64);
    assert!(!recv.is_ready());
    recv.set_max(2 * INLINE as u64 - 1);
    assert!(recv.is_ready());
    recv.set_max(NO_MAX);
    let rest = read(&mut recv, rest, usize::MAX, false);
    assert_eq!((poll(&mut recv), rest.len()), (Ok(false), 8), "memory was doubled");
    let rest = read(&mut recv, rest, usize::MAX, false);
    assert!(rest.is_empty() && recv.is_ready());
    assert_eq!(poll(&mut recv), Ok(true));
    assert!(!recv.is_ready(), "it was lent out");
    assert_eq!(recv.message(), &stream[4..]);
}

#[test]
fn is_printed_without_bytes() {
    let mut recv = opened();
    assert_eq!(poll(&mut recv), Ok(false));
    read_all(&mut recv, &frame(&[7; 100])[..50]);
    let printed = std::format!("{recv:?}");
    assert!(printed.contains("unread: 50") && !printed.contains("7, 7"), "{printed}");
    let mut spare = Vec::with_capacity(8);
    spare.push(7);
    let room = spare.capacity() - 1;
    assert_eq!(
        std::format!("{:?}", ReadBuf::Spare(&mut spare)),
        std::format!("Spare({room} bytes)")
    );
    assert_eq!(ReadBuf::Spare(&mut spare).len(), room);
    assert_eq!(std::format!("{:?}", ReadBuf::Slice(&mut [7; 3])), "Slice(3 bytes)");
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

/// Bytes that tell where in which message they belong: in rows of a length that divides no
/// buffer's.
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
        let mut recv = opened();
        for (nth, message) in messages.into_iter().enumerate() {
            let mut offer = message.offer;
            let max = message.length as u64;
            while !recv.poll_reusing(max, &mut offer).unwrap() {
                prop_assert_eq!(recv.message(), b"");
                if choose() {
                    // This receive was given up. Another goes on, with other memory.
                    offer = vec![0xee; 100_000];
                    continue;
                }
                rest = read(&mut recv, rest, reads.next().unwrap(), choose());
            }
            let expected = payload(nth, message.length);
            prop_assert!(recv.message() == expected, "message {nth} is another");
            match message.taken {
                Taken::Lent => {}
                Taken::Owned => prop_assert!(recv.take() == expected),
                Taken::Into(mut memory) => {
                    recv.take_to(&mut memory);
                    prop_assert!(memory == expected);
                }
            }
        }
        prop_assert_eq!(recv.poll_reusing(NO_MAX, &mut Vec::new()), Ok(false));
        prop_assert!(rest.is_empty());
        prop_assert_eq!(recv.eof(), Ok(()));
    }
}
