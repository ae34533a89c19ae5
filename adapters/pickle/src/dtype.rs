//! What the elements of an array are, as NumPy calls it.

use std::fmt;

use crate::graph::{Graph, Node};

/// The type of the elements of an array: a kind, a size in bytes, and an order of the bytes.
///
/// It is displayed as NumPy's `dtype.str`: `<f8`, `>i4`, `|b1`, `<M8[ns]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DType {
    pub(crate) kind: DTypeKind,
    pub(crate) size: usize,
    pub(crate) is_big_endian: bool,
    /// What a `datetime64` or `timedelta64` counts: `ns`, `25s`.
    pub(crate) unit: Option<String>,
}

/// What kind of elements, by NumPy's letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DTypeKind {
    /// `b`: a bool.
    Bool,
    /// `i`: an integer with a sign.
    Int,
    /// `u`: an integer without a sign.
    UInt,
    /// `f`: a number in floating point.
    Float,
    /// `c`: two of those, the real and the imaginary part.
    Complex,
    /// `S`: bytes, filled up with zeros.
    Bytes,
    /// `U`: text in UTF-32, filled up with zeros.
    Str,
    /// `M`: a `datetime64`, which counts units since 1970 as an `i64`.
    DateTime,
    /// `m`: a `timedelta64`, which counts units as an `i64`.
    TimeDelta,
}

/// The longest text of a type, and the longest name of a unit. It is read again for each element.
const MAX_TEXT: usize = 32;

impl DTypeKind {
    fn letter(self) -> char {
        match self {
            Self::Bool => 'b',
            Self::Int => 'i',
            Self::UInt => 'u',
            Self::Float => 'f',
            Self::Complex => 'c',
            Self::Bytes => 'S',
            Self::Str => 'U',
            Self::DateTime => 'M',
            Self::TimeDelta => 'm',
        }
    }
}

impl DType {
    /// From NumPy's text for it: `<f8`. `None` for what is not supported: objects, structures, and
    /// numbers of other sizes.
    pub(crate) fn parse(order: &str, rest: &str) -> Option<Self> {
        if rest.len() > MAX_TEXT {
            return None;
        }
        let (rest, unit) = match rest.split_once('[') {
            Some((rest, unit)) => (rest, Some(unit.strip_suffix(']')?.to_owned())),
            None => (rest, None),
        };
        let (letter, size) = rest.split_at_checked(1)?;
        if !size.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let size: usize = size.parse().ok()?;
        let (kind, size) = match (letter, size) {
            ("b", 1) => (DTypeKind::Bool, 1),
            ("i", 1 | 2 | 4 | 8) => (DTypeKind::Int, size),
            ("u", 1 | 2 | 4 | 8) => (DTypeKind::UInt, size),
            ("f", 2 | 4 | 8) => (DTypeKind::Float, size),
            ("c", 8 | 16) => (DTypeKind::Complex, size),
            ("S", 1..) => (DTypeKind::Bytes, size),
            ("U", 1..) => (DTypeKind::Str, size.checked_mul(4)?),
            ("M", 8) => (DTypeKind::DateTime, 8),
            ("m", 8) => (DTypeKind::TimeDelta, 8),
            _ => return None,
        };
        let is_dated = matches!(kind, DTypeKind::DateTime | DTypeKind::TimeDelta);
        let has_no_order = size == 1 || kind == DTypeKind::Bytes;
        let is_unit = |unit: &String| {
            !unit.is_empty() && unit.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if unit.as_ref().is_some_and(|unit| !is_dated || !is_unit(unit)) {
            return None;
        }
        if !matches!(order, "<" | ">" | "|") {
            return None;
        }
        if order == "|" && !has_no_order {
            return None;
        }
        Some(Self { kind, size, is_big_endian: order == ">" && !has_no_order, unit })
    }

    /// As it is pickled: `dtype('f8', False, True)` with the state `(3, '<', None, ..)`; or the text.
    pub(crate) fn of(graph: &Graph<'_>, dtype: Node) -> Option<Self> {
        if let Some(text) = graph.text(dtype) {
            let (order, rest) = text.split_at_checked(1)?;
            return Self::parse(order, rest);
        }
        let Node::Object(dtype) = dtype else { return None };
        let dtype = &graph.objects[dtype as usize];
        let ("numpy", "dtype") = graph.class(dtype) else { return None };
        let text = graph.text(graph.arg(dtype, 0)?)?;
        let Some(Node::Tuple(state)) = dtype.state else { return None };
        let mut state = graph.items(state);
        let parsed = Self::parse(graph.text(state.nth(1)?)?, text)?;
        // Neither a part of an array nor a structure.
        let [Node::None, Node::None, Node::None] = [state.next()?, state.next()?, state.next()?]
        else {
            return None;
        };
        match parsed.kind {
            DTypeKind::DateTime | DTypeKind::TimeDelta => {
                Some(Self { unit: Some(date_unit(graph, state.nth(3)?)?), ..parsed })
            }
            _ => Some(parsed),
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match (self.size, self.kind) {
            (1, _) | (_, DTypeKind::Bytes) => '|',
            _ if self.is_big_endian => '>',
            _ => '<',
        };
        let size = if self.kind == DTypeKind::Str { self.size / 4 } else { self.size };
        write!(f, "{order}{}{size}", self.kind.letter())?;
        match &self.unit {
            Some(unit) => write!(f, "[{unit}]"),
            None => Ok(()),
        }
    }
}

/// Returns the bytes of an array of this shape. As NumPy, it refuses a shape that would be too large
/// without its dimensions of 0.
pub(crate) fn length_of(size: usize, shape: impl Iterator<Item = usize>) -> Option<usize> {
    let (mut length, mut is_empty) = (size, false);
    for dimension in shape {
        is_empty |= dimension == 0;
        length = length
            .checked_mul(dimension.max(1))
            .filter(|&length| isize::try_from(length).is_ok())?;
    }
    Some(if is_empty { 0 } else { length })
}

/// `(None, (b'ms', 25, 1, 1))` as `25ms`.
fn date_unit(graph: &Graph<'_>, metadata: Node) -> Option<String> {
    let Node::Tuple(metadata) = metadata else { return None };
    let [_, Node::Tuple(unit)] = graph.items(metadata).two()? else { return None };
    let mut unit = graph.items(unit);
    let name = graph.text(unit.next()?)?;
    let count = graph.int(unit.next()?)?;
    let Node::Int(1) = unit.next()? else { return None };
    if name.len() > MAX_TEXT || !name.bytes().all(|letter| letter.is_ascii_alphabetic()) {
        return None;
    }
    Some(if count == 1 { name.to_owned() } else { format!("{count}{name}") })
}

/// The machine formats of CPython's `arraymodule.c`, but for UTF-16.
pub(crate) fn array_format(format: i32) -> Option<DType> {
    let (kind, size) = match format {
        0 => (DTypeKind::UInt, 1),
        1 => (DTypeKind::Int, 1),
        2 | 3 => (DTypeKind::UInt, 2),
        4 | 5 => (DTypeKind::Int, 2),
        6 | 7 => (DTypeKind::UInt, 4),
        8 | 9 => (DTypeKind::Int, 4),
        10 | 11 => (DTypeKind::UInt, 8),
        12 | 13 => (DTypeKind::Int, 8),
        14 | 15 => (DTypeKind::Float, 4),
        16 | 17 => (DTypeKind::Float, 8),
        20 | 21 => (DTypeKind::Str, 4),
        _ => return None,
    };
    // Of each two, the second is big-endian, from the third format on.
    Some(DType { kind, size, is_big_endian: format > 1 && format % 2 == 1, unit: None })
}
