//! The handshakes that a listener has under way.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mpconn::{Address, AuthKey, Authenticated, Error, Inbox, Negotiation, Operation, PeerError};
use mpconn_sockets::{Session, transfer_now};

use crate::ready::{Member, ReadyQueue};
use crate::session::{open, poll_drive};
use crate::{Connection, Socket};

/// What became of a peer.
pub(crate) type Outcome = Result<Connection, PeerError>;

/// Pending handshakes by their number, oldest first.
///
/// Their clock is the listener's: it runs only while somebody accepts, so that a program that is
/// busy elsewhere does not expire the peers that wait for it.
#[derive(Debug)]
pub(crate) struct Slots {
    pending: BTreeMap<u64, Slot>,
    next: u64,
    most: usize,
    queue: ReadyQueue,
}

#[derive(Debug)]
struct Slot {
    socket: Socket,
    peer: Option<Address>,
    inbox: Inbox,
    negotiation: Negotiation<AuthKey>,
    expires: Option<Duration>,
    member: Arc<Member>,
    waker: Waker,
}

impl Slots {
    pub(crate) fn new(most: usize) -> Self {
        let queue = ReadyQueue::default();
        Self { pending: BTreeMap::new(), next: 0, most: most.max(1), queue }
    }

    pub(crate) fn is_full_of_proved(&self) -> bool {
        self.pending.len() >= self.most
            && self.pending.values().all(|slot| slot.negotiation.peer_is_proved())
    }

    /// When the first of them expires, on the listener's clock. All have the same time, so that is
    /// the oldest.
    pub(crate) fn next_expiry(&self) -> Option<Duration> {
        self.pending.values().next().and_then(|slot| slot.expires)
    }

    /// Takes a new peer in, and at the cap lets another go for it.
    pub(crate) fn add(
        &mut self,
        socket: Socket,
        peer: Option<Address>,
        negotiation: Negotiation<AuthKey>,
        expires: Option<Duration>,
        session: &Session,
        outcomes: &mut VecDeque<Outcome>,
    ) {
        if self.pending.len() >= self.most {
            self.evict(session, outcomes);
        }
        let number = self.next;
        self.next += 1;
        let member = self.queue.member(number);
        let waker = Waker::from(Arc::clone(&member));
        let inbox = Inbox::new();
        let slot = Slot { socket, peer, inbox, negotiation, expires, member, waker };
        self.pending.insert(number, slot);
        self.advance(number, session, outcomes);
    }

    /// The oldest that has proved nothing goes, after a last look at what has arrived from it.
    fn evict(&mut self, session: &Session, outcomes: &mut VecDeque<Outcome>) {
        loop {
            let unproved = |slot: &&Slot| !slot.negotiation.peer_is_proved();
            let Some(slot) = self.pending.values().find(unproved) else { return };
            let number = slot.member.number();
            match self.last_look(number, session, outcomes) {
                Some(slot) if slot.negotiation.peer_is_proved() => {
                    self.pending.insert(number, slot);
                }
                Some(slot) => {
                    let error = Error::Evicted;
                    outcomes.push_back(Err(PeerError { address: slot.peer, error }));
                    return;
                }
                None => return,
            }
        }
    }

    /// Goes on with the handshakes that were woken. `waker` is told of the next.
    pub(crate) fn advance_woken(
        &mut self,
        waker: &Waker,
        session: &Session,
        outcomes: &mut VecDeque<Outcome>,
    ) {
        for number in self.queue.take(waker) {
            self.advance(number, session, outcomes);
        }
    }

    fn advance(&mut self, number: u64, session: &Session, outcomes: &mut VecDeque<Outcome>) {
        let Some(slot) = self.pending.get_mut(&number) else { return };
        slot.member.looked_at();
        let mut cx = Context::from_waker(&slot.waker);
        let driven = poll_drive(&mut cx, &mut slot.negotiation, &slot.socket, &mut slot.inbox);
        if let Poll::Ready(ended) = driven {
            let slot = self.pending.remove(&number);
            outcomes.extend(slot.map(|slot| slot.ended(ended, session)));
        }
    }

    /// Lets those go whose time is up, after a last look at what has arrived from them.
    pub(crate) fn expire(
        &mut self,
        clock: Duration,
        session: &Session,
        outcomes: &mut VecDeque<Outcome>,
    ) {
        let is_over = |slot: &Slot| slot.expires.is_some_and(|expires| expires <= clock);
        while let Some((&number, _)) = self.pending.iter().next().filter(|(_, s)| is_over(s)) {
            if let Some(slot) = self.last_look(number, session, outcomes) {
                let error = slot.negotiation.give_up();
                outcomes.push_back(Err(PeerError { address: slot.peer, error }));
            }
        }
    }

    /// Takes one out, and goes on with it as far as what has arrived allows. `None` when that was
    /// the end of it.
    fn last_look(
        &mut self,
        number: u64,
        session: &Session,
        outcomes: &mut VecDeque<Outcome>,
    ) -> Option<Slot> {
        let mut slot = self.pending.remove(&number)?;
        // The runtime may not have seen yet what the kernel has.
        let transfer = |operation: Operation<'_>| transfer_now(&slot.socket, operation);
        match slot.negotiation.drive(&mut slot.inbox, transfer) {
            Ok(None) => return Some(slot),
            Ok(Some(proof)) => outcomes.push_back(slot.ended(Ok(proof), session)),
            Err(error) => outcomes.push_back(slot.ended(Err(error), session)),
        }
        None
    }
}

impl Slot {
    fn ended(self, ended: Result<Authenticated, Error>, session: &Session) -> Outcome {
        match ended {
            Ok(proof) => Ok(open(session, self.socket, self.inbox, Some(proof), self.peer)),
            // The peer's socket closes here: a kept error keeps nothing open.
            Err(error) => Err(PeerError { address: self.peer, error }),
        }
    }
}
