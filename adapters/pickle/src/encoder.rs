//! Writing: the options, and the way through them.

use serde::Serialize;

use crate::Error;
use crate::ser::Pickler;
use crate::writer::Writer;

/// Writes a Rust value as a pickle that every Python from 2.7 on reads: `pickle.dumps` with
/// protocol 2.
///
/// # Errors
///
/// [`Error::Unwritable`] for what the protocol cannot say, and what `T` itself refuses.
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    Encoder::new().to_bytes(value)
}

/// Which opcodes to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Protocol {
    /// Every Python from 2.3 on reads it; Python 2 gets bytes as its str, and str as its Unicode.
    /// Bytes take half as much again, since it has no opcode for them.
    #[default]
    V2,
    /// Python 3.4 and later: bytes and sets have opcodes.
    V4,
    /// Python 3.8 and later: bytearrays have one too.
    V5,
}

impl Protocol {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V4 => 4,
            Self::V5 => 5,
        }
    }
}

/// How pickles are written.
///
/// ```
/// use mpconn_pickle::{Bytes, Encoder, Protocol};
///
/// let encoder = Encoder::new().protocol(Protocol::V4);
/// assert_eq!(encoder.to_bytes(&Bytes(b"abc"))?, b"\x80\x04C\x03abc.");
/// # Ok::<(), mpconn_pickle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[must_use]
pub struct Encoder {
    protocol: Protocol,
}

impl Encoder {
    /// With protocol 2.
    pub fn new() -> Self {
        Self::default()
    }

    /// With another protocol.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Writes a pickle; see [`to_bytes`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn to_bytes<T: Serialize + ?Sized>(&self, value: &T) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        self.to_vec(value, &mut out)?;
        Ok(out)
    }

    /// Writes a pickle behind what `out` has already, so that its memory can be used again. After
    /// an error `out` is as it was.
    ///
    /// # Errors
    ///
    /// As for [`to_bytes`].
    pub fn to_vec<T: Serialize + ?Sized>(&self, value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
        self.write_with(out, |serializer| value.serialize(serializer))
    }

    /// Writes a pickle of what `write` gives to serde's serializer, behind what `out` has already. For
    /// crates that take a serializer: `serde_transcode`, `erased-serde`. After an error `out` is as it
    /// was. `write` serializes one value, and returns its error: what it leaves out is missing in the
    /// pickle.
    ///
    /// # Errors
    ///
    /// As for [`to_bytes`], and those of `write`.
    pub fn write_with<E>(
        &self,
        out: &mut Vec<u8>,
        write: impl FnOnce(Pickler<'_, '_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let length = out.len();
        let mut writer = Writer::begin(out, self.protocol);
        let written = write(Pickler::new(&mut writer));
        writer.stop();
        if written.is_err() {
            out.truncate(length);
        }
        written
    }
}
