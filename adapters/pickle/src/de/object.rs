//! Objects, of which each type takes its [content](crate::content).

use serde::de::Visitor;
use serde::de::value::SeqDeserializer;

use super::access::Pairs;
use super::*;
#[cfg(feature = "numpy")]
use crate::numbers::Array;

impl<'r, 'a> Reader<'r, 'a> {
    /// An object, as which something is wanted, and what is known of it.
    pub(super) fn object(self, number: u32) -> Result<(&'r Object, Content<'r>), Error> {
        let graph = &self.pickle.graph;
        let object = &graph.objects[number as usize];
        let offset = object.offset as usize;
        let args = graph.items(object.args);
        self.pickle.charge((args.len() as u64 + 1) * NODE_COST, offset)?;
        let lengths = args.filter_map(|arg| graph.raw(arg)).map(|raw| raw.len() as u64);
        self.pickle.charge(lengths.sum(), offset)?;
        let content = content::of(graph, object);
        if let Content::Text(text) = &content {
            self.pickle.charge(text.len() as u64, offset)?;
        }
        if self.strict && !content.is_known() {
            let found = describe(graph, Node::Object(number)).into();
            return Err(Error::Foreign { offset, found });
        }
        Ok((object, content))
    }

    /// For a type that takes anything, or one value: the first of its pairs, its items, its
    /// attributes, and what it wraps, which is then read by `deserialize`.
    pub(super) fn visit_object<V: Visitor<'a>>(
        self,
        number: u32,
        visitor: V,
        deserialize: fn(Self, V) -> Result<V::Value, Error>,
    ) -> Result<V::Value, Error> {
        let (object, content) = self.object(number)?;
        match content {
            Content::Text(text) => visitor.visit_string(text),
            Content::Unknown if object.pairs.is_none() => match object.items {
                Some(items) => self.visit_items(items, visitor),
                None => self.visit_attributes(object, visitor, deserialize),
            },
            content => self.visit_content(object, content, visitor),
        }
    }

    pub(super) fn visit_object_as_seq<V: Visitor<'a>>(
        self,
        number: u32,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let (object, content) = self.object(number)?;
        match content {
            Content::Pairs(_) => Err(self.mismatch(&visitor)),
            Content::Unknown => {
                match (object.items, content::positional(&self.pickle.graph, object)) {
                    (Some(items), _) | (None, Some(Positional::Row(items))) => {
                        self.visit_items(items, visitor)
                    }
                    (None, Some(Positional::Value(node))) => {
                        self.content_of(object, node)?.deserialize_seq(visitor)
                    }
                    (None, None) => Err(self.mismatch(&visitor)),
                }
            }
            content => self.visit_content(object, content, visitor),
        }
    }

    pub(super) fn visit_object_as_map<V: Visitor<'a>>(
        self,
        number: u32,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let (object, content) = self.object(number)?;
        match content {
            Content::Unknown if object.pairs.is_none() => {
                self.visit_attributes(object, visitor, Self::deserialize_map)
            }
            content => self.visit_content(object, content, visitor),
        }
    }

    /// The one value that an object wraps, if it does and is nothing else.
    pub(super) fn wrapped(self, number: u32) -> Result<Option<Self>, Error> {
        let (object, content) = self.object(number)?;
        let (Content::Unknown, None, None) = (content, object.items, object.pairs) else {
            return Ok(None);
        };
        match content::positional(&self.pickle.graph, object) {
            Some(Positional::Value(node)) => Ok(Some(self.content_of(object, node)?)),
            _ => Ok(None),
        }
    }

    /// What has the same content for every type.
    fn visit_content<V: Visitor<'a>>(
        self,
        object: &Object,
        content: Content<'_>,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match content {
            Content::Row(items) => self.visit_items(items, visitor),
            Content::Pairs(pairs) => self.visit_pairs(pairs, visitor),
            Content::Range([start, stop, step]) => {
                let numbers = Range { next: start.into(), stop: stop.into(), step: step.into() };
                self.pickle
                    .charge(numbers.len().saturating_mul(NODE_COST), object.offset as usize)?;
                let mut numbers = SeqDeserializer::new(numbers);
                let value = visitor.visit_seq(&mut numbers)?;
                numbers.end()?;
                Ok(value)
            }
            Content::Number(number) => {
                self.pickle.charge(number.cost(), object.offset as usize)?;
                match number.iter().next() {
                    Some(number) => number.into_deserializer().deserialize_any(visitor),
                    None => Err(self.mismatch(&visitor)),
                }
            }
            Content::Numbers(numbers) => self.visit_numbers(&numbers, object, visitor),
            Content::Unknown => match object.pairs {
                Some(pairs) => self.visit_pairs(pairs, visitor),
                None => Err(self.mismatch(&visitor)),
            },
            Content::Text(_) | Content::Exception | Content::Nothing => {
                Err(self.mismatch(&visitor))
            }
        }
    }

    /// The parts of an array of NumPy.
    #[cfg(feature = "numpy")]
    pub(super) fn visit_array<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        let Node::Object(number) = self.node else { return Err(self.mismatch(&visitor)) };
        let (object, _) = self.object(number)?;
        let graph = &self.pickle.graph;
        let array = Array::of(graph, object).ok_or_else(|| self.mismatch(&visitor))?;
        let inside = self.inside(object.offset as usize)?;
        let part = |node| Part::Node(Self { node, ..inside });
        let parts = [
            Part::Text(array.dtype.to_string()),
            part(Node::Tuple(array.shape)),
            part(Node::Bool(array.is_fortran)),
            part(Node::Bytes(array.data)),
        ];
        visitor.visit_seq(SeqDeserializer::new(parts.into_iter()))
    }

    /// The attributes of an object; if it has none, what it is made of.
    fn visit_attributes<V: Visitor<'a>>(
        self,
        object: &Object,
        visitor: V,
        deserialize: fn(Self, V) -> Result<V::Value, Error>,
    ) -> Result<V::Value, Error> {
        let graph = &self.pickle.graph;
        if let Some([first, more]) = content::attributes(graph, object) {
            let Some(first) = first.or(more) else {
                let inside = self.inside(object.offset as usize)?;
                let container = object.args;
                let sequence = Sequence { items: Default::default(), container, inside };
                return visitor.visit_map(Pairs { sequence, more: None, key: Node::None });
            };
            let sequence = self.items(first)?;
            let more =
                more.filter(|&more| more != first).map(|more| self.items(more)).transpose()?;
            return visitor.visit_map(Pairs { sequence, more, key: Node::None });
        }
        match content::positional(graph, object) {
            Some(Positional::Row(items)) => self.visit_items(items, visitor),
            Some(Positional::Value(node)) => deserialize(self.content_of(object, node)?, visitor),
            None => Err(self.mismatch(&visitor)),
        }
    }

    /// A level deeper: objects wrap objects.
    fn content_of(self, object: &Object, node: Node) -> Result<Self, Error> {
        Ok(Self { node, ..self.inside(object.offset as usize)? })
    }

    fn visit_numbers<V: Visitor<'a>>(
        self,
        numbers: &Numbers<'_>,
        object: &Object,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let offset = object.offset as usize;
        self.pickle.charge(numbers.cost(), offset)?;
        let mut numbers = SeqDeserializer::new(numbers.iter());
        let located =
            |error: Error| error.found(|| "a number of an array".to_owned()).at(|| offset);
        let value = visitor.visit_seq(&mut numbers).map_err(located)?;
        numbers.end().map_err(located)?;
        Ok(value)
    }
}

/// A part of an array.
#[cfg(feature = "numpy")]
enum Part<'r, 'a> {
    Text(String),
    Node(Reader<'r, 'a>),
}

#[cfg(feature = "numpy")]
impl<'r, 'a> IntoDeserializer<'a, Error> for Part<'r, 'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(feature = "numpy")]
impl<'a> Deserializer<'a> for Part<'_, 'a> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Text(text) => visitor.visit_string(text),
            Self::Node(reader) => reader.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

/// The numbers of a `range`.
struct Range {
    next: i128,
    stop: i128,
    step: i128,
}

impl Range {
    fn len(&self) -> u64 {
        let distance = (self.stop - self.next) * self.step.signum();
        let count = (distance.max(0) + self.step.abs() - 1) / self.step.abs();
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

impl Iterator for Range {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        if self.len() == 0 {
            return None;
        }
        let number = i64::try_from(self.next).ok();
        self.next += self.step;
        number
    }
}
