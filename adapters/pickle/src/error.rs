//! What goes wrong with a pickle: one type for reading and writing.

use std::fmt;

use serde::de::{Expected, Unexpected};
use serde::{de, ser};

use crate::Limit;

/// Why a pickle could not be read, or a value not be written.
///
/// Offsets are in bytes from the pickle's beginning, and point at an opcode. Of what a peer sent, an
/// error quotes the names of classes, time zones and fields, with control characters escaped and cut off
/// at 64 characters; of other values it says the kind and the length. A type's own message, in
/// `Mismatch`, may say more.
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
    /// The opcode is unknown, or means what only the program knows that wrote it: persistent ids and
    /// the extension registry.
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
    /// for.
    Foreign {
        /// Where it is called for.
        offset: usize,
        /// What it is.
        found: Box<str>,
    },
    /// The message is no pickle.
    NotPickle {
        /// What it looks like.
        like: &'static str,
    },
    /// The pickle is good, but not what the Rust type takes; or the Rust type refused it.
    Mismatch(Box<Mismatch>),
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
            Self::Foreign { offset, found } => {
                write!(f, "{found}, which is not known, at byte {offset} of the pickle")
            }
            Self::NotPickle { like } => write!(f, "the message is no pickle; it looks like {like}"),
            Self::Mismatch(mismatch) => mismatch.fmt(f),
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

/// What a Rust type did not take, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Every step has its sign, the first one too.
    path: String,
    offset: Option<usize>,
    /// Of the message, so many bytes are serde's name for what was found, which is not Python's.
    found: usize,
    message: String,
}

impl Mismatch {
    /// Returns the fields and indexes that lead to the value: `jobs[3].sizes[0]`. Empty for the value
    /// that was pickled itself, and when it is written.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path.strip_prefix('.').unwrap_or(&self.path)
    }

    /// Returns where the value is made in the pickle, in bytes. `None` when it is written.
    #[must_use]
    pub fn offset(&self) -> Option<usize> {
        self.offset
    }

    /// Returns what was found and what was expected, or the type's own message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path())?;
        }
        f.write_str(&self.message)?;
        match self.offset {
            Some(offset) => write!(f, ", at byte {offset} of the pickle"),
            None => Ok(()),
        }
    }
}

impl Error {
    /// Says where a value is that was refused. The first call counts, which is for the innermost one.
    pub(crate) fn at(mut self, offset: impl FnOnce() -> usize) -> Self {
        if let Self::Mismatch(mismatch) = &mut self {
            mismatch.offset.get_or_insert_with(offset);
        }
        self
    }

    /// Says what a value is that was refused. The first call counts.
    pub(crate) fn found(mut self, found: impl FnOnce() -> String) -> Self {
        if let Self::Mismatch(mismatch) = &mut self {
            if mismatch.found > 0 {
                mismatch.message.replace_range(..mismatch.found, &found());
                mismatch.found = 0;
            }
        }
        self
    }

    /// Says in what that value is: `[3]` or `.name`.
    pub(crate) fn within(mut self, step: &str) -> Self {
        if let Self::Mismatch(mismatch) = &mut self {
            mismatch.path.insert_str(0, step);
        }
        self
    }

    fn mismatch(found: &str, rest: fmt::Arguments<'_>) -> Self {
        Self::Mismatch(Box::new(Mismatch {
            path: String::new(),
            offset: None,
            found: found.len(),
            message: format!("{found}{rest}"),
        }))
    }
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::mismatch("", format_args!("{message}"))
    }

    // serde's own texts quote the peer.
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::mismatch(kind(unexpected), format_args!(", where {expected} is expected"))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::mismatch(kind(unexpected), format_args!(" that is not {expected}"))
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

fn kind(unexpected: Unexpected<'_>) -> &str {
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
        Unexpected::Other(found) => found,
    }
}

impl ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        de::Error::custom(message)
    }
}
