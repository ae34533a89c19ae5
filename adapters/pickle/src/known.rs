//! Objects of the standard library that are values: which they are, and as what text.
//!
//! Nothing is checked that a parser of that text will check: a pickle may say the 99th of May.

use std::borrow::Cow;

use crate::graph::{Graph, Node, Object};
use crate::integer::to_i128;

/// Python's `str()` of it, or its `isoformat()` if it has one.
pub(crate) fn text(graph: &Graph<'_>, object: &Object) -> Option<String> {
    let (module, name) = graph.name(object.class);
    match (module, name) {
        ("datetime", "datetime") => datetime(graph, object),
        ("datetime", "date") => date(raw(graph, object, 0)?),
        ("datetime", "time") => {
            Some(time(raw(graph, object, 0)?)? + &offset(graph, arg(graph, object, 1))?)
        }
        ("datetime", "timezone") => timezone(graph, object),
        ("decimal", "Decimal") => as_str(graph, arg(graph, object, 0)?).map(str::to_owned),
        ("uuid", "UUID") => uuid(graph, object),
        ("fractions", "Fraction") => fraction(graph, object),
        ("pathlib" | "pathlib._local", "PosixPath" | "PurePosixPath") => path(graph, object, '/'),
        ("pathlib" | "pathlib._local", "WindowsPath" | "PureWindowsPath") => {
            path(graph, object, '\\')
        }
        _ => None,
    }
}

/// Whether it is of a class that is read as what it is.
pub(crate) fn is_known(graph: &Graph<'_>, object: &Object) -> bool {
    match graph.name(object.class) {
        ("collections", "OrderedDict" | "defaultdict" | "Counter") => object.pairs.is_some(),
        ("collections", "deque") => object.items.is_some(),
        ("datetime", "timedelta") => timedelta(graph, object).is_some(),
        _ => text(graph, object).is_some(),
    }
}

fn datetime(graph: &Graph<'_>, object: &Object) -> Option<String> {
    let (day, of_day) = raw(graph, object, 0)?.split_at_checked(4)?;
    let offset = offset(graph, arg(graph, object, 1))?;
    Some(format!("{}T{}{offset}", date(day)?, time(of_day)?))
}

fn date(bytes: &[u8]) -> Option<String> {
    let &[high, low, month, day] = bytes else { return None };
    // The month's highest bit is set in the second of two hours that a clock has twice.
    let (year, month) = (u16::from_be_bytes([high, low]), month & 0x7f);
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

fn time(bytes: &[u8]) -> Option<String> {
    let &[hour, minute, second, a, b, c] = bytes else { return None };
    let (hour, microsecond) = (hour & 0x7f, u32::from_be_bytes([0, a, b, c]));
    let whole = format!("{hour:02}:{minute:02}:{second:02}");
    Some(if microsecond == 0 { whole } else { format!("{whole}.{microsecond:06}") })
}

/// `+01:00`; empty without a time zone; None for one that says no offset by itself.
fn offset(graph: &Graph<'_>, zone: Option<Node>) -> Option<String> {
    let Some(zone) = zone.filter(|&zone| zone != Node::None) else { return Some(String::new()) };
    let Node::Object(zone) = zone else { return None };
    fixed_offset(graph, &graph.objects[zone as usize])
}

fn fixed_offset(graph: &Graph<'_>, zone: &Object) -> Option<String> {
    if graph.name(zone.class) != ("datetime", "timezone") {
        return None;
    }
    let Some(Node::Object(delta)) = arg(graph, zone, 0) else { return None };
    let delta = &graph.objects[delta as usize];
    if graph.name(delta.class) != ("datetime", "timedelta") {
        return None;
    }
    let [days, seconds, microseconds] = timedelta(graph, delta)?.map(i64::from);
    let all = (days * 86_400 + seconds).saturating_mul(1_000_000).saturating_add(microseconds);
    let (sign, all) = (if all < 0 { '-' } else { '+' }, all.unsigned_abs());
    // Python knows none of a day or more.
    if all >= 86_400_000_000 {
        return None;
    }
    let (seconds, microseconds) = (all / 1_000_000, all % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut offset = format!("{sign}{hours:02}:{minutes:02}");
    if seconds != 0 || microseconds != 0 {
        offset += &format!(":{seconds:02}");
    }
    if microseconds != 0 {
        offset += &format!(".{microseconds:06}");
    }
    Some(offset)
}

fn timezone(graph: &Graph<'_>, object: &Object) -> Option<String> {
    if let Some(name) = arg(graph, object, 1) {
        return as_str(graph, name).map(str::to_owned);
    }
    let offset = fixed_offset(graph, object)?;
    Some(if offset == "+00:00" { "UTC".to_owned() } else { format!("UTC{offset}") })
}

fn timedelta(graph: &Graph<'_>, object: &Object) -> Option<[i32; 3]> {
    let mut items = graph.items(object.args);
    let mut parts = [0; 3];
    for part in &mut parts {
        let Some(Node::Int(number)) = items.next() else { return None };
        *part = number;
    }
    items.next().is_none().then_some(parts)
}

fn uuid(graph: &Graph<'_>, object: &Object) -> Option<String> {
    let Some(Node::Dict(state)) = object.state else { return None };
    let mut pairs = graph.items(state);
    // It is the first in every version; the only other one is `is_safe`.
    if graph.raw(pairs.next()?) != Some(b"int") {
        return None;
    }
    let hex = format!("{:032x}", unsigned(graph, pairs.next()?)?);
    Some([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

fn unsigned(graph: &Graph<'_>, node: Node) -> Option<u128> {
    match node {
        Node::Int(number) => u128::try_from(number).ok(),
        Node::Long(number) => to_u128(&graph.bytes[number as usize]),
        _ => None,
    }
}

/// Of little-endian two's complement in its shortest form.
pub(crate) fn to_u128(bytes: &[u8]) -> Option<u128> {
    match (to_i128(bytes), bytes) {
        (Some(number), _) => u128::try_from(number).ok(),
        // One byte more for the sign.
        (None, [low @ .., 0]) => Some(u128::from_le_bytes(low.try_into().ok()?)),
        _ => None,
    }
}

fn fraction(graph: &Graph<'_>, object: &Object) -> Option<String> {
    let (numerator, denominator) = (arg(graph, object, 0)?, arg(graph, object, 1));
    let Some(denominator) = denominator else {
        return as_str(graph, numerator).map(str::to_owned);
    };
    let (numerator, denominator) = (signed(graph, numerator)?, signed(graph, denominator)?);
    Some(if denominator == 1 {
        numerator.to_string()
    } else {
        format!("{numerator}/{denominator}")
    })
}

fn signed(graph: &Graph<'_>, node: Node) -> Option<i128> {
    match node {
        Node::Int(number) => Some(number.into()),
        Node::Long(number) => to_i128(&graph.bytes[number as usize]),
        _ => None,
    }
}

/// Its parts are put together as they were taken apart: up to Python 3.11 the first is the anchor,
/// later ones have paths as they were written, of which an absolute one replaces what is before it.
/// Nothing comes between a drive and what is relative there: `C:a`.
fn path(graph: &Graph<'_>, object: &Object, separator: char) -> Option<String> {
    let mut path = String::new();
    for part in graph.items(object.args) {
        let mut part = Cow::from(as_str(graph, part)?);
        if separator == '\\' && part.contains('/') {
            part = part.replace('/', "\\").into();
        }
        if part.starts_with(separator) && separator == '/' {
            path.clear();
        } else if !(path.is_empty() || path.ends_with(separator) || is_drive(&path, separator)) {
            path.push(separator);
        }
        path.push_str(&part);
    }
    Some(if path.is_empty() { ".".to_owned() } else { path })
}

fn is_drive(path: &str, separator: char) -> bool {
    separator == '\\' && path.ends_with(':')
}

fn arg(graph: &Graph<'_>, object: &Object, nth: usize) -> Option<Node> {
    graph.items(object.args).nth(nth)
}

fn raw<'g>(graph: &'g Graph<'_>, object: &Object, nth: usize) -> Option<&'g [u8]> {
    graph.raw(arg(graph, object, nth)?)
}

/// Python 2's str is text here, whatever it is elsewhere.
fn as_str<'g>(graph: &'g Graph<'_>, node: Node) -> Option<&'g str> {
    std::str::from_utf8(graph.raw(node)?).ok()
}
