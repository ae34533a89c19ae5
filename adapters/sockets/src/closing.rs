use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::SocketFile;

/// Whether a listener is closed, and what goes when it is. Any thread may close it.
///
/// A forked child has a copy of it all, and shares the socket. What it closes is its own part
/// alone, as in Python: its parent goes on listening.
#[derive(Debug)]
pub struct Closing {
    closed: AtomicBool,
    /// The process that made it.
    process: u32,
    /// Whether the socket is ours alone.
    owned: bool,
    file: Mutex<Option<SocketFile>>,
}

impl Closing {
    /// Of an open listener whose socket was made for it, with this file.
    #[must_use]
    pub fn new(file: Option<SocketFile>) -> Self {
        Self::made(true, file)
    }

    /// Of an open listener at somebody else's socket, which goes on without it.
    #[must_use]
    pub fn adopted() -> Self {
        Self::made(false, None)
    }

    fn made(owned: bool, file: Option<SocketFile>) -> Self {
        let process = std::process::id();
        Self { closed: AtomicBool::new(false), process, owned, file: Mutex::new(file) }
    }

    /// Whether this process made it, and is no forked child of that one.
    #[must_use]
    pub fn is_of_this_process(&self) -> bool {
        self.process == std::process::id()
    }

    /// Returns `true` if the socket is shared with its owner, which may change its mode.
    #[must_use]
    pub fn is_adopted(&self) -> bool {
        !self.owned
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Closes it. Nobody connects to what is being closed: the name goes first, then the socket
    /// stops listening, by `stop`, unless it is somebody else's. Whoever waits for it is the
    /// caller's to wake.
    pub fn close(&self, stop: impl FnOnce()) {
        self.closed.store(true, Ordering::Release);
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).take();
        if !self.is_of_this_process() {
            mem::forget(file);
            return;
        }
        drop(file);
        if self.owned {
            stop();
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use mpconn::Address;

    use super::*;
    use crate::{Listening, connect_unix, unix_name};

    #[test]
    fn a_forked_child_closes_its_own_part_alone() {
        let (bound, file) = Listening::new(None).bind_fresh().unwrap();
        let address = bound.address().unwrap();
        let parents =
            Closing { process: std::os::unix::process::parent_id(), ..Closing::new(file) };
        parents.close(|| bound.stop());
        assert!(parents.is_closed());
        assert!(connect_unix(&unix_name(&address).unwrap()).unwrap().is_some());
        let Address::Unix(path) = address else { panic!("not the default family: {address}") };
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn nobody_connects_to_what_is_closed() {
        let (bound, file) = Listening::new(None).bind_fresh().unwrap();
        let name = unix_name(&bound.address().unwrap()).unwrap();
        Closing::new(file).close(|| bound.stop());
        connect_unix(&name).unwrap_err();
    }
}
