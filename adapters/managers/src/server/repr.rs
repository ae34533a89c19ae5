//! Python's `repr` of values.

use std::fmt::Write;

use mpconn_pickle::Value;

use super::python::type_of;

/// Returns Python's `repr` of a value.
pub(crate) fn repr(value: &Value) -> String {
    let mut out = String::new();
    write_repr(&mut out, value);
    out
}

fn write_repr(out: &mut String, value: &Value) {
    // Writing to a string does not fail.
    let _ = match value {
        Value::None => write!(out, "None"),
        Value::Bool(yes) => write!(out, "{}", if *yes { "True" } else { "False" }),
        Value::Int(number) => write!(out, "{number}"),
        Value::Long(number) => write!(out, "{number}"),
        Value::Float(number) => write!(out, "{}", float_repr(*number)),
        Value::Str(text) => write!(out, "{}", quoted(text.chars().map(u32::from), false)),
        Value::Bytes(bytes) => {
            write!(out, "b{}", quoted(bytes.iter().map(|b| u32::from(*b)), true))
        }
        Value::ByteArray(bytes) => {
            write!(out, "bytearray(b{})", quoted(bytes.iter().map(|b| u32::from(*b)), true))
        }
        Value::Tuple(items) => {
            let close = if items.len() == 1 { ",)" } else { ")" };
            return row(out, "(", items, close);
        }
        Value::List(items) => return row(out, "[", items, "]"),
        Value::Set(items) if items.is_empty() => write!(out, "set()"),
        Value::Set(items) => return row(out, "{", items, "}"),
        Value::FrozenSet(items) if items.is_empty() => write!(out, "frozenset()"),
        Value::FrozenSet(items) => return row(out, "frozenset({", items, "})"),
        Value::Dict(pairs) => return dict_repr(out, pairs.iter().map(|(key, value)| (key, value))),
        Value::Global(global) => write!(out, "<class '{}.{}'>", global.module, global.name),
        other => write!(out, "<{} object>", type_of(other)),
    };
}

pub(crate) fn dict_repr<'v>(out: &mut String, pairs: impl Iterator<Item = (&'v Value, &'v Value)>) {
    out.push('{');
    for (place, (key, value)) in pairs.enumerate() {
        if place > 0 {
            out.push_str(", ");
        }
        write_repr(out, key);
        out.push_str(": ");
        write_repr(out, value);
    }
    out.push('}');
}

fn row(out: &mut String, open: &str, items: &[Value], close: &str) {
    out.push_str(open);
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push_str(", ");
        }
        write_repr(out, item);
    }
    out.push_str(close);
}

fn float_repr(number: f64) -> String {
    if number.is_nan() || number.is_infinite() {
        return number.to_string().to_lowercase();
    }
    let exponent = if number == 0.0 { 0.0 } else { number.abs().log10().floor() };
    if (-4.0..16.0).contains(&exponent) {
        return format!("{number:?}");
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => text,
    }
}

fn quoted(chars: impl Iterator<Item = u32> + Clone, is_bytes: bool) -> String {
    let has = |quote: char| chars.clone().any(|c| c == u32::from(quote));
    let quote = if has('\'') && !has('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for code in chars {
        let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        let _ = match c {
            '\\' => write!(out, "\\\\"),
            '\n' => write!(out, "\\n"),
            '\r' => write!(out, "\\r"),
            '\t' => write!(out, "\\t"),
            c if c == quote => write!(out, "\\{c}"),
            c if (is_bytes && !c.is_ascii()) || (c.is_control() && code < 0x100) => {
                write!(out, "\\x{code:02x}")
            }
            c => write!(out, "{c}"),
        };
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repr_is_pythons() {
        let cases = [
            (Value::Float(1.0), "1.0"),
            (Value::Float(1e16), "1e+16"),
            (Value::Float(1.5e-5), "1.5e-05"),
            (Value::Float(123_456.789), "123456.789"),
            (Value::Float(f64::INFINITY), "inf"),
            ("it's".into(), "\"it's\""),
            ("a\n\\".into(), "'a\\n\\\\'"),
            (Value::Bytes(vec![0, 65, 255]), "b'\\x00A\\xff'"),
            (Value::Tuple(vec![1.into()]), "(1,)"),
            (Value::Dict(vec![("a".into(), Value::None)]), "{'a': None}"),
            (Value::Set(vec![]), "set()"),
        ];
        for (value, text) in cases {
            assert_eq!(repr(&value), text);
        }
    }
}
