//! The error of both adapters.

use core::fmt;
use std::boxed::Box;
use std::io;
use std::vec::Vec;

use mpconn::{
    Address, AddressError, AuthError, FrameError, HandshakeStep, ProtocolError, SendError,
    StartError, TooLong,
};

/// What an adapter's call ends with when it does not succeed.
///
/// It turns into an [`io::Error`] of a fitting kind, with this as its source.
#[non_exhaustive]
pub enum Error {
    /// The peer is not authenticated: Python's `AuthenticationError`.
    Auth(AuthError),
    /// The stream cannot be read any further: Python's `OSError`, with `bad message length` or
    /// `got end of file during message`.
    Frame(FrameError),
    /// The peer closed, between two messages: Python's `EOFError`.
    Ended,
    /// The connection ended during the handshake: Python's `EOFError`. That is what a peer without a key
    /// does.
    HandshakeEnded {
        /// How far it had come.
        step: HandshakeStep,
        /// What the system says, if the peer did not just close the connection.
        source: Option<io::Error>,
    },
    /// A deadline passed. Nothing that had arrived is lost.
    TimedOut(Phase),
    /// This side was closed: Python's `OSError`, `handle is closed`.
    Closed,
    /// An earlier send stopped inside a message, so that another cannot be sent.
    HalfSent,
    /// The caller's message is too long for the peer.
    TooLong(TooLong),
    /// The caller's buffer is too short for the message, which is here, whole; the connection can
    /// be used further. Python's `BufferTooShort`.
    BufferTooShort(Vec<u8>),
    /// The handshake cannot begin, for a reason on this side.
    Start(StartError<io::Error>),
    /// Nobody has said which side of the connection this is: give `ChallengeOptions` a role.
    NoRole,
    /// What should be an address is none.
    Address(AddressError),
    /// The address is good, but nothing can listen there, or nothing be connected to.
    Unreachable {
        /// The address.
        address: Address,
        /// [`Phase::Listen`] or [`Phase::Connect`].
        phase: Phase,
        /// What the system says.
        source: io::Error,
    },
    /// One peer of a listener did not get in; the listener goes on.
    Peer(Box<PeerError>),
    /// The time to accept a client passed, and those that came did not get in. If none came, it is
    /// `TimedOut(Phase::Accept)`.
    NoneAccepted(Box<Rejections>),
    /// The listener had as many handshakes pending as it may, and this client, which was not
    /// authenticated, was dropped for another.
    Evicted,
    /// The transport failed.
    Io(io::Error),
}

/// Which peer did not become a connection, and why. Its socket is closed already.
#[derive(Debug)]
pub struct PeerError {
    /// Its address, where it has one: a Unix socket's client seldom does.
    pub address: Option<Address>,
    /// What went wrong.
    pub error: Error,
}

/// The clients that a listener turned away while it waited for one to accept.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rejections {
    /// How many they were.
    pub count: usize,
    /// The last one.
    pub last: PeerError,
}

impl Rejections {
    /// Counts one more client that was turned away.
    pub fn add(rejections: &mut Option<Self>, last: PeerError) {
        let count = rejections.as_ref().map_or(0, |rejections| rejections.count) + 1;
        *rejections = Some(Self { count, last });
    }

    /// Returns the error for the end of the time to accept a client.
    #[must_use]
    pub fn timed_out(rejections: Option<Self>) -> Error {
        match rejections {
            Some(rejections) => Error::NoneAccepted(Box::new(rejections)),
            None => Error::TimedOut(Phase::Accept),
        }
    }
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Some(address) => write!(f, "the client at {address} was turned away: ")?,
            None => f.write_str("a client was turned away: ")?,
        }
        self.error.fmt(f)
    }
}

impl PeerError {
    /// See [`Error::is_authentication`].
    #[must_use]
    pub fn is_authentication(&self) -> bool {
        self.error.is_authentication()
    }

    /// See [`Error::is_disconnect`].
    #[must_use]
    pub fn is_disconnect(&self) -> bool {
        self.error.is_disconnect()
    }

    /// See [`Error::is_timeout`].
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.error.is_timeout()
    }
}

impl std::error::Error for PeerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl Error {
    /// Whether it is what Python raises `AuthenticationError` for: a peer with another key, without
    /// one, or out of protocol.
    #[must_use]
    pub fn is_authentication(&self) -> bool {
        match self {
            Self::Auth(_) => true,
            Self::Peer(peer) => peer.error.is_authentication(),
            _ => false,
        }
    }

    /// Returns `true` if the peer is gone: it closed the connection, in the middle of a message or not,
    /// the connection was reset, or the system gave the peer up.
    #[must_use]
    pub fn is_disconnect(&self) -> bool {
        match self {
            Self::Ended | Self::HandshakeEnded { .. } => true,
            Self::Frame(error) => error.is_disconnect(),
            Self::Peer(peer) => peer.error.is_disconnect(),
            Self::Io(error) => is_gone(error.kind()),
            _ => false,
        }
    }

    /// Returns `true` if a deadline passed: one of this library, after which the call can be repeated,
    /// or the system's for connecting. A client with `retry` that gives up has the error of its last
    /// attempt.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::TimedOut(_) | Self::NoneAccepted(_) => true,
            Self::Peer(peer) => peer.error.is_timeout(),
            Self::Unreachable { source: error, .. } => error.kind() == io::ErrorKind::TimedOut,
            _ => false,
        }
    }
}

/// Returns `true` for what the system says of a peer that is gone.
fn is_gone(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::TimedOut
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
    )
}

/// Returns the error for a transport that failed during a handshake.
pub(crate) fn failed_at(step: Option<HandshakeStep>, error: io::Error) -> Error {
    match step.filter(|_| is_gone(error.kind())) {
        Some(step) => Error::HandshakeEnded { step, source: Some(error) },
        None => Error::Io(error),
    }
}

/// What was going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Taking an address to listen at.
    Listen,
    /// Waiting for a client.
    Accept,
    /// Reaching a listener.
    Connect,
    /// Proving and checking keys, and how far that had come.
    Handshake(HandshakeStep),
    /// Sending a message.
    Send,
    /// Waiting for a message.
    Receive,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Listen => "listen",
            Self::Accept => "accept",
            Self::Connect => "connect",
            Self::Handshake(_) => "handshake",
            Self::Send => "send",
            Self::Receive => "receive",
        })
    }
}

// By hand, so that no payload is ever printed.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auth(error) => f.debug_tuple("Auth").field(error).finish(),
            Self::Frame(error) => f.debug_tuple("Frame").field(error).finish(),
            Self::Ended => f.write_str("Ended"),
            Self::HandshakeEnded { step, source } => f
                .debug_struct("HandshakeEnded")
                .field("step", step)
                .field("source", source)
                .finish(),
            Self::TimedOut(phase) => f.debug_tuple("TimedOut").field(phase).finish(),
            Self::NoRole => f.write_str("NoRole"),
            Self::Closed => f.write_str("Closed"),
            Self::HalfSent => f.write_str("HalfSent"),
            Self::TooLong(error) => f.debug_tuple("TooLong").field(error).finish(),
            Self::BufferTooShort(message) => write!(f, "BufferTooShort({} bytes)", message.len()),
            Self::Start(error) => f.debug_tuple("Start").field(error).finish(),
            Self::Address(error) => f.debug_tuple("Address").field(error).finish(),
            Self::Unreachable { address, phase, source } => f
                .debug_struct("Unreachable")
                .field("address", address)
                .field("phase", phase)
                .field("source", source)
                .finish(),
            Self::Peer(error) => f.debug_tuple("Peer").field(error).finish(),
            Self::NoneAccepted(error) => f.debug_tuple("NoneAccepted").field(error).finish(),
            Self::Evicted => f.write_str("Evicted"),
            Self::Io(error) => f.debug_tuple("Io").field(error).finish(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auth(error) => write!(f, "authentication failed: {error}"),
            Self::Frame(error) => error.fmt(f),
            Self::Ended => f.write_str("the peer closed the connection"),
            Self::HandshakeEnded { step, .. } => write!(f, "the connection ended {step}"),
            Self::TimedOut(Phase::Handshake(step)) => write!(f, "the time was up {step}"),
            Self::TimedOut(phase) => f.write_str(match phase {
                Phase::Connect => {
                    "the listener did not take the connection in time: it may be overloaded, or \
                     unreachable"
                }
                Phase::Send => "the message was not sent in time: the peer may not be receiving",
                Phase::Receive => "no message came in time",
                Phase::Accept | Phase::Listen | Phase::Handshake(_) => "no client came in time",
            }),
            Self::NoRole => f.write_str("the connection was made as neither side: name a role"),
            Self::Closed => f.write_str("this side was closed"),
            Self::HalfSent => f.write_str(
                "an earlier send stopped inside a message: close the connection, and open another",
            ),
            Self::TooLong(error) => error.fmt(f),
            Self::BufferTooShort(message) => write!(
                f,
                "the message has {} bytes, more than the buffer: it is in this error",
                message.len()
            ),
            Self::Start(error) => error.fmt(f),
            Self::Address(error) => error.fmt(f),
            Self::Unreachable { address, phase, source } => {
                let verb = if *phase == Phase::Listen { "listen at" } else { "connect to" };
                let advice = advice(*phase, address, source.kind());
                write!(f, "cannot {verb} {address}: {source}{advice}")
            }
            Self::Peer(error) => error.fmt(f),
            Self::NoneAccepted(rejections) => {
                let Rejections { count, last } = &**rejections;
                write!(f, "no client was accepted in time, and {count} failed: {last}")
            }
            Self::Evicted => f.write_str(
                "too many handshakes were pending, and this client was not authenticated",
            ),
            Self::Io(error) => error.fmt(f),
        }
    }
}

/// What can be done about it, where that is known.
fn advice(phase: Phase, address: &Address, kind: io::ErrorKind) -> &'static str {
    let is_tcp = matches!(address, Address::Inet { .. });
    if let Address::Pipe(_) = address {
        return match (phase, kind) {
            (Phase::Connect, io::ErrorKind::NotFound) => "; is the listener running?",
            (_, io::ErrorKind::PermissionDenied) => "; see `ListenerOptions::security`",
            _ => "",
        };
    }
    match (phase, kind) {
        (Phase::Connect, io::ErrorKind::NotFound) if is_tcp => "; is the host's name right?",
        (Phase::Connect, io::ErrorKind::NotFound) => {
            "; is the listener running, and at this path? A host needs (host, port)"
        }
        (Phase::Connect, io::ErrorKind::ConnectionRefused) => "; is the listener running?",
        (Phase::Connect, io::ErrorKind::PermissionDenied) if !is_tcp => {
            "; see `ListenerOptions::mode`"
        }
        (Phase::Listen, io::ErrorKind::AddrInUse) if is_tcp => {
            "; does another program listen at this port?"
        }
        (Phase::Listen, io::ErrorKind::AddrNotAvailable) => "; is it an address of this machine?",
        (Phase::Listen, io::ErrorKind::NotFound) if !is_tcp => "; does the directory exist?",
        (Phase::Listen, io::ErrorKind::PermissionDenied) if is_tcp => {
            "; is the port one that every user may take?"
        }
        (Phase::Listen, io::ErrorKind::PermissionDenied) => "; is the directory this user's?",
        _ => "",
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Auth(error) => Some(error),
            Self::Frame(error) => Some(error),
            Self::TooLong(error) => Some(error),
            Self::Address(error) => Some(error),
            Self::Start(error) => Some(error),
            Self::Io(error)
            | Self::Unreachable { source: error, .. }
            | Self::HandshakeEnded { source: Some(error), .. } => Some(error),
            Self::Peer(peer) => peer.error.source(),
            Self::NoneAccepted(rejections) => Some(&rejections.last),
            _ => None,
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        use io::ErrorKind as Kind;
        if let Error::Io(error) = error {
            return error;
        }
        let kind = match &error {
            Error::Peer(_) | Error::Evicted => Kind::ConnectionAborted,
            Error::Auth(_) => Kind::PermissionDenied,
            Error::Frame(FrameError::TruncatedHeader | FrameError::TruncatedPayload { .. })
            | Error::Ended
            | Error::HandshakeEnded { source: None, .. } => Kind::UnexpectedEof,
            Error::Frame(FrameError::OutOfMemory { .. }) => Kind::OutOfMemory,
            Error::Frame(_) => Kind::InvalidData,
            Error::TimedOut(_) | Error::NoneAccepted(_) => Kind::TimedOut,
            Error::Closed | Error::HalfSent => Kind::NotConnected,
            Error::TooLong(_) | Error::BufferTooShort(_) | Error::Address(_) => Kind::InvalidInput,
            Error::Start(StartError::Rng(source))
            | Error::Unreachable { source, .. }
            | Error::HandshakeEnded { source: Some(source), .. }
            | Error::Io(source) => source.kind(),
            Error::Start(_) | Error::NoRole => Kind::InvalidInput,
        };
        Self::new(kind, error)
    }
}

/// A generator's own error says no more than an [`io::Error`]; those of the crate `getrandom`
/// become one with its feature `std`.
impl<E: Into<io::Error>> From<StartError<E>> for Error {
    fn from(error: StartError<E>) -> Self {
        Self::Start(error.map_rng(Into::into))
    }
}

/// Returns the error for the end of the time to connect: what the last attempt met, if it was made
/// again and again.
#[must_use]
pub fn gave_up(address: Address, last: Option<io::Error>) -> Error {
    match last {
        Some(source) => Error::Unreachable { address, phase: Phase::Connect, source },
        None => Error::TimedOut(Phase::Connect),
    }
}

macro_rules! from {
    ($($source:ty => $variant:ident),* $(,)?) => {$(
        impl From<$source> for Error {
            fn from(source: $source) -> Self {
                Self::$variant(source)
            }
        }
    )*};
}

impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Self {
        match error {
            ProtocolError::Auth(error) => Self::Auth(error),
            ProtocolError::Frame(error) => Self::Frame(error),
            // Whoever knows the step of a handshake tells it.
            _ => Self::Ended,
        }
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        match error {
            SendError::TooLong(error) => Self::TooLong(error),
            // The adapters send nothing before the handshake is done.
            _ => Self::HalfSent,
        }
    }
}

from! {
    AuthError => Auth,
    FrameError => Frame,
    TooLong => TooLong,
    AddressError => Address,
    io::Error => Io,
}

#[cfg(test)]
mod tests;
