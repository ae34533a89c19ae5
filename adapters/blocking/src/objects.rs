//! Python objects as messages: `send` and `recv`.

use mpconn_sockets::ObjectError;
use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::receiver::Receiver;
use crate::sender::Sender;
use crate::transport::Transport;

impl<T: Transport> Connection<T> {
    /// Sends a value as Python reads it: its `send`, with a pickle of protocol 2, which every
    /// Python reads. For another, send the bytes of [`Encoder`](mpconn_pickle::Encoder).
    ///
    /// # Errors
    ///
    /// [`ObjectError::Pickle`] before a byte is sent; as for [`send_bytes`](Self::send_bytes).
    pub fn send<O: Serialize + ?Sized>(&mut self, object: &O) -> Result<(), ObjectError> {
        Ok(self.send_bytes(&mpconn_pickle::to_bytes(object)?)?)
    }

    /// Receives a value as Python sends it: its `recv`, but that nothing is imported or called. It
    /// may borrow from the message, until the next call. For other limits, or what contains itself,
    /// give the bytes of [`recv_borrowed`](Self::recv_borrowed) to a
    /// [`Decoder`](mpconn_pickle::Decoder).
    ///
    /// # Errors
    ///
    /// As for [`recv_bytes`](Self::recv_bytes); [`ObjectError::Pickle`] after which the message is
    /// gone, and the next can be received.
    pub fn recv<'c, O: Deserialize<'c>>(&'c mut self) -> Result<O, ObjectError> {
        Ok(mpconn_pickle::from_slice(self.recv_borrowed()?)?)
    }
}

impl<T: Transport> Sender<T> {
    /// See [`Connection::send`].
    ///
    /// # Errors
    ///
    /// [`ObjectError::Pickle`] before a byte is sent; as for [`send_bytes`](Self::send_bytes).
    pub fn send<O: Serialize + ?Sized>(&mut self, object: &O) -> Result<(), ObjectError> {
        Ok(self.send_bytes(&mpconn_pickle::to_bytes(object)?)?)
    }
}

impl<T: Transport> Receiver<T> {
    /// See [`Connection::recv`].
    ///
    /// # Errors
    ///
    /// As for [`recv_bytes`](Self::recv_bytes); [`ObjectError::Pickle`] after which the message is
    /// gone, and the next can be received.
    pub fn recv<'c, O: Deserialize<'c>>(&'c mut self) -> Result<O, ObjectError> {
        Ok(mpconn_pickle::from_slice(self.recv_borrowed()?)?)
    }
}
