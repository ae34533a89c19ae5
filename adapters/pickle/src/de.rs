//! serde's side of reading: a [`Reader`] is a node of the graph as serde wants it.

mod access;
pub(crate) mod exact;
mod object;

use std::borrow::Cow;
use std::str;

use serde::de::value::{BorrowedStrDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error as _, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use crate::content::{self, Content, Positional};
use crate::describe::describe;
use crate::graph::{Node, Object};
use crate::limits::NODE_COST;
use crate::numbers::Numbers;
use crate::pickle::Place;
use crate::{Error, Limit, Pickle, form, integer, known};
use access::{Chosen, Pairs, Sequence, Variant};

/// How many options and newtypes may be around one value. Types have a few.
pub(crate) const MAX_WRAPPERS: u8 = 64;

/// A value to be read, so many containers deep.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'r, 'a> {
    pickle: &'r Pickle<'a>,
    node: Node,
    depth: u32,
    /// How many options and newtypes were entered since, which are no level of the data.
    wrappers: u8,
    /// Of the container that it is in.
    offset: usize,
    /// Whether objects of classes that are not known are an error.
    strict: bool,
}

impl<'r, 'a> Reader<'r, 'a> {
    pub(crate) fn new(pickle: &'r Pickle<'a>, node: Node, offset: usize) -> Self {
        Self { pickle, node, depth: 0, wrappers: 0, offset, strict: pickle.strict }
    }

    /// Says of an error without a place that this value is what was refused.
    #[cold]
    pub(crate) fn locate_at(self, place: Place, error: Error) -> Error {
        let graph = &self.pickle.graph;
        let offset = || match graph.offset_of(self.node) {
            Some(offset) => offset,
            None => self.pickle.origin(place),
        };
        error.found(|| describe(graph, self.node)).at(offset)
    }

    /// Returns `false` for bytes, which serde's types for text take too. Python 2 has one type for both;
    /// no Python writes a pickle with bytes of Python 2 and of Python 3.
    fn is_text(self) -> bool {
        let graph = &self.pickle.graph;
        match self.node {
            Node::Bytes(_) => graph.has_python2_str && !graph.has_python3_bytes,
            Node::ByteArray(_) => false,
            _ => true,
        }
    }

    fn is_numpy_bytes(self, object: u32) -> bool {
        let graph = &self.pickle.graph;
        let number = Numbers::of_scalar(graph, &graph.objects[object as usize]);
        number.is_some_and(|number| number.is_bytes())
    }

    /// Returns `true` for an exception.
    fn is_exception(self) -> bool {
        let graph = &self.pickle.graph;
        match self.node {
            Node::Object(object) => content::is_exception(graph, &graph.objects[object as usize]),
            _ => false,
        }
    }

    /// Returns `true` for a `Result` as serde writes it: a dict whose only key is the variant.
    fn is_result(self) -> bool {
        let graph = &self.pickle.graph;
        let Node::Dict(pairs) = self.node else { return false };
        let Some([name, _]) = graph.items(pairs).two() else { return false };
        matches!(graph.raw(name), Some(b"Ok" | b"Err"))
    }

    /// The error for a value that is not what the type takes.
    fn mismatch(self, expected: &dyn Expected) -> Error {
        let graph = &self.pickle.graph;
        let found = describe(graph, self.node);
        let error = Error::invalid_type(Unexpected::Other(&found), expected).found(|| found);
        match graph.offset_of(self.node) {
            Some(offset) => error.at(|| offset),
            None => error,
        }
    }

    /// The values of a container. They are paid for here, all of them.
    fn items(self, container: u32) -> Result<Sequence<'r, 'a>, Error> {
        let inside = self.inside(self.pickle.graph.offset(container))?;
        let items = self.pickle.graph.items(container);
        self.pickle.charge((items.len() as u64 + 1) * NODE_COST, inside.offset)?;
        Ok(Sequence { items, container, inside })
    }

    /// One level deeper.
    fn inside(self, offset: usize) -> Result<Self, Error> {
        if self.depth == self.pickle.max_depth() {
            return Err(Error::TooMuch { offset, limit: Limit::Depth });
        }
        Ok(Self { depth: self.depth + 1, wrappers: 0, offset, ..self })
    }

    /// Into an option or a newtype: a type that contains itself could go on without any data.
    fn unwrapped(self) -> Result<Self, Error> {
        if self.wrappers == MAX_WRAPPERS {
            return Err(Error::TooMuch { offset: self.offset, limit: Limit::Depth });
        }
        Ok(Self { wrappers: self.wrappers + 1, ..self })
    }

    fn visit_items<V: Visitor<'a>>(self, container: u32, visitor: V) -> Result<V::Value, Error> {
        let mut sequence = self.items(container)?;
        let value = visitor.visit_seq(&mut sequence)?;
        match sequence.items.len() {
            0 => Ok(value),
            left => Err(Error::custom(format_args!("a sequence with {left} values too many"))),
        }
    }

    fn visit_pairs<V: Visitor<'a>>(self, container: u32, visitor: V) -> Result<V::Value, Error> {
        let sequence = self.items(container)?;
        visitor.visit_map(Pairs { sequence, more: None, key: Node::None })
    }

    #[inline]
    fn visit_str<V: Visitor<'a>>(self, number: u32, visitor: V) -> Result<V::Value, Error> {
        let text = self.pickle.graph.str(number);
        self.pickle.charge(text.len() as u64, self.offset)?;
        match text {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_str(text),
        }
    }

    /// Text that is not plainly a str.
    #[inline(never)]
    fn visit_text<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node {
            Node::Object(number) if self.is_numpy_bytes(number) => Err(self.mismatch(&visitor)),
            Node::Object(number) => self.visit_object(number, visitor, Self::deserialize_str),
            _ if self.is_text() => self.deserialize_any(visitor),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn visit_bytes<V: Visitor<'a>>(self, number: u32, visitor: V) -> Result<V::Value, Error> {
        match self.bytes(number)? {
            Cow::Borrowed(bytes) => visitor.visit_borrowed_bytes(bytes),
            Cow::Owned(bytes) => visitor.visit_bytes(bytes),
        }
    }

    fn bytes(self, number: u32) -> Result<&'r Cow<'a, [u8]>, Error> {
        let bytes = &self.pickle.graph.bytes[number as usize];
        self.pickle.charge(bytes.len() as u64, self.offset)?;
        Ok(bytes)
    }

    fn visit_long<V: Visitor<'a>>(self, number: u32, visitor: V) -> Result<V::Value, Error> {
        let bytes = &self.pickle.graph.bytes[number as usize];
        if let Some(number) = integer::to_i128(bytes) {
            return match (i64::try_from(number), u64::try_from(number)) {
                (Ok(number), _) => visitor.visit_i64(number),
                (_, Ok(number)) => visitor.visit_u64(number),
                _ => visitor.visit_i128(number),
            };
        }
        match known::to_u128(bytes) {
            Some(number) => visitor.visit_u128(number),
            None => Err(Error::invalid_type(Unexpected::Other("a long int"), &visitor)),
        }
    }

    /// A name by itself. Those of Python's own, as `int`, are no reason for being strict.
    fn global(self, number: u32) -> Result<(&'r str, &'r str), Error> {
        let graph = &self.pickle.graph;
        let (module, name) = graph.name(number);
        if self.strict && module != "builtins" {
            let offset = graph.globals[number as usize].offset as usize;
            let found = describe(graph, Node::Global(number)).into();
            return Err(Error::Foreign { offset, found });
        }
        Ok((module, name))
    }
}

/// Without the way through all kinds that a number is not.
macro_rules! deserialize_numbers {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.node {
                Node::Int(number) => visitor.visit_i64(number.into()),
                Node::Float(number) => {
                    visitor.visit_f64(self.pickle.graph.floats[number as usize])
                }
                Node::Bool(yes) => visitor.visit_bool(yes),
                _ => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'a> Deserializer<'a> for Reader<'_, 'a> {
    type Error = Error;

    deserialize_numbers! {
        deserialize_bool deserialize_f32 deserialize_f64
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node {
            Node::None | Node::Unset => visitor.visit_unit(),
            Node::Bool(yes) => visitor.visit_bool(yes),
            Node::Int(number) => visitor.visit_i64(number.into()),
            Node::Long(number) => self.visit_long(number, visitor),
            Node::Float(number) => visitor.visit_f64(self.pickle.graph.floats[number as usize]),
            Node::Complex(number) => {
                let parts = &self.pickle.graph.floats[number as usize..][..2];
                SeqDeserializer::new(parts.iter().copied()).deserialize_any(visitor)
            }
            Node::Str(number) => self.visit_str(number, visitor),
            Node::Surrogates(number) | Node::Bytes(number) | Node::ByteArray(number) => {
                self.visit_bytes(number, visitor)
            }
            Node::Tuple(items) | Node::List(items) | Node::Set(items) | Node::FrozenSet(items) => {
                self.visit_items(items, visitor)
            }
            Node::Dict(pairs) => self.visit_pairs(pairs, visitor),
            Node::Global(number) => {
                let (module, name) = self.global(number)?;
                self.pickle.charge((module.len() + name.len()) as u64, self.offset)?;
                visitor.visit_string(match (module, name) {
                    // Constants, of which Python pickles the name.
                    ("builtins", "Ellipsis" | "NotImplemented") => name.to_owned(),
                    _ => format!("{module}.{name}"),
                })
            }
            Node::Object(number) => self.visit_object(number, visitor, Self::deserialize_any),
        }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node {
            Node::None => visitor.visit_none(),
            _ => visitor.visit_some(self.unwrapped()?),
        }
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node {
            // For `Vec<u8>` and its like, which do not know of bytes.
            Node::Bytes(number) | Node::ByteArray(number) => {
                let bytes = self.bytes(number)?;
                self.pickle.charge(bytes.len() as u64 * NODE_COST, self.offset)?;
                SeqDeserializer::new(bytes.iter().copied()).deserialize_any(visitor)
            }
            Node::Object(number) => self.visit_object_as_seq(number, visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    #[inline]
    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node {
            Node::Str(number) => self.visit_str(number, visitor),
            _ => self.visit_text(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node {
            Node::Object(number) if self.is_numpy_bytes(number) => self.deserialize_any(visitor),
            Node::Object(number) => match self.wrapped(number)? {
                Some(value) => value.deserialize_bytes(visitor),
                None => Err(self.mismatch(&visitor)),
            },
            // Its name is no text that Python would encode.
            Node::Global(_) => Err(self.mismatch(&visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node {
            Node::Dict(pairs) => self.visit_pairs(pairs, visitor),
            Node::Object(number) => self.visit_object_as_map(number, visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match name {
            form::VALUE => self.visit_exactly(visitor),
            #[cfg(feature = "numpy")]
            form::ND_ARRAY => self.visit_array(visitor),
            form::REPLY => visitor.visit_enum(Chosen::of(self.unwrapped()?)),
            _ => visitor.visit_newtype_struct(self.unwrapped()?),
        }
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == "Result" && variants == ["Ok", "Err"] && !self.is_result() {
            return visitor.visit_enum(Chosen::of(self.unwrapped()?));
        }
        match self.node {
            Node::Str(number) => match self.pickle.graph.str(number) {
                Cow::Borrowed(name) => visitor.visit_enum(BorrowedStrDeserializer::new(name)),
                Cow::Owned(name) => visitor.visit_enum(StrDeserializer::new(name)),
            },
            Node::Bytes(number) if self.is_text() => match str::from_utf8(self.bytes(number)?) {
                Ok(name) => visitor.visit_enum(IntoDeserializer::<Error>::into_deserializer(name)),
                Err(_) => Err(Error::invalid_type(Unexpected::Bytes(&[]), &visitor)),
            },
            Node::Dict(pairs) => {
                let Sequence { items, inside, container, .. } = self.items(pairs)?;
                let [name, content] = items.two().ok_or_else(|| {
                    Error::custom("a dict without exactly one key, where that is a variant's name")
                })?;
                let inside = |node| Self { node, ..inside };
                let (name, content) = (inside(name), inside(content));
                visitor.visit_enum(Variant { name, content, container })
            }
            Node::Object(number) => match self.wrapped(number)? {
                Some(value) => value.deserialize_enum(name, variants, visitor),
                None => Err(self.mismatch(&visitor)),
            },
            _ => Err(self.mismatch(&"a variant: a str, or a dict with that as its only key")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        unit unit_struct
    }
}
