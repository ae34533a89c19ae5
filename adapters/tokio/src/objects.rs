//! Python objects as messages: `send` and `recv`.
//!
//! Traits, where `mpconn-blocking` has methods: futures' `SinkExt` has a `send` as well, which a
//! feature that somebody else enables must not replace.

use mpconn_sockets::ObjectError;
use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::receiver::Receiver;
use crate::sender::Sender;
use crate::transport::Transport;

/// Python's `send`, of a [`Connection`] or [`Sender`].
pub trait SendObject: sealed::Sealed {
    /// Sends a value as Python reads it: its `send`, with a pickle of protocol 2, which every
    /// Python reads. For another, send the bytes of [`Encoder`](mpconn_pickle::Encoder).
    ///
    /// # Errors
    ///
    /// [`ObjectError::Pickle`] before a byte is sent; as for [`Sender::send_bytes`].
    ///
    /// # Cancel safety
    ///
    /// As for [`Sender::send_bytes`].
    fn send<O: Serialize + ?Sized>(
        &mut self,
        object: &O,
    ) -> impl Future<Output = Result<(), ObjectError>>;
}

/// Python's `recv`, of a [`Connection`] or [`Receiver`].
pub trait RecvObject: sealed::Sealed {
    /// Receives a value as Python sends it: its `recv`, but that nothing is imported or called. It
    /// may borrow from the message, until the next call. For other limits, or what contains itself,
    /// give the bytes of [`Receiver::recv_borrowed`] to a [`Decoder`](mpconn_pickle::Decoder).
    ///
    /// # Errors
    ///
    /// As for [`Receiver::recv_bytes`]; [`ObjectError::Pickle`] after which the message is gone,
    /// and the next can be received.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: the next receive goes on with the message.
    fn recv<'c, O: Deserialize<'c>>(&'c mut self) -> impl Future<Output = Result<O, ObjectError>>;
}

impl<T: Transport> SendObject for Sender<T> {
    async fn send<O: Serialize + ?Sized>(&mut self, object: &O) -> Result<(), ObjectError> {
        Ok(self.send_bytes(&mpconn_pickle::to_bytes(object)?).await?)
    }
}

impl<T: Transport> SendObject for Connection<T> {
    async fn send<O: Serialize + ?Sized>(&mut self, object: &O) -> Result<(), ObjectError> {
        self.halves().1.send(object).await
    }
}

impl<T: Transport> RecvObject for Receiver<T> {
    async fn recv<'c, O: Deserialize<'c>>(&'c mut self) -> Result<O, ObjectError> {
        Ok(mpconn_pickle::from_slice(self.recv_borrowed().await?)?)
    }
}

impl<T: Transport> RecvObject for Connection<T> {
    async fn recv<'c, O: Deserialize<'c>>(&'c mut self) -> Result<O, ObjectError> {
        self.halves().0.recv().await
    }
}

mod sealed {
    /// Only these have them, so that the traits can grow.
    pub trait Sealed {}
    impl<T> Sealed for crate::Connection<T> {}
    impl<T> Sealed for crate::Receiver<T> {}
    impl<T> Sealed for crate::Sender<T> {}
}
