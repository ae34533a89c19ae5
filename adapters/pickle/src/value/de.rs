use std::fmt;

use serde::de::{
    Deserialize, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::Value;
use crate::de::exact;
use crate::object::{GlobalVisitor, ObjectVisitor};
use crate::{Bytes, Integer, form};

/// From other formats too, as what they have.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(form::VALUE, ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, other: D) -> Result<Value, D::Error> {
        other.deserialize_any(self)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_some<D: Deserializer<'de>>(self, some: D) -> Result<Value, D::Error> {
        Value::deserialize(some)
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Value, E> {
        Ok(Value::Bool(yes))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Integer::from(i128::from(number)).into())
    }

    fn visit_i128<E>(self, number: i128) -> Result<Value, E> {
        Ok(Integer::from(number).into())
    }

    fn visit_u128<E>(self, number: u128) -> Result<Value, E> {
        let mut bytes = [0; 17];
        bytes[..16].copy_from_slice(&number.to_le_bytes());
        Ok(Integer::from_le_bytes(&bytes).into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Str(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Str(text))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.to_owned()))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::with_capacity(cautious(access.size_hint()));
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut pairs = Vec::with_capacity(cautious(access.size_hint()));
        while let Some(pair) = access.next_entry()? {
            pairs.push(pair);
        }
        Ok(Value::Dict(pairs))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        let (kind, content) = access.variant::<u8>()?;
        match kind {
            exact::LONG => bytes(content, |bytes| Integer::from_le_bytes(&bytes).into()),
            exact::SURROGATES => bytes(content, Value::Surrogates),
            exact::BYTE_ARRAY => bytes(content, Value::ByteArray),
            exact::COMPLEX => complex(content),
            exact::TUPLE => items(content, Value::Tuple),
            exact::SET => items(content, Value::Set),
            exact::FROZEN_SET => items(content, Value::FrozenSet),
            exact::GLOBAL => content.tuple_variant(2, GlobalVisitor),
            exact::OBJECT => content.tuple_variant(7, ObjectVisitor),
            _ => Err(A::Error::custom("no such kind of value")),
        }
    }
}

// Values are nested by recursion: each kind in a function of its own, so that the others take none
// of its stack.

fn bytes<'de, A: VariantAccess<'de>>(
    content: A,
    value: fn(Vec<u8>) -> Value,
) -> Result<Value, A::Error> {
    Ok(value(content.newtype_variant::<Bytes>()?.0))
}

fn complex<'de, A: VariantAccess<'de>>(content: A) -> Result<Value, A::Error> {
    let (real, imaginary) = content.newtype_variant()?;
    Ok(Value::Complex(real, imaginary))
}

fn items<'de, A: VariantAccess<'de>>(
    content: A,
    value: fn(Vec<Value>) -> Value,
) -> Result<Value, A::Error> {
    content.newtype_variant().map(value)
}

/// A hint of another format's is a claim.
fn cautious(hint: Option<usize>) -> usize {
    hint.unwrap_or(0).min(4096)
}
