//! The handshakes that a listener has under way.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use mpconn::{Address, AuthKey, Error, Inbox, Negotiation, PeerError};
use mpconn_sockets::Session;
use rustix::event::PollFlags;

use crate::session::{drive, open};
use crate::{Connection, Deadline, Socket};

/// What became of a peer.
pub(crate) type Outcome = Result<Connection, PeerError>;

/// Pending handshakes, oldest first.
///
/// Their clock is the listener's: it runs only while somebody accepts, so that a program that is
/// busy elsewhere does not expire the peers that wait for it.
#[derive(Debug)]
pub(crate) struct Slots {
    pending: VecDeque<Slot>,
    most: usize,
}

#[derive(Debug)]
struct Slot {
    socket: Socket,
    peer: Option<Address>,
    inbox: Inbox,
    negotiation: Negotiation<AuthKey>,
    expires: Option<Duration>,
}

impl Slots {
    pub(crate) fn new(most: usize) -> Self {
        Self { pending: VecDeque::new(), most: most.max(1) }
    }

    pub(crate) fn is_full_of_proved(&self) -> bool {
        self.pending.len() >= self.most
            && self.pending.iter().all(|slot| slot.negotiation.peer_is_proved())
    }

    /// When the first of them expires, on the listener's clock.
    pub(crate) fn next_expiry(&self) -> Option<Duration> {
        self.pending.iter().filter_map(|slot| slot.expires).min()
    }

    /// What each waits for, in order.
    pub(crate) fn interests(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        self.pending.iter().map(|slot| {
            let writes = slot.negotiation.wants_write();
            (slot.socket.as_fd(), if writes { PollFlags::OUT } else { PollFlags::IN })
        })
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
        self.pending.push_back(Slot { socket, peer, inbox: Inbox::new(), negotiation, expires });
        let newest = self.pending.len() - 1;
        self.advance_each(|at| at == newest, session, outcomes);
    }

    /// The oldest that has proved nothing goes, after a last look at what has arrived from it.
    fn evict(&mut self, session: &Session, outcomes: &mut VecDeque<Outcome>) {
        let mut at = 0;
        while let Some(slot) = self.pending.get_mut(at) {
            if slot.negotiation.peer_is_proved() {
                at += 1;
                continue;
            }
            let ended = slot.advance();
            if matches!(ended, Ok(None)) && slot.negotiation.peer_is_proved() {
                continue;
            }
            let Some(slot) = self.pending.remove(at) else { return };
            outcomes.push_back(match ended {
                Ok(None) => Err(slot.failed(Error::Evicted)),
                ended => slot.ended(ended, session),
            });
            return;
        }
    }

    /// Goes on with the handshakes whose place in the order `is_ready` picks.
    pub(crate) fn advance_each(
        &mut self,
        mut is_ready: impl FnMut(usize) -> bool,
        session: &Session,
        outcomes: &mut VecDeque<Outcome>,
    ) {
        let mut removed = 0;
        for order in 0..self.pending.len() {
            let at = order - removed;
            if !is_ready(order) {
                continue;
            }
            let ended = self.pending[at].advance();
            if matches!(ended, Ok(None)) {
                continue;
            }
            if let Some(slot) = self.pending.remove(at) {
                removed += 1;
                outcomes.push_back(slot.ended(ended, session));
            }
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
        while let Some(at) = self.pending.iter().position(is_over) {
            let Some(mut slot) = self.pending.remove(at) else { return };
            // More may have come since it was looked at.
            outcomes.push_back(match slot.advance() {
                Ok(None) => {
                    Err(PeerError { address: slot.peer, error: slot.negotiation.give_up() })
                }
                ended => slot.ended(ended, session),
            });
        }
    }
}

impl Slot {
    fn advance(&mut self) -> Result<Option<mpconn::Authenticated>, Error> {
        drive(&mut self.negotiation, &self.socket, &mut self.inbox, Deadline::now())
    }

    /// The peer's socket closes here: a kept error keeps nothing open.
    fn failed(self, error: Error) -> PeerError {
        PeerError { address: self.peer, error }
    }

    fn ended(
        self,
        ended: Result<Option<mpconn::Authenticated>, Error>,
        session: &Session,
    ) -> Outcome {
        match ended {
            Ok(proof) => Ok(open(session, self.socket, self.inbox, proof, self.peer)),
            Err(error) => Err(self.failed(error)),
        }
    }
}
