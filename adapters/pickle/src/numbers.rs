//! Numbers in the machine's own form: of `array.array`, and of NumPy.

use serde::de::value::SeqDeserializer;
use serde::de::{Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use crate::Error;
use crate::de::MAX_WRAPPERS;
use crate::dtype::{DType, DTypeKind, array_format, length_of};
use crate::graph::{Graph, Node, Object};
use crate::limits::NODE_COST;

/// So many numbers of one kind, one after the other.
pub(crate) struct Numbers<'g> {
    data: &'g [u8],
    dtype: DType,
}

/// An array of NumPy, in one of the ways in which it is pickled.
pub(crate) struct Array {
    pub(crate) dtype: DType,
    /// A container of integers.
    pub(crate) shape: u32,
    #[cfg_attr(not(feature = "numpy"), expect(dead_code, reason = "of an `NdArray`"))]
    pub(crate) is_fortran: bool,
    /// Of the graph's bytes.
    pub(crate) data: u32,
}

impl<'g> Numbers<'g> {
    #[cfg(feature = "numpy")]
    pub(crate) fn new(data: &'g [u8], dtype: DType) -> Self {
        Self { data, dtype }
    }

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
        let dtype = DType::of(graph, Node::Object(dtype))?;
        (data.len() == dtype.size).then_some(Self { data, dtype })
    }

    /// An `array.array` by its bytes, or an array of NumPy with one dimension.
    pub(crate) fn of_array(graph: &'g Graph<'_>, object: &Object) -> Option<Self> {
        let mut args = graph.items(object.args);
        let mut next = || args.next();
        let (dtype, data) = match graph.class(object) {
            ("array", "_array_reconstructor") => {
                let [_class, _typecode, Node::Int(format), Node::Bytes(data)] =
                    [next()?, next()?, next()?, next()?]
                else {
                    return None;
                };
                (array_format(format)?, data)
            }
            // As `multiprocessing.managers` has it. The sizes of `l` and `L` depend on the machine.
            ("array", "array") => {
                let [typecode, Node::Bytes(data)] = [next()?, next()?] else { return None };
                let (kind, size) = match graph.text(typecode)? {
                    "b" => (DTypeKind::Int, 1),
                    "B" => (DTypeKind::UInt, 1),
                    "h" => (DTypeKind::Int, 2),
                    "H" => (DTypeKind::UInt, 2),
                    "i" => (DTypeKind::Int, 4),
                    "I" => (DTypeKind::UInt, 4),
                    "q" => (DTypeKind::Int, 8),
                    "Q" => (DTypeKind::UInt, 8),
                    "f" => (DTypeKind::Float, 4),
                    "d" => (DTypeKind::Float, 8),
                    _ => return None,
                };
                (DType { kind, size, is_big_endian: false, unit: None }, data)
            }
            _ => {
                let Array { dtype, shape, data, .. } = Array::of(graph, object)?;
                // What has none or more is an `NdArray`.
                (graph.items(shape).len() == 1).then_some((dtype, data))?
            }
        };
        let data = &*graph.bytes[data as usize];
        (data.len() % dtype.size == 0).then_some(Self { data, dtype })
    }

    /// Returns `true` if they are bytes and no numbers.
    pub(crate) fn is_bytes(&self) -> bool {
        self.dtype.kind == DTypeKind::Bytes
    }

    /// What reading all of them costs.
    pub(crate) fn cost(&self) -> u64 {
        (self.data.len() / self.dtype.size) as u64 * NODE_COST + self.data.len() as u64
    }

    /// Each of them, as serde takes it.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = Number<'_>> {
        self.data.chunks_exact(self.dtype.size).map(|bytes| self.number(bytes))
    }

    /// One of them. There must be as many.
    #[cfg(feature = "numpy")]
    pub(crate) fn at(&self, position: usize) -> Number<'_> {
        self.number(&self.data[position * self.dtype.size..][..self.dtype.size])
    }

    fn number<'n>(&'n self, bytes: &'n [u8]) -> Number<'n> {
        // Each half of a complex number, and each character, is in that order.
        let (halves, rest) = bytes.split_at(bytes.len() / 2);
        match (self.dtype.kind, &self.dtype.unit) {
            (DTypeKind::Bool, _) => Number::Bool(bytes != [0]),
            (DTypeKind::DateTime | DTypeKind::TimeDelta, unit) => {
                Number::Dated(self.signed(bytes), unit.as_deref().unwrap_or_default())
            }
            (DTypeKind::Int, _) => Number::Signed(self.signed(bytes)),
            (DTypeKind::UInt, _) => Number::Unsigned(u64::from_le_bytes(self.little_endian(bytes))),
            (DTypeKind::Float, _) => Number::Float(self.float(bytes)),
            (DTypeKind::Complex, _) => Number::Complex([self.float(halves), self.float(rest)]),
            (DTypeKind::Str, _) => {
                let point = |four| u32::from_le_bytes(self.little_endian(four));
                let points: Vec<_> = bytes.chunks_exact(4).map(point).collect();
                let end = points.iter().rposition(|&point| point != 0).map_or(0, |last| last + 1);
                let text = points[..end].iter().map(|&point| char::from_u32(point)).collect();
                Number::Text(text)
            }
            (DTypeKind::Bytes, _) => {
                let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                Number::Bytes(&bytes[..end])
            }
        }
    }

    fn little_endian<const N: usize>(&self, bytes: &[u8]) -> [u8; N] {
        let mut all = [0; N];
        let used = &mut all[..bytes.len()];
        used.copy_from_slice(bytes);
        if self.dtype.is_big_endian {
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

impl Array {
    pub(crate) fn of(graph: &Graph<'_>, object: &Object) -> Option<Self> {
        let mut args = graph.items(object.args);
        let mut next = || args.next();
        let (dtype, shape, is_fortran, data) = match graph.class(object) {
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => {
                let [Node::Bytes(data) | Node::ByteArray(data), dtype, Node::Tuple(shape), order] =
                    [next()?, next()?, next()?, next()?]
                else {
                    return None;
                };
                (dtype, shape, is_fortran(graph, order)?, data)
            }
            // As this library writes it.
            ("numpy", "ndarray") => {
                let [Node::Tuple(shape), dtype, Node::Bytes(data) | Node::ByteArray(data)] =
                    [next()?, next()?, next()?]
                else {
                    return None;
                };
                let [Node::Int(0), Node::None, order] = [next()?, next()?, next()?] else {
                    return None;
                };
                (dtype, shape, is_fortran(graph, order)?, data)
            }
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => {
                let Some(Node::Global(class)) = next() else { return None };
                let ("numpy", "ndarray") = graph.name(class) else { return None };
                let Some(Node::Tuple(state)) = object.state else { return None };
                let mut state = graph.items(state);
                let mut next = || state.next();
                let [
                    _version,
                    Node::Tuple(shape),
                    dtype,
                    Node::Bool(is_fortran),
                    Node::Bytes(data),
                ] = [next()?, next()?, next()?, next()?, next()?]
                else {
                    return None;
                };
                (dtype, shape, is_fortran, data)
            }
            _ => return None,
        };
        let dtype = DType::of(graph, dtype)?;
        let dimension = |node| usize::try_from(graph.int(node)?).ok();
        let dimensions: Option<Vec<_>> = graph.items(shape).map(dimension).collect();
        let length = length_of(dtype.size, dimensions?.into_iter())?;
        let is_whole = length == graph.bytes[data as usize].len();
        is_whole.then_some(Self { dtype, shape, is_fortran, data })
    }
}

fn is_fortran(graph: &Graph<'_>, order: Node) -> Option<bool> {
    match graph.text(order)? {
        "C" => Some(false),
        "F" => Some(true),
        _ => None,
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

impl Number<'_> {
    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Bool(yes) => visitor.visit_bool(yes),
            Self::Signed(number) => visitor.visit_i64(number),
            Self::Unsigned(number) => visitor.visit_u64(number),
            Self::Float(number) => visitor.visit_f64(number),
            // It fails if the type takes fewer than there are.
            Self::Complex(parts) => {
                SeqDeserializer::new(parts.into_iter()).deserialize_any(visitor)
            }
            Self::Text(Some(text)) => visitor.visit_string(text),
            Self::Text(None) => {
                Err(Error::invalid_type(Unexpected::Other("a str with surrogates"), &visitor))
            }
            Self::Bytes(bytes) => visitor.visit_bytes(bytes),
            Self::Dated(count, unit) => {
                let parts = [Number::Signed(count), Number::Text(Some(unit.to_owned()))];
                SeqDeserializer::new(parts.into_iter()).deserialize_any(visitor)
            }
        }
    }
}

impl<'n> IntoDeserializer<'_, Error> for Number<'n> {
    type Deserializer = Wrapped<'n>;

    fn into_deserializer(self) -> Wrapped<'n> {
        Wrapped { number: self, wrappers: 0 }
    }
}

/// A number in so many options and newtypes.
pub(crate) struct Wrapped<'n> {
    number: Number<'n>,
    wrappers: u8,
}

impl Wrapped<'_> {
    /// A type that contains itself could go on without any data.
    fn unwrapped(self) -> Result<Self, Error> {
        if self.wrappers == MAX_WRAPPERS {
            return Err(Error::custom("a number in a type that contains itself"));
        }
        Ok(Self { wrappers: self.wrappers + 1, ..self })
    }
}

impl<'de> Deserializer<'de> for Wrapped<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.number.visit(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.number {
            Number::Bytes(_) => Err(Error::invalid_type(Unexpected::Bytes(&[]), &visitor)),
            number => number.visit(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self.unwrapped()?)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self.unwrapped()?)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
