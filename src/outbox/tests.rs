//! What goes wrong; that messages come out as they went in is for `fuzzing::operations` to show.

use std::io::ErrorKind as Kind;
use std::{format, vec};

use super::*;

type Written = io::Result<Option<usize>>;

/// Takes what the script says, call by call, and counts the calls.
fn by_script(mut script: Vec<Written>) -> impl FnMut(&[IoSlice<'_>]) -> Written {
    script.reverse();
    move |slices| {
        let there = slices.iter().map(|slice| slice.len()).sum();
        let next = script.pop().expect("no write too many");
        next.map(|moved| moved.map(|n: usize| n.min(there)))
    }
}

fn failed(kind: Kind) -> Written {
    Err(kind.into())
}

fn kind_of(error: Error) -> Kind {
    match error {
        Error::Io(error) => error.kind(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_failure_between_messages_breaks_nothing_off() {
    let mut outbox = Outbox::new();
    let error = outbox.send_with(b"abc", by_script(vec![failed(Kind::Interrupted)])).unwrap_err();
    assert_eq!(kind_of(error), Kind::Interrupted);
    let error = outbox.send_with(b"abc", by_script(vec![Ok(Some(0))])).unwrap_err();
    assert_eq!(kind_of(error), Kind::WriteZero);
    assert!(!outbox.is_half_sent());
    outbox.send_with(b"abc", by_script(vec![Ok(Some(99))])).unwrap();
}

#[test]
fn a_failure_inside_a_message_does() {
    for end in [failed(Kind::BrokenPipe), Ok(None), Ok(Some(0))] {
        let mut outbox = Outbox::new();
        assert!(outbox.send_with(b"abc", by_script(vec![Ok(Some(1)), end])).is_err());
        assert!(outbox.is_half_sent());
        assert!(matches!(outbox.begin(b""), Err(Error::HalfSent)));
        assert!(matches!(outbox.feed(b""), Err(Error::HalfSent)));
        assert!(matches!(outbox.flush_with(by_script(vec![])), Err(Error::HalfSent)));
        assert!(matches!(outbox.send_with(b"", by_script(vec![])), Err(Error::HalfSent)));
        assert!(matches!(outbox.send_many_with([b""], by_script(vec![])), Err(Error::HalfSent)));
        let printed = format!("{outbox:?}");
        assert_eq!(printed, "Outbox { buffered: 0, half_sent: true, .. }");
    }
}

#[test]
fn a_flush_that_fails_goes_on_only_where_nothing_was_written() {
    let mut outbox = Outbox::new();
    outbox.feed(b"abc").unwrap();
    assert!(outbox.flush_with(by_script(vec![failed(Kind::Interrupted)])).is_err());
    assert_eq!((outbox.is_half_sent(), outbox.buffered()), (false, 7));
    assert!(!outbox.flush_with(by_script(vec![Ok(Some(2)), Ok(None)])).unwrap());
    outbox.take_back(0);
    assert_eq!(outbox.buffered(), 5, "it is out already");
    assert!(outbox.flush_with(by_script(vec![failed(Kind::BrokenPipe)])).is_err());
    assert!(outbox.is_half_sent());
}

#[test]
fn broken_off_by_somebody_else() {
    let mut outbox = Outbox::new();
    outbox.break_off();
    assert!(matches!(outbox.begin(b"abc"), Err(Error::HalfSent)));
}

#[test]
fn many_are_gathered_into_one_write() {
    let mut outbox = Outbox::new();
    outbox.send_many_with([&b"abc"[..]; 1000], by_script(vec![Ok(Some(7000))])).unwrap();
    // A long one between them is written from where it is, after what came before it.
    let long = vec![7; GATHERED + 1];
    let script = vec![Ok(Some(7)), Ok(Some(4 + long.len())), Ok(Some(7))];
    outbox.send_many_with([b"abc", &long[..], b"abc"], by_script(script)).unwrap();
    // More than a batch takes another write.
    let messages = vec![vec![7; GATHERED]; BATCH / GATHERED];
    let in_two = vec![Ok(Some(usize::MAX)), Ok(Some(usize::MAX))];
    outbox.send_many_with(&messages, by_script(in_two)).unwrap();
}

#[test]
fn many_of_which_nothing_was_written_leave_the_stream_whole() {
    let mut outbox = Outbox::new();
    let error = outbox.send_many_with([b"abc"; 9], by_script(vec![Ok(None)])).unwrap_err();
    assert!(matches!(error, Error::TimedOut(Phase::Send)));
    assert_eq!((outbox.is_half_sent(), outbox.buffered()), (false, 0));
    let error = outbox.send_many_with([b"abc"; 9], by_script(vec![Ok(Some(3)), Ok(None)]));
    assert!(error.is_err() && outbox.is_half_sent());
}

#[test]
fn what_was_fed_is_taken_back() {
    let mut outbox = Outbox::new();
    outbox.feed(b"abc").unwrap();
    outbox.feed(b"def").unwrap();
    outbox.take_back(7);
    assert_eq!(outbox.buffered(), 7);
    outbox.flush_with(by_script(vec![Ok(Some(7))])).unwrap();
}

#[test]
fn room_is_for_small_ones_up_to_a_batch() {
    let (small, large) = (vec![7; GATHERED], vec![7; GATHERED + 1]);
    let mut outbox = Outbox::new();
    assert!(outbox.has_room_for(&small) && outbox.has_room_for(&large));
    outbox.feed(b"abc").unwrap();
    assert!(outbox.has_room_for(&small) && !outbox.has_room_for(&large));
    while outbox.buffered() + small.len() <= BATCH {
        outbox.feed(&small).unwrap();
    }
    assert!(!outbox.has_room_for(&small));
}

#[test]
fn only_the_rest_of_a_message_is_kept() {
    let mut outbox = Outbox::new();
    let untouched = outbox.begin(b"abc").unwrap();
    let mut begun = untouched.clone();
    begun.advance(5);
    let mut done = untouched.clone();
    done.advance(7);
    for (transmit, kept) in [(&untouched, 0), (&done, 0), (&begun, 2)] {
        outbox.keep(transmit, b"abc");
        assert_eq!(outbox.buffered(), kept);
    }
    let mut broken = Outbox::new();
    broken.break_off();
    broken.keep(&begun, b"abc");
    assert_eq!(broken.buffered(), 0);
}

/// The rest of a message is kept, and is inside one wherever it stops.
#[test]
fn many_behind_the_rest_of_one() {
    let mut outbox = Outbox::new();
    let mut transmit = outbox.begin(b"abc").unwrap();
    let stops = by_script(vec![Ok(Some(5)), Ok(None)]);
    assert!(!outbox.transmit_with(&mut transmit, b"abc", stops).unwrap());
    outbox.keep(&transmit, b"abc");
    assert!(outbox.send_many_with([b"abc"; 9], by_script(vec![Ok(None)])).is_err());
    assert!(outbox.is_half_sent(), "two bytes of it are missing");
}

/// A payload of 2 GiB that is never touched costs nothing.
#[cfg(all(target_pointer_width = "64", not(miri)))]
#[test]
fn what_is_too_long_is_refused_and_what_came_before_it_is_sent() {
    let long = vec![0; 1 << 31];
    let mut outbox = Outbox::new();
    outbox.set_extended(Extended::Refuse);
    assert!(matches!(outbox.feed(&long), Err(Error::TooLong(_))));
    let sent = outbox.send_many_with([b"abc", &long[..]], by_script(vec![Ok(Some(7))]));
    assert!(matches!(sent, Err(Error::TooLong(_))));
    assert_eq!((outbox.is_half_sent(), outbox.buffered()), (false, 0));
    outbox.send_with(b"abc", by_script(vec![Ok(Some(7))])).unwrap();
}
