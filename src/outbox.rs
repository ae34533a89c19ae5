//! The send half: whole messages out, with as few writes as can be.

use std::io::{self, IoSlice};
use std::vec::Vec;

use crate::{Error, Extended, Phase, TooLong, Transmit};

/// Messages sent together are gathered up to this many bytes, and written with one call.
const BATCH: usize = 64 * 1024;

/// Messages over this many bytes are not worth a copy: they are written from where they are.
const GATHERED: usize = 16 * 1024;

/// Sends whole messages over a stream, and knows whether the stream is between two of them.
///
/// Every method takes a `write`, which tells how many bytes it wrote, or `None` when it cannot
/// write any in time.
#[derive(Debug, Default)]
pub struct Outbox {
    extended: Extended,
    half_sent: bool,
}

impl Outbox {
    /// An outbox at the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self { extended: Extended::Allow, half_sent: false }
    }

    /// Whether messages over 2 GiB - 1 are sent or refused.
    pub fn set_extended(&mut self, extended: Extended) {
        self.extended = extended;
    }

    /// Whether an earlier send stopped inside a message, after which none can be sent.
    #[must_use]
    pub const fn is_half_sent(&self) -> bool {
        self.half_sent
    }

    /// Sends one message: header and payload with one vectored write, if the transport takes them.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`] before a byte is written, [`Error::TimedOut`], [`Error::Io`], and
    /// [`Error::HalfSent`] for every message after one of which a part was written.
    pub fn send_with(
        &mut self,
        payload: &[u8],
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<Option<usize>>,
    ) -> Result<(), Error> {
        let mut transmit = self.begin(payload)?;
        while !transmit.is_done() {
            let [header, rest] = transmit.slices(payload);
            match wrote(write(&[IoSlice::new(header), IoSlice::new(rest)])) {
                Ok(n) => transmit.advance(n),
                Err(error) => {
                    self.half_sent = !transmit.is_untouched();
                    return Err(error);
                }
            };
        }
        Ok(())
    }

    /// Sends many messages: small ones are gathered, so that one write carries thousands.
    ///
    /// # Errors
    ///
    /// As for [`send_with`](Self::send_with). How many of the messages were sent before is not
    /// known then.
    pub fn send_many_with<M: AsRef<[u8]>>(
        &mut self,
        messages: impl IntoIterator<Item = M>,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<Option<usize>>,
    ) -> Result<(), Error> {
        let mut batch = Vec::new();
        for message in messages {
            let payload = message.as_ref();
            let transmit = match self.begin(payload) {
                Ok(transmit) => transmit,
                Err(error) => {
                    self.flush(&mut batch, &mut write)?;
                    return Err(error);
                }
            };
            if batch.len() + payload.len() > BATCH {
                self.flush(&mut batch, &mut write)?;
            }
            if payload.len() > GATHERED {
                self.flush(&mut batch, &mut write)?;
                self.send_with(payload, &mut write)?;
            } else {
                batch.extend_from_slice(transmit.header());
                batch.extend_from_slice(payload);
            }
        }
        self.flush(&mut batch, &mut write)
    }

    fn begin(&self, payload: &[u8]) -> Result<Transmit, Error> {
        if self.half_sent {
            return Err(Error::HalfSent);
        }
        Transmit::new(payload.len(), self.extended).map_err(|error: TooLong| error.into())
    }

    fn flush(
        &mut self,
        batch: &mut Vec<u8>,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<Option<usize>>,
    ) -> Result<(), Error> {
        let mut rest = batch.as_slice();
        while !rest.is_empty() {
            match wrote(write(&[IoSlice::new(rest)])) {
                Ok(n) => rest = &rest[n..],
                Err(error) => {
                    self.half_sent = rest.len() < batch.len();
                    return Err(error);
                }
            }
        }
        batch.clear();
        Ok(())
    }
}

fn wrote(result: io::Result<Option<usize>>) -> Result<usize, Error> {
    match result? {
        Some(0) => Err(io::Error::from(io::ErrorKind::WriteZero).into()),
        Some(n) => Ok(n),
        None => Err(Error::TimedOut(Phase::Send)),
    }
}
