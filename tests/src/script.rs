//! A stream by script: what it gives, what it takes, and where it fails.
//!
//! It knows no adapter: [`Wire::read`] and [`Wire::write`] move some bytes, none for now, or fail,
//! which a blocking transport and an async stream can both pass on as they are.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, IoSlice};
use std::mem::{self, discriminant};

use mpconn::{
    Awaited, FrameError, Handshake, HandshakeDriver, HandshakeStep, MAX_MESSAGE, ReadBuf,
    RecvBuffer, Role, SendBuffer,
};
use mpconn_sockets::{Error, Operation, Phase, drive};

/// What happens once, at one byte of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A call moves the bytes before it, and the next one goes on.
    Short,
    /// Nothing can be moved for now: a deadline, `WouldBlock`.
    Later,
    /// The call fails with an error of this kind, and so does every later one.
    Broken(ErrorKind),
    /// The call fails with an error of this kind, and the next one goes on.
    Passing(ErrorKind),
    /// No byte is moved, now and ever: the end of what is read, a write of zero bytes.
    End,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// What is read from the wire.
    In,
    /// What is written to it.
    Out,
}

/// One fault at one byte: before it, every other is moved; or the fault is at each byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// In this direction,
    pub way: Way,
    /// before this byte, counted from the beginning of the stream, or before each,
    pub at: Option<usize>,
    /// this happens.
    pub fault: Fault,
}

/// What the peer says to what it is told.
pub trait Peer: Send {
    /// It was told `bytes`; what it says to that goes to `answer`. It is told nothing at the very
    /// beginning.
    fn told(&mut self, bytes: &[u8], answer: &mut VecDeque<u8>);
}

/// Both directions of a stream.
pub struct Wire {
    peer: Box<dyn Peer>,
    incoming: VecDeque<u8>,
    plan: Option<Plan>,
    /// Bytes moved so far.
    moved: [usize; 2],
    /// The fault at this byte has been.
    passed: Option<usize>,
    steps_left: usize,
}

impl Wire {
    /// A wire to `peer`. A call more than `steps` is a stall, and fails the test.
    pub fn new(mut peer: impl Peer + 'static, plan: Option<Plan>, steps: usize) -> Self {
        let mut incoming = VecDeque::new();
        peer.told(&[], &mut incoming);
        let peer = Box::new(peer);
        Self { peer, incoming, plan, moved: [0; 2], passed: None, steps_left: steps }
    }

    /// The bytes that were moved this way so far.
    pub fn moved(&self, way: Way) -> usize {
        self.moved[way as usize]
    }

    /// Reads as a socket does: how many bytes, 0 at the end, `None` when there are none for now.
    pub fn read(&mut self, room: &mut [u8]) -> io::Result<Option<usize>> {
        let n = match self.room(Way::In, room.len().min(self.incoming.len()))? {
            Some(0) if self.is_at_end(Way::In) => return Ok(Some(0)),
            Some(0) | None => return Ok(None),
            Some(n) => n,
        };
        let n = io::Read::read(&mut self.incoming, &mut room[..n])?;
        self.moved[Way::In as usize] += n;
        Ok(Some(n))
    }

    /// Writes as a socket does: how many bytes, `None` when none can be for now.
    pub fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        let Some(n) = self.room(Way::Out, length)? else { return Ok(None) };
        let mut left = n;
        for slice in slices {
            let part = &slice[..left.min(slice.len())];
            left -= part.len();
            if !part.is_empty() {
                self.peer.told(part, &mut self.incoming);
            }
        }
        self.moved[Way::Out as usize] += n;
        Ok(Some(n))
    }

    /// How many of `most` bytes to move this time.
    fn room(&mut self, way: Way, most: usize) -> io::Result<Option<usize>> {
        self.steps_left = self.steps_left.checked_sub(1).expect("stalled: it goes on for ever");
        let Some(plan) = self.plan.filter(|plan| plan.way == way) else { return Ok(Some(most)) };
        let moved = self.moved(way);
        let at = plan.at.unwrap_or(if self.passed == Some(moved) { moved + 1 } else { moved });
        if moved < at {
            return Ok(Some(most.min(at - moved)));
        }
        if moved > at || self.passed == Some(at) {
            return Ok(Some(most));
        }
        match plan.fault {
            Fault::End => return Ok(Some(0)),
            Fault::Broken(kind) => return Err(kind.into()),
            Fault::Short | Fault::Later | Fault::Passing(_) => self.passed = Some(at),
        }
        match plan.fault {
            Fault::Later => Ok(None),
            Fault::Passing(kind) => Err(kind.into()),
            _ if plan.at.is_none() => Ok(Some(most.min(1))),
            _ => Ok(Some(most)),
        }
    }

    fn is_at_end(&self, way: Way) -> bool {
        self.plan.is_some_and(|plan| {
            plan.way == way && plan.fault == Fault::End && plan.at == Some(self.moved(way))
        })
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("plan", &self.plan).field("moved", &self.moved).finish()
    }
}

/// Says these bytes at the beginning, and keeps what it is told.
#[derive(Debug, Default)]
pub struct Recording {
    /// What it says.
    pub says: Vec<u8>,
    /// Where what it was told goes, if that is to be looked at.
    pub heard: Option<std::sync::mpsc::Sender<Vec<u8>>>,
}

impl Peer for Recording {
    fn told(&mut self, bytes: &[u8], answer: &mut VecDeque<u8>) {
        // Into an empty queue this copies nothing.
        if !self.says.is_empty() {
            *answer = mem::take(&mut self.says).into();
        }
        if let Some(heard) = &self.heard {
            // A test that has what it wants does not listen any more.
            let _ = heard.send(bytes.to_owned());
        }
    }
}

/// Holds a handshake, and says one thing more when it is done.
#[derive(Debug)]
pub struct Authenticating {
    driver: Option<HandshakeDriver<Vec<u8>>>,
    recv: RecvBuffer,
    send: SendBuffer,
    pending: VecDeque<u8>,
    then: Vec<u8>,
}

impl Authenticating {
    /// The other side of the handshake, `then` to be said at its end.
    pub fn new(handshake: Handshake<Vec<u8>>, then: Vec<u8>) -> Self {
        let (recv, send) = (RecvBuffer::new(MAX_MESSAGE as u64), SendBuffer::new());
        let driver = Some(HandshakeDriver::new(handshake));
        Self { driver, recv, send, pending: VecDeque::new(), then }
    }
}

impl Peer for Authenticating {
    fn told(&mut self, bytes: &[u8], answer: &mut VecDeque<u8>) {
        self.pending.extend(bytes);
        let Some(driver) = &mut self.driver else { return };
        let pending = &mut self.pending;
        let done = drive(driver, &mut self.recv, &mut self.send, |operation| match operation {
            Operation::Write(bytes) => {
                answer.extend(bytes);
                Ok(Some(bytes.len()))
            }
            Operation::Read(_) if pending.is_empty() => Ok(None),
            Operation::Read(space) => fill(space, |room| io::Read::read(pending, room)).map(Some),
        });
        match done {
            Ok(None) => {}
            Ok(Some(_)) => {
                answer.extend(mem::take(&mut self.then));
                self.driver = None;
            }
            // It says no more, and the other side finds out.
            Err(_) => self.driver = None,
        }
    }
}

/// Reads into a space of either kind, spare capacity as such.
pub fn fill(
    space: ReadBuf<'_>,
    read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    match space {
        ReadBuf::Slice(slice) => read(slice),
        ReadBuf::Spare(vec) => {
            let filled = vec.len();
            vec.resize(vec.capacity(), 0);
            let read = read(&mut vec[filled..]);
            vec.truncate(filled + read.as_ref().map_or(0, |n| *n));
            read
        }
    }
}

/// One fault of every kind at every byte of a stream of these lengths, and at all bytes where that
/// can be gone on from.
pub fn plans(length: impl Fn(Way) -> usize, interrupted: bool) -> Vec<Plan> {
    let passing = interrupted.then_some(Fault::Passing(ErrorKind::Interrupted));
    let faults = [Fault::Short, Fault::Later, Fault::End]
        .into_iter()
        .chain([ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].map(Fault::Broken))
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

/// What the end of a stream of messages with these payloads must look like before byte `at`.
pub fn end_at(messages: &[usize], mut at: usize) -> Result<(), FrameError> {
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

/// A handshake, at any step.
pub const HANDSHAKE: Phase =
    Phase::Handshake(HandshakeStep { role: Role::Client, awaited: Awaited::Nothing });

/// Checks that a call under `plan` ended as it must: `end` is what the end of the stream means at
/// that point, `phase` what runs out of time.
pub fn check(plan: Plan, result: &Result<(), Error>, end: Result<(), FrameError>, phase: Phase) {
    let is_handshake = matches!(phase, Phase::Handshake(_));
    let right = match (plan.fault, plan.way, result) {
        (Fault::Short | Fault::Passing(_), _, Ok(())) => true,
        (Fault::Later, _, Err(Error::TimedOut(timed_out))) => {
            discriminant(timed_out) == discriminant(&phase)
        }
        (Fault::Broken(kind), _, Err(Error::Io(error))) => error.kind() == kind,
        (Fault::Broken(kind), _, Err(Error::HandshakeEnded { source: Some(error), .. })) => {
            error.kind() == kind && is_handshake
        }
        (Fault::End, Way::Out, Err(Error::Io(error))) => error.kind() == ErrorKind::WriteZero,
        (Fault::End, Way::In, Err(Error::HandshakeEnded { source: None, .. })) if is_handshake => {
            end.is_ok()
        }
        (Fault::End, Way::In, Err(Error::Ended)) if !is_handshake => end.is_ok(),
        (Fault::End, Way::In, Err(Error::Frame(error))) => end == Err(*error),
        _ => false,
    };
    assert!(right, "{plan:?} gave {result:?}");
}
