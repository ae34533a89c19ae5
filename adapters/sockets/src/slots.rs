//! The handshakes that a listener has under way.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::Duration;

use mpconn::{
    Address, AuthKey, Authenticated, Error, Inbox, Negotiation, Operation, PeerError, Role,
};

use crate::Session;

/// A connection to a client, as far as a handshake needs it.
pub trait Transfer {
    /// What can be done of a handshake's operation at this moment.
    ///
    /// # Errors
    ///
    /// The system's.
    fn transfer_now(&self, operation: Operation<'_>) -> io::Result<Option<usize>>;
}

/// A client that was let in.
#[derive(Debug)]
pub struct Admitted<S> {
    /// Its connection.
    pub socket: S,
    /// Where it is.
    pub peer: Option<Address>,
    /// What has arrived from it.
    pub inbox: Inbox,
    /// None: no handshake was asked for.
    pub authenticated: Option<Authenticated>,
}

/// What became of a client.
pub type Outcome<S> = Result<Admitted<S>, PeerError>;

/// Pending handshakes by their number, oldest first, and what became of those that have ended.
///
/// Their clock is the listener's: it runs only while somebody accepts, so that a program that is
/// busy elsewhere does not expire the clients that wait for it.
#[derive(Debug)]
pub struct Slots<S> {
    session: Session,
    pending: BTreeMap<u64, Slot<S>>,
    next: u64,
    most: usize,
    outcomes: VecDeque<Outcome<S>>,
}

/// A handshake under way.
#[derive(Debug)]
pub struct Slot<S> {
    /// The connection that it is held over.
    pub socket: S,
    /// What has arrived.
    pub inbox: Inbox,
    /// How far it has come.
    pub negotiation: Negotiation<AuthKey>,
    peer: Option<Address>,
    expires: Option<Duration>,
}

impl<S: Transfer> Slots<S> {
    /// At most this many, and at least one.
    #[must_use]
    pub fn new(session: Session, most: usize) -> Self {
        let (pending, outcomes) = (BTreeMap::new(), VecDeque::new());
        Self { session, pending, next: 0, most: most.max(1), outcomes }
    }

    /// What the connections are to be like.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// No client can be taken in: each that is here has proved its key, and only waits to be
    /// answered.
    #[must_use]
    pub fn is_full_of_proved(&self) -> bool {
        self.pending.len() >= self.most
            && self.pending.values().all(|slot| slot.negotiation.peer_is_proved())
    }

    /// When the first of them expires, on the listener's clock. All have the same time, so that is
    /// the oldest.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Duration> {
        self.pending.values().next().and_then(|slot| slot.expires)
    }

    /// Those under way, with their numbers.
    pub fn pending(&self) -> impl Iterator<Item = (u64, &Slot<S>)> {
        self.pending.iter().map(|(number, slot)| (*number, slot))
    }

    /// Whether something has ended that nobody was told of.
    #[must_use]
    pub fn has_outcomes(&self) -> bool {
        !self.outcomes.is_empty()
    }

    /// What became of the next client.
    pub fn next_outcome(&mut self) -> Option<Outcome<S>> {
        let outcome = self.outcomes.pop_front()?;
        #[cfg(feature = "tracing")]
        match &outcome {
            Ok(client) => tracing::debug!(peer = ?client.peer, "accepted a client"),
            Err(error) => tracing::info!(%error, "turned a client away"),
        }
        Some(outcome)
    }

    /// Takes a new client in, at this time of the listener's clock, and at the cap lets another go
    /// for it. Its number, if there is a handshake to [go on with](Self::advance).
    pub fn add(
        &mut self,
        socket: impl FnOnce(u64) -> S,
        peer: Option<Address>,
        clock: Duration,
    ) -> Option<u64> {
        let number = self.next;
        self.next += 1;
        let (socket, inbox) = (socket(number), Inbox::new());
        match self.session.negotiation(Role::Listener) {
            Ok(Some(negotiation)) => {
                if self.pending.len() >= self.most {
                    self.evict();
                }
                let expires = self.session.handshake_timeout.and_then(|t| clock.checked_add(t));
                let slot = Slot { socket, inbox, negotiation, peer, expires };
                self.pending.insert(number, slot);
                return Some(number);
            }
            Ok(None) => {
                let client = Admitted { socket, peer, inbox, authenticated: None };
                self.outcomes.push_back(Ok(client));
            }
            Err(error) => self.outcomes.push_back(Err(PeerError { address: peer, error })),
        }
        None
    }

    /// The oldest that has proved nothing goes, after a last look at what has arrived from it.
    fn evict(&mut self) {
        let is_unproved = |slot: &Slot<S>| !slot.negotiation.peer_is_proved();
        loop {
            let oldest = self.pending.iter().find(|(_, slot)| is_unproved(slot));
            let Some(number) = oldest.map(|(number, _)| *number) else { return };
            self.advance(number, Slot::advance_now);
            if self.pending.get(&number).is_none_or(is_unproved) {
                if let Some(slot) = self.pending.remove(&number) {
                    self.turn_away(slot.peer, Error::Evicted);
                }
                return;
            }
        }
    }

    /// Goes on with one of them, by `drive`.
    pub fn advance(
        &mut self,
        number: u64,
        drive: impl FnOnce(&mut Slot<S>) -> Result<Option<Authenticated>, Error>,
    ) {
        let Some(slot) = self.pending.get_mut(&number) else { return };
        let ended = drive(slot);
        if matches!(ended, Ok(None)) {
            return;
        }
        let Some(Slot { socket, inbox, peer, .. }) = self.pending.remove(&number) else { return };
        match ended {
            Ok(authenticated) => {
                self.outcomes.push_back(Ok(Admitted { socket, peer, inbox, authenticated }));
            }
            // The client's socket closes here: a kept error keeps nothing open.
            Err(error) => self.turn_away(peer, error),
        }
    }

    /// Lets those go whose time is up, after a last look at what has arrived from them.
    pub fn expire(&mut self, clock: Duration) {
        while self.next_expiry().is_some_and(|expires| expires <= clock) {
            let Some(number) = self.pending.keys().next().copied() else { return };
            self.advance(number, Slot::advance_now);
            if let Some(slot) = self.pending.remove(&number) {
                self.turn_away(slot.peer, slot.negotiation.give_up());
            }
        }
    }

    fn turn_away(&mut self, address: Option<Address>, error: Error) {
        self.outcomes.push_back(Err(PeerError { address, error }));
    }
}

impl<S: Transfer> Slot<S> {
    /// Goes as far as what has arrived allows.
    ///
    /// # Errors
    ///
    /// Those of the handshake.
    pub fn advance_now(&mut self) -> Result<Option<Authenticated>, Error> {
        let transfer = |operation: Operation<'_>| self.socket.transfer_now(operation);
        self.negotiation.drive(&mut self.inbox, transfer)
    }

    /// Goes on until it is the client's turn. What that is to send in answer to what is sent here
    /// cannot have come yet: it is left to whoever waits for it, and costs no call that finds nothing.
    ///
    /// # Errors
    ///
    /// Those of the handshake.
    pub fn advance_a_turn(&mut self) -> Result<Option<Authenticated>, Error> {
        let mut has_written = false;
        self.negotiation.drive(&mut self.inbox, |operation| {
            if matches!(operation, Operation::Read(_)) && has_written {
                return Ok(None);
            }
            has_written = matches!(operation, Operation::Write(_));
            self.socket.transfer_now(operation)
        })
    }
}
