//! Values as protocols 0 and 1 have them, in text, and what else is text in a pickle.

use std::borrow::Cow;
use std::str;

use crate::integer::{from_decimal, shortest};

/// A decimal number, as far as it is one.
pub(crate) enum Decimal {
    Small(i32),
    /// Little-endian two's complement.
    Long(Vec<u8>),
}

pub(crate) fn decimal(text: &[u8]) -> Option<Decimal> {
    let text = str::from_utf8(text).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    if let Ok(small) = text.parse() {
        return Some(Decimal::Small(small));
    }
    let mut bytes = match text.parse::<i64>() {
        Ok(number) => number.to_le_bytes().to_vec(),
        Err(_) => from_decimal(digits.as_bytes(), text.len() != digits.len()),
    };
    bytes.truncate(shortest(&bytes).len());
    Some(Decimal::Long(bytes))
}

/// An index of the memo.
pub(crate) fn index(text: &[u8]) -> Option<u64> {
    str::from_utf8(text).ok()?.parse().ok()
}

/// Python's `repr` of a float, which Rust reads too: `1e+16`, `-inf`, `nan`.
pub(crate) fn float(text: &[u8]) -> Option<f64> {
    str::from_utf8(text).ok()?.parse().ok()
}

/// Python 2's `repr` of a str, quotes included.
pub(crate) fn quoted(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let (&quote, rest) = text.split_first()?;
    let (&end, inner) = rest.split_last()?;
    if quote != end || !matches!(quote, b'\'' | b'"') {
        return None;
    }
    if !inner.contains(&b'\\') {
        return Some(inner.into());
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let (&escape, after) = rest.split_first()?;
        rest = after;
        out.push(match escape {
            b'\\' | b'\'' | b'"' => escape,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let (digits, after) = rest.split_at_checked(2)?;
                rest = after;
                u8::try_from(hexadecimal(digits)?).ok()?
            }
            _ => return None,
        });
    }
    Some(out.into())
}

/// Python's `raw-unicode-escape`: Latin-1, with escapes of four and eight digits. It gives UTF-8 in
/// which surrogates have three bytes.
pub(crate) fn raw_unicode_escape(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if text.is_ascii() && !text.contains(&b'\\') {
        return Some(text.into());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = match after.first() {
            Some(b'u') if byte == b'\\' => 4,
            Some(b'U') if byte == b'\\' => 8,
            // Python's pickler writes none of these; a backslash takes the next one with it.
            Some(b'\\') if byte == b'\\' => {
                out.extend_from_slice(br"\\");
                rest = &after[1..];
                continue;
            }
            _ => {
                push(&mut out, byte.into());
                rest = after;
                continue;
            }
        };
        let (digits, after) = after[1..].split_at_checked(digits)?;
        rest = after;
        push(&mut out, Some(hexadecimal(digits)?).filter(|&point| point <= 0x10_ffff)?);
    }
    Some(out.into())
}

/// Text of which each character stands for a byte.
pub(crate) fn latin1(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    for point in text.chars() {
        bytes.push(u8::try_from(point).ok()?);
    }
    Some(bytes)
}

/// Whether it is UTF-8 but for surrogates: what Python's `surrogatepass` takes.
pub(crate) fn has_surrogates(mut text: &[u8]) -> bool {
    while let Err(error) = str::from_utf8(text) {
        match text[error.valid_up_to()..] {
            [0xed, 0xa0..=0xbf, 0x80..=0xbf, ref rest @ ..] => text = rest,
            _ => return false,
        }
    }
    true
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, &digit| Some(number << 4 | char::from(digit).to_digit(16)?))
}

/// As UTF-8, surrogates too.
fn push(out: &mut Vec<u8>, point: u32) {
    if let Some(point) = char::from_u32(point) {
        out.extend_from_slice(point.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        let [_, _, high, low] = point.to_be_bytes();
        out.extend([0xe0 | high >> 4, 0x80 | (high & 0xf) << 2 | low >> 6, 0x80 | low & 0x3f]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        let small = |text: &str| match decimal(text.as_bytes()) {
            Some(Decimal::Small(number)) => Some(number),
            _ => None,
        };
        assert_eq!(small("0"), Some(0));
        assert_eq!(small("-2147483648"), Some(i32::MIN));
        assert_eq!(small("2147483648"), None);
        for wrong in ["", "-", "+1", " 1", "1_0", "0x1", "1.0", "١"] {
            assert!(decimal(wrong.as_bytes()).is_none(), "{wrong:?}");
        }
        let Some(Decimal::Long(bytes)) = decimal(b"-2147483649") else { panic!("it is long") };
        assert_eq!(bytes, [0xff, 0xff, 0xff, 0x7f, 0xff]);
    }

    #[test]
    fn quotes_and_escapes() {
        assert_eq!(quoted(b"'abc'"), Some(b"abc".as_slice().into()));
        let escaped = quoted(br#"'\\ \' " \x00\xff\n\r\t'"#).unwrap();
        assert_eq!(&*escaped, b"\\ ' \" \0\xff\n\r\t");
        for wrong in [&b"'abc"[..], b"", b"'", b"'\"", b"abc", br"'\'", br"'\x0'", br"'\q'"] {
            assert_eq!(quoted(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn surrogates_by_escapes() {
        let text = raw_unicode_escape(b"\xe9\\u20ac\\U0001f600\\ud83d\\\\").unwrap();
        assert_eq!(&*text, "é€😀".bytes().chain(*b"\xed\xa0\xbd\\\\").collect::<Vec<_>>());
        assert!(str::from_utf8(&text).is_err() && has_surrogates(&text));
        assert_eq!(raw_unicode_escape(br"\\u20ac").unwrap(), &br"\\u20ac"[..]);
        let plain = raw_unicode_escape(b"\xe9u20ac\xe9U0001f600").unwrap();
        assert_eq!(&*plain, "éu20acéU0001f600".as_bytes());
        for wrong in [&br"\u12"[..], br"\U00110000", br"\u+123"] {
            assert_eq!(raw_unicode_escape(wrong), None, "{wrong:?}");
        }
        for wrong in [&b"\xed\xa0"[..], b"\xed\x9f", b"\xff", b"a\xc0\x80"] {
            assert!(!has_surrogates(wrong), "{wrong:?}");
        }
    }
}
