//! Waiting for many at once.

use std::io;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::deadline::Deadline;

/// Something that is waited for.
pub(crate) type Watch<'a> = PollFd<'a>;

/// Waits until something can be read from `source`, or written to it.
pub(crate) fn watch(source: &impl AsFd, writes: bool) -> Watch<'_> {
    PollFd::new(source, if writes { PollFlags::OUT } else { PollFlags::IN })
}

/// Whether it is ready, in error or at its end.
pub(crate) fn is_ready(watch: &Watch<'_>) -> bool {
    !watch.revents().is_empty()
}

/// `poll(2)`, going on after interruptions. 0 when the deadline came first.
pub(crate) fn poll_until(fds: &mut [PollFd<'_>], deadline: Deadline) -> io::Result<usize> {
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
