//! Accepting connections.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_core::Stream;
use mpconn::{
    AcceptTime, Address, AddressError, AuthKey, Extended, Family, Policy, RealTime, Role,
};
use mpconn_sockets::{
    Admitted, Bound, Closing, Error, Listening, PeerError, Rejections, Slots, Turn,
};
use rustix::fd::OwnedFd;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::connection::Connection;
use crate::pending::Pending;
use crate::platform::listen::{Client, Listen};
use crate::platform::socket::Socket;
use crate::ready::ReadyQueue;
use crate::session::{establish, open, within};
use crate::transport::Transport;

/// Clients taken in before other tasks get their turn.
const ACCEPT_AT_ONCE: usize = 64;

/// Options for creating a [`Listener`].
///
/// By default, 128 clients may wait to be accepted, 1,024 handshakes may be pending for 10 s each,
/// messages may have 64 MiB, and only the owner may connect to the file of a Unix socket.
#[derive(Debug, Clone)]
pub struct ListenerOptions(Listening);

impl ListenerOptions {
    mpconn_sockets::listener_setters!();

    /// Creates a listener at `address`. The name of a host is resolved on this thread.
    ///
    /// # Errors
    ///
    /// [`Error::Address`]; [`Error::Start`] for an empty key; [`Error::Unreachable`] with what the
    /// system says. An abstract address without a key is
    /// [refused](AddressError::AbstractWithoutKey).
    ///
    /// # Panics
    ///
    /// Outside a runtime.
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
    ///
    /// # Panics
    ///
    /// Outside a runtime.
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
    ///
    /// # Panics
    ///
    /// Outside a runtime.
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
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the transport is dropped.
    pub async fn authenticate<T: Transport>(&self, transport: T) -> Result<Connection<T>, Error> {
        self.0.session.check()?;
        establish(&self.0.session, transport, Role::Listener, None).await
    }

    fn listen(&self, bound: Bound, closing: Closing) -> Result<Listener, Error> {
        let address = bound.address()?;
        Ok(Listener {
            bound: Arc::new(Listen::new(bound)?),
            closing: Arc::new(closing),
            task: Arc::default(),
            address,
            slots: Slots::new(self.0.session.clone(), self.0.max_pending),
            queue: ReadyQueue::default(),
            last_accepted: None,
            clock: Clock::default(),
            made: Instant::now(),
            alarm: Box::pin(sleep_until(Instant::now())),
        })
    }
}

/// Accepts connections.
///
/// No peer can block a listener. The task in [`accept`](Self::accept) drives all pending handshakes
/// together, so that a silent, slow or hostile peer only occupies a slot, for a limited time. Nothing
/// happens between two calls: there is no task behind it, and that time does not count against the
/// peers.
///
/// Dropping a listener closes it.
///
/// CPython's counterpart is `multiprocessing.connection.Listener`.
///
/// # Examples
///
/// ```
/// use mpconn_tokio::{AuthKey, ListenerOptions, connect};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mpconn_tokio::Error> {
/// let key = AuthKey::new("a secret of 16 bytes or more");
/// let mut listener = ListenerOptions::with_key(key.clone()).bind_fresh()?;
/// let address = listener.address().clone();
/// let client = tokio::spawn(async move { connect(address, key).await?.recv_bytes().await });
/// listener.accept().await?.send_bytes(b"welcome").await?;
/// assert_eq!(client.await.unwrap()?, b"welcome");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Listener {
    bound: Arc<Listen>,
    closing: Arc<Closing>,
    /// The task that accepts, to be woken by a close.
    task: Arc<Mutex<Option<Waker>>>,
    address: Address,
    slots: Slots<Pending>,
    /// Which of them were woken.
    queue: ReadyQueue,
    last_accepted: Option<Address>,
    clock: Clock,
    /// When [`RealTime`] began.
    made: Instant,
    alarm: Pin<Box<Sleep>>,
}

/// The time that somebody has spent in `accept`.
#[derive(Debug, Default)]
struct Clock {
    elapsed: AcceptTime,
    running_since: Option<Instant>,
}

impl Clock {
    fn run(&mut self) -> AcceptTime {
        let now = Instant::now();
        self.elapsed.0 += now - self.running_since.unwrap_or(now);
        self.running_since = Some(now);
        self.elapsed
    }

    fn stop(&mut self) {
        self.run();
        self.running_since = None;
    }
}

impl Listener {
    /// Creates a listener at `address`, whose clients have to hold `key`. [`ListenerOptions`] has
    /// more options.
    ///
    /// # Errors
    ///
    /// As for [`ListenerOptions::bind`].
    ///
    /// # Panics
    ///
    /// Outside a runtime.
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
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the next call continues with pending handshakes.
    pub fn accept(&mut self) -> Accept<'_> {
        Accept(Incoming { listener: self })
    }

    /// Waits for the next connection, as [`accept`](Self::accept) does, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As for [`accept`](Self::accept), [`Error::TimedOut`] if no client came, and
    /// [`Error::NoneAccepted`] if some came and failed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, as [`accept`](Self::accept).
    pub async fn accept_timeout(&mut self, timeout: Duration) -> Result<Connection, Error> {
        let mut rejections = None;
        let incoming = self.incoming();
        let accepted = poll_fn(|cx| {
            loop {
                match ready!(incoming.listener.poll_outcome(cx))? {
                    Ok(connection) => return Poll::Ready(Ok(connection)),
                    Err(rejected) => Rejections::add(&mut rejections, rejected),
                }
            }
        });
        let accepted = within(Some(timeout), accepted).await;
        accepted.unwrap_or_else(|| Err(Rejections::timed_out(rejections)))
    }

    /// Returns a [`Stream`] of all peers: a connection, or [`Error::Peer`] for a peer that failed,
    /// after which the stream continues. Any other error is one of the listener.
    ///
    /// The stream ends when the listener is [closed](Self::closer).
    pub fn incoming(&mut self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Waits for the next client, and returns it without a handshake, to be
    /// [authenticated](ListenerOptions::authenticate) elsewhere, for example in another task.
    ///
    /// # Errors
    ///
    /// As for [`accept`](Self::accept).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no client is accepted without being returned.
    pub async fn accept_raw(&mut self) -> Result<(Socket, Option<Address>), Error> {
        let (socket, peer) = poll_fn(|cx| self.poll_raw(cx)).await?;
        self.last_accepted.clone_from(&peer);
        Ok((socket, peer))
    }

    fn poll_raw(&mut self, cx: &mut Context<'_>) -> Poll<Result<Client, Error>> {
        loop {
            self.watch_close(cx)?;
            if let Poll::Ready(client) = self.poll_client(cx)? {
                return Poll::Ready(Ok(client));
            }
            ready!(self.poll_alarm(cx, self.pause_end()));
        }
    }

    #[cfg(unix)]
    pub(crate) fn bound(&self) -> &Listen {
        &self.bound
    }

    /// Returns a handle that closes the listener from anywhere, which wakes a waiting `accept`.
    #[must_use]
    pub fn closer(&self) -> Closer {
        Closer {
            bound: Arc::downgrade(&self.bound),
            closing: Arc::clone(&self.closing),
            task: Arc::clone(&self.task),
        }
    }

    /// Closes the listener. Pending handshakes end, and the file of the socket is removed.
    ///
    /// CPython's counterpart is `Listener.close`.
    pub fn close(self) {
        drop(self);
    }

    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Result<Outcome, Error>> {
        loop {
            if let Some(outcome) = self.slots.next_outcome() {
                self.clock.stop();
                let outcome = outcome.map(|client| {
                    let Admitted { socket: Pending { socket, .. }, peer, recv, authenticated } =
                        client;
                    let admitted = Admitted { socket, peer, recv, authenticated };
                    open(self.slots.session(), Role::Listener, admitted)
                });
                if let Ok(connection) = &outcome {
                    self.last_accepted = connection.peer().cloned();
                }
                return Poll::Ready(Ok(outcome));
            }
            self.watch_close(cx)?;
            let clock = self.clock.run();

            // What has arrived comes first, then what has expired, then new clients.
            for id in self.queue.take(cx.waker()) {
                self.slots.progress(id, Turn::All, Pending::transfer);
            }
            self.slots.expire(clock, Pending::transfer_now);
            let is_more = self.take_clients(cx)?;
            if self.slots.has_outcomes() {
                continue;
            }
            if is_more {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let now = Instant::now();
            let expiry = self.slots.acceptor().next_expiry();
            let expiry = expiry.and_then(|at| now.checked_add(at.0.saturating_sub(clock.0)));
            let alarm = [expiry, self.pause_end()].into_iter().flatten().min();
            ready!(self.poll_alarm(cx, alarm));
        }
    }

    /// When the pause ends, if the listener is paused.
    fn pause_end(&self) -> Option<Instant> {
        let end = self.made.checked_add(self.slots.acceptor().paused_until()?.0)?;
        Some(end).filter(|&end| end > Instant::now())
    }

    fn watch_close(&self, cx: &mut Context<'_>) -> Result<(), Error> {
        // The waker first, then the flag: a close in between is seen.
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        if self.closing.is_closed() { Err(Error::Closed) } else { Ok(()) }
    }

    /// Ready when `at` has come; pending for ever without one.
    fn poll_alarm(&mut self, cx: &mut Context<'_>, at: Option<Instant>) -> Poll<()> {
        let Some(at) = at else { return Poll::Pending };
        if self.alarm.deadline() != at {
            self.alarm.as_mut().reset(at);
        }
        self.alarm.as_mut().poll(cx)
    }

    /// True when there may be more.
    fn take_clients(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        for _ in 0..ACCEPT_AT_ONCE {
            if !self.slots.acceptor().has_room() {
                return Ok(false);
            }
            let Poll::Ready((socket, peer)) = self.poll_client(cx)? else { return Ok(false) };
            self.slots.make_room(Pending::transfer_now);
            let pending = |id| Pending::new(socket, id, &self.queue);
            if let Some(id) = self.slots.add(pending, peer, self.clock.elapsed) {
                self.slots.progress(id, Turn::All, Pending::transfer);
            }
        }
        Ok(true)
    }

    /// The next client, if one is waiting and the system has room for it.
    fn poll_client(&mut self, cx: &mut Context<'_>) -> Result<Poll<Client>, Error> {
        loop {
            if self.pause_end().is_some() {
                return Ok(Poll::Pending);
            }
            #[cfg(unix)]
            if self.closing.is_adopted() {
                mpconn_sockets::keep_nonblocking(&*self.bound)?;
            }
            match self.bound.poll_accept(cx) {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(Ok(client)) => {
                    self.slots.accept_succeeded();
                    // It fails when the client has gone already, which its handshake will find out.
                    #[cfg(unix)]
                    let _ = self.slots.session().tune(&client.0, client.1.as_ref());
                    return Ok(Poll::Ready(client));
                }
                // A socket that was closed in the meantime fails in ways of its own.
                Poll::Ready(Err(_)) if self.closing.is_closed() => return Err(Error::Closed),
                Poll::Ready(Err(error)) => {
                    self.slots.accept_failed(error, RealTime(self.made.elapsed()))?;
                }
            }
        }
    }
}

/// What became of a client.
type Outcome = Result<Connection, PeerError>;

impl Drop for Listener {
    fn drop(&mut self) {
        self.closing.close(|| self.bound.stop());
    }
}

/// Closes a [`Listener`] from anywhere.
#[derive(Debug, Clone)]
pub struct Closer {
    bound: Weak<Listen>,
    closing: Arc<Closing>,
    task: Arc<Mutex<Option<Waker>>>,
}

impl Closer {
    /// Closes the listener: nobody can connect any more, and a waiting `accept` ends with
    /// [`Error::Closed`]. On Windows a TCP port is free when the listener is dropped, and not before.
    pub fn close(&self) {
        if let Some(bound) = self.bound.upgrade() {
            self.closing.close(|| bound.stop());
            let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(task) = task {
                task.wake();
            }
        }
    }
}

/// What [`Listener::incoming`] gives.
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a mut Listener,
}

impl Stream for Incoming<'_> {
    type Item = Result<Connection, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(match ready!(self.listener.poll_outcome(cx)) {
            Ok(outcome) => Some(outcome.map_err(|error| Error::Peer(Box::new(error)))),
            Err(Error::Closed) => None,
            Err(error) => Some(Err(error)),
        })
    }
}

impl Drop for Incoming<'_> {
    /// Nobody drives the handshakes from now on: their clock stands still.
    fn drop(&mut self) {
        if self.listener.clock.running_since.is_some() {
            self.listener.clock.stop();
        }
    }
}

/// What [`Listener::accept`] gives: a future of the next connection.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Accept<'a>(Incoming<'a>);

impl Future for Accept<'_> {
    type Output = Result<Connection, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            if let Ok(connection) = ready!(self.0.listener.poll_outcome(cx))? {
                return Poll::Ready(Ok(connection));
            }
        }
    }
}
