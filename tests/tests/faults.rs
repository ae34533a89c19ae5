//! Faults at every byte of a handshake and of frames in three sizes, in both directions: the right
//! result or the expected typed error, in bounded steps.
//!
//! `script::Wire` has the faults. No signal can be sent here without `unsafe`: an interruption is
//! what a stream reports as `ErrorKind::Interrupted`, and `signals.rs` lets Python send real ones.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread;

use mpconn::{Handshake, Inbox, Negotiation, Operation};
use mpconn_blocking::{
    AuthError, AuthKey, ConnectOptions, Connection, Deadline, Error, FrameError, ListenerOptions,
    Phase, Policy, ReadWrite, Receiver, Role, Sender, Space, SysRng, Transport,
};
use mpconn_tests::content::message;
use mpconn_tests::script::{Authenticating, Fault, Plan, Recording, Way, Wire, fill};
use mpconn_tests::stall::bounded;

const KEY: &[u8] = b"a key of more than 16 bytes";

/// A handful of messages, moved byte by byte with a fault before each, stays below this.
const STEPS: usize = 1000;

/// One that is sent with one call and read ahead whole; one that is written from where it is; one
/// that is read straight into its destination.
const SIZES: [usize; 3] = [300, 16_385, 65_537];

const GREETING: &[u8] = b"the first message";

/// What ends a stream in the middle of things.
const ERRORS: [ErrorKind; 2] = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];

/// A wire as a transport with deadlines, which have always passed.
#[derive(Clone)]
struct Scripted(Arc<Mutex<Wire>>);

impl Scripted {
    fn new(wire: Wire) -> Self {
        Self(Arc::new(Mutex::new(wire)))
    }

    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.0.lock().unwrap()
    }
}

impl Transport for Scripted {
    fn receive(&self, space: Space<'_>, _: Deadline) -> io::Result<Option<usize>> {
        let mut nothing = false;
        let n = fill(space, |room| {
            let n = self.wire().read(room)?;
            nothing = n.is_none();
            Ok(n.unwrap_or(0))
        })?;
        Ok(Some(n).filter(|_| !nothing))
    }

    fn send(&self, slices: &[IoSlice<'_>], _: Deadline) -> io::Result<Option<usize>> {
        self.wire().write(slices)
    }
}

/// The same as a stream of bytes.
struct Stream(Scripted);

impl Read for Stream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.wire().read(room)?.ok_or(ErrorKind::WouldBlock.into())
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.wire().write(&[IoSlice::new(bytes)])?.ok_or(ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn peer(role: Role, key: &[u8]) -> Authenticating {
    let handshake = match role {
        Role::Listener => Handshake::accepting(key.to_owned(), &Policy::COMPAT, &mut SysRng),
        Role::Client => Handshake::connecting(key.to_owned(), &Policy::COMPAT, &mut SysRng),
    };
    Authenticating::new(handshake.unwrap(), frame(GREETING))
}

fn other(role: Role) -> Role {
    if role == Role::Client { Role::Listener } else { Role::Client }
}

fn frame(payload: &[u8]) -> Vec<u8> {
    [&u32::try_from(payload.len()).unwrap().to_be_bytes(), payload].concat()
}

fn authenticate<T: Transport>(role: Role, transport: T) -> Result<Connection<T>, Error> {
    let key = AuthKey::new(KEY);
    match role {
        Role::Listener => ListenerOptions::with_key(key).authenticate(transport),
        Role::Client => ConnectOptions::with_key(key).authenticate(transport),
    }
}

/// The handshake and the first message behind it.
fn converse<T: Transport>(role: Role, transport: T) -> Result<(), Error> {
    let mut connection = authenticate(role, transport)?;
    assert!(connection.authenticated().is_some());
    // The greeting comes with the last message of the handshake, or right behind it.
    assert_eq!(connection.recv_bytes()?, GREETING);
    Ok(())
}

/// The payloads of each way's messages, in a handshake of `role`.
fn handshake_messages(role: Role, way: Way) -> &'static [usize] {
    // A challenge has 59 bytes, a response with SHA-256 has 40, a verdict 9.
    match (role, way) {
        (Role::Listener, Way::Out) | (Role::Client, Way::In) => &[59, 9, 40],
        (Role::Listener, Way::In) | (Role::Client, Way::Out) => &[40, 59, 9],
    }
}

fn length(messages: &[usize]) -> usize {
    messages.iter().map(|payload| 4 + payload).sum()
}

/// What the end of the stream before byte `at` must look like.
fn end_at(messages: &[usize], mut at: usize) -> Result<(), FrameError> {
    for payload in messages {
        match at {
            0 => return Ok(()),
            1..4 => return Err(FrameError::TruncatedHeader),
            _ if at < 4 + payload => {
                let missing = (4 + payload - at) as u64;
                return Err(FrameError::TruncatedPayload { missing });
            }
            _ => at -= 4 + payload,
        }
    }
    Ok(())
}

fn check(plan: Plan, result: &Result<(), Error>, end: Result<(), FrameError>, phase: Phase) {
    let right = match (plan.fault, plan.way, result) {
        (Fault::Short | Fault::Passing(_), _, Ok(())) => true,
        (Fault::Later, _, Err(Error::TimedOut(timed_out))) => *timed_out == phase,
        (Fault::Broken(kind), _, Err(Error::Io(error))) => error.kind() == kind,
        (Fault::End, Way::Out, Err(Error::Io(error))) => error.kind() == ErrorKind::WriteZero,
        (Fault::End, Way::In, Err(Error::Ended)) => end.is_ok(),
        (Fault::End, Way::In, Err(Error::Frame(error))) => end == Err(*error),
        _ => false,
    };
    assert!(right, "{plan:?} gave {result:?}");
}

/// One fault of every kind at every byte, both ways, and at all bytes where that can go on.
fn plans(length: impl Fn(Way) -> usize, interrupted: bool) -> Vec<Plan> {
    let passing = interrupted.then_some(Fault::Passing(ErrorKind::Interrupted));
    let faults = [Fault::Short, Fault::Later, Fault::End]
        .into_iter()
        .chain(ERRORS.map(Fault::Broken))
        .chain(passing);
    let mut plans = Vec::new();
    for fault in faults {
        for way in [Way::In, Way::Out] {
            plans.extend((0..length(way)).map(|at| Plan { way, at: Some(at), fault }));
            if matches!(fault, Fault::Short | Fault::Passing(_)) {
                plans.push(Plan { way, at: None, fault });
            }
        }
    }
    plans
}

fn handshakes(role: Role, interrupted: bool, converse: impl Fn(Scripted) -> Result<(), Error>) {
    for plan in plans(|way| length(handshake_messages(role, way)), interrupted) {
        let wire = Wire::new(peer(other(role), KEY), Some(plan), STEPS);
        let result = converse(Scripted::new(wire));
        let end = plan.at.map_or(Ok(()), |at| end_at(handshake_messages(role, plan.way), at));
        check(plan, &result, end, Phase::Handshake);
    }
}

#[test]
fn the_handshake_is_as_long_as_the_plans_take_it_to_be() {
    for role in [Role::Listener, Role::Client] {
        let scripted = Scripted::new(Wire::new(peer(other(role), KEY), None, STEPS));
        converse(role, scripted.clone()).unwrap();
        let messages = handshake_messages(role, Way::Out);
        assert_eq!(scripted.wire().moved(Way::Out), length(messages));
        let messages = handshake_messages(role, Way::In);
        let greeting = 4 + GREETING.len();
        assert_eq!(scripted.wire().moved(Way::In), length(messages) + greeting);
    }
}

#[test]
fn a_handshake_with_a_fault_at_every_byte() {
    for role in [Role::Listener, Role::Client] {
        bounded(move || handshakes(role, false, |scripted| converse(role, scripted)));
    }
}

#[test]
fn a_handshake_over_a_stream_that_is_interrupted_at_every_byte() {
    for role in [Role::Listener, Role::Client] {
        bounded(move || {
            handshakes(role, true, |scripted| converse(role, ReadWrite::new(Stream(scripted))));
        });
    }
}

/// What a readiness loop sees: the transport has nothing more for now, at each byte in turn, and
/// the handshake is gone on with later.
#[test]
fn a_handshake_that_pauses_before_every_byte() {
    for role in [Role::Listener, Role::Client] {
        let all = [Way::In, Way::Out].map(|way| Plan { way, at: None, fault: Fault::Later });
        let each = plans(|way| length(handshake_messages(role, way)), false);
        for plan in each.into_iter().filter(|plan| plan.fault == Fault::Later).chain(all) {
            let wire = Wire::new(peer(other(role), KEY), Some(plan), STEPS);
            let handshake = match role {
                Role::Listener => Handshake::accepting(KEY, &Policy::COMPAT, &mut SysRng),
                Role::Client => Handshake::connecting(KEY, &Policy::COMPAT, &mut SysRng),
            };
            let mut negotiation = Negotiation::new(handshake.unwrap());
            let mut inbox = Inbox::new();
            let transport = Scripted::new(wire);
            let mut pauses = 0;
            loop {
                let never = Deadline::NEVER;
                let done = negotiation.drive(&mut inbox, |operation| match operation {
                    Operation::Write(slices) => transport.send(&slices.map(IoSlice::new), never),
                    Operation::Read(space) => transport.receive(space, never),
                });
                match done.unwrap() {
                    Some(_) => break,
                    None => pauses += 1,
                }
            }
            assert!(pauses > 0, "{plan:?}");
        }
    }
}

/// That the peer is rejected says more than that it could not be told so.
#[test]
fn a_rejection_with_a_fault_at_every_byte() {
    let out = [59, 9];
    for plan in plans(|way| if way == Way::Out { length(&out) } else { 0 }, false) {
        let wire = Wire::new(peer(Role::Client, b"another key"), Some(plan), STEPS);
        let result = authenticate(Role::Listener, Scripted::new(wire)).map(|_| ());
        if plan.at.is_none_or(|at| at >= length(&out[..1]) || plan.fault == Fault::Short) {
            assert!(
                matches!(result, Err(Error::Auth(AuthError::WrongResponse))),
                "{plan:?} gave {result:?}"
            );
        } else {
            check(plan, &result, Ok(()), Phase::Handshake);
        }
    }
    let wire = Wire::new(peer(Role::Listener, b"another key"), None, STEPS);
    let result = authenticate(Role::Client, Scripted::new(wire)).map(|_| ());
    assert!(matches!(result, Err(Error::Auth(AuthError::Rejected { .. }))), "{result:?}");
}

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
            assert_eq!(receiver.is_readable(), plan.fault != Fault::End || end.is_ok());
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
        // A timeout is over: what is sent now must not continue a message that was cut off.
        match sender.send_bytes(NEXT) {
            Ok(()) => {
                let heard = hears.try_iter().collect::<Vec<_>>().concat();
                assert_eq!(heard, frame(NEXT), "{plan:?}");
                let sizes = messages.iter().map(Vec::len).collect::<Vec<_>>();
                assert_eq!(end_at(&sizes, end), Ok(()), "{plan:?}");
            }
            other => assert!(matches!(other, Err(Error::HalfSent)), "{plan:?} gave {other:?}"),
        }
    }
}

/// A stream that takes everything at once, and passes it on when it is flushed, as TLS does.
struct Buffering {
    wire: Scripted,
    taken: Vec<u8>,
}

impl Read for Buffering {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.wire.wire().read(room)?.ok_or(ErrorKind::WouldBlock.into())
    }
}

impl Write for Buffering {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.taken.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.taken.is_empty() {
            match self.wire.wire().write(&[IoSlice::new(&self.taken)])? {
                None => return Err(ErrorKind::WouldBlock.into()),
                Some(0) => return Err(ErrorKind::WriteZero.into()),
                Some(n) => self.taken.drain(..n),
            };
        }
        Ok(())
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
            let buffering = ReadWrite::new(Buffering { wire, taken: Vec::new() });
            let mut connection = Connection::unauthenticated(buffering);
            let sent = connection.send_bytes(&payload);
            let mut expected = frame(&payload);
            if let Fault::Broken(_) | Fault::End = plan.fault {
                check(plan, &sent, Ok(()), Phase::Send);
                assert!(connection.send_bytes(&payload).is_err(), "{plan:?}");
                expected.truncate(plan.at.unwrap());
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
