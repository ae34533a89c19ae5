//! The policy of a listener, without I/O: how many clients may be pending, for how long, and who is
//! dropped for whom.

use alloc::collections::BTreeMap;
use core::fmt;
use core::time::Duration;

use crate::connection::{Connection, ConnectionEvent};
use crate::error::ProtocolError;
use crate::handshake::Authenticated;

/// How long to leave clients waiting after a failed `accept`: doubled from the first to the second
/// of these, so that a lasting shortage costs a few calls of `accept` a second, and a short one is
/// hardly noticed.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(320));

/// How often a client to drop is drawn by lot. In a flood that has lasted, one number of eight is that of
/// a client which is still there.
const DRAWS: u64 = 64;

/// The clients of a listener whose handshake is pending.
///
/// The caller accepts clients, waits, and moves their bytes; the acceptor decides. It repeats these
/// steps:
///
/// 1. For every client that can be read from or written to, move bytes over its
///    [`connection`](Client::connection) and call [`progress`](Self::progress), until that asks for what
///    the transport does not have.
/// 2. While [`overdue`](Self::overdue) names a client, read what has arrived from it, and if it is
///    still pending, [`remove`](Self::remove) it: its time is up.
/// 3. If a new client is waiting, and the listener [has room](Self::has_room) and is not
///    [paused](Self::is_paused), and [`crowded_out`](Self::crowded_out) names a client, read what has
///    arrived from that one, and if it is still named, remove it. Then accept the new one and
///    [`add`](Self::add) it. If accepting fails for lack of resources, [`pause`](Self::pause).
/// 4. Wait for bytes, for clients, and until [`next_expiry`](Self::next_expiry) and
///    [`paused_until`](Self::paused_until).
///
/// There are two clocks. Handshakes expire by [`AcceptTime`], and pauses end by [`RealTime`].
///
/// `C` is how the caller reaches a client, and `K` the key.
pub struct Acceptor<C, K> {
    /// By their numbers, oldest first.
    pending: BTreeMap<ClientId, Client<C, K>>,
    next: u64,
    cap: usize,
    timeout: Option<Duration>,
    last_pause: Option<Duration>,
    paused_until: Option<RealTime>,
}

/// Time that was spent accepting, since the listener was made. It stands still while the program
/// does something else, so that a busy program does not expire the clients that wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct AcceptTime(pub Duration);

/// Time since any moment in the past, from a clock that always runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct RealTime(pub Duration);

/// Names a client of an [`Acceptor`]. It is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(u64);

/// A client whose handshake is pending.
#[derive(Debug)]
pub struct Client<C, K> {
    /// How the caller reaches it.
    pub transport: C,
    /// Its state and its bytes.
    pub connection: Connection<K>,
    expires: Option<AcceptTime>,
}

/// What a client needs, or what became of it.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is returned")]
pub enum ClientProgress<C, K> {
    /// Read from it, and report with [`Connection::received`].
    Read,
    /// Write [`Connection::chunks`], and report with [`Connection::sent`].
    Write,
    /// Its handshake is done. It is no longer pending.
    Accepted(C, Connection<K>, Option<Authenticated>),
    /// It is not authenticated, or out of protocol. It is no longer pending; close its transport.
    Rejected(C, ProtocolError),
}

/// The new client was not added, because as many are pending as may be. Remove the one that
/// [`Acceptor::crowded_out`] names first.
pub struct Full<C, K>(pub C, pub Connection<K>);

impl<C, K: AsRef<[u8]>> Acceptor<C, K> {
    /// Creates an acceptor for at most `cap` pending handshakes, and at least one, each of which
    /// may take `timeout` in all.
    #[must_use]
    pub fn new(cap: usize, timeout: Option<Duration>) -> Self {
        Self {
            pending: BTreeMap::new(),
            next: 0,
            cap: cap.max(1),
            timeout,
            last_pause: None,
            paused_until: None,
        }
    }

    /// Adds a client that was accepted. `transport` is called with its name, for callers whose
    /// transports have to know it.
    ///
    /// # Errors
    ///
    /// [`Full`] returns the client if as many are pending as may be.
    #[expect(clippy::result_large_err, reason = "the client is moved in, and moved out again")]
    pub fn add(
        &mut self,
        transport: impl FnOnce(ClientId) -> C,
        connection: Connection<K>,
        now: AcceptTime,
    ) -> Result<ClientId, Full<C, K>> {
        let id = ClientId(self.next);
        self.next += 1;
        let transport = transport(id);
        if self.pending.len() >= self.cap {
            return Err(Full(transport, connection));
        }
        let expires = self.timeout.and_then(|timeout| now.0.checked_add(timeout)).map(AcceptTime);
        self.pending.insert(id, Client { transport, connection, expires });
        Ok(id)
    }

    /// Continues with a client after bytes of it were moved, or returns `None` if it is not
    /// pending.
    pub fn progress(&mut self, id: ClientId) -> Option<ClientProgress<C, K>> {
        let client = self.pending.get_mut(&id)?;
        let mut authenticated = None;
        // Without a key there is no handshake to wait for, and the first event is the caller's.
        if client.connection.handshake().is_some() {
            match client.connection.poll() {
                Ok(Some(ConnectionEvent::Authenticated(proof))) => authenticated = Some(proof),
                Ok(_) if client.connection.wants_write() => return Some(ClientProgress::Write),
                Ok(_) => return Some(ClientProgress::Read),
                Err(error) => {
                    let client = self.pending.remove(&id)?;
                    return Some(ClientProgress::Rejected(client.transport, error));
                }
            }
        }
        let Client { transport, connection, .. } = self.pending.remove(&id)?;
        Some(ClientProgress::Accepted(transport, connection, authenticated))
    }

    /// Returns a pending client.
    #[must_use]
    pub fn client(&self, id: ClientId) -> Option<&Client<C, K>> {
        self.pending.get(&id)
    }

    /// Returns a pending client, to move its bytes.
    pub fn client_mut(&mut self, id: ClientId) -> Option<&mut Client<C, K>> {
        self.pending.get_mut(&id)
    }

    /// Removes a client that is pending: its transport has failed, its time is up, or it is crowded
    /// out.
    pub fn remove(&mut self, id: ClientId) -> Option<Client<C, K>> {
        self.pending.remove(&id)
    }

    /// Returns the pending clients, oldest first.
    pub fn pending(&self) -> impl Iterator<Item = (ClientId, &Client<C, K>)> {
        self.pending.iter().map(|(id, client)| (*id, client))
    }

    /// Returns the number of pending clients.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Returns `true` if no client is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Returns `false` if as many clients are pending as may be and all of them are authenticated,
    /// so that none may be removed for another.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.pending.len() < self.cap || self.crowded_out().is_some()
    }

    /// Returns the client to remove before another can be added. Returns `None` if there is room
    /// without that, or if none may be removed.
    ///
    /// It is any one of those that are not authenticated and have seen half as many come after them as
    /// may be pending; if there are none of these, it is the oldest. With the oldest first in every
    /// case, no client would get in as soon as strangers fill the listener within a round trip. Like
    /// this, about a third does then, and every client at half of that rate.
    ///
    /// Look once more at what has arrived from it, since it may have answered in the meantime.
    #[must_use]
    pub fn crowded_out(&self) -> Option<ClientId> {
        if self.pending.len() < self.cap {
            return None;
        }
        let is_unproved = |client: &Client<C, K>| !client.is_authenticated();
        let mut pending = self.pending.iter();
        let oldest = pending.find(|(_, client)| is_unproved(client)).map(|(id, _)| *id)?;
        let old = oldest.0..self.next.saturating_sub(self.cap as u64 / 2).max(oldest.0 + 1);
        // A number that is nobody's any more is drawn again: the next one would be somebody whose
        // neighbours are gone, which is the same few each time.
        let drawn = (0..DRAWS).map(|draw| {
            ClientId(old.start + mixed(self.next ^ draw << 32) % (old.end - old.start))
        });
        let mut drawn = drawn.filter(|id| self.pending.get(id).is_some_and(is_unproved));
        Some(drawn.next().unwrap_or(oldest))
    }

    /// Returns a client whose time is up, the oldest first.
    ///
    /// Look once more at what has arrived from it before removing it.
    #[must_use]
    pub fn overdue(&self, now: AcceptTime) -> Option<ClientId> {
        let (id, client) = self.pending.iter().next()?;
        client.expires.is_some_and(|expires| expires <= now).then_some(*id)
    }

    /// Returns when the next client expires.
    #[must_use]
    pub fn next_expiry(&self) -> Option<AcceptTime> {
        // All have the same time, so that it is the oldest.
        self.pending.values().next()?.expires
    }

    /// Stops accepting for a moment, because accepting failed for lack of descriptors or memory.
    /// Each pause is twice as long as the last one, up to 320 ms, until [`resume`](Self::resume).
    /// Returns its length.
    pub fn pause(&mut self, now: RealTime) -> Duration {
        let (first, longest) = PAUSES;
        let pause = self.last_pause.map_or(first, |last| (last * 2).min(longest));
        self.last_pause = Some(pause);
        self.paused_until = now.0.checked_add(pause).map(RealTime);
        pause
    }

    /// Reports that accepting succeeded, so that the next pause is a short one again.
    pub fn resume(&mut self) {
        self.last_pause = None;
        self.paused_until = None;
    }

    /// Returns `true` until the pause is over.
    #[must_use]
    pub fn is_paused(&self, now: RealTime) -> bool {
        self.paused_until.is_some_and(|until| until > now)
    }

    /// Returns when the last pause ends or ended, if there was one since the last success.
    #[must_use]
    pub fn paused_until(&self) -> Option<RealTime> {
        self.paused_until
    }
}

impl<C, K: AsRef<[u8]>> Client<C, K> {
    /// Returns `true` if the client has proved that it holds the key, so that it only waits to be
    /// answered.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.connection.handshake().is_some_and(|driver| driver.is_peer_authenticated())
    }

    /// Returns when the time for its handshake is up.
    #[must_use]
    pub fn expires(&self) -> Option<AcceptTime> {
        self.expires
    }
}

/// Any number, by SplitMix64: which client it names has no order that a stranger could use.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

// By hand, since the clients' keys have no `Debug`.
impl<C, K> fmt::Debug for Acceptor<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor")
            .field("pending", &self.pending.len())
            .field("cap", &self.cap)
            .field("timeout", &self.timeout)
            .field("paused_until", &self.paused_until)
            .finish_non_exhaustive()
    }
}

impl<C, K> fmt::Debug for Full<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(..)")
    }
}

#[cfg(test)]
mod tests;
