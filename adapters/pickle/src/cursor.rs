//! The reading position in a pickle.

use crate::Error;

#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    input: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { input, offset: 0 }
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) fn left(&self) -> usize {
        self.input.len() - self.offset
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Error> {
        let byte = self.input.get(self.offset).copied().ok_or_else(|| self.truncated())?;
        self.offset += 1;
        Ok(byte)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let array = self.input[self.offset..].first_chunk().ok_or_else(|| self.truncated())?;
        self.offset += N;
        Ok(*array)
    }

    /// As many bytes as a count of the pickle's says; it only claims that they are there.
    pub(crate) fn take(&mut self, count: u64) -> Result<&'a [u8], Error> {
        let count = usize::try_from(count).ok().filter(|&count| count <= self.left());
        let count = count.ok_or_else(|| self.truncated())?;
        let bytes = &self.input[self.offset..self.offset + count];
        self.offset += count;
        Ok(bytes)
    }

    /// Up to the next newline, which is left out.
    pub(crate) fn line(&mut self) -> Result<&'a [u8], Error> {
        let rest = &self.input[self.offset..];
        let end = rest.iter().position(|&byte| byte == b'\n').ok_or_else(|| self.truncated())?;
        self.offset += end + 1;
        Ok(&rest[..end])
    }

    fn truncated(&self) -> Error {
        Error::Truncated { offset: self.offset }
    }
}
