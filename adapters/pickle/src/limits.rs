//! What a pickle may cost. Each limit has its reason beside it, and a setter on
//! [`Decoder`](crate::Decoder).

use std::fmt;

/// Containers within containers; an object is one, and its arguments another. A peer's data seldom
/// has ten. serde recurses once per level, and so many of a [`Value`](crate::Value) fit on a stack
/// of 256 KiB even without optimisation.
pub const MAX_DEPTH: u32 = 32;

/// Values in one pickle, what the memo repeats included: a bound for memory, of which a number takes
/// eight bytes while a pickle is read, and an empty list some 40. `tests/hostile.rs` holds memory
/// below 160 bytes for each of the pickle's.
pub const MAX_NODES: u32 = 1 << 24;

/// Entries of the memo, through which a pickle refers to what it has said before. Python's pickler
/// makes one for each container and string.
pub const MAX_MEMO: u32 = 1 << 24;

/// Bytes of a pickle: offsets and counts have 32 bits here.
pub const MAX_BYTES: u32 = u32::MAX;

/// Digits of one number in the text of protocols 0 and 1. Conversion takes the square of it, and
/// CPython has the same limit (`sys.int_info.default_max_str_digits`). Binary integers have none.
pub const MAX_DIGITS: u32 = 4300;

/// What shared values may add beyond 64 bytes for each byte of the pickle, in bytes: `[row] * 1000`
/// is a thousand rows in Rust. A value costs 16, a text or bytes its length as well. What is not
/// shared never counts, unless it is read of one [`Pickle`](crate::Pickle) again and again.
pub const MAX_EXPANSION: u64 = 16 << 20;

/// The cost of a value, in the sense of [`MAX_EXPANSION`].
pub(crate) const NODE_COST: u64 = 16;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) depth: u32,
    pub(crate) nodes: u32,
    pub(crate) memo: u32,
    pub(crate) bytes: u32,
    pub(crate) digits: u32,
    pub(crate) expansion: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: MAX_DEPTH,
            nodes: MAX_NODES,
            memo: MAX_MEMO,
            bytes: MAX_BYTES,
            digits: MAX_DIGITS,
            expansion: MAX_EXPANSION,
        }
    }
}

/// Which limit a pickle went over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// [`MAX_DEPTH`]. A list that contains itself is deeper than any limit.
    Depth,
    /// [`MAX_NODES`].
    Nodes,
    /// [`MAX_MEMO`].
    Memo,
    /// [`MAX_BYTES`].
    Bytes,
    /// [`MAX_DIGITS`].
    Digits,
    /// [`MAX_EXPANSION`].
    Expansion,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => {
                "containers within containers, or options within options (Decoder::max_depth)"
            }
            Self::Nodes => "values (Decoder::max_nodes)",
            Self::Memo => "entries in the memo (Decoder::max_memo)",
            Self::Bytes => "bytes (Decoder::max_bytes)",
            Self::Digits => "digits of a number (Decoder::max_digits)",
            Self::Expansion => "copies of shared values (Decoder::max_expansion)",
        })
    }
}
