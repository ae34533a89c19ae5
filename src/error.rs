//! What a peer can do wrong.

use core::fmt;

use crate::frame::FrameError;
use crate::handshake::AuthError;

/// Why a connection cannot continue: the peer is not authenticated, or does not keep to the
/// protocol. Close the transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The peer is not authenticated: Python's `AuthenticationError`.
    Auth(AuthError),
    /// The stream cannot be read any further: Python's `OSError`, with `bad message length` or
    /// `got end of file during message`.
    Frame(FrameError),
    /// The peer closed the connection during the handshake: Python's `EOFError`.
    Ended,
}

impl ProtocolError {
    /// Returns `true` if the peer is not authenticated.
    #[must_use]
    pub fn is_authentication(&self) -> bool {
        matches!(self, Self::Auth(_))
    }

    /// Returns `true` if the peer is gone: it closed the connection during the handshake, or in the
    /// middle of a message.
    #[must_use]
    pub fn is_disconnect(&self) -> bool {
        match self {
            Self::Ended => true,
            Self::Frame(error) => error.is_disconnect(),
            Self::Auth(_) => false,
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auth(error) => write!(f, "authentication failed: {error}"),
            Self::Frame(error) => error.fmt(f),
            Self::Ended => f.write_str(
                "the peer closed the connection during the handshake: it may have no key",
            ),
        }
    }
}

impl core::error::Error for ProtocolError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Auth(error) => Some(error),
            Self::Frame(error) => Some(error),
            Self::Ended => None,
        }
    }
}

impl From<AuthError> for ProtocolError {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

impl From<FrameError> for ProtocolError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}
