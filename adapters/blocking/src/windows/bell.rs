use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::windows::io::{AsSocket, BorrowedSocket};
use std::sync::Arc;
use std::task::Wake;

/// Wakes whoever watches it, from any thread.
///
/// A socket connected to itself: the one thing that can be waited for beside other sockets, and
/// that nobody else can send to.
#[derive(Debug)]
pub(crate) struct Bell(UdpSocket);

impl Bell {
    pub(crate) fn new() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(socket.local_addr()?)?;
        socket.set_nonblocking(true)?;
        let bell = Self(socket);
        // Until it was connected, anyone could send to it.
        bell.silence();
        Ok(bell)
    }

    pub(crate) fn ring(&self) {
        // Full means that it was rung before.
        let _ = self.0.send(&[0]);
    }

    /// Until it is rung again.
    pub(crate) fn silence(&self) {
        while self.0.recv(&mut [0; 1]).is_ok() {}
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

impl AsSocket for Bell {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.0.as_socket()
    }
}
