//! Waiting for many at once, sockets and pipes.

use std::cell::OnceCell;
use std::io;
use std::os::windows::io::{AsSocket, BorrowedSocket};
use std::sync::Arc;
use std::task::{Context, Waker};

use mpconn_pipe::Pipe;
use mpconn_sockets::Bound;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::deadline::Deadline;
use crate::platform::bell::Bell;

thread_local! {
    /// Rung by the pipes that this thread waits for.
    static BELL: OnceCell<Arc<Bell>> = const { OnceCell::new() };
}

/// Something that is waited for.
pub(crate) struct Watch<'a> {
    what: What<'a>,
    writes: bool,
    is_ready: bool,
}

/// What can be waited for.
pub(crate) enum What<'a> {
    Socket(BorrowedSocket<'a>),
    Pipe(&'a Pipe),
    Clients(&'a mpconn_pipe::Listener),
}

pub(crate) trait Watched {
    fn what(&self) -> What<'_>;
}

/// Waits until something can be read from `source`, or written to it.
pub(crate) fn watch(source: &impl Watched, writes: bool) -> Watch<'_> {
    Watch { what: source.what(), writes, is_ready: false }
}

/// Whether it is ready, in error or at its end.
pub(crate) fn is_ready(watch: &Watch<'_>) -> bool {
    watch.is_ready
}

/// Waits until one is ready. 0 when the deadline came first.
pub(crate) fn poll_until(watches: &mut [Watch<'_>], deadline: Deadline) -> io::Result<usize> {
    let bell = bell()?;
    let waker = Waker::from(Arc::clone(&bell));
    loop {
        // Before the pipes are asked: a ring from then on is news.
        bell.silence();
        let mut ready = 0;
        for watch in &mut *watches {
            watch.is_ready = watch.poll_pipe(&mut Context::from_waker(&waker));
            ready += usize::from(watch.is_ready);
        }
        let wait = if ready > 0 { Deadline::now() } else { deadline };
        ready += poll_sockets(watches, &bell, wait)?;
        if ready > 0 || deadline.has_passed() {
            return Ok(ready);
        }
    }
}

fn bell() -> io::Result<Arc<Bell>> {
    BELL.with(|cell| {
        if let Some(bell) = cell.get() {
            return Ok(Arc::clone(bell));
        }
        let bell = Arc::new(Bell::new()?);
        Ok(Arc::clone(cell.get_or_init(|| bell)))
    })
}

/// Waits for the sockets, or until the bell is rung.
fn poll_sockets(watches: &mut [Watch<'_>], bell: &Bell, deadline: Deadline) -> io::Result<usize> {
    let mut fds = vec![PollFd::new(bell, PollFlags::IN)];
    let sockets = watches.iter().filter_map(|watch| match watch.what {
        What::Socket(socket) => Some((socket, watch.writes)),
        _ => None,
    });
    fds.extend(sockets.map(|(socket, writes)| {
        let flags = if writes { PollFlags::OUT } else { PollFlags::IN };
        PollFd::from_borrowed_fd(socket, flags)
    }));
    poll_fds(&mut fds, deadline)?;
    let mut polled = fds[1..].iter().map(|fd| !fd.revents().is_empty());
    let mut ready = 0;
    for watch in watches {
        if let What::Socket(_) = watch.what {
            watch.is_ready = polled.next().unwrap_or(false);
            ready += usize::from(watch.is_ready);
        }
    }
    Ok(ready)
}

/// `WSAPoll`. 0 when the deadline came first.
pub(crate) fn poll_fds(fds: &mut [PollFd<'_>], deadline: Deadline) -> io::Result<usize> {
    loop {
        // An absurdly long timeout is none.
        let timeout = deadline.left().and_then(|left| Timespec::try_from(left).ok());
        match poll(fds, timeout.as_ref()) {
            Ok(n) => return Ok(n),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

impl Watch<'_> {
    fn poll_pipe(&self, cx: &mut Context<'_>) -> bool {
        match self.what {
            What::Socket(_) => false,
            What::Pipe(pipe) if self.writes => pipe.poll_writable(cx).is_ready(),
            What::Pipe(pipe) => pipe.poll_readable(cx).is_ready(),
            What::Clients(listener) => listener.poll_acceptable(cx).is_ready(),
        }
    }
}

impl Watched for Bell {
    fn what(&self) -> What<'_> {
        What::Socket(self.as_socket())
    }
}

impl Watched for Bound {
    fn what(&self) -> What<'_> {
        match self {
            Self::Tcp(listener) => What::Socket(listener.as_socket()),
            Self::Pipe(listener) => What::Clients(listener),
        }
    }
}

impl Watched for BorrowedSocket<'_> {
    fn what(&self) -> What<'_> {
        What::Socket(*self)
    }
}
