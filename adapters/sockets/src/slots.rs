//! The clients of a listener: an [`Acceptor`] over transports, and what became of the clients.

use std::collections::VecDeque;
use std::io;

use mpconn::{
    AcceptTime, Acceptor, Address, AuthKey, Authenticated, Client, ClientId, ClientProgress,
    Connection, Full, ProtocolError, RealTime, RecvBuffer, Role,
};

use crate::handshake::{Operation, ended_at, timed_out, write_message};
use crate::shortage::Trouble;
use crate::{Error, PeerError, Session, failed_at, platform};

/// A client that was accepted.
#[derive(Debug)]
pub struct Admitted<S> {
    /// Its connection.
    pub socket: S,
    /// Its address, if it has one.
    pub peer: Option<Address>,
    /// What has arrived from it.
    pub recv: RecvBuffer,
    /// None if no handshake was asked for.
    pub authenticated: Option<Authenticated>,
}

/// What became of a client.
pub type Outcome<S> = Result<Admitted<S>, PeerError>;

/// The pending clients of a listener, and what became of those that are no longer pending.
#[derive(Debug)]
pub struct Slots<S> {
    session: Session,
    acceptor: Acceptor<(S, Option<Address>), AuthKey>,
    outcomes: VecDeque<Outcome<S>>,
}

/// How far to go with a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// As far as what has arrived allows.
    All,
    /// Until it is the client's turn. Its answer to what is written now cannot have arrived yet:
    /// looking for it would cost a call that finds nothing.
    One,
}

impl<S> Slots<S> {
    /// Creates slots for at most `most` pending handshakes, and at least one.
    #[must_use]
    pub fn new(session: Session, most: usize) -> Self {
        let acceptor = Acceptor::new(most, session.handshake_timeout);
        Self { session, acceptor, outcomes: VecDeque::new() }
    }

    /// Returns what the connections are to be like.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Returns the policy, to be asked about room, time and pauses.
    #[must_use]
    pub fn acceptor(&self) -> &Acceptor<(S, Option<Address>), AuthKey> {
        &self.acceptor
    }

    /// Reports that a client was taken from the system's queue.
    pub fn accept_succeeded(&mut self) {
        self.acceptor.resume();
    }

    /// Reports that taking a client from the system's queue failed. The acceptor pauses if the
    /// client itself has failed, or for lack of descriptors or memory.
    ///
    /// # Errors
    ///
    /// The error itself, if the listening socket is of no use any more.
    pub fn accept_failed(&mut self, error: io::Error, now: RealTime) -> io::Result<()> {
        match platform::trouble(&error) {
            Trouble::Passing => Ok(()),
            Trouble::Lasting => {
                let pause = self.acceptor.pause(now);
                #[cfg(feature = "tracing")]
                tracing::warn!(%error, ?pause, "cannot accept clients for now");
                let _ = pause;
                Ok(())
            }
            Trouble::Final => Err(error),
        }
    }

    /// Returns the transport of a pending client, and whether it waits to be written to.
    #[must_use]
    pub fn get(&self, id: ClientId) -> Option<(&S, bool)> {
        let client = self.acceptor.client(id)?;
        let handshake = client.connection.handshake();
        Some((&client.transport.0, handshake.is_some_and(|driver| driver.wants_write())))
    }

    /// Returns `true` if [`next_outcome`](Self::next_outcome) would return one.
    #[must_use]
    pub fn has_outcomes(&self) -> bool {
        !self.outcomes.is_empty()
    }

    /// Returns what became of the next client.
    pub fn next_outcome(&mut self) -> Option<Outcome<S>> {
        let outcome = self.outcomes.pop_front()?;
        #[cfg(feature = "tracing")]
        match &outcome {
            Ok(client) => tracing::debug!(peer = ?client.peer, "accepted a client"),
            Err(error) => tracing::info!(%error, "turned a client away"),
        }
        Some(outcome)
    }

    /// Drops a client if there is no room for another, after a last look at what has arrived from
    /// it.
    pub fn make_room(
        &mut self,
        mut transfer: impl FnMut(&S, Operation<'_>) -> io::Result<Option<usize>>,
    ) {
        while let Some(oldest) = self.acceptor.crowded_out() {
            self.progress(oldest, Turn::All, &mut transfer);
            if self.acceptor.crowded_out() == Some(oldest) {
                self.remove(oldest, |_| Error::Evicted);
            }
        }
    }

    /// Adds a new client, for which there must be [room](Self::make_room). Returns its name, to
    /// begin with its handshake.
    pub fn add(
        &mut self,
        socket: impl FnOnce(ClientId) -> S,
        peer: Option<Address>,
        now: AcceptTime,
    ) -> Option<ClientId> {
        let mut connection = match self.session.handshake(Role::Listener) {
            Ok(Some(handshake)) => Connection::new(handshake, self.session.max_message),
            Ok(None) => Connection::unauthenticated(self.session.max_message),
            Err(error) => {
                self.reject(peer, error);
                return None;
            }
        };
        connection.set_read_ahead(self.session.read_ahead);
        match self.acceptor.add(|id| (socket(id), peer), connection, now) {
            Ok(id) => Some(id),
            Err(Full((_, peer), _)) => {
                self.reject(peer, Error::Evicted);
                None
            }
        }
    }

    /// Continues with a client as far as `transfer` can move its bytes.
    pub fn progress(
        &mut self,
        id: ClientId,
        turn: Turn,
        mut transfer: impl FnMut(&S, Operation<'_>) -> io::Result<Option<usize>>,
    ) {
        let mut has_written = false;
        let mut ended = None;
        loop {
            let is_read = match self.acceptor.progress(id) {
                None => return,
                Some(ClientProgress::Accepted((socket, peer), connection, authenticated)) => {
                    let (recv, _) = connection.split().expect("the handshake is done");
                    self.outcomes.push_back(Ok(Admitted { socket, peer, recv, authenticated }));
                    return;
                }
                Some(ClientProgress::Rejected((_, peer), error)) => {
                    let error = match (error, ended) {
                        (ProtocolError::Ended, Some(step)) => ended_at(step),
                        (error, _) => error.into(),
                    };
                    return self.reject(peer, error);
                }
                Some(ClientProgress::Read) if has_written && turn == Turn::One => return,
                Some(ClientProgress::Read) => true,
                Some(ClientProgress::Write) => false,
            };
            has_written |= !is_read;
            let Some(client) = self.acceptor.client_mut(id) else { return };
            let (socket, connection) = (&client.transport.0, &mut client.connection);
            let moved = if is_read {
                transfer(socket, Operation::Read(connection.read_buf()))
            } else {
                write_message(connection.chunks(), |operation| transfer(socket, operation))
            };
            match moved {
                Ok(None) => return,
                Ok(Some(0)) => {
                    ended = connection.handshake().and_then(|driver| driver.step());
                    connection.received_eof();
                }
                Ok(Some(n)) if is_read => connection.received(n),
                Ok(Some(n)) => {
                    connection.sent(n);
                }
                Err(error) => {
                    // Why a client was rejected says more than that it could not be told.
                    return self.remove(id, |client| {
                        let handshake = client.connection.handshake();
                        let failure = handshake.and_then(|driver| driver.failure());
                        let step = handshake.and_then(|driver| driver.step());
                        failure.map_or_else(|| failed_at(step, error), Error::Auth)
                    });
                }
            }
        }
    }

    /// Drops the clients whose time is up, after a last look at what has arrived from them.
    pub fn expire(
        &mut self,
        now: AcceptTime,
        mut transfer: impl FnMut(&S, Operation<'_>) -> io::Result<Option<usize>>,
    ) {
        while let Some(oldest) = self.acceptor.overdue(now) {
            self.progress(oldest, Turn::All, &mut transfer);
            if self.acceptor.overdue(now) == Some(oldest) {
                self.remove(oldest, |client| {
                    let handshake = client.connection.handshake();
                    handshake.map_or(Error::Ended, timed_out)
                });
            }
        }
    }

    /// Closes a client's transport and keeps the error.
    fn remove(
        &mut self,
        id: ClientId,
        error: impl FnOnce(&Client<(S, Option<Address>), AuthKey>) -> Error,
    ) {
        if let Some(client) = self.acceptor.remove(id) {
            let error = error(&client);
            self.reject(client.transport.1, error);
        }
    }

    fn reject(&mut self, address: Option<Address>, error: Error) {
        self.outcomes.push_back(Err(PeerError { address, error }));
    }
}
