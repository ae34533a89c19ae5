//! A connection taken apart.

use std::fmt;

use mpconn::{Address, Authenticated, Policy, RecvBuffer, Role, SendBuffer};

use crate::receiving::Receiving;
use crate::session::MAX_MESSAGE_BYTES;

/// What both halves of a connection share.
#[derive(Debug)]
pub struct Link<T> {
    /// The transport.
    pub transport: T,
    /// What is known of the peer.
    pub peer: Peer,
}

/// What a connection knows of its peer.
#[derive(Debug, Default)]
pub struct Peer {
    /// `None` for most clients of Unix sockets.
    pub address: Option<Address>,
    /// The proof, if there was a handshake.
    pub authenticated: Option<Authenticated>,
    /// The side of the connection that this is, and the policy it was made with, if a listener or a
    /// client made it.
    pub own: Option<(Role, Policy)>,
}

/// A connection that was taken apart: its transport, and the state of both directions.
///
/// `Connection::from_parts` puts it together again, over the same transport or
/// [another way](Self::map) to reach it. No byte is lost or sent twice: what was received and not
/// delivered, and what was to be sent and not written, are in here, as are errors that have ended a
/// direction.
pub struct Parts<T> {
    /// The transport.
    pub transport: T,
    #[doc(hidden)]
    pub receiving: Receiving,
    #[doc(hidden)]
    pub send: SendBuffer,
    #[doc(hidden)]
    pub peer: Peer,
}

impl<T> Parts<T> {
    /// Creates the parts of a connection that begins with the bytes `unread`, without a handshake.
    pub fn new(transport: T, unread: Vec<u8>) -> Self {
        let is_known = !unread.is_empty();
        let recv = RecvBuffer::resumed(unread, MAX_MESSAGE_BYTES);
        let (mut receiving, send) = (Receiving::new(recv), SendBuffer::new());
        if is_known {
            receiving.peer_is_known();
        }
        Self { transport, receiving, send, peer: Peer::default() }
    }

    /// Replaces the transport by one that continues the same stream: the same socket as another
    /// type, for example.
    #[must_use]
    pub fn map<U>(self, transport: impl FnOnce(T) -> U) -> Parts<U> {
        let Self { transport: old, receiving, send, peer } = self;
        Parts { transport: transport(old), receiving, send, peer }
    }

    /// Returns the transport for use without a connection, and the bytes that were received from it
    /// beyond the last message. Whoever continues with the transport needs those first.
    ///
    /// # Errors
    ///
    /// Returns the parts if the stream cannot be continued by others without losing bytes: some are
    /// [unsent](Self::unsent), or an error has ended one of the directions.
    pub fn into_transport(self) -> Result<(T, Vec<u8>), Box<Self>> {
        if self.unsent() > 0 || self.send.is_poisoned() || self.receiving.has_failed() {
            return Err(Box::new(self));
        }
        let unread = self.receiving.into_inner().into_unread();
        Ok((self.transport, unread.expect("the receiving direction has not failed")))
    }

    /// Returns the number of bytes that are buffered and were not written.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.send.buffered()
    }
}

// By hand, since what was received and is to be sent is not printed.
impl<T> fmt::Debug for Parts<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("unsent", &self.unsent()).finish_non_exhaustive()
    }
}
