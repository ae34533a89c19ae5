//! What goes wrong with a pickle: one type for reading and writing.

use std::fmt;

use serde::de::{Expected, Unexpected};
use serde::{de, ser};

use crate::Limit;

/// Why a pickle could not be read, or a value not be written.
///
/// Offsets are in bytes from the pickle's beginning, and point at an opcode. Nothing that a peer
/// sent is quoted by this crate: kinds and lengths only. A type's own message, in `Mismatch`, may.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The pickle ends in the middle. Python's `EOFError`, or `pickle data was truncated`.
    Truncated {
        /// Where what is not there was to begin.
        offset: usize,
    },
    /// No pickler writes this. Python's `UnpicklingError`.
    Malformed {
        /// Where.
        offset: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The opcode is unknown, or means what only the program knows that wrote it: persistent ids,
    /// the extension registry, buffers beside the pickle.
    Opcode {
        /// Where.
        offset: usize,
        /// Its byte.
        opcode: u8,
    },
    /// Too much of something. If the peer is trusted with more, raise the limit.
    TooMuch {
        /// Where it went over the limit.
        offset: usize,
        /// Of what.
        limit: Limit,
    },
    /// An object of a class that is not known, and [strictness](crate::Decoder::strict) was asked
    /// for; or one that is made by calling what has no name.
    Foreign {
        /// Where it is called for.
        offset: usize,
    },
    /// The pickle is good, but not what the Rust type takes; or the Rust type refused it.
    Mismatch {
        /// Where the innermost container is made that the value is, or is in; an object's arguments
        /// and attributes are containers too. None when it is written.
        offset: Option<usize>,
        /// What was expected, or the type's own message.
        message: Box<str>,
    },
    /// The Rust value has no form in the protocol that it is to be written in.
    Unwritable(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { offset } => write!(f, "the pickle is cut off at byte {offset}"),
            Self::Malformed { offset, reason } => {
                write!(f, "malformed pickle at byte {offset}: {reason}")
            }
            Self::Opcode { offset, opcode } => {
                write!(
                    f,
                    "the opcode {opcode:#04x} at byte {offset} of the pickle is not supported"
                )
            }
            Self::TooMuch { offset, limit } => {
                write!(f, "over the limit at byte {offset} of the pickle: too many {limit}")
            }
            Self::Foreign { offset } => {
                write!(f, "an object of a class that is not known, at byte {offset} of the pickle")
            }
            Self::Mismatch { offset: Some(offset), message } => {
                write!(f, "{message}, at byte {offset} of the pickle")
            }
            Self::Mismatch { offset: None, message } => f.write_str(message),
            Self::Unwritable(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Unwritable(_) => std::io::ErrorKind::InvalidInput,
            _ => std::io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

impl Error {
    /// serde knows no offsets. The first that is given stays, which is the innermost.
    pub(crate) fn at(mut self, place: usize) -> Self {
        if let Self::Mismatch { offset: offset @ None, .. } = &mut self {
            *offset = Some(place);
        }
        self
    }
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Mismatch { offset: None, message: message.to_string().into() }
    }

    // serde's own texts quote the peer.
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("{}, where {expected} is expected", kind(unexpected)))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("{} that is not {expected}", kind(unexpected)))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let length = variant.len();
        Self::custom(format_args!("unknown variant of {length} bytes; there are {expected:?}"))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let length = field.len();
        Self::custom(format_args!("unknown field of {length} bytes; there are {expected:?}"))
    }
}

fn kind(unexpected: Unexpected<'_>) -> &'static str {
    match unexpected {
        Unexpected::Bool(_) => "a bool",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an int",
        Unexpected::Float(_) => "a float",
        Unexpected::Char(_) | Unexpected::Str(_) => "a str",
        Unexpected::Bytes(_) => "bytes",
        Unexpected::Unit => "None",
        Unexpected::Option | Unexpected::NewtypeStruct => "a value",
        Unexpected::Seq => "a sequence",
        Unexpected::Map => "a dict",
        Unexpected::Enum
        | Unexpected::UnitVariant
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant => "a variant",
        Unexpected::Other(_) => "another kind of value",
    }
}

impl ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        de::Error::custom(message)
    }
}
