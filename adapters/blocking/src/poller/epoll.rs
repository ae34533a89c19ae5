//! A set of descriptors that the kernel keeps.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;

use crate::deadline::Deadline;
use crate::platform::poll::{Watch, watch};
use crate::wait::{Kind, Source};

/// How many are returned by one wait.
const AT_ONCE: usize = 1024;

#[derive(Debug)]
pub(crate) struct Poller {
    epoll: OwnedFd,
    /// The kernel keeps one set for all processes that have the descriptor.
    process: u32,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, process: std::process::id() })
    }

    pub(crate) fn is_of_this_process(&self) -> bool {
        self.process == std::process::id()
    }

    pub(crate) fn add(&mut self, key: u64, source: &Source<'_>) -> io::Result<()> {
        let Some(fd) = descriptor(source) else { return Ok(()) };
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(key), EventFlags::IN)?)
    }

    pub(crate) fn remove(&mut self, _: u64, source: &Source<'_>) {
        if let Some(fd) = descriptor(source).filter(|_| self.is_of_this_process()) {
            // A descriptor that was closed is gone already.
            let _ = epoll::delete(&self.epoll, fd);
        }
    }

    /// Those that are not in the set, and to be asked about.
    pub(crate) fn asked(&self) -> impl Iterator<Item = u64> {
        std::iter::empty()
    }

    /// The same, for those who wait for other things too.
    pub(crate) fn watch(&self) -> Option<Watch<'_>> {
        Some(watch(&self.epoll, false))
    }

    /// What to wait for beside those, before [`wait`](Self::wait).
    pub(crate) fn source(&self) -> Option<Source<'_>> {
        Some(self.epoll.as_fd().into())
    }

    pub(crate) fn wait(&self, deadline: Deadline) -> io::Result<Vec<u64>> {
        let mut events = Vec::with_capacity(AT_ONCE);
        loop {
            // An absurdly long timeout is none.
            let timeout = deadline.left().and_then(|left| Timespec::try_from(left).ok());
            match epoll::wait(&self.epoll, spare_capacity(&mut events), timeout.as_ref()) {
                Ok(_) => return Ok(events.iter().map(|event| event.data.u64()).collect()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn descriptor<'a>(source: &Source<'a>) -> Option<BorrowedFd<'a>> {
    match source.kind {
        Kind::Socket(socket) => Some(socket.as_fd()),
        Kind::Fd(fd) => Some(fd),
        Kind::Closed | Kind::Listener(_) => None,
    }
}
