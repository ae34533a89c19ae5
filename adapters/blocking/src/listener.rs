//! Accepting connections.

use std::io;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use mpconn::{
    AcceptTime, Address, AddressError, AuthKey, ClientId, Extended, Family, Policy, RealTime, Role,
};
use mpconn_sockets::{Bound, Closing, Error, Listening, PeerError, Phase, Rejections, Slots, Turn};
use rustix::fd::OwnedFd;

use crate::connection::Connection;
use crate::deadline::Deadline;
use crate::pending::Pending;
use crate::platform::bell::Bell;
use crate::platform::poll::{Watch, is_ready, poll_until, watch};
use crate::platform::socket::{Socket, transfer_now};
use crate::session::{establish, open};
use crate::transport::Transport;

/// Clients taken in at most before those that are pending are looked at again.
const ACCEPT_AT_ONCE: usize = 64;

/// Options for creating a [`Listener`].
///
/// By default, 128 clients may wait to be accepted, 1,024 handshakes may be pending for 10 s each,
/// messages may have 64 MiB, and only the owner may connect to the file of a Unix socket.
#[derive(Debug, Clone)]
pub struct ListenerOptions(Listening);

impl ListenerOptions {
    mpconn_sockets::listener_setters!();

    /// Creates a listener at `address`.
    ///
    /// # Errors
    ///
    /// [`Error::Address`]; [`Error::Start`] for an empty key; [`Error::Unreachable`] with what the
    /// system says. An abstract address without a key is
    /// [refused](AddressError::AbstractWithoutKey).
    pub fn bind<A>(&self, address: A) -> Result<Listener, Error>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        let address = address.try_into().map_err(|error| Error::Address(error.into()))?;
        let (bound, file) = self.0.bind(address)?;
        self.listen(bound, Closing::new(file))
    }

    /// Creates a listener at an unused address of the [family](Self::family), by default the fastest
    /// of the platform. [`Listener::address`] returns it.
    ///
    /// A Unix socket gets a directory of its own that only this user can enter. Both are removed when
    /// the listener is closed.
    ///
    /// CPython's counterpart is `Listener()`.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] if the key is empty, and [`Error::Io`].
    pub fn bind_fresh(&self) -> Result<Listener, Error> {
        let (bound, file) = self.0.bind_fresh()?;
        self.listen(bound, Closing::new(file))
    }

    /// Creates a listener from a socket that is listening already, such as one of systemd. Closing
    /// the listener does not shut the socket down and leaves its file alone, since others may share
    /// it. The socket is set to non-blocking mode, which affects all who share it, and is set so again
    /// before a client is accepted if another process has set it to blocking mode.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] if the key is empty, and [`Error::Io`] if the socket is not listening.
    pub fn adopt(&self, socket: OwnedFd) -> Result<Listener, Error> {
        self.0.session.check()?;
        self.listen(Bound::adopt(socket)?, Closing::adopted())
    }

    /// Authenticates a transport that is connected already, as the side that accepted it: one that
    /// [`Listener::accept_raw`] returned, or any other.
    ///
    /// # Errors
    ///
    /// [`Error::Auth`] and the other errors of a handshake.
    pub fn authenticate<T: Transport>(&self, transport: T) -> Result<Connection<T>, Error> {
        self.0.session.check()?;
        establish(&self.0.session, transport, Role::Listener, None)
    }

    fn listen(&self, bound: Bound, closing: Closing) -> Result<Listener, Error> {
        let address = bound.address()?;
        Ok(Listener {
            bound: Arc::new(bound),
            bell: Arc::new(Bell::new()?),
            is_rung_elsewhere: AtomicBool::new(false),
            closing: Arc::new(closing),
            address,
            slots: Slots::new(self.0.session.clone(), self.0.max_pending),
            pending: Pending::default(),
            last_accepted: None,
            clock: AcceptTime::default(),
            waited: AtomicU64::new(0),
            made: Instant::now(),
        })
    }
}

/// Accepts connections.
///
/// No peer can block a listener. [`accept`](Self::accept) drives all pending handshakes together, so
/// that a silent, slow or hostile peer only occupies a slot, for a limited time. Nothing happens
/// between two calls: there is no thread behind it, and that time does not count against the peers.
///
/// Dropping a listener closes it. In a forked child, that leaves the listener of the parent alone.
///
/// CPython's counterpart is `multiprocessing.connection.Listener`.
///
/// # Examples
///
/// ```
/// use mpconn_blocking::{AuthKey, ListenerOptions, connect};
///
/// let key = AuthKey::new("a secret of 16 bytes or more");
/// let mut listener = ListenerOptions::with_key(key.clone()).bind_fresh()?;
/// let address = listener.address().clone();
/// let client = std::thread::spawn(move || connect(address, key)?.recv_bytes());
/// listener.accept()?.send_bytes(b"welcome")?;
/// assert_eq!(client.join().unwrap()?, b"welcome");
/// # Ok::<(), mpconn_blocking::Error>(())
/// ```
#[derive(Debug)]
pub struct Listener {
    bound: Arc<Bound>,
    /// Rung by a close.
    bell: Arc<Bell>,
    /// The bell was rung by the process that this one was forked from, and would ring for ever.
    is_rung_elsewhere: AtomicBool,
    closing: Arc<Closing>,
    address: Address,
    slots: Slots<Socket>,
    pending: Pending,
    last_accepted: Option<Address>,
    /// The time spent in `accept` so far.
    clock: AcceptTime,
    /// Nanoseconds spent in [`wait`](crate::wait) since, which is accepting too.
    waited: AtomicU64,
    /// When [`RealTime`] began.
    made: Instant,
}

impl Listener {
    /// Creates a listener at `address`, whose clients have to hold `key`. [`ListenerOptions`] has
    /// more options.
    ///
    /// # Errors
    ///
    /// As for [`ListenerOptions::bind`].
    pub fn bind<A>(address: A, key: AuthKey) -> Result<Self, Error>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        ListenerOptions::with_key(key).bind(address)
    }

    /// Returns the address of the listener, with the port that the system chose if 0 was requested.
    ///
    /// `0.0.0.0` and `::`, which mean every address of the machine, are returned as they are, as in
    /// CPython. Windows cannot connect to them.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the address of the peer that was accepted last. Returns `None` before the first one,
    /// and for a peer without an address, for which CPython returns `''` or `None`.
    #[must_use]
    pub fn last_accepted(&self) -> Option<&Address> {
        self.last_accepted.as_ref()
    }

    /// Waits for the next connection, which is authenticated if there is a key.
    ///
    /// Peers that fail are skipped; [`incoming`](Self::incoming) returns them too.
    ///
    /// CPython's counterpart is `Listener.accept`, which raises the error of a peer that fails.
    ///
    /// # Errors
    ///
    /// Those of the listener: [`Error::Closed`] after a [close](Self::closer), and [`Error::Io`].
    pub fn accept(&mut self) -> Result<Connection, Error> {
        self.accept_until(Deadline::NEVER)
    }

    /// Waits for the next connection, as [`accept`](Self::accept) does, for at most `timeout`. The
    /// next call continues with pending handshakes.
    ///
    /// # Errors
    ///
    /// As for [`accept`](Self::accept), [`Error::TimedOut`] if no client came, and
    /// [`Error::NoneAccepted`] if some came and failed.
    pub fn accept_timeout(&mut self, timeout: Duration) -> Result<Connection, Error> {
        self.accept_until(Deadline::after(timeout))
    }

    fn accept_until(&mut self, deadline: Deadline) -> Result<Connection, Error> {
        let mut rejections = None;
        loop {
            match self.next_outcome(deadline) {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(rejected)) => Rejections::add(&mut rejections, rejected),
                Err(Error::TimedOut(Phase::Accept)) => {
                    return Err(Rejections::timed_out(rejections));
                }
                Err(error) => return Err(error),
            }
            // Clients that fail one after the other must not extend the deadline.
            if deadline.has_passed() && !self.slots.has_outcomes() {
                return Err(Rejections::timed_out(rejections));
            }
        }
    }

    /// Returns an iterator over all peers: a connection, or [`Error::Peer`] for a peer that failed,
    /// after which the iterator continues. Any other error is one of the listener.
    ///
    /// The iterator ends when the listener is [closed](Self::closer).
    pub fn incoming(&mut self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Waits for the next client, and returns it without a handshake, to be
    /// [authenticated](ListenerOptions::authenticate) elsewhere, for example on another thread.
    ///
    /// # Errors
    ///
    /// As for [`accept`](Self::accept).
    pub fn accept_raw(&mut self) -> Result<(Socket, Option<Address>), Error> {
        loop {
            self.wait(Deadline::NEVER, false)?;
            if let Some((socket, peer)) = self.take_client()? {
                self.last_accepted.clone_from(&peer);
                return Ok((socket, peer));
            }
        }
    }

    /// Returns a handle that closes the listener from another thread, which wakes a blocked `accept`.
    #[must_use]
    pub fn closer(&self) -> Closer {
        Closer {
            bound: Arc::downgrade(&self.bound),
            bell: Arc::downgrade(&self.bell),
            closing: Arc::clone(&self.closing),
        }
    }

    /// Closes the listener. Pending handshakes end, and the file of the socket is removed.
    ///
    /// CPython's counterpart is `Listener.close`.
    pub fn close(self) {
        drop(self);
    }

    fn next_outcome(&mut self, deadline: Deadline) -> Result<Outcome, Error> {
        self.clock.0 += Duration::from_nanos(mem::take(self.waited.get_mut()));
        let mut since = Instant::now();
        loop {
            if let Some(outcome) = self.slots.next_outcome() {
                let outcome =
                    outcome.map(|client| open(self.slots.session(), Role::Listener, client));
                if let Ok(connection) = &outcome {
                    self.last_accepted = connection.peer().cloned();
                }
                return Ok(outcome);
            }
            let ready = self.wait(deadline, true)?;
            let now = Instant::now();
            self.clock.0 += now - since;
            since = now;

            // What has arrived comes first, then what has expired, then new clients.
            for id in ready.slots {
                self.slots.progress(id, Turn::One, transfer_now);
            }
            self.slots.expire(self.clock, transfer_now);
            if ready.clients {
                self.take_clients()?;
            }
            if !self.slots.has_outcomes() && deadline.has_passed() {
                return Err(Error::TimedOut(Phase::Accept));
            }
        }
    }

    #[cfg(unix)]
    pub(crate) fn bound(&self) -> &Bound {
        &self.bound
    }

    /// Whether the next call of `accept` has something to tell at once.
    pub(crate) fn has_outcomes(&self) -> bool {
        self.slots.has_outcomes() || self.closing.is_closed()
    }

    /// What there is to wait for: a close, clients if they are wanted, and what is pending.
    fn interests(&self, clients: bool) -> impl Iterator<Item = Watch<'_>> {
        // Errors are always watched for: what must not be looked at stays out.
        let bell = self.listens_to_bell().then(|| watch(&*self.bell, false));
        let clients = clients.then(|| watch(&*self.bound, false));
        bell.into_iter().chain(clients).chain(self.pending.watches(&self.slots))
    }

    fn listens_to_bell(&self) -> bool {
        !self.is_rung_elsewhere.load(Ordering::Relaxed)
    }

    /// The same, for [`wait`](crate::wait).
    pub(crate) fn sources(&self) -> impl Iterator<Item = Watch<'_>> {
        let clients = self.pause_left().is_none() && self.slots.acceptor().has_room();
        self.interests(clients)
    }

    /// Counts time that was spent in [`wait`](crate::wait).
    pub(crate) fn add_waited(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.waited.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// How long until the first handshake expires, if one is pending.
    pub(crate) fn expiry_left(&self) -> Option<Duration> {
        let waited = Duration::from_nanos(self.waited.load(Ordering::Relaxed));
        let expiry = self.slots.acceptor().next_expiry()?;
        Some(expiry.0.saturating_sub(self.clock.0 + waited))
    }

    /// How long clients are still left waiting, if they are.
    pub(crate) fn pause_left(&self) -> Option<Duration> {
        let until = self.slots.acceptor().paused_until()?;
        Some(until.0.saturating_sub(self.made.elapsed())).filter(|left| !left.is_zero())
    }

    /// Waits until something can be done.
    fn wait(&mut self, deadline: Deadline, with_slots: bool) -> Result<Ready, Error> {
        if self.closing.is_closed() {
            return Err(Error::Closed);
        }
        let pause = self.pause_left();
        let has_room = !with_slots || self.slots.acceptor().has_room();
        let clients = pause.is_none() && has_room;
        let expiry = self.expiry_left().filter(|_| with_slots);
        let wake_at = [deadline.left(), pause, expiry];

        self.pending.tidy(&self.slots);
        let mut watches: Vec<_> = self.interests(clients).collect();
        let before_clients = usize::from(self.listens_to_bell());
        let before_slots = before_clients + usize::from(clients);
        if !with_slots {
            watches.truncate(before_slots);
        }
        poll_until(&mut watches, Deadline::after(wake_at.into_iter().flatten().min()))?;
        if self.closing.is_closed() {
            return Err(Error::Closed);
        }
        // Nobody has closed this listener: the process that this one was forked from has closed its own.
        if watches[..before_clients].iter().any(is_ready) {
            self.is_rung_elsewhere.store(true, Ordering::Relaxed);
        }
        let clients = watches[before_clients..before_slots].iter().any(is_ready);
        if !with_slots {
            return Ok(Ready { clients, slots: Vec::new() });
        }
        let (mut slots, has_more) = self.pending.ready(&watches[before_slots..]);
        drop(watches);
        if has_more {
            slots.extend(self.pending.take_kept(&self.slots)?);
        }
        Ok(Ready { clients, slots })
    }

    fn take_clients(&mut self) -> Result<(), Error> {
        // Looking at all that are pending costs as much as taking in so many.
        for _ in 0..self.slots.acceptor().len().clamp(1, ACCEPT_AT_ONCE) {
            if !self.slots.acceptor().has_room() {
                break;
            }
            let Some((socket, peer)) = self.take_client()? else { break };
            self.slots.make_room(transfer_now);
            if let Some(id) = self.slots.add(|_| socket, peer, self.clock) {
                self.slots.progress(id, Turn::One, transfer_now);
                self.pending.add(id, &self.slots);
            }
        }
        Ok(())
    }

    /// The next client, if one is waiting and the system has room for it.
    fn take_client(&mut self) -> Result<Option<(Socket, Option<Address>)>, Error> {
        #[cfg(unix)]
        if self.closing.is_adopted() {
            mpconn_sockets::keep_nonblocking(&*self.bound)?;
        }
        match accept(&self.bound) {
            Ok(client) => {
                self.slots.accept_succeeded();
                // It fails when the client has gone already, which its handshake will find out.
                #[cfg(unix)]
                let _ = self.slots.session().tune(&client.0, client.1.as_ref());
                Ok(Some(client))
            }
            // A socket that was closed in the meantime fails in ways of its own.
            Err(_) if self.closing.is_closed() => Err(Error::Closed),
            Err(error) => {
                self.slots.accept_failed(error, RealTime(self.made.elapsed()))?;
                Ok(None)
            }
        }
    }
}

#[cfg(unix)]
fn accept(bound: &Bound) -> io::Result<(Socket, Option<Address>)> {
    mpconn_sockets::accept(bound).map(|(fd, peer)| (Socket::connected(fd), peer))
}

#[cfg(windows)]
fn accept(bound: &Bound) -> io::Result<(Socket, Option<Address>)> {
    match bound {
        Bound::Tcp(listener) => {
            let (stream, peer) = listener.accept()?;
            // It fails when the client has gone already, which its handshake will find out.
            let _ = stream.set_nodelay(true);
            Ok((stream.into(), Some(peer.into())))
        }
        Bound::Pipe(listener) => match crate::platform::now(|cx| listener.poll_accept(cx)) {
            Some(pipe) => Ok((pipe?.into(), None)),
            None => Err(io::ErrorKind::WouldBlock.into()),
        },
    }
}

struct Ready {
    clients: bool,
    slots: Vec<ClientId>,
}

/// What became of a client.
type Outcome = Result<Connection, PeerError>;

impl Drop for Listener {
    fn drop(&mut self) {
        self.closing.close(|| self.bound.stop());
    }
}

/// Closes a [`Listener`] from another thread.
#[derive(Debug, Clone)]
pub struct Closer {
    bound: Weak<Bound>,
    bell: Weak<Bell>,
    closing: Arc<Closing>,
}

impl Closer {
    /// Closes the listener: nobody can connect any more, and a blocked `accept` ends with
    /// [`Error::Closed`]. On Windows a TCP port takes clients, who wait in vain, and is not free
    /// before the listener is dropped. In a forked child, an `accept` ends with its next client.
    pub fn close(&self) {
        if let (Some(bound), Some(bell)) = (self.bound.upgrade(), self.bell.upgrade()) {
            self.closing.close(|| bound.stop());
            // A forked child shares the bell: it would wake its parent, and for nothing.
            if self.closing.is_of_this_process() {
                bell.ring();
            }
        }
    }
}

/// What [`Listener::incoming`] gives.
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a mut Listener,
}

impl Iterator for Incoming<'_> {
    type Item = Result<Connection, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.listener.next_outcome(Deadline::NEVER) {
            Ok(outcome) => Some(outcome.map_err(|error| Error::Peer(Box::new(error)))),
            Err(Error::Closed) => None,
            Err(error) => Some(Err(error)),
        }
    }
}
