//! Python objects as messages: `send` and `recv`.

use mpconn_pickle::{Decoder, Encoder, Reply};
use mpconn_sockets::ObjectError;
use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::receiver::Receiver;
use crate::sender::Sender;
use crate::transport::Transport;

impl<T: Transport> Connection<T> {
    /// Sends a value as Python reads it, by the [encoder](Self::set_encoder) of this connection.
    ///
    /// CPython's counterpart is `Connection.send`.
    ///
    /// # Errors
    ///
    /// [`ObjectError::Pickle`] before a byte is sent; as for [`send_bytes`](Self::send_bytes).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::collections::BTreeMap;
    ///
    /// use mpconn_blocking::pipe;
    ///
    /// let (mut one, mut other) = pipe()?;
    /// one.send(&BTreeMap::from([("job", 7)]))?; // In Python: {'job': 7}
    /// let job: BTreeMap<String, u32> = other.recv()?;
    /// assert_eq!(job["job"], 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send<O: Serialize + ?Sized>(&mut self, object: &O) -> Result<(), ObjectError> {
        self.sender.send(object)
    }

    /// Receives a value as Python sends it, by the [decoder](Self::set_decoder) of this connection.
    /// Nothing is imported or called. The value may borrow from the message, until the next call.
    ///
    /// For what contains itself, give the bytes of [`recv_borrowed`](Self::recv_borrowed) to
    /// [`Decoder::parse`].
    ///
    /// CPython's counterpart is `Connection.recv`.
    ///
    /// # Errors
    ///
    /// As for [`recv_bytes`](Self::recv_bytes). [`ObjectError::Pickle`] if the message is no pickle of
    /// such a value: the message is gone, and the next one can be received.
    pub fn recv<'c, O: Deserialize<'c>>(&'c mut self) -> Result<O, ObjectError> {
        self.receiver.recv()
    }

    /// Receives a value, or the exception that was sent in its place.
    ///
    /// # Errors
    ///
    /// As for [`recv`](Self::recv). [`ObjectError::Raised`] with the exception.
    pub fn recv_reply<'c, O: Deserialize<'c>>(&'c mut self) -> Result<O, ObjectError> {
        self.receiver.recv_reply()
    }

    /// Sets how objects are read: limits, strictness, and what a str of Python 2's is. The default is
    /// [`Decoder::new`].
    pub fn set_decoder(&mut self, decoder: Decoder) {
        self.receiver.set_decoder(decoder);
    }

    /// Sets how objects are written. The default is [`Encoder::new`]: protocol 2, which every Python
    /// reads. Where no Python 2 listens, take protocol 4: in protocol 2, bytes take half as much room
    /// again and are slower to decode.
    pub fn set_encoder(&mut self, encoder: Encoder) {
        self.sender.set_encoder(encoder);
    }
}

impl<T: Transport> Sender<T> {
    /// See [`Connection::send`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send<O: Serialize + ?Sized>(&mut self, object: &O) -> Result<(), ObjectError> {
        Ok(self.send_bytes(&self.encoder.to_bytes(object)?)?)
    }
}

impl<T> Sender<T> {
    /// See [`Connection::set_encoder`].
    pub fn set_encoder(&mut self, encoder: Encoder) {
        self.encoder = encoder;
    }
}

impl<T: Transport> Receiver<T> {
    /// See [`Connection::recv`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv<'c, O: Deserialize<'c>>(&'c mut self) -> Result<O, ObjectError> {
        let decoder = self.decoder.as_deref().copied().unwrap_or_default();
        Ok(decoder.from_slice(self.recv_borrowed()?)?)
    }

    /// See [`Connection::recv_reply`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv_reply<'c, O: Deserialize<'c>>(&'c mut self) -> Result<O, ObjectError> {
        Ok(self.recv::<Reply<O>>()?.into_result()?)
    }
}

impl<T> Receiver<T> {
    /// See [`Connection::set_decoder`].
    pub fn set_decoder(&mut self, decoder: Decoder) {
        self.decoder = Some(Box::new(decoder));
    }
}
