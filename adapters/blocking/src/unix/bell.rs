use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// Wakes whoever watches it, from any thread. Once rung, it stays so.
#[derive(Debug)]
pub(crate) struct Bell {
    rung: UnixStream,
    heard: UnixStream,
}

impl Bell {
    pub(crate) fn new() -> io::Result<Self> {
        let (rung, heard) = UnixStream::pair()?;
        Ok(Self { rung, heard })
    }

    pub(crate) fn ring(&self) {
        // Full means that it was rung before.
        let _ = mpconn_sockets::send(&self.rung, &[IoSlice::new(&[0])], false);
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.heard.as_fd()
    }
}
