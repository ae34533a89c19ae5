//! A set without help of the system: who waits asks about each.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::platform::poll::Watch;
use crate::wait::{Kind, Source};

/// One of the sleeps without end while there is nothing to wait for.
const LONG: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub(crate) struct Poller(BTreeSet<u64>);

impl Poller {
    #[expect(clippy::unnecessary_wraps, reason = "the other one can fail")]
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(BTreeSet::new()))
    }

    pub(crate) fn is_of_this_process(&self) -> bool {
        true
    }

    #[expect(clippy::unnecessary_wraps, reason = "the other one can fail")]
    pub(crate) fn add(&mut self, key: u64, source: &Source<'_>) -> io::Result<()> {
        if let Kind::Socket(_) | Kind::Fd(_) = source.kind {
            self.0.insert(key);
        }
        Ok(())
    }

    pub(crate) fn remove(&mut self, key: u64, _: &Source<'_>) {
        self.0.remove(&key);
    }

    /// All of them.
    pub(crate) fn asked(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }

    pub(crate) fn watch(&self) -> Option<Watch<'_>> {
        None
    }

    pub(crate) fn source(&self) -> Option<Source<'_>> {
        None
    }

    /// There is nothing to wait for but by [asking](Self::asked).
    #[expect(clippy::unnecessary_wraps, reason = "the other one can fail")]
    pub(crate) fn wait(&self, deadline: Deadline) -> io::Result<Vec<u64>> {
        if self.0.is_empty() {
            std::thread::sleep(deadline.left().unwrap_or(LONG));
        }
        Ok(Vec::new())
    }
}
