//! What is in a container, one after the other.

use serde::de::value::U8Deserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

use super::Reader;
use crate::Error;
use crate::describe::step;
use crate::graph::{Items, Node};
use crate::pickle::Place;

pub(super) struct Sequence<'r, 'a> {
    pub(super) items: Items<'r>,
    /// Of which they are the rest.
    pub(super) container: u32,
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
            Some(value) => match seed.deserialize(value) {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(self.at_last(value, error)),
            },
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

impl<'r, 'a> Sequence<'r, 'a> {
    #[cold]
    fn at_last(&self, value: Reader<'r, 'a>, error: Error) -> Error {
        self.locate(value, error).within(&format!("[{}]", self.last()))
    }

    /// Says of an error of the last value where that is.
    fn locate(&self, value: Reader<'r, 'a>, error: Error) -> Error {
        value.locate_at(Place::item(self.container, self.last()), error)
    }

    fn last(&self) -> usize {
        let count = self.inside.pickle.graph.items(self.container).len();
        count - self.items.len() - 1
    }
}

pub(super) struct Pairs<'r, 'a> {
    pub(super) sequence: Sequence<'r, 'a>,
    /// What follows: slots after the `__dict__`.
    pub(super) more: Option<Sequence<'r, 'a>>,
    /// The last one, for an error of its value.
    pub(super) key: Node,
}

impl<'r, 'a> Pairs<'r, 'a> {
    #[cold]
    fn at_value(&self, value: Reader<'r, 'a>, error: Error) -> Error {
        self.sequence.locate(value, error).within(&step(&value.pickle.graph, self.key))
    }
}

impl<'a> MapAccess<'a> for Pairs<'_, 'a> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let key = match self.sequence.next() {
            Some(key) => key,
            None => match self.more.take() {
                Some(more) => {
                    self.sequence = more;
                    return self.next_key_seed(seed);
                }
                None => return Ok(None),
            },
        };
        self.key = key.node;
        match seed.deserialize(key) {
            Ok(key) => Ok(Some(key)),
            Err(error) => Err(self.sequence.locate(key, error)),
        }
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Error> {
        // The machine lets no key in without a value.
        let value = self.sequence.next().ok_or_else(|| Error::custom("a key without a value"))?;
        match seed.deserialize(value) {
            Ok(value) => Ok(value),
            Err(error) => Err(self.at_value(value, error)),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        let more = self.more.as_ref().map_or(0, |more| more.items.len());
        Some((self.sequence.items.len() + more) / 2)
    }
}

/// A variant with content: `{name: content}`.
pub(super) struct Variant<'r, 'a> {
    pub(super) name: Reader<'r, 'a>,
    pub(super) content: Reader<'r, 'a>,
    pub(super) container: u32,
}

impl<'r, 'a> EnumAccess<'a> for Variant<'r, 'a> {
    type Error = Error;
    type Variant = Content<'r, 'a>;

    fn variant_seed<V: DeserializeSeed<'a>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), Error> {
        let Self { name, content, container } = self;
        let place = Place::item(container, 0);
        let variant = seed.deserialize(name).map_err(|error| name.locate_at(place, error))?;
        Ok((variant, Content { value: content, name: name.node, container }))
    }
}

pub(super) struct Content<'r, 'a> {
    value: Reader<'r, 'a>,
    name: Node,
    container: u32,
}

impl Content<'_, '_> {
    #[cold]
    fn located(self, error: Error) -> Error {
        let place = Place::item(self.container, 1);
        self.value.locate_at(place, error).within(&step(&self.value.pickle.graph, self.name))
    }
}

impl<'a> VariantAccess<'a> for Content<'_, 'a> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.value.node {
            Node::None => Ok(()),
            _ => {
                let found = Unexpected::NewtypeVariant;
                Err(self
                    .located(Error::invalid_type(found, &"None, for a variant without content")))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.value).map_err(|error| self.located(error))
    }

    fn tuple_variant<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.value.deserialize_seq(visitor).map_err(|error| self.located(error))
    }

    fn struct_variant<V: Visitor<'a>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value.deserialize_map(visitor).map_err(|error| self.located(error))
    }
}

/// A value, or the exception that was sent in its place: variant 0 or 1 of two.
pub(super) struct Chosen<'r, 'a> {
    variant: u8,
    value: Reader<'r, 'a>,
}

impl<'r, 'a> Chosen<'r, 'a> {
    pub(super) fn of(value: Reader<'r, 'a>) -> Self {
        Self { variant: value.is_exception().into(), value }
    }
}

impl<'a> EnumAccess<'a> for Chosen<'_, 'a> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'a>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        Ok((seed.deserialize(U8Deserializer::new(self.variant))?, self))
    }
}

impl<'a> VariantAccess<'a> for Chosen<'_, 'a> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Err(Error::invalid_type(Unexpected::NewtypeVariant, &"a variant with content"))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.value)
    }

    fn tuple_variant<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.value.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'a>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value.deserialize_map(visitor)
    }
}
