//! Integers of any size.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use crate::form::{self, Formed};
use crate::{Bytes, Value};

/// An integer of any size, as pickles have it: in little-endian two's complement.
///
/// It computes nothing; a crate that does reads [`as_le_bytes`](Self::as_le_bytes), as
/// `num_bigint::BigInt::from_signed_bytes_le` does.
///
/// ```
/// use mpconn_pickle::Integer;
///
/// let long = Integer::from(1_i128 << 100);
/// let pickle = mpconn_pickle::to_bytes(&long)?;
/// assert_eq!(mpconn_pickle::from_slice::<Integer>(&pickle)?, long);
/// assert_eq!(mpconn_pickle::from_slice::<i128>(&pickle)?, 1 << 100);
/// # Ok::<(), mpconn_pickle::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Integer(Box<[u8]>);

impl Integer {
    /// From little-endian two's complement of any length; none is zero.
    #[must_use]
    pub fn from_le_bytes(bytes: &[u8]) -> Self {
        Self(shortest(bytes).into())
    }

    /// Little-endian two's complement, of as few bytes as hold it; none for zero.
    #[must_use]
    pub fn as_le_bytes(&self) -> &[u8] {
        &self.0
    }

    /// If it fits.
    #[must_use]
    pub fn to_i128(&self) -> Option<i128> {
        to_i128(&self.0)
    }
}

impl From<i128> for Integer {
    fn from(number: i128) -> Self {
        Self::from_le_bytes(&number.to_le_bytes())
    }
}

/// In hexadecimal, as Python's `hex` gives it: that takes no longer for long ones.
impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let negative = is_negative(&self.0);
        let mut magnitude = self.0.to_vec();
        if negative {
            negate(&mut magnitude);
        }
        let significant = magnitude.iter().rposition(|&byte| byte != 0).unwrap_or(0);
        let mut bytes = magnitude.iter().take(significant + 1).rev();
        let first = bytes.next().copied().unwrap_or(0);
        write!(f, "{}0x{first:x}", if negative { "-" } else { "" })?;
        bytes.try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Integer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Formed(form::INTEGER, Bytes(&self.0)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Int(number) => Ok(i128::from(number).into()),
            Value::Long(number) => Ok(number),
            other => Err(D::Error::invalid_type(other.unexpected(), &"an int")),
        }
    }
}

/// Without the bytes that only repeat the sign.
pub(crate) fn shortest(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., last] = bytes {
        let sign = if rest.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
        if *last != sign {
            break;
        }
        bytes = rest;
    }
    bytes
}

pub(crate) fn to_i128(bytes: &[u8]) -> Option<i128> {
    let mut all = [if is_negative(bytes) { 0xff } else { 0 }; 16];
    all.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i128::from_le_bytes(all))
}

pub(crate) fn to_i64(bytes: &[u8]) -> Option<i64> {
    i64::try_from(to_i128(bytes)?).ok()
}

/// From digits alone, in a time that grows with the square of their number.
pub(crate) fn from_decimal(digits: &[u8], negative: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in digits.chunks(9) {
        // As many digits as always fit, and what they are to be added to, shifted by them.
        let mut carry = chunk.iter().fold(0, |n: u64, digit| n * 10 + u64::from(digit - b'0'));
        let shift = chunk.iter().fold(1, |n: u64, _| n * 10);
        for byte in &mut bytes {
            carry += u64::from(*byte) * shift;
            [*byte, ..] = carry.to_le_bytes();
            carry >>= 8;
        }
        while carry > 0 {
            let [low, ..] = carry.to_le_bytes();
            bytes.push(low);
            carry >>= 8;
        }
    }
    bytes.push(0);
    if negative {
        negate(&mut bytes);
    }
    bytes
}

fn is_negative(bytes: &[u8]) -> bool {
    bytes.last().is_some_and(|byte| byte & 0x80 != 0)
}

fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes {
        (*byte, carry) = (!*byte).overflowing_add(carry.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortest_form() {
        for (bytes, short) in [
            (&[0, 0][..], &[][..]),
            (&[0xff, 0xff], &[0xff]),
            (&[0x80, 0], &[0x80, 0]),
            (&[0x80, 0xff], &[0x80]),
            (&[1, 0, 0], &[1]),
            (&[0, 0xff], &[0, 0xff]),
        ] {
            assert_eq!(shortest(bytes), short);
            assert_eq!(to_i128(bytes), to_i128(short));
        }
    }

    #[test]
    fn decimals_of_any_length() {
        for number in [0, 1, -1, 127, 128, -128, -129, 999_999_999, i128::MAX, i128::MIN] {
            let text = number.to_string();
            let digits = text.trim_start_matches('-').as_bytes();
            assert_eq!(to_i128(shortest(&from_decimal(digits, number < 0))), Some(number));
        }
    }

    #[test]
    fn shown_in_hexadecimal() {
        for number in [0_i128, 1, -1, 255, -255, 256, -256, i128::MAX] {
            let sign = if number < 0 { "-" } else { "" };
            let expected = format!("{sign}{:#x}", number.unsigned_abs());
            assert_eq!(Integer::from(number).to_string(), expected);
            assert_eq!(format!("{:?}", Integer::from(number)), expected);
        }
        let magnitude = Integer::from_le_bytes(&[[0; 16].as_slice(), &[0x80]].concat());
        assert_eq!(magnitude.to_string(), format!("-0x80{}", "0".repeat(32)));
    }
}
