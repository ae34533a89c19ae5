//! A pickle that has been read, before it is any type of Rust's.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;

use crate::graph::{Graph, Node};
use crate::machine::{Origins, Parsed, Source};
use crate::{Error, Limit, View};

/// What a pickle says, as a graph: what Python shares is there once, and what contains itself does.
/// Python's `pickle.loads`, but that it imports and calls nothing.
///
/// [`Decoder::parse`](crate::Decoder::parse) makes it. It borrows texts and bytes from the pickle, and
/// is freed in a few steps, however deep it nests.
///
/// ```
/// use std::collections::HashSet;
///
/// use mpconn_pickle::Decoder;
///
/// // a = [7]; a.append(a); pickle.dumps([a, a], 2)
/// let pickle = Decoder::new().parse(b"\x80\x02]q\0(]q\x01(K\x07h\x01eh\x01e.")?;
/// let both: Vec<_> = pickle.root().items().collect();
/// assert_eq!(both[0], both[1]); // the same list, and not a list with the same in it
///
/// // Each value once: a loop needs no stack, and ends though the list does not.
/// let (mut seen, mut next) = (HashSet::new(), vec![pickle.root()]);
/// while let Some(value) = next.pop() {
///     if seen.insert(value) {
///         next.extend(value.referents());
///     }
/// }
/// assert_eq!(seen.len(), 3);
/// # Ok::<(), mpconn_pickle::Error>(())
/// ```
#[derive(Debug)]
pub struct Pickle<'a> {
    pub(crate) graph: Graph<'a>,
    root: Node,
    length: usize,
    source: Source<'a>,
    /// Of what keeps no offset, once an error has asked for one.
    origins: OnceLock<Origins>,
    pub(crate) strict: bool,
    /// What reading may still cost. Of threads that pay at the same time, one does: a lock would cost all
    /// others too.
    left: AtomicUsize,
}

impl<'a> Pickle<'a> {
    /// What is not shared costs less than 64 for each of its bytes: opcodes of one byte make one
    /// value, which may be looked at in two ways.
    pub(crate) fn new(
        Parsed { graph, root, length }: Parsed<'a>,
        source: Source<'a>,
        readable: usize,
        strict: bool,
    ) -> Self {
        let expansion = usize::try_from(source.limits.expansion).unwrap_or(usize::MAX);
        let left = readable.saturating_mul(64).saturating_add(expansion);
        let origins = OnceLock::new();
        Self { graph, root, length, source, origins, strict, left: left.into() }
    }

    /// The value that was pickled.
    #[must_use]
    pub fn root(&self) -> View<'_, 'a> {
        View::new(self, self.root)
    }

    /// Returns how many bytes the pickle has. What follows may be another one.
    #[must_use]
    pub fn bytes_read(&self) -> usize {
        self.length
    }

    /// As a Rust type: [`View::to`] of the root.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn to<T: Deserialize<'a>>(&self) -> Result<T, Error> {
        self.root().to()
    }

    pub(crate) fn max_depth(&self) -> u32 {
        self.source.limits.depth
    }

    /// Returns where the opcode is that makes a value, if the value itself keeps no offset.
    #[cold]
    pub(crate) fn origin(&self, place: Place) -> usize {
        let origins = || self.origins.get_or_init(|| self.source.trace());
        let origin = match place {
            Place::Root => origins().root(),
            Place::Item { container, ordinal } => self
                .graph
                .position(container, ordinal as usize)
                .and_then(|position| origins().item(position)),
            Place::Part(_) => None,
        };
        origin.unwrap_or(place.outer(&self.graph))
    }

    /// Values that are shared are read as often as they occur, so that their number is no longer
    /// bounded by the pickle's length.
    #[inline]
    pub(crate) fn charge(&self, cost: u64, offset: usize) -> Result<(), Error> {
        let left = self.left.load(Ordering::Relaxed);
        let left = usize::try_from(cost).ok().and_then(|cost| left.checked_sub(cost));
        let left = left.ok_or(Error::TooMuch { offset, limit: Limit::Expansion })?;
        self.left.store(left, Ordering::Relaxed);
        Ok(())
    }
}

/// Where a value was found.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Root,
    Item {
        container: u32,
        ordinal: u32,
    },
    /// A part of an object that is made at this offset.
    Part(usize),
}

impl Place {
    pub(crate) fn item(container: u32, ordinal: usize) -> Self {
        // No container has more: every value in it is a byte of the pickle at least.
        Self::Item { container, ordinal: u32::try_from(ordinal).unwrap_or(u32::MAX) }
    }

    /// Returns the offset of what the value was found in.
    pub(crate) fn outer(self, graph: &Graph<'_>) -> usize {
        match self {
            Self::Root => 0,
            Self::Item { container, .. } => graph.offset(container),
            Self::Part(outer) => outer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bytes, Decoder, Value};

    #[track_caller]
    fn costs<T: for<'a> Deserialize<'a>>(pickle: &[u8], cost: usize) {
        let parsed = Decoder::new().max_expansion(100).parse(pickle).expect("it is a pickle");
        let before = parsed.left.load(Ordering::Relaxed);
        assert_eq!(before, 64 * pickle.len() + 100);
        assert_eq!(parsed.bytes_read(), pickle.len());
        assert!(parsed.to::<T>().is_ok());
        assert_eq!(before - parsed.left.load(Ordering::Relaxed), cost);
    }

    #[test]
    fn what_reading_costs() {
        costs::<u8>(b"K\x01.", 0);
        costs::<String>(b"U\x03abc.", 3);
        costs::<Bytes>(b"C\x03abc.", 3);
        costs::<Vec<u8>>(b"C\x03abc.", 3 + 3 * 16);
        costs::<Vec<u8>>(b"](K\x01K\x02K\x03e.", 4 * 16);
        costs::<Value>(b"}U\x03abcNs.", 3 * 16 + 3);
        costs::<String>(b"cab\ncde\n.", 5);
        costs::<String>(b"cdatetime\ndate\nC\x04\x07\xe8\x01\x02\x85R.", 2 * 16 + 4 + 10);
    }
}
