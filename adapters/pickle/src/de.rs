//! serde's side of reading: a [`Reader`] is a node of the graph as serde wants it.

mod access;
pub(crate) mod exact;

use std::borrow::Cow;
use std::str;

use serde::de::value::{BorrowedStrDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use crate::graph::{Node, Object};
use crate::limits::NODE_COST;
use crate::{Error, Limit, Pickle, form, integer, known};
use access::{Pairs, Sequence, Variant};

/// A value to be read, so many containers deep.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'r, 'a> {
    pickle: &'r Pickle<'a>,
    node: Node,
    depth: u32,
    /// Of the container that it is in.
    offset: usize,
}

impl<'r, 'a> Reader<'r, 'a> {
    pub(crate) fn new(pickle: &'r Pickle<'a>, node: Node, offset: usize) -> Self {
        Self { pickle, node, depth: 0, offset }
    }

    /// The values of a container. They are paid for here, all of them.
    fn items(self, container: u32) -> Result<Sequence<'r, 'a>, Error> {
        let inside = self.inside(self.pickle.graph.offset(container))?;
        let items = self.pickle.graph.items(container);
        self.pickle.charge((items.len() as u64 + 1) * NODE_COST, inside.offset)?;
        Ok(Sequence { items, inside })
    }

    /// One level deeper.
    fn inside(self, offset: usize) -> Result<Self, Error> {
        if self.depth == self.pickle.depth {
            return Err(Error::TooMuch { offset, limit: Limit::Depth });
        }
        Ok(Self { depth: self.depth + 1, offset, ..self })
    }

    fn visit_items<V: Visitor<'a>>(self, container: u32, visitor: V) -> Result<V::Value, Error> {
        let mut sequence = self.items(container)?;
        let offset = sequence.inside.offset;
        let value = visitor.visit_seq(&mut sequence).map_err(|error| error.at(offset))?;
        match sequence.items.len() {
            0 => Ok(value),
            left => {
                let error = Error::custom(format_args!("a sequence with {left} values too many"));
                Err(error.at(offset))
            }
        }
    }

    fn visit_pairs<V: Visitor<'a>>(self, container: u32, visitor: V) -> Result<V::Value, Error> {
        let sequence = self.items(container)?;
        let offset = sequence.inside.offset;
        visitor.visit_map(Pairs { sequence }).map_err(|error| error.at(offset))
    }

    fn visit_str<V: Visitor<'a>>(self, number: u32, visitor: V) -> Result<V::Value, Error> {
        let text = self.pickle.graph.str(number);
        self.pickle.charge(text.len() as u64, self.offset)?;
        match text {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_str(text),
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
        if self.pickle.strict && module != "builtins" {
            return Err(Error::Foreign { offset: graph.globals[number as usize].offset as usize });
        }
        Ok((module, name))
    }

    /// An object, as which something is wanted. Known ones may also be text.
    fn object(self, number: u32) -> Result<&'r Object, Error> {
        let graph = &self.pickle.graph;
        let object = &graph.objects[number as usize];
        let offset = object.offset as usize;
        let args = graph.items(object.args);
        self.pickle.charge((args.len() as u64 + 1) * NODE_COST, offset)?;
        let lengths = args.filter_map(|arg| graph.raw(arg)).map(|raw| raw.len() as u64);
        self.pickle.charge(lengths.sum(), offset)?;
        if self.pickle.strict && !known::is_known(graph, object) {
            return Err(Error::Foreign { offset });
        }
        Ok(object)
    }

    fn visit_object<V: Visitor<'a>>(self, object: &Object, visitor: V) -> Result<V::Value, Error> {
        if let Some(text) = known::text(&self.pickle.graph, object) {
            return visitor.visit_string(text);
        }
        match *object {
            Object { pairs: Some(pairs), .. } => self.visit_pairs(pairs, visitor),
            Object { items: Some(items), .. } => self.visit_items(items, visitor),
            _ => match self.attributes(object) {
                Some(attributes) => self.visit_pairs(attributes, visitor),
                None => self.visit_items(object.args, visitor),
            },
        }
    }

    /// Python's `vars()` of an object; its slots, if it has those in their place.
    fn attributes(self, object: &Object) -> Option<u32> {
        match object.state? {
            Node::Dict(attributes) => Some(attributes),
            Node::Tuple(both) => match self.pickle.graph.items(both).two()? {
                [Node::None, Node::Dict(slots)] => Some(slots),
                _ => None,
            },
            _ => None,
        }
    }
}

impl<'a> Deserializer<'a> for Reader<'_, 'a> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node {
            Node::None | Node::Unset => visitor.visit_unit(),
            Node::Bool(yes) => visitor.visit_bool(yes),
            Node::Int(number) => visitor.visit_i64(number.into()),
            Node::Long(number) => self.visit_long(number, visitor),
            Node::Float(number) => visitor.visit_f64(self.pickle.graph.floats[number as usize]),
            Node::Complex(number) => {
                let parts = &self.pickle.graph.floats[number as usize..][..2];
                visitor.visit_seq(SeqDeserializer::new(parts.iter().copied()))
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
                visitor.visit_string(format!("{module}.{name}"))
            }
            Node::Object(number) => self.visit_object(self.object(number)?, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node {
            Node::None => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node {
            // For `Vec<u8>` and its like, which do not know of bytes.
            Node::Bytes(number) | Node::ByteArray(number) => {
                let bytes = self.bytes(number)?;
                self.pickle.charge(bytes.len() as u64 * NODE_COST, self.offset)?;
                visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied()))
            }
            Node::Object(number) => {
                let object = self.object(number)?;
                self.visit_items(object.items.unwrap_or(object.args), visitor)
            }
            _ => self.deserialize_any(visitor),
        }
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

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        let Node::Object(number) = self.node else { return self.deserialize_any(visitor) };
        let object = self.object(number)?;
        match object.pairs.or_else(|| self.attributes(object)) {
            Some(pairs) => self.visit_pairs(pairs, visitor),
            None => self.visit_object(object, visitor),
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
        if name == form::VALUE {
            self.visit_exactly(visitor)
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.node {
            Node::Str(number) => match self.pickle.graph.str(number) {
                Cow::Borrowed(name) => visitor.visit_enum(BorrowedStrDeserializer::new(name)),
                Cow::Owned(name) => visitor.visit_enum(StrDeserializer::new(name)),
            },
            Node::Bytes(number) => match str::from_utf8(self.bytes(number)?) {
                Ok(name) => visitor.visit_enum(IntoDeserializer::<Error>::into_deserializer(name)),
                Err(_) => Err(Error::invalid_type(Unexpected::Bytes(&[]), &visitor)),
            },
            Node::Dict(pairs) => {
                let Sequence { items, inside } = self.items(pairs)?;
                let offset = inside.offset;
                let [name, content] = items.two().ok_or_else(|| {
                    Error::custom("a dict without exactly one key, where that is a variant's name")
                        .at(offset)
                })?;
                let inside = |node| Self { node, ..inside };
                let variant = Variant { name: inside(name), content: inside(content) };
                visitor.visit_enum(variant).map_err(|error| error.at(offset))
            }
            _ => Err(Error::custom("a variant is a str, or a dict with that as its only key")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct identifier
    }
}
