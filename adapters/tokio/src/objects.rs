//! Python objects as messages: `send` and `recv`.
//!
//! Traits, where `mpconn-blocking` has methods: futures' `SinkExt` has a `send` as well, which a
//! feature that somebody else enables must not replace.

use mpconn_pickle::{Decoder, Encoder, Reply};
use mpconn_sockets::ObjectError;
use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::receiver::Receiver;
use crate::sender::Sender;
use crate::transport::Transport;

/// Python's `send`, of a [`Connection`] or [`Sender`].
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
///
/// use mpconn_tokio::{RecvObject, SendObject, pipe};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut one, mut other) = pipe()?;
/// one.send(&BTreeMap::from([("job", 7)])).await?; // In Python: {'job': 7}
/// let job: BTreeMap<String, u32> = other.recv().await?;
/// assert_eq!(job["job"], 7);
/// # Ok(())
/// # }
/// ```
pub trait SendObject: sealed::Sealed {
    /// Sends a value as Python reads it, by the [encoder](Connection::set_encoder) of this connection.
    ///
    /// CPython's counterpart is `Connection.send`.
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
    /// Receives a value as Python sends it, by the [decoder](Connection::set_decoder) of this connection.
    /// Nothing is imported or called. The value may borrow from the message, until the next call.
    ///
    /// For what contains itself, give the bytes of [`Receiver::recv_borrowed`] to
    /// [`Decoder::parse`].
    ///
    /// CPython's counterpart is `Connection.recv`.
    ///
    /// # Errors
    ///
    /// As for [`Receiver::recv_bytes`]. [`ObjectError::Pickle`] if the message is no pickle of
    /// such a value: the message is gone, and the next one can be received.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: the next receive goes on with the message.
    fn recv<'c, O: Deserialize<'c>>(&'c mut self) -> impl Future<Output = Result<O, ObjectError>>;

    /// Receives a value, or the exception that was sent in its place.
    ///
    /// # Errors
    ///
    /// As for [`recv`](Self::recv). [`ObjectError::Raised`] with the exception.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: the next receive goes on with the message.
    fn recv_reply<'c, O: Deserialize<'c>>(
        &'c mut self,
    ) -> impl Future<Output = Result<O, ObjectError>>;
}

impl<T: Transport> SendObject for Sender<T> {
    async fn send<O: Serialize + ?Sized>(&mut self, object: &O) -> Result<(), ObjectError> {
        let message = self.encoder.to_bytes(object)?;
        Ok(self.send_bytes(&message).await?)
    }
}

impl<T: Transport> SendObject for Connection<T> {
    async fn send<O: Serialize + ?Sized>(&mut self, object: &O) -> Result<(), ObjectError> {
        self.halves().1.send(object).await
    }
}

impl<T: Transport> RecvObject for Receiver<T> {
    async fn recv<'c, O: Deserialize<'c>>(&'c mut self) -> Result<O, ObjectError> {
        let decoder = self.decoder.as_deref().copied().unwrap_or_default();
        Ok(decoder.from_slice(self.recv_borrowed().await?)?)
    }

    async fn recv_reply<'c, O: Deserialize<'c>>(&'c mut self) -> Result<O, ObjectError> {
        Ok(self.recv::<Reply<O>>().await?.into_result()?)
    }
}

impl<T: Transport> RecvObject for Connection<T> {
    async fn recv<'c, O: Deserialize<'c>>(&'c mut self) -> Result<O, ObjectError> {
        self.halves().0.recv().await
    }

    async fn recv_reply<'c, O: Deserialize<'c>>(&'c mut self) -> Result<O, ObjectError> {
        self.halves().0.recv_reply().await
    }
}

impl<T> Connection<T> {
    /// Sets how objects are read: limits, strictness, and what a str of Python 2's is. The default is
    /// [`Decoder::new`].
    pub fn set_decoder(&mut self, decoder: Decoder) {
        self.halves().0.set_decoder(decoder);
    }

    /// Sets how objects are written. The default is [`Encoder::new`]: protocol 2, which every Python
    /// reads. Where no Python 2 listens, take protocol 4: in protocol 2, bytes take half as much room
    /// again and are slower to decode.
    pub fn set_encoder(&mut self, encoder: Encoder) {
        self.halves().1.set_encoder(encoder);
    }
}

impl<T> Sender<T> {
    /// See [`Connection::set_encoder`].
    pub fn set_encoder(&mut self, encoder: Encoder) {
        self.encoder = encoder;
    }
}

impl<T> Receiver<T> {
    /// See [`Connection::set_decoder`].
    pub fn set_decoder(&mut self, decoder: Decoder) {
        self.decoder = Some(Box::new(decoder));
    }
}

mod sealed {
    /// Only these have them, so that the traits can grow.
    pub trait Sealed {}
    impl<T> Sealed for crate::Connection<T> {}
    impl<T> Sealed for crate::Receiver<T> {}
    impl<T> Sealed for crate::Sender<T> {}
}
