use core::fmt;

use super::{Dialect, MAX_MESSAGE};
use crate::frame::FrameError;

/// Why the peer is not authenticated. Always the peer's doing, or a matter of two keys: Python
/// raises `AuthenticationError`, save for a message that is too long (`OSError`).
///
/// It holds lengths and kinds, never bytes of the peer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthError {
    /// A handshake message is longer than 256 bytes.
    MessageTooLong {
        /// Its bytes.
        length: usize,
    },
    /// The peer does not speak this protocol: its first bytes are those of another one.
    OtherProtocol(OtherProtocol),
    /// The peer sent a challenge over a connection without a key: it asks for one.
    KeyWanted,
    /// A challenge was expected, and this is none. A peer without a key sends its first message
    /// here.
    NotAChallenge,
    /// A challenge of fewer than 20 bytes.
    ChallengeTooShort {
        /// Its bytes after `#CHALLENGE#`.
        length: usize,
    },
    /// A challenge of more than 20 bytes that begins with none of the five digests.
    UnknownDigest,
    /// A challenge with a client's mark came to a client: somebody plays one client off against
    /// another.
    Reflected,
    /// A response with neither the length nor the prefix of one.
    UnknownResponse,
    /// A response in a known form that is not the expected one: another key, or none.
    WrongResponse,
    /// The policy refuses this dialect.
    Refused(Dialect),
    /// The peer says that our response is wrong.
    Rejected {
        /// How we answered.
        answered: Dialect,
    },
    /// The peer said something other than `#WELCOME#` or `#FAILURE#` to our response, which is a
    /// rejection all the same.
    NotAVerdict,
}

/// What a peer speaks in place of this protocol, as far as four bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OtherProtocol {
    /// HTTP: `GET `, `POST` and the like, or `HTTP`.
    Http,
    /// TLS: a handshake record.
    Tls,
    /// SSH: `SSH-`.
    Ssh,
    /// Lines of text, as Redis, SMTP and telnet have them.
    Text,
    /// A protocol whose messages begin with their length, least byte first.
    LittleEndian,
}

impl OtherProtocol {
    /// Returns what the peer speaks, if this error of its first message tells: its first four bytes were
    /// taken for a length.
    #[must_use]
    pub fn behind(error: &FrameError) -> Option<Self> {
        match *error {
            FrameError::TooLong { length, .. } => {
                Self::of(i32::try_from(length).ok()?.to_be_bytes())
            }
            FrameError::InvalidLength(length) => Self::of(length.to_be_bytes()),
            _ => None,
        }
    }

    /// Tells by what should have been the header of a message.
    pub(crate) fn of(header: [u8; 4]) -> Option<Self> {
        let is_text = |byte: &u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\r' | b'\n');
        Some(match &header {
            b"GET " | b"POST" | b"HEAD" | b"PUT " | b"DELE" | b"OPTI" | b"CONN" | b"TRAC"
            | b"PATC" | b"PRI " | b"HTTP" => Self::Http,
            b"SSH-" => Self::Ssh,
            // An alert or a handshake, and the version that all of TLS have in common.
            [0x15 | 0x16, 0x03, _, _] => Self::Tls,
            // As long as the messages of a handshake are.
            [16..=80, 0, 0, 0] => Self::LittleEndian,
            header if header.iter().all(is_text) => Self::Text,
            _ => return None,
        })
    }
}

impl fmt::Display for OtherProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "HTTP",
            Self::Tls => "TLS",
            Self::Ssh => "SSH",
            Self::Text => "a protocol of text",
            Self::LittleEndian => "a protocol with little-endian lengths",
        })
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MessageTooLong { length } => write!(
                f,
                "the peer sent a handshake message of {length} bytes, and the limit is \
                 {MAX_MESSAGE}: it is not a multiprocessing connection, or has no key"
            ),
            Self::OtherProtocol(protocol) => {
                write!(f, "the peer speaks {protocol}, and not multiprocessing's protocol")
            }
            Self::KeyWanted => f.write_str(
                "the peer sent a challenge: it asks for a key, and this connection has none",
            ),
            Self::NotAChallenge => f.write_str(
                "expected a challenge, and the peer sent something else: it may have no key, or speak \
                 another protocol",
            ),
            Self::ChallengeTooShort { length } => {
                write!(f, "the peer's challenge has {length} bytes, and 20 are the least")
            }
            Self::UnknownDigest => f.write_str(
                "the peer's challenge names no digest among md5, sha256, sha384, sha3_256, sha3_384",
            ),
            Self::Reflected => f.write_str(
                "the listener passed on another client's challenge: it does not hold the key",
            ),
            Self::UnknownResponse => f.write_str(
                "the peer's response is in no known form: it may have no key, use another digest, or \
                 speak another protocol",
            ),
            Self::WrongResponse => {
                f.write_str("the peer's response is wrong: check that both sides have the same key")
            }
            Self::Refused(Dialect::RawMd5) => f.write_str(
                "the peer is a Python up to 3.11, and the policy refuses raw md5: use Policy::COMPAT, or \
                 Policy::raw_sha256 for a listener of the RHEL family",
            ),
            Self::Refused(dialect) => write!(
                f,
                "the peer uses {dialect}, which the policy refuses: use Policy::COMPAT to accept it"
            ),
            Self::Rejected { answered } => {
                f.write_str(
                    "the peer rejected our response: check that both sides have the same key",
                )?;
                match answered {
                    Dialect::RawMd5 => f.write_str(
                        "; if it is a Python up to 3.11 of the RHEL family, set Policy::raw_sha256",
                    ),
                    Dialect::RawSha256 => f.write_str(
                        "; if it is not a Python of the RHEL family, leave Policy::raw_sha256 out",
                    ),
                    Dialect::Prefixed(_) => Ok(()),
                }
            }
            Self::NotAVerdict => {
                f.write_str("the peer answered our response with neither welcome nor failure")
            }
        }
    }
}

impl core::error::Error for AuthError {}

/// Why a handshake cannot begin: the caller's key, or its generator of random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError<E> {
    /// The key is empty. CPython up to 3.12.1 then lets everyone in.
    EmptyKey,
    /// The generator failed. No challenge is made from what it may have left.
    Rng(E),
}

impl<E> StartError<E> {
    /// Converts the error of the generator.
    pub fn map_rng<F>(self, convert: impl FnOnce(E) -> F) -> StartError<F> {
        match self {
            Self::EmptyKey => StartError::EmptyKey,
            Self::Rng(error) => StartError::Rng(convert(error)),
        }
    }
}

impl<E> fmt::Display for StartError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyKey => {
                "the key is empty: set one, or ask for it with Policy::allow_empty_key"
            }
            Self::Rng(_) => "no random bytes for a challenge",
        })
    }
}

impl<E: core::error::Error + 'static> core::error::Error for StartError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::EmptyKey => None,
            Self::Rng(error) => Some(error),
        }
    }
}
