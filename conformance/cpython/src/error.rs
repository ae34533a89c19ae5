//! Errors under the names that they have in Python.

use std::io;

use mpconn_blocking::Error;
use pyo3::exceptions::{PyEOFError, PyOSError, PyTimeoutError, PyValueError};
use pyo3::prelude::*;

pyo3::import_exception!(multiprocessing, AuthenticationError);
pyo3::import_exception!(multiprocessing, BufferTooShort);

pub(crate) fn to_python(error: Error) -> PyErr {
    match error {
        Error::Auth(error) => AuthenticationError::new_err(error.to_string()),
        Error::Peer(peer) => to_python(peer.error),
        Error::Ended | Error::HandshakeEnded { .. } => PyEOFError::new_err(()),
        Error::Closed => PyOSError::new_err("handle is closed"),
        Error::BufferTooShort(message) => {
            BufferTooShort::new_err((std::borrow::Cow::<[u8]>::Owned(message),))
        }
        Error::Start(_) | Error::Address(_) => PyValueError::new_err(error.to_string()),
        Error::TimedOut(_) | Error::NoneAccepted(_) => PyTimeoutError::new_err(error.to_string()),
        Error::Unreachable { source, .. } | Error::Io(source) => of_system(&source),
        error => PyOSError::new_err(error.to_string()),
    }
}

/// With its number, from which Python chooses the class.
fn of_system(error: &io::Error) -> PyErr {
    match error.raw_os_error() {
        Some(number) => PyOSError::new_err((number, error.to_string())),
        // A family that this platform does not have.
        None if error.kind() == io::ErrorKind::Unsupported => {
            PyValueError::new_err(error.to_string())
        }
        // By its kind.
        None => io::Error::new(error.kind(), error.to_string()).into(),
    }
}
