//! Python's types that serde would not choose by itself, asked for by name.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::form::{self, Formed};

/// `bytes`: of a `Vec<u8>` by default, or a `Cow<[u8]>` that borrows where that is possible. serde
/// would make a list of numbers of either. A `&[u8]` needs nothing around it when it is read.
///
/// It also reads a bytearray, a str's UTF-8, and Python 2's str.
///
/// ```
/// use mpconn_pickle::{Bytes, from_slice, to_bytes};
///
/// let pickle = to_bytes(&Bytes(b"\x00\xff"))?;
/// assert_eq!(from_slice(&pickle), Ok(Bytes(vec![0, 255])));
/// # Ok::<(), mpconn_pickle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Bytes<B = Vec<u8>>(pub B);

impl<B: AsRef<[u8]>> Serialize for Bytes<B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.as_ref())
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Bytes::<Cow<'de, [u8]>>::deserialize(deserializer)?.0.into_owned()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<Cow<'a, [u8]>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(BytesVisitor).map(Self)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Cow<'de, [u8]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(bytes.into())
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(bytes.to_vec().into())
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Self::Value, E> {
        Ok(bytes.into())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(text.as_bytes().into())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(text.as_bytes().to_vec().into())
    }
}

/// A `bytearray`. To read one, take [`Bytes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ByteArray<B>(pub B);

impl<B: AsRef<[u8]>> Serialize for ByteArray<B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Formed(form::BYTE_ARRAY, Bytes(&self.0)).serialize(serializer)
    }
}

/// The next one of the [buffers beside the pickle](crate#large-buffers), in protocol 5: Python's
/// `PickleBuffer` with a `buffer_callback`. To read one, take `&[u8]` or [`Bytes`].
///
/// ```
/// use mpconn_pickle::{Buffer, Decoder, Encoder, Protocol};
///
/// let pickle = Encoder::new().protocol(Protocol::V5).to_bytes(&("name", Buffer))?;
/// let read = Decoder::new().parse_with_buffers(&pickle, [&b"large"[..]])?;
/// assert_eq!(read.to(), Ok(("name", &b"large"[..])));
/// # Ok::<(), mpconn_pickle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Buffer;

impl Serialize for Buffer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Formed(form::BUFFER, ()).serialize(serializer)
    }
}

macro_rules! collection {
    ($name:ident, $form:expr, $python:literal) => {
        #[doc = concat!("A Python `", $python, "` of what this collection has. serde would make a")]
        /// list of it.
        ///
        /// It is read as the collection itself is: from whatever Python has in a row.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name<C>(pub C);

        impl<C> Serialize for $name<C>
        where
            for<'c> &'c C: IntoIterator<Item: Serialize>,
        {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Formed($form, Each(&self.0)).serialize(serializer)
            }
        }

        impl<'de, C: Deserialize<'de>> Deserialize<'de> for $name<C> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                C::deserialize(deserializer).map(Self)
            }
        }
    };
}

collection!(Tuple, form::TUPLE, "tuple");
collection!(Set, form::SET, "set");
collection!(FrozenSet, form::FROZEN_SET, "frozenset");

struct Each<'c, C>(&'c C);

impl<'c, C> Serialize for Each<'c, C>
where
    &'c C: IntoIterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0)
    }
}
