//! Faults at every byte of frames in three sizes, received and sent: the right result or the expected
//! typed error, in bounded steps.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::io::ErrorKind;
use std::sync::{Arc, mpsc};
use std::thread;

use super::adapter::{Connection, Error, Phase, ReadWrite, Receiver, Sender, Transport};
use mpconn_tests::content::message;
use mpconn_tests::script::{Fault, Plan, Recording, Way, Wire, check, end_at, plans};
use mpconn_tests::scripted::{Buffering, Scripted, Stream};
use mpconn_tests::stall::bounded;
use mpconn_tests::wire::frame;

/// More than a short message takes, moved byte by byte with a fault before each.
const STEPS: usize = 1000;

/// One that is sent with one call and read ahead whole; one that is written from where it is; one
/// that is read straight into its destination.
const SIZES: [usize; 3] = [300, 16_385, 65_537];

/// Every kind of receive in turn.
fn receive<T: Transport>(receiver: &mut Receiver<T>, kind: usize) -> Result<Vec<u8>, Error> {
    match kind % 4 {
        0 => receiver.recv_bytes(),
        1 => receiver.recv_borrowed().map(<[u8]>::to_owned),
        2 => {
            let mut out = b"something that was there before".to_vec();
            receiver.recv_bytes_to(&mut out).map(|()| out)
        }
        _ => {
            let mut out = vec![0; 70_000];
            let n = receiver.recv_bytes_into(&mut out)?;
            out.truncate(n);
            Ok(out)
        }
    }
}

const NEXT: &[u8] = b"the next message";

/// Each plan for a frame of this size, one kind of fault a thread, since there are many.
fn in_frames(size: usize, interrupted: bool, way: Way, run: fn(usize, Plan, &Arc<[u8]>)) {
    let payload: Arc<[u8]> = message(size, size).into();
    let mut threads = Vec::new();
    let length = |its| if its == way { 4 + size } else { 0 };
    for plans in plans(length, interrupted).chunk_by(|one, other| one.fault == other.fault) {
        let (plans, payload) = (plans.to_vec(), Arc::clone(&payload));
        let test = move || plans.into_iter().for_each(|plan| run(size, plan, &payload));
        threads.push(thread::spawn(|| bounded(test)));
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn received(size: usize, plan: Plan, payload: &[u8]) {
    let says = [frame(payload), frame(NEXT)].concat();
    // Byte by byte the whole message and the next one, each byte with a fault before it.
    let wire = Wire::new(Recording { says, heard: None }, Some(plan), 3 * size + STEPS);
    receives(Receiver::unauthenticated(Scripted::new(wire)), size, plan, payload);
}

fn received_over_a_stream(size: usize, plan: Plan, payload: &[u8]) {
    let says = [frame(payload), frame(NEXT)].concat();
    let wire = Wire::new(Recording { says, heard: None }, Some(plan), 3 * size + STEPS);
    let stream = ReadWrite::new(Stream(Scripted::new(wire)));
    receives(Receiver::unauthenticated(stream), size, plan, payload);
}

fn receives<T: Transport>(mut receiver: Receiver<T>, size: usize, plan: Plan, payload: &[u8]) {
    let kind = plan.at.unwrap_or_default();
    let result = receive(&mut receiver, kind);
    let end = plan.at.map_or(Ok(()), |at| end_at(&[size], at));
    if let Ok(message) = &result {
        assert!(message == payload, "{plan:?}");
    }
    check(plan, &result.map(|_| ()), end, Phase::Receive);
    match plan.fault {
        // It goes on where it was, with a receive of another kind.
        Fault::Later => {
            let message = receive(&mut receiver, kind + 1 + kind % 3).unwrap();
            assert!(message == payload, "{plan:?}");
            assert_eq!(receive(&mut receiver, kind).unwrap(), NEXT);
        }
        Fault::Short | Fault::Passing(_) => {
            assert_eq!(receive(&mut receiver, kind).unwrap(), NEXT);
        }
        // The same again, for ever.
        Fault::End | Fault::Broken(_) => {
            let again = receive(&mut receiver, kind).map(|_| ());
            check(plan, &again, end, Phase::Receive);
            // A clean end is no fault of the stream's: it says so as often as it is asked.
            assert_eq!(receiver.is_readable(), plan.fault == Fault::End && end.is_ok());
        }
    }
}

fn sent(size: usize, plan: Plan, payload: &[u8]) {
    let (heard, hears) = mpsc::channel();
    let recording = Recording { says: Vec::new(), heard: Some(heard) };
    let wire = Wire::new(recording, Some(plan), 3 * size + STEPS);
    sends(Sender::unauthenticated(Scripted::new(wire)), &hears, plan, payload);
}

fn sent_over_a_stream(size: usize, plan: Plan, payload: &[u8]) {
    let (heard, hears) = mpsc::channel();
    let recording = Recording { says: Vec::new(), heard: Some(heard) };
    let wire = Wire::new(recording, Some(plan), 3 * size + STEPS);
    let stream = ReadWrite::new(Stream(Scripted::new(wire)));
    sends(Sender::unauthenticated(stream), &hears, plan, payload);
}

fn sends<T: Transport>(
    mut sender: Sender<T>,
    hears: &mpsc::Receiver<Vec<u8>>,
    plan: Plan,
    payload: &[u8],
) {
    let result = sender.send_bytes(payload);
    check(plan, &result, Ok(()), Phase::Send);
    let mut expected = frame(payload);
    match (plan.fault, plan.at) {
        (Fault::Short | Fault::Passing(_), _) => {}
        // Not a byte of it was sent: the stream is between two messages.
        (Fault::Later, Some(0)) => {
            assert!(sender.is_writable());
            sender.send_bytes(payload).unwrap();
        }
        (Fault::End | Fault::Broken(_), Some(0)) => {
            assert!(sender.is_writable());
            check(plan, &sender.send_bytes(payload), Ok(()), Phase::Send);
            expected.clear();
        }
        // The rest of it goes before what is sent next.
        (Fault::Later, Some(_)) => {
            assert!(sender.is_writable());
            sender.send_bytes(NEXT).unwrap();
            expected.extend(frame(NEXT));
        }
        (_, Some(at)) => {
            assert!(!sender.is_writable());
            let again = sender.send_bytes(b"");
            assert!(matches!(again, Err(Error::HalfSent)), "{plan:?} gave {again:?}");
            expected.truncate(at);
        }
        (_, None) => unreachable!("only what passes is at every byte"),
    }
    let heard = hears.try_iter().collect::<Vec<_>>().concat();
    assert!(heard == expected, "{plan:?}");
}

#[test]
fn a_short_frame_received_with_a_fault_at_every_byte() {
    in_frames(SIZES[0], false, Way::In, |size, plan, payload| received(size, plan, payload));
}

#[test]
fn a_longer_frame_received_with_a_fault_at_every_byte() {
    in_frames(SIZES[1], false, Way::In, |size, plan, payload| received(size, plan, payload));
}

#[test]
fn a_large_frame_received_with_a_fault_at_every_byte() {
    in_frames(SIZES[2], false, Way::In, |size, plan, payload| received(size, plan, payload));
}

#[test]
fn a_short_frame_sent_with_a_fault_at_every_byte() {
    in_frames(SIZES[0], false, Way::Out, |size, plan, payload| sent(size, plan, payload));
}

#[test]
fn a_longer_frame_sent_with_a_fault_at_every_byte() {
    in_frames(SIZES[1], false, Way::Out, |size, plan, payload| sent(size, plan, payload));
}

#[test]
fn a_large_frame_sent_with_a_fault_at_every_byte() {
    in_frames(SIZES[2], false, Way::Out, |size, plan, payload| sent(size, plan, payload));
}

#[test]
fn frames_over_a_stream_that_is_interrupted_at_every_byte() {
    for size in &SIZES[..2] {
        in_frames(*size, true, Way::In, |size, plan, payload| {
            received_over_a_stream(size, plan, payload);
        });
        in_frames(*size, true, Way::Out, |size, plan, payload| {
            sent_over_a_stream(size, plan, payload);
        });
    }
}

/// Messages that are sent together: what was sent is a prefix, and the sender knows when that ends
/// inside of one.
#[test]
fn many_messages_with_a_fault_at_every_byte() {
    let messages: Vec<_> = [10, 0, 300, 20_000, 5].map(|size| message(size, size)).into();
    let whole: Vec<_> = messages.iter().flat_map(|message| frame(message)).collect();
    for plan in plans(|way| if way == Way::Out { whole.len() } else { 0 }, false) {
        let (heard, hears) = mpsc::channel();
        let recording = Recording { says: Vec::new(), heard: Some(heard) };
        let wire = Wire::new(recording, Some(plan), 3 * whole.len());
        let mut sender = Sender::unauthenticated(Scripted::new(wire));
        let result = sender.send_many(&messages);
        check(plan, &result, Ok(()), Phase::Send);
        let end = plan.at.filter(|_| plan.fault != Fault::Short).unwrap_or(whole.len());
        let heard = hears.try_iter().collect::<Vec<_>>().concat();
        assert!(heard == whole[..end], "{plan:?}");
        if result.is_ok() || plan.fault != Fault::Later {
            continue;
        }
        // What was gathered goes first, and the rest of what was begun with it.
        sender.send_bytes(NEXT).unwrap();
        let all = [heard, hears.try_iter().collect::<Vec<_>>().concat()].concat();
        let before = all.strip_suffix(frame(NEXT).as_slice()).unwrap();
        assert!(whole.starts_with(before), "{plan:?}");
        let sizes = messages.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(end_at(&sizes, before.len()), Ok(()), "{plan:?}");
    }
}

/// No byte is passed on twice, and none stays behind when the connection is used further.
#[test]
fn a_flush_with_a_fault_at_every_byte() {
    let payload = message(0, SIZES[0]);
    let length = frame(&payload).len();
    for plan in plans(|way| if way == Way::Out { length } else { 0 }, true) {
        for then_receive in [false, true] {
            let (heard, hears) = mpsc::channel();
            let recording = Recording { says: frame(NEXT), heard: Some(heard) };
            let wire = Scripted::new(Wire::new(recording, Some(plan), STEPS));
            let buffering = ReadWrite::new(Buffering::new(wire));
            let mut connection = Connection::unauthenticated(buffering);
            let sent = connection.send_bytes(&payload);
            let mut expected = frame(&payload);
            if let Fault::Broken(_) | Fault::End = plan.fault {
                check(plan, &sent, Ok(()), Phase::Send);
                assert!(connection.send_bytes(&payload).is_err(), "{plan:?}");
                expected.truncate(plan.at.unwrap());
            } else if plan.fault == Fault::Later {
                // All bytes were taken, and the next send continues the flush.
                check(plan, &sent, Ok(()), Phase::Send);
                expected.truncate(if then_receive { plan.at.unwrap() } else { expected.len() });
            } else {
                // The bytes were taken in time, all of them.
                sent.unwrap();
            }
            // What the peer says can be received either way.
            if then_receive {
                assert_eq!(connection.recv_bytes().unwrap(), NEXT);
            } else if connection.send_bytes(b"").is_ok() {
                expected.extend(frame(b""));
            }
            assert_eq!(hears.try_iter().collect::<Vec<_>>().concat(), expected, "{plan:?}");
        }
    }
}

/// The system had no memory for a moment: what was not sent then is not sent later.
#[test]
fn a_passing_error_leaves_nothing_behind() {
    let fault = Fault::Passing(ErrorKind::OutOfMemory);
    for at in [0, 1, 14] {
        for many in [false, true] {
            let (heard, hears) = mpsc::channel();
            let recording = Recording { says: Vec::new(), heard: Some(heard) };
            let plan = Plan { way: Way::Out, at: Some(at), fault };
            let wire = Wire::new(recording, Some(plan), STEPS);
            let mut sender = Sender::unauthenticated(Scripted::new(wire));
            let payload = message(0, 10);
            let sent =
                if many { sender.send_many([&payload; 2]) } else { sender.send_bytes(&payload) };
            if !many && at == 14 {
                sent.unwrap();
                continue;
            }
            let Err(Error::Io(error)) = sent else { panic!("{sent:?}") };
            assert_eq!(error.kind(), ErrorKind::OutOfMemory);
            assert_eq!(sender.send_bytes(NEXT).is_ok(), at == 0);
            let heard = hears.try_iter().collect::<Vec<_>>().concat();
            let first = if at == 0 { frame(NEXT) } else { frame(&payload)[..at].to_vec() };
            assert_eq!(heard, first);
        }
    }
}
