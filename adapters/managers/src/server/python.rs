//! What values are in Python: equal, ordered, of a type.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use mpconn_pickle::{Exception, Value};

/// Makes an exception of Python's own with a text.
pub(crate) fn raise(class: &str, text: impl Into<String>) -> Exception {
    Exception::new("builtins", class, vec![Value::Str(text.into())])
}

/// A value by what Python's `==` looks at: `1`, `1.0` and `True` are the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    None,
    Int(i64),
    /// Beyond an `i64`, in little-endian bytes.
    Long(Vec<u8>),
    /// One that is no integer, by its bits.
    Float(u64),
    Str(String),
    Bytes(Vec<u8>),
    Tuple(Vec<Key>),
    Set(BTreeSet<Key>),
    Global(String, String),
    List(Vec<Key>),
    Dict(BTreeMap<Key, Key>),
}

impl Key {
    /// Returns the key of a value that can be one in a dict.
    ///
    /// # Errors
    ///
    /// A `TypeError` for lists and other values without a hash, and for objects, whose `__eq__` and
    /// `__hash__` are not known here.
    pub(crate) fn of(value: &Value) -> Result<Self, Exception> {
        let key = Self::any(value)?;
        if key.is_hashable() {
            return Ok(key);
        }
        Err(raise("TypeError", format!("unhashable type: '{}'", type_of(value))))
    }

    /// Returns the key of a value, which may be a list, a dict or a set too.
    pub(crate) fn any(value: &Value) -> Result<Self, Exception> {
        let all = |values: &[Value]| values.iter().map(Self::any).collect::<Result<Vec<_>, _>>();
        Ok(match value {
            Value::None => Self::None,
            Value::Bool(yes) => Self::Int((*yes).into()),
            Value::Int(number) => Self::Int(*number),
            Value::Long(number) => Self::Long(number.as_le_bytes().to_vec()),
            Value::Float(number) => return Self::float(*number),
            Value::Str(text) => Self::Str(text.clone()),
            Value::Bytes(bytes) | Value::ByteArray(bytes) => Self::Bytes(bytes.clone()),
            Value::Tuple(items) => Self::Tuple(all(items)?),
            Value::List(items) => Self::List(all(items)?),
            Value::Set(items) | Value::FrozenSet(items) => {
                Self::Set(all(items)?.into_iter().collect())
            }
            Value::Dict(pairs) => {
                let pair = |(key, value): &(Value, Value)| Ok((Self::any(key)?, Self::any(value)?));
                Self::Dict(pairs.iter().map(pair).collect::<Result<_, _>>()?)
            }
            Value::Global(global) => Self::Global(global.module.clone(), global.name.clone()),
            _ => {
                let text = format!("a {} cannot be compared by this manager", type_of(value));
                return Err(raise("TypeError", text));
            }
        })
    }

    fn float(number: f64) -> Result<Self, Exception> {
        // Up to here each integer is a float too, so that there is no doubt about equality.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if number.is_nan() || (number.is_finite() && number.abs() > EXACT) {
            return Err(raise("TypeError", format!("{number} cannot be compared by this manager")));
        }
        #[allow(clippy::cast_possible_truncation, reason = "it is an integer of 53 bits")]
        let key = if number.fract() == 0.0 {
            Self::Int(number as i64)
        } else {
            Self::Float(number.to_bits())
        };
        Ok(key)
    }

    fn is_hashable(&self) -> bool {
        match self {
            Self::Tuple(items) => items.iter().all(Self::is_hashable),
            Self::List(_) | Self::Dict(_) => false,
            _ => true,
        }
    }
}

/// Compares two values by Python's `<`.
///
/// # Errors
///
/// A `TypeError` if they have no order.
pub(crate) fn compare(one: &Value, other: &Value) -> Result<Ordering, Exception> {
    let number = |value: &Value| match value {
        Value::Bool(yes) => Some(i64::from(*yes)),
        Value::Int(number) => Some(*number),
        _ => None,
    };
    #[allow(clippy::cast_precision_loss, reason = "checked by the conversion back")]
    let float = |value: &Value| match value {
        Value::Float(float) => Some(*float),
        value => number(value).filter(|n| n.unsigned_abs() < 1 << 53).map(|n| n as f64),
    };
    if let (Some(one), Some(other)) = (number(one), number(other)) {
        return Ok(one.cmp(&other));
    }
    let order = match (one, other) {
        (Value::Str(one), Value::Str(other)) => Some(one.cmp(other)),
        (Value::Bytes(one), Value::Bytes(other)) => Some(one.cmp(other)),
        (Value::Tuple(one), Value::Tuple(other)) | (Value::List(one), Value::List(other)) => {
            for (one, other) in one.iter().zip(other) {
                match compare(one, other)? {
                    Ordering::Equal => {}
                    order => return Ok(order),
                }
            }
            Some(one.len().cmp(&other.len()))
        }
        _ => float(one).zip(float(other)).and_then(|(one, other)| one.partial_cmp(&other)),
    };
    order.ok_or_else(|| {
        let (one, other) = (type_of(one), type_of(other));
        raise("TypeError", format!("'<' not supported between instances of '{one}' and '{other}'"))
    })
}

/// Returns the name of the type of a value.
pub(crate) fn type_of(value: &Value) -> &str {
    match value {
        Value::None => "NoneType",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::Long(_) => "int",
        Value::Float(_) => "float",
        Value::Complex(..) => "complex",
        Value::Str(_) | Value::Surrogates(_) => "str",
        Value::Bytes(_) => "bytes",
        Value::ByteArray(_) => "bytearray",
        Value::Tuple(_) => "tuple",
        Value::List(_) => "list",
        Value::Dict(_) => "dict",
        Value::Set(_) => "set",
        Value::FrozenSet(_) => "frozenset",
        Value::Object(object) => object.class.as_global().map_or("object", |global| &global.name),
        _ => "object",
    }
}

/// Returns about how many bytes a value takes.
pub(crate) fn size_of(value: &Value) -> usize {
    let all = |items: &[Value]| items.iter().map(size_of).sum::<usize>();
    let pairs = |pairs: &[(Value, Value)]| {
        pairs.iter().map(|(key, value)| size_of(key) + size_of(value)).sum::<usize>()
    };
    std::mem::size_of::<Value>()
        + match value {
            Value::Str(text) => text.len(),
            Value::Surrogates(bytes) | Value::Bytes(bytes) | Value::ByteArray(bytes) => bytes.len(),
            Value::Tuple(items) | Value::List(items) => all(items),
            Value::Set(items) | Value::FrozenSet(items) => all(items),
            Value::Dict(content) => pairs(content),
            Value::Object(object) => {
                all(&object.args)
                    + all(&object.items)
                    + pairs(&object.pairs)
                    + object.state.as_ref().map_or(0, size_of)
            }
            _ => 0,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_the_same_key() {
        let key = |value: Value| Key::of(&value).expect("it is hashable");
        assert_eq!(key(1.into()), key(Value::Float(1.0)));
        assert_eq!(key(1.into()), key(true.into()));
        assert_ne!(key("1".into()), key(1.into()));
        assert_ne!(key(Value::Bytes(b"a".to_vec())), key("a".into()));
        assert!(Key::of(&Value::List(vec![])).is_err());
        assert!(Key::of(&Value::Tuple(vec![Value::List(vec![])])).is_err());
        assert!(Key::of(&Value::Float(f64::NAN)).is_err());
    }
}
