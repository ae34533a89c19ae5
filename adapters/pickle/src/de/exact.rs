//! A value exactly as Python has it, for [`Value`](crate::Value): what serde has no word for comes
//! as a variant of these.

use std::array;

use serde::de::value::U8Deserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, SeqAccess, VariantAccess, Visitor};

use super::Reader;
use crate::graph::{Global, Node, Object};
use crate::{Error, integer};

pub(crate) const LONG: u8 = 0;
pub(crate) const SURROGATES: u8 = 1;
pub(crate) const BYTE_ARRAY: u8 = 2;
pub(crate) const COMPLEX: u8 = 3;
pub(crate) const TUPLE: u8 = 4;
pub(crate) const SET: u8 = 5;
pub(crate) const FROZEN_SET: u8 = 6;
pub(crate) const GLOBAL: u8 = 7;
pub(crate) const OBJECT: u8 = 8;

impl<'a> Reader<'_, 'a> {
    pub(super) fn visit_exactly<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        let graph = &self.pickle.graph;
        let (kind, node) = match self.node {
            Node::Long(number) => match integer::to_i64(&graph.bytes[number as usize]) {
                Some(_) => return self.deserialize_any(visitor),
                None => (LONG, Node::Bytes(number)),
            },
            Node::Surrogates(number) => (SURROGATES, Node::Bytes(number)),
            Node::ByteArray(number) => (BYTE_ARRAY, Node::Bytes(number)),
            Node::Complex(_) => (COMPLEX, self.node),
            Node::Tuple(_) => (TUPLE, self.node),
            Node::Set(_) => (SET, self.node),
            Node::FrozenSet(_) => (FROZEN_SET, self.node),
            Node::Global(_) => (GLOBAL, self.node),
            Node::Object(_) => (OBJECT, self.node),
            _ => return self.deserialize_any(visitor),
        };
        visitor.visit_enum(Exactly { kind, reader: Self { node, ..self } })
    }

    /// What a [`Global`](crate::Global) or an [`Object`](crate::Object) is made of, in its order.
    fn visit_fields<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        let graph = &self.pickle.graph;
        match self.node {
            Node::Global(number) => {
                self.global(number)?;
                let Global { module, name, .. } = graph.globals[number as usize];
                let nodes = [Node::Str(module), Node::Str(name)];
                visitor.visit_seq(Fields { class: None, nodes: nodes.into_iter(), reader: self })
            }
            Node::Object(number) => {
                let Object { class, is_new, args, kwargs, items, pairs, state, offset } =
                    *self.object(number)?.0;
                let nodes = [
                    Node::Bool(is_new),
                    Node::Tuple(args),
                    kwargs.map_or(Node::None, Node::Dict),
                    items.map_or(Node::None, Node::List),
                    pairs.map_or(Node::None, Node::Dict),
                    state.unwrap_or(Node::None),
                ];
                let reader = self.inside(offset as usize)?;
                visitor.visit_seq(Fields { class: Some(class), nodes: nodes.into_iter(), reader })
            }
            _ => self.deserialize_seq(visitor),
        }
    }
}

struct Exactly<'r, 'a> {
    kind: u8,
    reader: Reader<'r, 'a>,
}

impl<'a> EnumAccess<'a> for Exactly<'_, 'a> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'a>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        Ok((seed.deserialize(U8Deserializer::new(self.kind))?, self))
    }
}

impl<'a> VariantAccess<'a> for Exactly<'_, 'a> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.reader.visit_fields(visitor)
    }

    fn struct_variant<V: Visitor<'a>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.reader.visit_fields(visitor)
    }
}

struct Fields<'r, 'a, const N: usize> {
    /// The first field of an object.
    class: Option<Node>,
    nodes: array::IntoIter<Node, N>,
    reader: Reader<'r, 'a>,
}

impl<'a, const N: usize> SeqAccess<'a> for Fields<'_, 'a, N> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        if let Some(node) = self.class.take() {
            // The object was not refused, so its class is not either.
            let class = Reader { node, strict: false, ..self.reader };
            return Ok(Some(seed.deserialize(class)?));
        }
        match self.nodes.next() {
            Some(node) => Ok(Some(seed.deserialize(Reader { node, ..self.reader })?)),
            None => Ok(None),
        }
    }
}
