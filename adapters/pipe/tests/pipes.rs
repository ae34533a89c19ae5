//! Pipes between two ends of this process.
#![cfg(windows)]

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use mpconn::{FrameError, RecvBuffer, SendBuffer};
use mpconn_pipe::{Listener, Pipe, Security, block_until, connect, one_way_pair, pair};

/// What is waited for in vain takes this long.
const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(60);

/// Those at which buffers, reads and lengths in bytes change.
const LENGTHS: [usize; 20] = [
    0,
    1,
    127,
    128,
    129,
    255,
    256,
    4091,
    4095,
    4096,
    4097,
    8192,
    65535,
    65536,
    65537,
    69631,
    69632,
    69633,
    200_000,
    16 << 20,
];

/// An end of a pipe with the core's buffers.
struct End {
    pipe: Arc<Pipe>,
    recv: RecvBuffer,
    send: SendBuffer,
}

/// Why no message was sent or received.
#[derive(Debug)]
enum Error {
    Frame(FrameError),
    Io(io::Error),
    Ended,
    TimedOut,
}

impl From<Pipe> for End {
    fn from(pipe: Pipe) -> Self {
        Self::over(Arc::new(pipe))
    }
}

impl End {
    fn over(pipe: Arc<Pipe>) -> Self {
        Self { pipe, recv: RecvBuffer::new(u64::MAX), send: SendBuffer::new() }
    }

    fn receive_for(&mut self, time: Duration, max: u64) -> Result<Option<Vec<u8>>, Error> {
        let deadline = Some(Instant::now() + time);
        while !self.recv.poll_reusing(max, &mut Vec::new()).map_err(Error::Frame)? {
            let mut space = self.recv.read_buf();
            match block_until(deadline, |cx| self.pipe.poll_receive(cx, &mut space)) {
                None => return Ok(None),
                Some(Ok(0)) => {
                    self.recv.eof().map_err(Error::Frame)?;
                    return Err(Error::Ended);
                }
                Some(Ok(n)) => self.recv.advance(n),
                Some(Err(error)) => return Err(Error::Io(error)),
            }
        }
        Ok(Some(self.recv.take()))
    }

    /// The same pipe, for another thread that does the other thing.
    fn other_half(&self) -> Self {
        Self::over(Arc::clone(&self.pipe))
    }

    fn receive(&mut self) -> Result<Vec<u8>, Error> {
        Ok(self.receive_for(LONG, u64::MAX)?.expect("a message in time"))
    }

    fn send_for(&mut self, time: Duration, message: &[u8]) -> Result<(), Error> {
        let deadline = Some(Instant::now() + time);
        self.send.begin(message.len()).expect("the stream is between messages");
        while !self.send.is_empty() {
            let chunks = self.send.chunks(message).map(IoSlice::new);
            match block_until(deadline, |cx| self.pipe.poll_send(cx, &chunks)) {
                None => {
                    self.send.keep(message);
                    return Err(Error::TimedOut);
                }
                Some(Ok(n)) => {
                    self.send.advance(n);
                }
                Some(Err(error)) => {
                    self.send.abandon();
                    return Err(Error::Io(error));
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, message: &[u8]) {
        self.send_for(LONG, message).expect("the message is taken");
    }
}

fn message(length: usize) -> Vec<u8> {
    (0..251).cycle().take(length).collect()
}

fn listen() -> Listener {
    Listener::bind_fresh(&Security::default()).expect("a name")
}

fn accept(listener: &Listener) -> io::Result<Pipe> {
    block_until(Some(Instant::now() + LONG), |cx| listener.poll_accept(cx)).expect("a client")
}

/// The ends of the listener and of the client.
fn connected() -> (End, End) {
    let listener = listen();
    let client = connect(listener.name()).expect("the listener is there").expect("it is free");
    (accept(&listener).expect("a client").into(), client.into())
}

fn ends() -> (End, End) {
    let (one, other) = pair().expect("a pair");
    (one.into(), other.into())
}

#[test]
fn messages_of_all_lengths_both_ways() {
    for (mut one, mut other) in [connected(), ends()] {
        thread::scope(|scope| {
            scope.spawn(|| {
                LENGTHS.iter().for_each(|&length| one.send(&message(length)));
                for length in LENGTHS {
                    assert!(one.receive().expect("a message") == message(length), "{length}");
                }
            });
            for length in LENGTHS {
                assert!(other.receive().expect("a message") == message(length), "{length}");
            }
            LENGTHS.iter().for_each(|&length| other.send(&message(length)));
        });
    }
}

#[test]
fn both_directions_at_once() {
    const MESSAGES: usize = 300;
    let (one, other) = ends();
    thread::scope(|scope| {
        for end in [one, other] {
            let mut sending = end.other_half();
            let mut receiving = end;
            scope.spawn(move || (0..MESSAGES).for_each(|n| sending.send(&message(n * 37))));
            scope.spawn(move || {
                for n in 0..MESSAGES {
                    assert!(receiving.receive().expect("a message") == message(n * 37), "{n}");
                }
            });
        }
    });
}

#[test]
fn the_last_message_is_empty_and_then_the_end() {
    for (mut one, mut other) in [connected(), ends()] {
        one.send(b"first");
        one.send(b"");
        drop(one);
        assert_eq!(other.receive().expect("a message"), b"first");
        assert_eq!(other.receive().expect("a message"), b"");
        assert!(matches!(other.receive(), Err(Error::Ended)));
        assert!(matches!(other.receive(), Err(Error::Ended)));
    }
}

#[test]
fn the_limit_holds_before_more_than_a_first_part_is_read() {
    let (mut one, mut other) = ends();
    let sender = thread::spawn(move || {
        let _ = one.send_for(LONG, &message(1 << 20));
    });
    let error = other.receive_for(LONG, 4096).expect_err("too long");
    assert!(matches!(error, Error::Frame(FrameError::TooLong { length: 1_048_576, max: 4096 })));
    assert!(matches!(other.receive(), Err(Error::Frame(_))), "for good");
    drop(other);
    sender.join().expect("the sender ends with the pipe");
}

#[test]
fn a_receive_that_is_given_up_loses_nothing() {
    let (mut one, mut other) = ends();
    assert_eq!(other.receive_for(SHORT, u64::MAX).expect("a timeout"), None);
    assert_eq!(other.receive_for(Duration::ZERO, u64::MAX).expect("a timeout"), None);
    one.send(b"late");
    assert_eq!(other.receive().expect("a message"), b"late");
    other.send(b"and the other way");
    assert_eq!(one.receive().expect("a message"), b"and the other way");
}

#[test]
fn readiness_takes_nothing() {
    let (mut one, mut other) = ends();
    let readable = |end: &End, time| {
        block_until(Some(Instant::now() + time), |cx| end.pipe.poll_readable(cx)).is_some()
    };
    assert!(!readable(&other, SHORT));
    one.send(b"");
    assert!(readable(&other, LONG));
    assert!(readable(&other, Duration::ZERO), "still");
    assert_eq!(other.receive().expect("a message"), b"");
    assert!(!readable(&other, SHORT));
    drop(one);
    assert!(readable(&other, LONG));
    assert!(matches!(other.receive(), Err(Error::Ended)));
}

#[test]
fn all_who_wait_for_one_pipe_are_woken() {
    const THREADS: usize = 20;
    let (mut one, other) = ends();
    // Those who have given up before are not in the way.
    for _ in 0..THREADS {
        let until = Some(Instant::now());
        assert!(block_until(until, |cx| other.pipe.poll_readable(cx)).is_none());
    }
    let until = Some(Instant::now() + LONG);
    let wait = || block_until(until, |cx| other.pipe.poll_readable(cx)).is_some();
    thread::scope(|scope| {
        let waiting = [(); THREADS].map(|()| scope.spawn(wait));
        thread::sleep(SHORT);
        one.send(b"for all");
        assert!(waiting.into_iter().all(|thread| thread.join().expect("no panic")));
    });
}

#[test]
fn what_is_there_needs_no_waiting() {
    let (mut one, mut other) = ends();
    one.send_for(Duration::ZERO, b"short").expect("there is room");
    one.send_for(Duration::ZERO, &message(5000)).expect("there is room");
    let now = Duration::ZERO;
    assert_eq!(other.receive_for(now, u64::MAX).expect("no end"), Some(b"short".to_vec()));
    assert_eq!(other.receive_for(now, u64::MAX).expect("no end"), Some(message(5000)));
}

#[test]
fn a_send_that_times_out_is_continued_by_the_next() {
    let (mut one, mut other) = ends();
    let large = message(4 << 20);
    let given_up = one.send_for(SHORT, &large);
    assert!(matches!(given_up, Err(Error::TimedOut)), "{given_up:?}");
    let reading = thread::spawn(move || {
        assert!(other.receive().expect("a message") == large);
        assert_eq!(other.receive().expect("a message"), b"next");
    });
    one.send(b"next");
    reading.join().expect("no panic");
}

#[test]
fn a_send_that_is_resumed_arrives_once() {
    let (one, mut other) = ends();
    let large = message(4 << 20);
    let mut frames = u32::try_from(large.len()).expect("short").to_be_bytes().to_vec();
    frames.extend_from_slice(&large);
    frames.extend_from_slice(b"\0\0\0\x04next");
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(taken)) = one.pipe.poll_send(&mut cx, &[IoSlice::new(&frames)]) else {
        panic!("nothing was in flight");
    };
    assert_eq!(taken, large.len() + 3, "all but the last byte");
    let rest = IoSlice::new(&frames[taken..]);
    assert!(one.pipe.poll_send(&mut cx, &[rest]).is_pending(), "the peer has not received it");
    assert!(one.pipe.poll_writable(&mut cx).is_pending());
    assert!(other.receive().expect("a message") == large);
    let taken = block_until(None, |cx| one.pipe.poll_send(cx, &[rest])).expect("no deadline");
    assert_eq!(taken.expect("sent"), 1 + 4 + 4);
    assert_eq!(other.receive().expect("a message"), b"next");
}

#[test]
fn a_close_in_the_middle_of_a_message_is_no_end() {
    let (mut one, mut other) = ends();
    let _ = one.send_for(SHORT, &message(4 << 20));
    // The beginning has been received, and the length with it.
    assert!(block_until(Some(Instant::now() + LONG), |cx| other.pipe.poll_readable(cx)).is_some());
    drop(one);
    let error = other.receive().expect_err("no message");
    let is_in_the_middle = match &error {
        Error::Frame(FrameError::TruncatedPayload { .. }) => true,
        Error::Io(error) => error.kind() == io::ErrorKind::UnexpectedEof,
        _ => false,
    };
    assert!(is_in_the_middle, "{error:?}");
}

#[test]
fn clients_that_have_left_are_clients() {
    let listener = listen();
    // One at once, one that was waited for.
    drop(connect(listener.name()).expect("the listener is there"));
    let mut gone = End::from(accept(&listener).expect("it came"));
    assert!(matches!(gone.receive(), Err(Error::Ended)));

    let mut cx = Context::from_waker(Waker::noop());
    assert!(listener.poll_accept(&mut cx).is_pending());
    let mut client = End::from(connect(listener.name()).expect("the listener").expect("free"));
    client.send(b"and what it said");
    drop(client);
    let mut gone = End::from(accept(&listener).expect("it came"));
    assert_eq!(gone.receive().expect("a message"), b"and what it said");
    assert!(matches!(gone.receive(), Err(Error::Ended)));
}

#[test]
fn there_is_always_an_instance_or_a_busy_one() {
    let listener = listen();
    let first = connect(listener.name()).expect("the listener is there");
    assert!(first.is_some());
    assert!(connect(listener.name()).expect("the listener is there").is_none(), "busy");
    let accepted = accept(&listener).expect("a client");
    let second = connect(listener.name()).expect("the listener is there");
    assert!(second.is_some());
    drop(accepted);
}

#[test]
fn a_close_wakes_who_accepts_and_frees_the_name() {
    let listener = Arc::new(listen());
    let name = listener.name().to_owned();
    let waiting = Arc::clone(&listener);
    let accepting = thread::spawn(move || block_until(None, |cx| waiting.poll_accept(cx)));
    thread::sleep(SHORT);
    listener.close();
    let error = accepting.join().expect("no panic").expect("no deadline").expect_err("closed");
    assert_eq!(error.kind(), io::ErrorKind::NotConnected);
    let error = connect(&name).expect_err("nobody listens");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn two_hundred_clients_at_once() {
    const CLIENTS: usize = 200;
    let listener = listen();
    thread::scope(|scope| {
        let name = listener.name();
        let (sender, clients) = std::sync::mpsc::channel();
        scope.spawn(move || {
            for _ in 0..CLIENTS {
                let client = loop {
                    match connect(name).expect("the listener is there") {
                        Some(client) => break End::from(client),
                        None => thread::sleep(Duration::from_millis(1)),
                    }
                };
                sender.send(client).expect("somebody receives");
            }
        });
        let mut served: Vec<_> =
            (0..CLIENTS).map(|_| End::from(accept(&listener).expect("a client"))).collect();
        let mut clients: Vec<_> = clients.into_iter().collect();
        for (n, client) in clients.iter_mut().enumerate() {
            client.send(&message(n * 100));
        }
        for (n, served) in served.iter_mut().enumerate() {
            assert!(served.receive().expect("a message") == message(n * 100), "{n}");
        }
    });
}

#[test]
fn a_one_way_pipe_goes_one_way() {
    let (receiver, sender) = one_way_pair().expect("a pair");
    let (mut receiver, mut sender) = (End::from(receiver), End::from(sender));
    sender.send(b"this way");
    assert_eq!(receiver.receive().expect("a message"), b"this way");
    assert!(matches!(receiver.send_for(LONG, b"and back"), Err(Error::Io(_))));
    assert!(matches!(sender.receive(), Err(Error::Io(_))));
}

#[test]
fn an_unused_pipe_gives_its_handle_away() {
    let (one, mut other) = pair().map(|(one, other)| (one, End::from(other))).expect("a pair");
    let mut one = End::from(Pipe::from(one.into_handle().expect("unused")));
    one.send(b"as before");
    assert_eq!(other.receive().expect("a message"), b"as before");
    let End { pipe, .. } = other;
    let error = Arc::into_inner(pipe).expect("the last").into_handle().expect_err("used");
    assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
}

#[test]
fn a_descriptor_that_is_none_is_refused() {
    assert!(Listener::bind_fresh(&Security::sddl("D:P(A;;GA;;;OW)(A;;0x12019b;;;BU)")).is_ok());
    assert!(Listener::bind_fresh(&Security::sddl("everybody")).is_err());
}
