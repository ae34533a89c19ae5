//! What a Python program sends, when no Rust type says it.

mod de;
mod ser;

use serde::Serialize;
use serde::de::{DeserializeOwned, Unexpected};

use crate::{Error, Global, Integer, Object, from_slice, integer, to_bytes};

/// Any Python value, exactly: a tuple is not a list here, and a bytearray not bytes.
///
/// It is read and written as other types are, also within them: a struct may have a field of it.
/// What is shared in Python is copied, up to a [limit](crate::MAX_EXPANSION).
///
/// Dropping one recurses as deep as it nests, and so do cloning, comparing and writing it: no more
/// than [`MAX_DEPTH`](crate::MAX_DEPTH) levels of what a peer sends. A [`Pickle`](crate::Pickle) does
/// not.
///
/// ```
/// use mpconn_pickle::{Value, from_slice};
///
/// // pickle.dumps((1, 'two', {3.0: None}))
/// let pickle = b"\x80\x04\x95\x18\0\0\0\0\0\0\0K\x01\x8c\x03two\x94}\x94G@\x08\0\0\0\0\0\0Ns\x87\x94.";
/// let value: Value = from_slice(pickle)?;
/// let dict = Value::Dict(vec![(Value::Float(3.0), Value::None)]);
/// assert_eq!(value, Value::Tuple(vec![Value::Int(1), "two".into(), dict]));
/// # Ok::<(), mpconn_pickle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Value {
    /// `None`.
    #[default]
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An `int` that fits.
    Int(i64),
    /// An `int` that does not fit into an `i64`.
    Long(Integer),
    /// A `float`.
    Float(f64),
    /// A `complex`: the real and the imaginary part.
    Complex(f64, f64),
    /// A `str`.
    Str(String),
    /// A `str` with surrogates, which no Rust string can have: as UTF-8 in which each has three
    /// bytes, Python's `text.encode('utf-8', 'surrogatepass')`.
    Surrogates(Vec<u8>),
    /// `bytes`.
    Bytes(Vec<u8>),
    /// A `bytearray`.
    ByteArray(Vec<u8>),
    /// A `tuple`.
    Tuple(Vec<Value>),
    /// A `list`.
    List(Vec<Value>),
    /// A `dict`, in the order in which Python wrote it.
    Dict(Vec<(Value, Value)>),
    /// A `set`, in the order in which Python wrote it.
    Set(Vec<Value>),
    /// A `frozenset`, in the order in which Python wrote it.
    FrozenSet(Vec<Value>),
    /// A class or a function, which is nothing but a name here.
    Global(Box<Global>),
    /// An object of any class.
    Object(Box<Object>),
}

impl Value {
    /// As a Rust type, as if it had been read from a pickle at once.
    ///
    /// # Errors
    ///
    /// As for [`from_slice`], with offsets in the pickle that [`to_bytes`] makes of it.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, Error> {
        from_slice(&to_bytes(self)?)
    }

    /// What Python would see of a Rust value.
    ///
    /// # Errors
    ///
    /// As for [`to_bytes`], and [`from_slice`]'s limits.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, Error> {
        from_slice(&to_bytes(value)?)
    }

    /// What a dict has for a key that is a str.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Dict(pairs) = self else { return None };
        pairs.iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// The text of a str.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Self::None => Unexpected::Unit,
            Self::Bool(yes) => Unexpected::Bool(*yes),
            Self::Int(number) => Unexpected::Signed(*number),
            Self::Float(number) => Unexpected::Float(*number),
            Self::Str(text) => Unexpected::Str(text),
            Self::Surrogates(bytes) | Self::Bytes(bytes) | Self::ByteArray(bytes) => {
                Unexpected::Bytes(bytes)
            }
            Self::Tuple(_) | Self::List(_) | Self::Set(_) | Self::FrozenSet(_) => Unexpected::Seq,
            Self::Dict(_) => Unexpected::Map,
            Self::Long(_) | Self::Complex(..) | Self::Global(_) | Self::Object(_) => {
                Unexpected::Other("a Python value")
            }
        }
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

/// Beyond an `i64` as [`Value::Long`].
impl From<Integer> for Value {
    fn from(number: Integer) -> Self {
        match integer::to_i64(number.as_le_bytes()) {
            Some(number) => Self::Int(number),
            None => Self::Long(number),
        }
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(Box::new(object))
    }
}

impl From<Global> for Value {
    fn from(global: Global) -> Self {
        Self::Global(Box::new(global))
    }
}
