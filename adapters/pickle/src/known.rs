//! Objects of the standard library that are values: which they are, and as what text.
//!
//! Nothing is checked that a parser of that text will check: a pickle may say the 99th of May.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::content;
use crate::graph::{Graph, Node, Object};
use crate::integer::to_i128;

/// Python's `str()` of it, or its `isoformat()` if it has one; the key of a time zone; the pattern of a
/// regular expression, with its flags before it.
pub(crate) fn text(graph: &Graph<'_>, object: &Object) -> Option<String> {
    if let Some(key) = zone_key(graph, object) {
        return Some(key.to_owned());
    }
    match graph.class(object) {
        ("datetime", "datetime") => datetime(graph, object),
        ("datetime", "date") => date(raw(graph, object, 0)?),
        ("datetime", "time") => {
            Some(time(raw(graph, object, 0)?)? + &offset(graph, graph.arg(object, 1))?)
        }
        ("datetime", "timezone") => timezone(graph, object),
        ("decimal", "Decimal") => graph.text(graph.arg(object, 0)?).map(str::to_owned),
        ("ipaddress", name) => ip(graph, object, name),
        ("re", "_compile") => regex(graph, object),
        ("pytz", "FixedOffset") | ("dateutil.tz.tz", "tzoffset") => {
            let offset = fixed_offset(graph, object)?;
            Some(if offset == "+00:00" { "UTC".to_owned() } else { format!("UTC{offset}") })
        }
        ("uuid", "UUID") => uuid(graph, object),
        ("fractions", "Fraction") => fraction(graph, object),
        ("pathlib" | "pathlib._local", "PosixPath" | "PurePosixPath") => path(graph, object, '/'),
        ("pathlib" | "pathlib._local", "WindowsPath" | "PureWindowsPath") => {
            path(graph, object, '\\')
        }
        _ => None,
    }
}

fn datetime(graph: &Graph<'_>, object: &Object) -> Option<String> {
    let (day, of_day) = raw(graph, object, 0)?.split_at_checked(4)?;
    let offset = offset(graph, graph.arg(object, 1))?;
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

/// The offset of a zone that has only one.
fn fixed_offset(graph: &Graph<'_>, zone: &Object) -> Option<String> {
    let all = match zone_class(graph, zone) {
        ("datetime", "timezone") => duration(graph, graph.arg(zone, 0)?)?,
        ("pytz", "_UTC") | ("dateutil.tz.tz", "tzutc") => 0,
        ("pytz", "FixedOffset") => seconds(graph, graph.arg(zone, 0)?)?.checked_mul(60)?,
        // With what holds at this time: `_p('Europe/Berlin', 7200, 3600, 'CEST')`.
        ("pytz", "_p") => match graph.arg(zone, 1) {
            Some(offset) => seconds(graph, offset)?,
            None => (zone_key(graph, zone)? == "UTC").then_some(0)?,
        },
        ("dateutil.tz.tz", "tzoffset") => {
            let attribute = || content::value_in(graph, zone.state?, b"_offset");
            match attribute().or_else(|| graph.arg(zone, 1))? {
                delta @ Node::Object(_) => duration(graph, delta)?,
                offset => seconds(graph, offset)?,
            }
        }
        _ => (zone_key(graph, zone)? == "UTC").then_some(0)?,
    };
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

fn seconds(graph: &Graph<'_>, number: Node) -> Option<i64> {
    i64::try_from(graph.int(number)?).ok()?.checked_mul(1_000_000)
}

/// A `timedelta` in microseconds.
fn duration(graph: &Graph<'_>, delta: Node) -> Option<i64> {
    let Node::Object(delta) = delta else { return None };
    let delta = &graph.objects[delta as usize];
    if graph.class(delta) != ("datetime", "timedelta") {
        return None;
    }
    let [days, seconds, microseconds] = timedelta(graph, delta)?.map(i64::from);
    Some((days * 86_400 + seconds).saturating_mul(1_000_000).saturating_add(microseconds))
}

/// The class of a time zone, of which protocols 0 and 1 may have made it in a roundabout way.
fn zone_class<'g>(graph: &'g Graph<'_>, zone: &Object) -> (&'g str, &'g str) {
    match (graph.class(zone), graph.arg(zone, 0)) {
        (("copyreg", "_reconstructor"), Some(Node::Global(class))) => graph.name(class),
        (class, _) => class,
    }
}

/// The name of a time zone: of zoneinfo, pytz or dateutil.
fn zone_key<'g>(graph: &'g Graph<'_>, zone: &Object) -> Option<&'g str> {
    let key = |nth| graph.text(graph.arg(zone, nth)?);
    match zone_class(graph, zone) {
        ("", _) => {
            let Node::Object(class) = zone.class else { return None };
            let class = &graph.objects[class as usize];
            match attribute(graph, class)? {
                (
                    "zoneinfo" | "backports.zoneinfo" | "zoneinfo._zoneinfo",
                    "ZoneInfo",
                    "_unpickle",
                ) => key(0),
                _ => None,
            }
        }
        ("zoneinfo" | "backports.zoneinfo", "ZoneInfo" | "ZoneInfo._unpickle") => key(0),
        ("pytz", "_UTC") | ("dateutil.tz.tz", "tzutc") => Some("UTC"),
        ("pytz", "_p") => key(0),
        ("dateutil.tz.tz", "tzoffset" | "tzlocal") => None,
        // The file, or the class and a key.
        ("dateutil.tz.tz" | "dateutil.tz._tzfile" | "dateutil.zoneinfo", _) => {
            let file = key(1)?;
            Some(file.split_once("zoneinfo/").map_or(file, |(_, key)| key))
        }
        _ => None,
    }
}

/// The zone of an aware `datetime` or `time` whose offset only a database of time zones tells.
pub(crate) fn zone_without_offset<'g>(graph: &'g Graph<'_>, object: &Object) -> Option<&'g str> {
    let ("datetime", "datetime" | "time") = graph.class(object) else { return None };
    let Node::Object(zone) = graph.arg(object, 1)? else { return None };
    let zone = &graph.objects[zone as usize];
    if fixed_offset(graph, zone).is_some() {
        return None;
    }
    zone_key(graph, zone).or_else(|| Some(zone_class(graph, zone).1))
}

/// `getattr(module.name, attribute)`, which is how protocols up to 3 name what is within a class.
pub(crate) fn attribute<'g>(
    graph: &'g Graph<'_>,
    object: &Object,
) -> Option<(&'g str, &'g str, &'g str)> {
    let ("builtins", "getattr") = graph.class(object) else { return None };
    let [Node::Global(class), attribute] = graph.items(object.args).two()? else { return None };
    let (module, name) = graph.name(class);
    Some((module, name, graph.text(attribute)?))
}

fn ip(graph: &Graph<'_>, object: &Object, name: &str) -> Option<String> {
    let arg = graph.arg(object, 0)?;
    match (name, graph.text(arg)) {
        (
            "IPv4Address" | "IPv6Address" | "IPv4Network" | "IPv6Network" | "IPv4Interface"
            | "IPv6Interface",
            Some(text),
        ) => Some(text.to_owned()),
        ("IPv4Address", None) => {
            Some(Ipv4Addr::from(u32::try_from(graph.int(arg)?).ok()?).to_string())
        }
        ("IPv6Address", None) => Some(Ipv6Addr::from(unsigned(graph, arg)?).to_string()),
        _ => None,
    }
}

/// The pattern, with the flags that are not the default before it: `(?i)a+`.
fn regex(graph: &Graph<'_>, object: &Object) -> Option<String> {
    const LETTERS: [(i128, char); 5] = [(2, 'i'), (8, 'm'), (16, 's'), (64, 'x'), (256, 'a')];
    let [Node::Str(pattern), flags] = graph.items(object.args).two()? else { return None };
    let pattern = graph.str(pattern);
    let flags = match flags {
        // `re.RegexFlag(2)`
        Node::Object(flag) => graph.arg(&graph.objects[flag as usize], 0)?,
        flags => flags,
    };
    // `re.UNICODE` is the default for text.
    let flags = graph.int(flags)? & !32;
    let letters: String =
        LETTERS.iter().filter(|(bit, _)| flags & bit != 0).map(|&(_, letter)| letter).collect();
    let known: i128 = LETTERS.iter().map(|(bit, _)| bit).sum();
    match (flags & !known, letters.as_str()) {
        (0, "") => Some(pattern.clone().into_owned()),
        (0, letters) => Some(format!("(?{letters}){pattern}")),
        _ => None,
    }
}

/// The start, the stop and the step of a `range`.
pub(crate) fn range(graph: &Graph<'_>, object: &Object) -> Option<[i64; 3]> {
    let mut args = graph.items(object.args);
    let mut parts = [0; 3];
    for part in &mut parts {
        *part = i64::try_from(graph.int(args.next()?)?).ok()?;
    }
    (args.next().is_none() && parts[2] != 0).then_some(parts)
}

fn timezone(graph: &Graph<'_>, object: &Object) -> Option<String> {
    if let Some(name) = graph.arg(object, 1) {
        return graph.text(name).map(str::to_owned);
    }
    let offset = fixed_offset(graph, object)?;
    Some(if offset == "+00:00" { "UTC".to_owned() } else { format!("UTC{offset}") })
}

pub(crate) fn timedelta(graph: &Graph<'_>, object: &Object) -> Option<[i32; 3]> {
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
    let (numerator, denominator) = (graph.arg(object, 0)?, graph.arg(object, 1));
    let Some(denominator) = denominator else {
        return graph.text(numerator).map(str::to_owned);
    };
    let (numerator, denominator) = (graph.int(numerator)?, graph.int(denominator)?);
    Some(if denominator == 1 {
        numerator.to_string()
    } else {
        format!("{numerator}/{denominator}")
    })
}

/// Its parts are put together as they were taken apart: up to Python 3.11 the first is the anchor,
/// later ones have paths as they were written, of which an absolute one replaces what is before it.
/// Nothing comes between a drive and what is relative there: `C:a`.
fn path(graph: &Graph<'_>, object: &Object, separator: char) -> Option<String> {
    let mut path = String::new();
    for part in graph.items(object.args) {
        let mut part = Cow::from(graph.text(part)?);
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

fn raw<'g>(graph: &'g Graph<'_>, object: &Object, nth: usize) -> Option<&'g [u8]> {
    graph.raw(graph.arg(object, nth)?)
}
