//! The error of sending and receiving Python objects.

use std::error::Error as StdError;
use std::fmt;

use mpconn_pickle::{Error as PickleError, Exception};

use crate::Error;

/// Why an object was not sent or received.
#[derive(Debug)]
#[non_exhaustive]
pub enum ObjectError {
    /// No message was sent or received.
    Connection(Error),
    /// The message that was received is no pickle of such an object, or the object cannot be
    /// written as one. The connection remains usable.
    Pickle(PickleError),
    /// The peer sent an exception in place of a reply.
    Raised(Box<Exception>),
}

impl ObjectError {
    /// See [`Error::is_authentication`].
    #[must_use]
    pub fn is_authentication(&self) -> bool {
        matches!(self, Self::Connection(error) if error.is_authentication())
    }

    /// See [`Error::is_disconnect`].
    #[must_use]
    pub fn is_disconnect(&self) -> bool {
        matches!(self, Self::Connection(error) if error.is_disconnect())
    }

    /// See [`Error::is_timeout`].
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Connection(error) if error.is_timeout())
    }
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::Pickle(error) => error.fmt(f),
            Self::Raised(exception) => exception.fmt(f),
        }
    }
}

impl StdError for ObjectError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Connection(error) => error.source(),
            Self::Pickle(error) => error.source(),
            Self::Raised(exception) => exception.source(),
        }
    }
}

impl From<Error> for ObjectError {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

impl From<PickleError> for ObjectError {
    fn from(error: PickleError) -> Self {
        Self::Pickle(error)
    }
}

impl From<Exception> for ObjectError {
    fn from(exception: Exception) -> Self {
        Self::Raised(Box::new(exception))
    }
}

impl From<ObjectError> for std::io::Error {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::Connection(error) => error.into(),
            ObjectError::Pickle(error) => error.into(),
            ObjectError::Raised(exception) => Self::other(exception),
        }
    }
}
