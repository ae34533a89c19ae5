//! Names that are written often: of fields and variants. Each is written once, and referred to in
//! two bytes after that. A Python that reads it then has one str for all, and not one each.

use crate::Error;
use crate::opcode::{BINGET, BINPUT};
use crate::writer::Writer;

/// As many names as a search does not take longer for than writing one.
const MOST: u8 = 64;

#[derive(Debug, Default)]
pub(crate) struct Names {
    known: Vec<&'static str>,
    /// Where the one that came after the last one last time is: structs have an order.
    next: usize,
}

impl Names {
    fn find(&mut self, name: &'static str) -> Option<usize> {
        // The same text at two addresses is written twice, which is right too.
        let is_it = |known: &&'static str| std::ptr::eq(*known, name);
        let (before, after) = self.known.split_at(self.next);
        let found = match after.iter().position(is_it) {
            Some(at) => before.len() + at,
            None => before.iter().position(is_it)?,
        };
        self.next = found + 1;
        Some(found)
    }
}

impl Writer<'_> {
    #[inline]
    pub(crate) fn static_name(&mut self, name: &'static str) -> Result<(), Error> {
        if let Some(Ok(index)) = self.names.find(name).map(u8::try_from) {
            self.out.extend_from_slice(&[BINGET, index]);
            return Ok(());
        }
        self.str(name.as_bytes())?;
        if let Ok(index @ 0..MOST) = u8::try_from(self.names.known.len()) {
            self.out.extend_from_slice(&[BINPUT, index]);
            self.names.known.push(name);
            self.names.next = self.names.known.len();
        }
        Ok(())
    }
}
