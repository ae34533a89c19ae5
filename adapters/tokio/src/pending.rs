//! A client whose handshake is pending.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use mpconn::{Authenticated, Error, Operation};
use mpconn_sockets::{Slot, Transfer};

use crate::Socket;
use crate::platform::transfer_now;
use crate::ready::{Member, ReadyQueue};
use crate::session::poll_drive;

/// Its socket, which wakes the listener's task for it.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) socket: Socket,
    member: Arc<Member>,
    waker: Waker,
}

impl Pending {
    pub(crate) fn new(socket: Socket, number: u64, queue: &ReadyQueue) -> Self {
        let member = queue.member(number);
        let waker = Waker::from(Arc::clone(&member));
        Self { socket, member, waker }
    }

    /// Goes on with its handshake, and is woken when there is more to do.
    pub(crate) fn advance(slot: &mut Slot<Self>) -> Result<Option<Authenticated>, Error> {
        let Slot { socket: Self { socket, member, waker }, inbox, negotiation, .. } = slot;
        member.looked_at();
        match poll_drive(&mut Context::from_waker(waker), negotiation, socket, inbox) {
            Poll::Ready(ended) => ended.map(Some),
            Poll::Pending => Ok(None),
        }
    }
}

impl Transfer for Pending {
    /// The runtime may not have seen yet what the kernel has.
    fn transfer_now(&self, operation: Operation<'_>) -> io::Result<Option<usize>> {
        transfer_now(&self.socket, &mut Context::from_waker(&self.waker), operation)
    }
}
