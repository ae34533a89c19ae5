use serde::ser::{Serialize, Serializer};

use super::Value;
use crate::Bytes;
use crate::form::{self, AsMap, Formed};

/// To other formats too, as what they have.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_unit(),
            Self::Bool(yes) => serializer.serialize_bool(*yes),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Long(number) => number.serialize(serializer),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Complex(re, im) => Formed(form::COMPLEX, (re, im)).serialize(serializer),
            Self::Str(text) => serializer.serialize_str(text),
            Self::Surrogates(text) => Formed(form::SURROGATES, Bytes(text)).serialize(serializer),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::ByteArray(bytes) => Formed(form::BYTE_ARRAY, Bytes(bytes)).serialize(serializer),
            Self::Tuple(items) => Formed(form::TUPLE, items).serialize(serializer),
            Self::List(items) => items.serialize(serializer),
            Self::Dict(pairs) => AsMap(pairs).serialize(serializer),
            Self::Set(items) => Formed(form::SET, items).serialize(serializer),
            Self::FrozenSet(items) => Formed(form::FROZEN_SET, items).serialize(serializer),
            Self::Global(global) => global.serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}
