//! What is in a container, one after the other.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

use super::Reader;
use crate::Error;
use crate::graph::{Items, Node};

pub(super) struct Sequence<'r, 'a> {
    pub(super) items: Items<'r>,
    /// A value in it, whichever.
    pub(super) inside: Reader<'r, 'a>,
}

impl<'r, 'a> Sequence<'r, 'a> {
    #[inline]
    fn next(&mut self) -> Option<Reader<'r, 'a>> {
        let node = self.items.next()?;
        Some(Reader { node, ..self.inside })
    }
}

impl<'a> SeqAccess<'a> for &mut Sequence<'_, 'a> {
    type Error = Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        // No closures: each is a frame more for a level of nesting, without optimisation.
        match self.next() {
            Some(value) => Ok(Some(seed.deserialize(value)?)),
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

pub(super) struct Pairs<'r, 'a> {
    pub(super) sequence: Sequence<'r, 'a>,
}

impl<'a> MapAccess<'a> for Pairs<'_, 'a> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        match self.sequence.next() {
            Some(key) => Ok(Some(seed.deserialize(key)?)),
            None => Ok(None),
        }
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Error> {
        // The machine lets no key in without a value.
        let value = self.sequence.next().ok_or_else(|| Error::custom("a key without a value"))?;
        seed.deserialize(value)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.sequence.items.len() / 2)
    }
}

/// A variant with content: `{name: content}`.
pub(super) struct Variant<'r, 'a> {
    pub(super) name: Reader<'r, 'a>,
    pub(super) content: Reader<'r, 'a>,
}

impl<'r, 'a> EnumAccess<'a> for Variant<'r, 'a> {
    type Error = Error;
    type Variant = Content<'r, 'a>;

    fn variant_seed<V: DeserializeSeed<'a>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), Error> {
        Ok((seed.deserialize(self.name)?, Content(self.content)))
    }
}

pub(super) struct Content<'r, 'a>(Reader<'r, 'a>);

impl<'a> VariantAccess<'a> for Content<'_, 'a> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.0.node {
            Node::None => Ok(()),
            _ => Err(Error::invalid_type(Unexpected::NewtypeVariant, &"a variant without content")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.0.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'a>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_map(visitor)
    }
}
