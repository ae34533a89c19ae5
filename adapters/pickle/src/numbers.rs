//! Numbers in the machine's own form: of `array.array`, and of NumPy.

use serde::de::value::SeqDeserializer;
use serde::de::{Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use crate::Error;
use crate::graph::{Graph, Node, Object};
use crate::limits::NODE_COST;

/// So many numbers of one kind, one after the other.
pub(crate) struct Numbers<'g> {
    data: &'g [u8],
    kind: Kind,
    /// Bytes of each.
    size: usize,
    is_big_endian: bool,
    /// What a `datetime64` or `timedelta64` counts.
    unit: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
    Complex,
    /// UTF-32, filled up with zeros.
    Text,
    /// Filled up with zeros.
    Bytes,
}

impl<'g> Numbers<'g> {
    /// A number of NumPy: `scalar(dtype, data)`.
    pub(crate) fn of_scalar(graph: &'g Graph<'_>, object: &Object) -> Option<Self> {
        let ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") = graph.class(object)
        else {
            return None;
        };
        let [Node::Object(dtype), Node::Bytes(data)] = graph.items(object.args).two()? else {
            return None;
        };
        let data = &*graph.bytes[data as usize];
        let numbers = Self::of_dtype(graph, &graph.objects[dtype as usize], data)?;
        (data.len() == numbers.size).then_some(numbers)
    }

    /// An `array.array` by its bytes, or an array of NumPy with one dimension.
    pub(crate) fn of_array(graph: &'g Graph<'_>, object: &Object) -> Option<Self> {
        let mut args = graph.items(object.args);
        let mut next = || args.next();
        let numbers = match graph.class(object) {
            ("array", "_array_reconstructor") => {
                let [_class, _typecode, Node::Int(format), Node::Bytes(data)] =
                    [next()?, next()?, next()?, next()?]
                else {
                    return None;
                };
                let (kind, size, is_big_endian) = array_format(format)?;
                let data = &*graph.bytes[data as usize];
                Self { data, kind, size, is_big_endian, unit: None }
            }
            // As `multiprocessing.managers` has it. The sizes of `l` and `L` depend on the machine.
            ("array", "array") => {
                let [typecode, Node::Bytes(data)] = [next()?, next()?] else { return None };
                let (kind, size) = match graph.text(typecode)? {
                    "b" => (Kind::Signed, 1),
                    "B" => (Kind::Unsigned, 1),
                    "h" => (Kind::Signed, 2),
                    "H" => (Kind::Unsigned, 2),
                    "i" => (Kind::Signed, 4),
                    "I" => (Kind::Unsigned, 4),
                    "q" => (Kind::Signed, 8),
                    "Q" => (Kind::Unsigned, 8),
                    "f" => (Kind::Float, 4),
                    "d" => (Kind::Float, 8),
                    _ => return None,
                };
                let data = &*graph.bytes[data as usize];
                Self { data, kind, size, is_big_endian: false, unit: None }
            }
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => {
                let [
                    Node::Bytes(data) | Node::ByteArray(data),
                    Node::Object(dtype),
                    Node::Tuple(shape),
                ] = [next()?, next()?, next()?]
                else {
                    return None;
                };
                Self::of_ndarray(graph, dtype, shape, data)?
            }
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => {
                let Some(Node::Global(class)) = next() else { return None };
                let ("numpy", "ndarray") = graph.name(class) else { return None };
                let Some(Node::Tuple(state)) = object.state else { return None };
                let mut state = graph.items(state);
                let mut next = || state.next();
                let [
                    Node::Int(1),
                    Node::Tuple(shape),
                    Node::Object(dtype),
                    Node::Bool(_),
                    Node::Bytes(data),
                ] = [next()?, next()?, next()?, next()?, next()?]
                else {
                    return None;
                };
                Self::of_ndarray(graph, dtype, shape, data)?
            }
            _ => return None,
        };
        (numbers.size != 0 && numbers.data.len() % numbers.size == 0).then_some(numbers)
    }

    fn of_ndarray(graph: &'g Graph<'_>, dtype: u32, shape: u32, data: u32) -> Option<Self> {
        let data = &*graph.bytes[data as usize];
        let numbers = Self::of_dtype(graph, &graph.objects[dtype as usize], data)?;
        let mut shape = graph.items(shape);
        let (1, Node::Int(length)) = (shape.len(), shape.next()?) else { return None };
        let length = usize::try_from(length).ok()?.checked_mul(numbers.size)?;
        (length == data.len()).then_some(numbers)
    }

    /// `dtype('f8', False, True)` with the state `(3, '<', None, ..)`.
    fn of_dtype(graph: &Graph<'_>, dtype: &Object, data: &'g [u8]) -> Option<Self> {
        let ("numpy", "dtype") = graph.class(dtype) else { return None };
        let (kind, size) = graph.text(graph.arg(dtype, 0)?)?.split_at_checked(1)?;
        let size: usize = size.parse().ok()?;
        let Some(Node::Tuple(state)) = dtype.state else { return None };
        let mut state = graph.items(state);
        let order = graph.text(state.nth(1)?)?;
        // Neither a part of an array nor a structure.
        let [Node::None, Node::None, Node::None] = [state.next()?, state.next()?, state.next()?]
        else {
            return None;
        };
        let is_big_endian = order == ">";
        let mut unit = None;
        let (kind, size) = match (kind, size) {
            ("b", 1) => (Kind::Bool, 1),
            ("i", 1 | 2 | 4 | 8) => (Kind::Signed, size),
            ("u", 1 | 2 | 4 | 8) => (Kind::Unsigned, size),
            ("f", 2 | 4 | 8) => (Kind::Float, size),
            ("c", 8 | 16) => (Kind::Complex, size),
            ("U", 1..) => (Kind::Text, size.checked_mul(4)?),
            ("S", 1..) => (Kind::Bytes, size),
            ("M" | "m", 8) => {
                unit = Some(date_unit(graph, state.nth(3)?)?);
                (Kind::Signed, 8)
            }
            _ => return None,
        };
        if !matches!(order, "<" | ">" | "|") || size > 1 && order == "|" && kind != Kind::Bytes {
            return None;
        }
        Some(Self { data, kind, size, is_big_endian, unit })
    }

    /// Returns `true` if they are bytes and no numbers.
    pub(crate) fn is_bytes(&self) -> bool {
        self.kind == Kind::Bytes
    }

    /// What reading all of them costs.
    pub(crate) fn cost(&self) -> u64 {
        (self.data.len() / self.size) as u64 * NODE_COST + self.data.len() as u64
    }

    /// Each of them, as serde takes it.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = Number<'_>> {
        self.data.chunks_exact(self.size).map(|bytes| self.number(bytes))
    }

    fn number<'n>(&'n self, bytes: &'n [u8]) -> Number<'n> {
        // Each half of a complex number, and each character, is in that order.
        let (halves, rest) = bytes.split_at(bytes.len() / 2);
        match (self.kind, &self.unit) {
            (Kind::Bool, _) => Number::Bool(bytes != [0]),
            (Kind::Signed, Some(unit)) => Number::Dated(self.signed(bytes), unit),
            (Kind::Signed, None) => Number::Signed(self.signed(bytes)),
            (Kind::Unsigned, _) => Number::Unsigned(u64::from_le_bytes(self.little_endian(bytes))),
            (Kind::Float, _) => Number::Float(self.float(bytes)),
            (Kind::Complex, _) => Number::Complex([self.float(halves), self.float(rest)]),
            (Kind::Text, _) => {
                let point = |four| u32::from_le_bytes(self.little_endian(four));
                let points: Vec<_> = bytes.chunks_exact(4).map(point).collect();
                let end = points.iter().rposition(|&point| point != 0).map_or(0, |last| last + 1);
                let text = points[..end].iter().map(|&point| char::from_u32(point)).collect();
                Number::Text(text)
            }
            (Kind::Bytes, _) => {
                let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                Number::Bytes(&bytes[..end])
            }
        }
    }

    fn little_endian<const N: usize>(&self, bytes: &[u8]) -> [u8; N] {
        let mut all = [0; N];
        let used = &mut all[..bytes.len()];
        used.copy_from_slice(bytes);
        if self.is_big_endian {
            used.reverse();
        }
        all
    }

    fn signed(&self, bytes: &[u8]) -> i64 {
        let unused = 64 - 8 * bytes.len();
        i64::from_le_bytes(self.little_endian(bytes)) << unused >> unused
    }

    fn float(&self, bytes: &[u8]) -> f64 {
        match bytes.len() {
            2 => half(u16::from_le_bytes(self.little_endian(bytes))),
            4 => f32::from_le_bytes(self.little_endian(bytes)).into(),
            _ => f64::from_le_bytes(self.little_endian(bytes)),
        }
    }
}

/// IEEE 754's binary16.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (bits >> 10 & 0x1f, f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2_f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1024.0 + fraction) * 2_f64.powi(i32::from(exponent) - 25),
    }
}

/// The machine formats of CPython's `arraymodule.c`, but for those of text.
fn array_format(format: i32) -> Option<(Kind, usize, bool)> {
    let is_big_endian = format % 2 == 1;
    Some(match format {
        0 => (Kind::Unsigned, 1, false),
        1 => (Kind::Signed, 1, false),
        2 | 3 => (Kind::Unsigned, 2, is_big_endian),
        4 | 5 => (Kind::Signed, 2, is_big_endian),
        6 | 7 => (Kind::Unsigned, 4, is_big_endian),
        8 | 9 => (Kind::Signed, 4, is_big_endian),
        10 | 11 => (Kind::Unsigned, 8, is_big_endian),
        12 | 13 => (Kind::Signed, 8, is_big_endian),
        14 | 15 => (Kind::Float, 4, is_big_endian),
        16 | 17 => (Kind::Float, 8, is_big_endian),
        20 | 21 => (Kind::Text, 4, is_big_endian),
        _ => return None,
    })
}

/// `(None, (b'ms', 25, 1, 1))` as `25ms`.
fn date_unit(graph: &Graph<'_>, metadata: Node) -> Option<String> {
    let Node::Tuple(metadata) = metadata else { return None };
    let [_, Node::Tuple(unit)] = graph.items(metadata).two()? else { return None };
    let mut unit = graph.items(unit);
    let name = graph.text(unit.next()?)?;
    let count = graph.int(unit.next()?)?;
    let Node::Int(1) = unit.next()? else { return None };
    Some(if count == 1 { name.to_owned() } else { format!("{count}{name}") })
}

/// One of them.
pub(crate) enum Number<'n> {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Complex([f64; 2]),
    /// `None` if it is no text in Rust.
    Text(Option<String>),
    Bytes(&'n [u8]),
    /// How many of which unit.
    Dated(i64, &'n str),
}

impl<'de> Deserializer<'de> for Number<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Bool(yes) => visitor.visit_bool(yes),
            Self::Signed(number) => visitor.visit_i64(number),
            Self::Unsigned(number) => visitor.visit_u64(number),
            Self::Float(number) => visitor.visit_f64(number),
            Self::Complex(parts) => visitor.visit_seq(SeqDeserializer::new(parts.into_iter())),
            Self::Text(Some(text)) => visitor.visit_string(text),
            Self::Text(None) => {
                Err(Error::invalid_type(Unexpected::Other("a str with surrogates"), &visitor))
            }
            Self::Bytes(bytes) => visitor.visit_bytes(bytes),
            Self::Dated(count, unit) => {
                let parts = [Number::Signed(count), Number::Text(Some(unit.to_owned()))];
                visitor.visit_seq(SeqDeserializer::new(parts.into_iter()))
            }
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Bytes(_) => Err(Error::invalid_type(Unexpected::Bytes(&[]), &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Number<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
