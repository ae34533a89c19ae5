//! Waiting for many at once: Python's `wait`.

use std::io;
use std::time::{Duration, Instant};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::connection::Connection;
use crate::deadline::Deadline;
use crate::listener::Listener;
use crate::platform::poll::{is_ready, poll_until, watch};
use crate::platform::socket::Socket;
use crate::receiver::Receiver;

/// Something to wait for: a reference to a [`Connection`], [`Receiver`] or [`Listener`], or any
/// descriptor.
#[derive(Debug)]
pub struct Source<'a> {
    pub(crate) kind: Kind<'a>,
    /// There is something to receive, or the end, or an error, whatever the system says.
    pub(crate) is_ready: bool,
}

#[derive(Debug)]
pub(crate) enum Kind<'a> {
    /// There is nothing to ask the system about.
    Closed,
    Socket(&'a Socket),
    Fd(BorrowedFd<'a>),
    Listener(&'a Listener),
}

/// Waits for at most `timeout` until at least one of the sources is ready, and returns the places of all
/// that are, in the order given: a busy one cannot hide the others. `None` waits without limit.
///
/// The system is asked about every source at every call. For many sources that are mostly silent, use a
/// [`WaitSet`](crate::WaitSet). CPython's counterpart is `wait`.
///
/// A connection is ready when a receive would find something: a message, the beginning of one, the
/// end, or an error, be it read ahead already or in the kernel; a closed one always is. A listener
/// is ready when a call of [`accept_timeout`](Listener::accept_timeout) gets further, which need
/// not end in a connection. The clock of its pending handshakes runs meanwhile.
///
/// ```no_run
/// # fn f(connections: &mut [mpconn_blocking::Connection]) -> Result<(), mpconn_blocking::Error> {
/// for ready in mpconn_blocking::wait(&*connections, None)? {
///     let message = connections[ready].recv_bytes()?;
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// What the system says.
pub fn wait<'a, S: Into<Source<'a>>>(
    sources: impl IntoIterator<Item = S>,
    timeout: impl Into<Option<Duration>>,
) -> io::Result<Vec<usize>> {
    let sources: Vec<Source<'a>> = sources.into_iter().map(Into::into).collect();
    let is_ready = sources.iter().any(|source| source.is_ready);
    let deadline = if is_ready { Deadline::now() } else { Deadline::after(timeout) };
    loop {
        let ready = poll_once(&sources, deadline)?;
        // Nothing before the deadline: a listener's pause is over, and it takes clients again.
        if !ready.is_empty() || deadline.has_passed() {
            return Ok(ready);
        }
    }
}

/// Which are ready; none at the deadline, and when the pause of a listener is over before.
pub(crate) fn poll_once(sources: &[Source<'_>], deadline: Deadline) -> io::Result<Vec<usize>> {
    let mut ready = Vec::new();
    let mut watches = Vec::with_capacity(sources.len());
    let mut places = Vec::with_capacity(sources.len());
    let mut pause = None;
    for (place, source) in sources.iter().enumerate() {
        match &source.kind {
            _ if source.is_ready => ready.push(place),
            Kind::Closed => {}
            Kind::Socket(socket) => watches.push(watch(*socket, false)),
            Kind::Fd(fd) => watches.push(watch(fd, false)),
            Kind::Listener(listener) => {
                watches.extend(listener.sources());
                let alarms = [pause, listener.pause_left(), listener.expiry_left()];
                pause = alarms.into_iter().flatten().min();
            }
        }
        places.resize(watches.len(), place);
    }
    let wake_in = match ready[..] {
        [] => deadline.left().into_iter().chain(pause).min(),
        // One may have become ready since the caller looked: a listener that was closed.
        _ => Some(Duration::ZERO),
    };
    let started = Instant::now();
    poll_until(&mut watches, Deadline::after(wake_in))?;
    for (place, source) in sources.iter().enumerate() {
        if let Kind::Listener(listener) = source.kind {
            listener.add_waited(started.elapsed());
            if listener.expiry_left() == Some(Duration::ZERO) {
                ready.push(place);
            }
        }
    }
    let polled = watches.iter().zip(places).filter(|(watch, _)| is_ready(watch));
    ready.extend(polled.map(|(_, place)| place));
    ready.sort_unstable();
    ready.dedup();
    Ok(ready)
}

impl<'a> Source<'a> {
    pub(crate) fn of(socket: &'a Socket) -> Self {
        Self { kind: Kind::Socket(socket), is_ready: false }
    }
}

impl<'a> From<&'a Receiver> for Source<'a> {
    fn from(receiver: &'a Receiver) -> Self {
        match receiver.transport() {
            Some(socket) => {
                Self { kind: Kind::Socket(socket), is_ready: receiver.has_read_ahead() }
            }
            None => Self { kind: Kind::Closed, is_ready: true },
        }
    }
}

impl<'a> From<&'a Connection> for Source<'a> {
    fn from(connection: &'a Connection) -> Self {
        connection.receiver().into()
    }
}

impl<'a> From<&'a Listener> for Source<'a> {
    fn from(listener: &'a Listener) -> Self {
        Self { kind: Kind::Listener(listener), is_ready: listener.has_outcomes() }
    }
}

impl<'a> From<&'a OwnedFd> for Source<'a> {
    fn from(fd: &'a OwnedFd) -> Self {
        fd.as_fd().into()
    }
}

impl<'a> From<BorrowedFd<'a>> for Source<'a> {
    fn from(fd: BorrowedFd<'a>) -> Self {
        Self { kind: Kind::Fd(fd), is_ready: false }
    }
}
