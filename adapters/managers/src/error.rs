//! What can go wrong with a call.

use std::fmt;

use mpconn_pickle::{Error as PickleError, Exception};

/// The error of a call to a manager.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The connection failed, or a deadline passed. The call may have been executed or not.
    Connection(mpconn_sockets::Error),
    /// The arguments cannot be written, or the result is no value of the type that was asked for.
    Pickle(PickleError),
    /// The method raised this exception, with its class and arguments. (`#ERROR`)
    Raised(Box<Exception>),
    /// The manager itself raised an exception, for an unknown object or method for example, and sent
    /// its traceback as text. (`#TRACEBACK`)
    Traceback(Box<str>),
    /// The result of the method cannot be pickled; the text is Python's. (`#UNSERIALIZABLE`)
    Unserializable(Box<str>),
    /// A queue has no room: Python's `queue.Full`.
    Full,
    /// A queue was shut down: Python's `queue.ShutDown`, from 3.13 on.
    ShutDown,
    /// What the manager sent is no reply to this call.
    UnexpectedReply(Box<str>),
}

impl Error {
    /// Returns the exception, if the method raised one.
    #[must_use]
    pub fn exception(&self) -> Option<&Exception> {
        match self {
            Self::Raised(exception) => Some(exception),
            _ => None,
        }
    }

    /// Returns `true` if the method raised an exception of the class `name`, in whatever module.
    #[must_use]
    pub fn is_raised(&self, name: &str) -> bool {
        self.exception().is_some_and(|exception| exception.class.name == name)
    }

    /// Returns `true` if a deadline passed.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Connection(error) if error.is_timeout())
    }

    /// Returns `true` if the manager is gone.
    #[must_use]
    pub fn is_disconnect(&self) -> bool {
        matches!(self, Self::Connection(error) if error.is_disconnect())
    }

    /// Returns `true` if the manager has another key, or none.
    #[must_use]
    pub fn is_authentication(&self) -> bool {
        matches!(self, Self::Connection(error) if error.is_authentication())
    }

    pub(crate) fn unexpected(what: impl Into<Box<str>>) -> Self {
        Self::UnexpectedReply(what.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::Pickle(error) => error.fmt(f),
            Self::Raised(exception) => exception.fmt(f),
            Self::Traceback(text) => {
                let last = text.trim_end().lines().last().unwrap_or_default();
                write!(f, "the manager failed: {last}")
            }
            Self::Unserializable(text) => {
                let last = text.trim_end().lines().last().unwrap_or_default();
                write!(f, "the result cannot be pickled: {last}")
            }
            Self::Full => f.write_str("the queue is full"),
            Self::ShutDown => f.write_str("the queue was shut down"),
            Self::UnexpectedReply(what) => write!(f, "unexpected reply: {what}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connection(error) => error.source(),
            Self::Pickle(error) => error.source(),
            Self::Raised(exception) => exception.source(),
            _ => None,
        }
    }
}

impl From<mpconn_sockets::Error> for Error {
    fn from(error: mpconn_sockets::Error) -> Self {
        Self::Connection(error)
    }
}

impl From<PickleError> for Error {
    fn from(error: PickleError) -> Self {
        Self::Pickle(error)
    }
}

/// `Empty`, `Full` and `ShutDown` of `queue`, wherever the version has them.
pub(crate) fn is_queue_class(exception: &Exception, name: &str) -> bool {
    let class = &exception.class;
    class.name == name && matches!(class.module.as_str(), "queue" | "_queue" | "Queue")
}

impl From<Exception> for Error {
    fn from(exception: Exception) -> Self {
        if is_queue_class(&exception, "Full") {
            Self::Full
        } else if is_queue_class(&exception, "ShutDown") {
            Self::ShutDown
        } else {
            Self::Raised(Box::new(exception))
        }
    }
}
