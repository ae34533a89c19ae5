//! Reading: the options, and the way through them.

use std::{iter, str};

use serde::Deserialize;

use crate::limits::Limits;
use crate::machine::Source;
use crate::{Error, Pickle};

/// Reads a pickle of any protocol into a Rust value, within the default limits: Python's
/// `pickle.loads`, but that it imports and calls nothing.
///
/// As there, bytes behind the pickle's end are not looked at. `T` may borrow `&str` and `&[u8]` from
/// `pickle`.
///
/// # Errors
///
/// [`Error`], whatever the bytes are.
pub fn from_slice<'a, T: Deserialize<'a>>(pickle: &'a [u8]) -> Result<T, Error> {
    Decoder::new().from_slice(pickle)
}

/// What a str of Python 2's is, which is both text and bytes there: pickles of Python 2 have those
/// for `'text'`, and Unicode for `u'text'` only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Python2Str {
    /// Text, if it is UTF-8; else bytes.
    #[default]
    Text,
    /// Bytes, always. A `String` is read from one that is UTF-8 all the same.
    Bytes,
}

/// How pickles are read: limits and choices.
///
/// ```
/// use mpconn_pickle::Decoder;
///
/// let decoder = Decoder::new().max_depth(8).strict(true);
/// let pickle = b"\x80\x02]q\x00(K\x01K\x02K\x03e."; // pickle.dumps([1, 2, 3], 2)
/// let numbers: Vec<u8> = decoder.from_slice(pickle)?;
/// assert_eq!(numbers, [1, 2, 3]);
/// # Ok::<(), mpconn_pickle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[must_use]
pub struct Decoder {
    limits: Limits,
    python2_str: Python2Str,
    strict: bool,
}

impl Decoder {
    /// With every default.
    pub fn new() -> Self {
        Self::default()
    }

    /// How deep containers may nest: [`MAX_DEPTH`](crate::MAX_DEPTH) by default. The stack of the
    /// thread must bear it: a level of a [`Value`](crate::Value) takes up to 2 KiB, and 8 KiB without
    /// optimisation.
    pub fn max_depth(mut self, levels: u32) -> Self {
        self.limits.depth = levels;
        self
    }

    /// How many values a pickle may have: [`MAX_NODES`](crate::MAX_NODES) by default.
    pub fn max_nodes(mut self, values: u32) -> Self {
        self.limits.nodes = values;
        self
    }

    /// How many entries its memo may have: [`MAX_MEMO`](crate::MAX_MEMO) by default.
    pub fn max_memo(mut self, entries: u32) -> Self {
        self.limits.memo = entries;
        self
    }

    /// How long a pickle may be: [`MAX_BYTES`](crate::MAX_BYTES) by default, which is the most.
    pub fn max_bytes(mut self, bytes: u32) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// How many digits an integer in text may have: [`MAX_DIGITS`](crate::MAX_DIGITS) by default.
    pub fn max_digits(mut self, digits: u32) -> Self {
        self.limits.digits = digits;
        self
    }

    /// What shared values may add: [`MAX_EXPANSION`](crate::MAX_EXPANSION) by default, in bytes.
    pub fn max_expansion(mut self, bytes: u64) -> Self {
        self.limits.expansion = bytes;
        self
    }

    /// What Python 2's str is: text by default.
    pub fn python2_str(mut self, is: Python2Str) -> Self {
        self.python2_str = is;
        self
    }

    /// Whether objects and classes that are not known are an error,
    /// [`Foreign`](Error::Foreign): by default they are read as their content, or as a
    /// [`Value`](crate::Value).
    pub fn strict(mut self, yes: bool) -> Self {
        self.strict = yes;
        self
    }

    /// Reads a pickle; see [`from_slice`].
    ///
    /// # Errors
    ///
    /// [`Error`], whatever the bytes are.
    pub fn from_slice<'a, T: Deserialize<'a>>(&self, pickle: &'a [u8]) -> Result<T, Error> {
        self.parse(pickle)?.to()
    }

    /// Reads a pickle as the graph that it is: what is shared stays shared, what contains itself is
    /// no error, and nesting has no limit, since nothing recurses.
    ///
    /// # Errors
    ///
    /// Any [`Error`] but `Mismatch`. [`strict`](Self::strict) and [`max_depth`](Self::max_depth) are for
    /// what is then read of the graph, and [`max_expansion`](Self::max_expansion) mostly.
    pub fn parse<'a>(&self, pickle: &'a [u8]) -> Result<Pickle<'a>, Error> {
        self.parse_with_buffers(pickle, [])
    }

    /// Reads a pickle of protocol 5 whose large buffers are beside it, in their order: Python's
    /// `pickle.loads(data, buffers=buffers)`.
    ///
    /// Python makes them with `pickle.dumps(value, protocol=5, buffer_callback=buffers.append)`.
    /// [Large buffers](crate#large-buffers) shows how to send them. A buffer that Python may write to is
    /// read as a bytearray, another one as bytes.
    ///
    /// ```
    /// use mpconn_pickle::Decoder;
    ///
    /// // pickle.dumps([pickle.PickleBuffer(b'abc')], protocol=5, buffer_callback=buffers.append)
    /// let pickle = b"\x80\x05\x95\x06\0\0\0\0\0\0\0]\x94\x97\x98a.";
    /// let pickle = Decoder::new().parse_with_buffers(pickle, [&b"abc"[..]])?;
    /// assert_eq!(pickle.to(), Ok([&b"abc"[..]]));
    /// # Ok::<(), mpconn_pickle::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`parse`](Self::parse); [`Malformed`](Error::Malformed) if there are fewer buffers than the
    /// pickle needs.
    pub fn parse_with_buffers<'a>(
        &self,
        pickle: &'a [u8],
        buffers: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Pickle<'a>, Error> {
        let mut shared = 0_usize;
        let mut buffers =
            buffers.into_iter().inspect(|buffer| shared = shared.saturating_add(buffer.len()));
        let source = self.source(pickle);
        let parsed = source.run(&mut buffers).map_err(|error| explained(error, pickle))?;
        // Each byte of a buffer may be read once, as each byte of the pickle.
        let readable = parsed.length.saturating_add(shared);
        Ok(Pickle::new(parsed, source, readable, self.strict))
    }

    /// Returns how many buffers beside it a pickle needs: what to receive before
    /// [`parse_with_buffers`](Self::parse_with_buffers).
    ///
    /// A peer chooses the number: look at it before you make room for so many messages.
    ///
    /// # Errors
    ///
    /// Those of [`parse_with_buffers`](Self::parse_with_buffers) with all buffers.
    pub fn count_buffers(&self, pickle: &[u8]) -> Result<usize, Error> {
        let mut count = 0;
        let mut buffers = iter::repeat(&[][..]).inspect(|_| count += 1);
        self.source(pickle).run(&mut buffers).map_err(|error| explained(error, pickle))?;
        Ok(count)
    }

    fn source<'a>(&self, pickle: &'a [u8]) -> Source<'a> {
        Source { pickle, limits: self.limits, python2_str: self.python2_str }
    }
}

/// Says of a message that is no pickle what it looks like.
fn explained(error: Error, message: &[u8]) -> Error {
    let offset = match error {
        Error::Opcode { offset, .. } | Error::Malformed { offset, .. } => offset,
        _ => return error,
    };
    match looks_like(message) {
        // Protocols 0 and 1 are text as well: only what fails at once is something else.
        Some("text") if offset > 0 => error,
        Some(like) => Error::NotPickle { like },
        None => error,
    }
}

fn looks_like(message: &[u8]) -> Option<&'static str> {
    if message.starts_with(b"#CHALLENGE#") {
        return Some("a challenge: the peer asks for a key");
    }
    let text = str::from_utf8(message).ok()?.trim();
    let is_text = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    if text.is_empty() || !text.chars().all(is_text) {
        return None;
    }
    match (text.chars().next()?, text.chars().next_back()?) {
        ('{', '}') | ('[', ']') | ('"', '"') => Some("JSON"),
        _ if text.ends_with('.') => None,
        _ if text.starts_with("GET ") || text.starts_with("POST ") => Some("HTTP"),
        _ => Some("text"),
    }
}
