//! A client whose handshake is pending.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Waker};

use mpconn::ClientId;
use mpconn_sockets::Operation;

use crate::platform::socket::{self, Socket};
use crate::ready::{Member, ReadyQueue};
use crate::transport::{Transport, for_now};

/// Its socket, which wakes the listener's task for it.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) socket: Socket,
    member: Arc<Member>,
    waker: Waker,
}

impl Pending {
    pub(crate) fn new(socket: Socket, id: ClientId, queue: &ReadyQueue) -> Self {
        let member = queue.member(id);
        let waker = Waker::from(Arc::clone(&member));
        Self { socket, member, waker }
    }

    /// Moves bytes, and wakes the listener's task when more can be moved.
    pub(crate) fn transfer(&self, operation: Operation<'_>) -> io::Result<Option<usize>> {
        self.member.looked_at();
        let cx = &mut Context::from_waker(&self.waker);
        for_now(match operation {
            Operation::Write(bytes) => self.socket.poll_send(cx, &[IoSlice::new(bytes)]),
            Operation::Read(space) => self.socket.poll_receive(cx, space),
        })
    }

    /// Moves bytes at this moment: the runtime may not have seen yet what the kernel has.
    pub(crate) fn transfer_now(&self, operation: Operation<'_>) -> io::Result<Option<usize>> {
        socket::transfer_now(&self.socket, &mut Context::from_waker(&self.waker), operation)
    }
}
