//! Streams in memory, a clock that jumps from event to event, and all that goes wrong between them.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use mpconn::ReadBuf;
use mpconn_sockets::Operation;

use super::seed::Seed;

/// A run with more events, reads and writes than this does not come to an end.
const MOST_STEPS: usize = 1_000_000;

/// The number of a connection, in the order of connecting.
pub(crate) type Link = usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Client,
    Listener,
}

/// Whose turn it is. It may be for nothing: who is called looks for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A client by its number.
    Client(usize),
    /// The listener's end of a link.
    Accepted(Link),
    /// The listener: someone calls, or something expires.
    Listener,
}

/// What a link is like.
#[derive(Debug, Clone)]
pub(crate) struct Quality {
    /// A piece is under way for at most this long.
    pub(crate) latency: Duration,
    /// The most bytes that arrive at once.
    pub(crate) piece: usize,
    /// The most bytes written and not yet read.
    pub(crate) window: usize,
    /// What strikes after so many bytes, written by this side.
    pub(crate) fault: Option<(Side, usize, Fault)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Both sides find the connection reset, and all under way is lost.
    Reset,
    /// Nothing more arrives, not even the end.
    Stall,
}

#[derive(Clone)]
pub(crate) struct Net(Rc<RefCell<Network>>);

struct Network {
    now: Duration,
    seed: Seed,
    steps: usize,
    events: BinaryHeap<Reverse<(Duration, usize, Event)>>,
    links: Vec<State>,
    calls: VecDeque<Link>,
    /// What the first client has said.
    tape: Vec<u8>,
}

struct State {
    client: usize,
    quality: Quality,
    from_client: Way,
    from_listener: Way,
    reset: bool,
}

/// One direction.
#[derive(Default)]
struct Way {
    /// With the time at which each piece arrives, which never goes back.
    pieces: VecDeque<(Duration, VecDeque<u8>)>,
    unread: usize,
    written: usize,
    ended: Option<Duration>,
    stalled: bool,
    /// The writer waits for room.
    full: bool,
}

impl Net {
    pub(crate) fn new(seed: Seed) -> Self {
        let (events, links, calls) = (BinaryHeap::new(), vec![], VecDeque::new());
        let (now, steps, tape) = (Duration::ZERO, 0, vec![]);
        Self(Rc::new(RefCell::new(Network { now, seed, steps, events, links, calls, tape })))
    }

    pub(crate) fn now(&self) -> Duration {
        self.0.borrow().now
    }

    pub(crate) fn steps(&self) -> usize {
        self.0.borrow().steps
    }

    pub(crate) fn at(&self, time: Duration, event: Event) {
        self.0.borrow_mut().at(time, event);
    }

    /// Goes on to the next event, if there ever is one.
    pub(crate) fn next_event(&self) -> Option<Event> {
        let mut network = self.0.borrow_mut();
        network.step();
        let Reverse((time, _, event)) = network.events.pop()?;
        network.now = time;
        Some(event)
    }

    /// The client's end of a new link. The listener will hear of it.
    pub(crate) fn connect(&self, client: usize, quality: Quality) -> End {
        let mut network = self.0.borrow_mut();
        let (link, arrives) = (network.links.len(), network.now + quality.latency);
        let [from_client, from_listener] = [Way::default(), Way::default()];
        network.links.push(State { client, quality, from_client, from_listener, reset: false });
        network.calls.push_back(link);
        network.at(arrives, Event::Listener);
        End { net: self.clone(), link, side: Side::Client }
    }

    /// The listener's end of the oldest link that it has not taken yet.
    pub(crate) fn accept(&self) -> Option<End> {
        let link = self.0.borrow_mut().calls.pop_front()?;
        Some(End { net: self.clone(), link, side: Side::Listener })
    }

    /// What the first client has said, which is an honest one.
    pub(crate) fn tape(&self) -> Vec<u8> {
        self.0.borrow().tape.clone()
    }

    pub(crate) fn client_of(&self, link: Link) -> usize {
        self.0.borrow().links[link].client
    }
}

impl Network {
    fn step(&mut self) {
        self.steps += 1;
        assert!(self.steps < MOST_STEPS, "it does not come to an end");
    }

    fn at(&mut self, time: Duration, event: Event) {
        // Of the same time, in the order of asking.
        self.events.push(Reverse((time.max(self.now), self.steps, event)));
    }

    fn event_of(&self, link: Link, side: Side) -> Event {
        match side {
            Side::Client => Event::Client(self.links[link].client),
            Side::Listener => Event::Accepted(link),
        }
    }

    fn reset(&mut self, link: Link) {
        self.links[link].reset = true;
        for side in [Side::Client, Side::Listener] {
            let event = self.event_of(link, side);
            self.at(self.now, event);
        }
    }

    fn write(&mut self, link: Link, side: Side, bytes: &[u8]) -> io::Result<Option<usize>> {
        self.step();
        let (now, reader) = (self.now, self.event_of(link, side.other()));
        let state = &mut self.links[link];
        if state.reset {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let quality = state.quality.clone();
        let is_taped = state.client == 0 && side == Side::Client;
        let way = state.way(side);
        if way.stalled {
            return Ok(Some(bytes.len()));
        }
        let room = quality.window - way.unread;
        if room == 0 {
            way.full = true;
            return Ok(None);
        }
        let mut most = bytes.len().min(room);
        let strikes =
            quality.fault.filter(|&(by, after, _)| by == side && after <= way.written + most);
        if let Some((_, after, _)) = strikes {
            most = after.saturating_sub(way.written).min(most);
        }
        let mut rest = &bytes[..most];
        way.written += most;
        way.unread += most;
        if is_taped {
            self.tape.extend_from_slice(rest);
        }
        let mut arrivals = vec![];
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.len().min(1 + self.seed.below(quality.piece)));
            let arrives = now + self.seed.within(quality.latency);
            let arrives = way.pieces.back().map_or(arrives, |(last, _)| arrives.max(*last));
            way.pieces.push_back((arrives, piece.iter().copied().collect()));
            arrivals.push(arrives);
            rest = behind;
        }
        match strikes {
            Some((.., Fault::Stall)) => {
                way.stalled = true;
                most = bytes.len();
            }
            Some((.., Fault::Reset)) => {
                self.reset(link);
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            None => {}
        }
        for arrives in arrivals {
            self.at(arrives, reader);
        }
        Ok(Some(most))
    }

    fn read(&mut self, link: Link, side: Side, most: usize) -> io::Result<Option<Vec<u8>>> {
        self.step();
        let (now, writer) = (self.now, self.event_of(link, side.other()));
        let state = &mut self.links[link];
        if state.reset {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let latency = state.quality.latency;
        let way = state.way(side.other());
        let Some((_, piece)) = way.pieces.front_mut().filter(|(arrives, _)| *arrives <= now) else {
            let ended = way.ended.is_some_and(|ended| ended <= now);
            return Ok(ended.then(Vec::new));
        };
        let n = most.min(piece.len());
        let bytes = piece.drain(..n).collect();
        if piece.is_empty() {
            way.pieces.pop_front();
        }
        way.unread -= n;
        if std::mem::take(&mut way.full) {
            let heard = now + self.seed.within(latency);
            self.at(heard, writer);
        }
        Ok(Some(bytes))
    }

    fn close(&mut self, link: Link, side: Side) {
        let (now, reader) = (self.now, self.event_of(link, side.other()));
        let state = &mut self.links[link];
        let latency = state.quality.latency;
        // What comes now is read by nobody.
        state.way(side.other()).stalled = true;
        let way = state.way(side);
        if !way.stalled {
            let last = way.pieces.back().map_or(now, |(last, _)| *last);
            let arrives = last.max(now + latency);
            way.ended = Some(arrives);
            self.at(arrives, reader);
        }
    }
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Client => Self::Listener,
            Self::Listener => Self::Client,
        }
    }
}

impl State {
    /// What this side writes.
    fn way(&mut self, side: Side) -> &mut Way {
        match side {
            Side::Client => &mut self.from_client,
            Side::Listener => &mut self.from_listener,
        }
    }
}

/// One end of a link, which closes when it is dropped.
pub(crate) struct End {
    net: Net,
    pub(crate) link: Link,
    side: Side,
}

impl End {
    /// Writes what there is room for; `None` when there is none.
    pub(crate) fn write(&self, slices: &[&[u8]]) -> io::Result<Option<usize>> {
        self.net.0.borrow_mut().write(self.link, self.side, &slices.concat())
    }

    /// Reads what has arrived: 0 at the end, `None` when there is nothing for now.
    pub(crate) fn read(&self, space: ReadBuf<'_>) -> io::Result<Option<usize>> {
        let space = space.into_slice();
        let bytes = self.net.0.borrow_mut().read(self.link, self.side, space.len())?;
        Ok(bytes.map(|bytes| {
            space[..bytes.len()].copy_from_slice(&bytes);
            bytes.len()
        }))
    }

    pub(crate) fn reset(&self) {
        self.net.0.borrow_mut().reset(self.link);
    }
}

impl End {
    /// Moves bytes of a handshake, as an adapter does.
    pub(crate) fn transfer(&self, operation: Operation<'_>) -> io::Result<Option<usize>> {
        match operation {
            Operation::Write(bytes) => self.write(&[bytes]),
            Operation::Read(space) => self.read(space),
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.net.0.borrow_mut().close(self.link, self.side);
    }
}
