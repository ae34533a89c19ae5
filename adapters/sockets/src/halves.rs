//! Halves of connections.

use std::fmt;

/// Two halves that are not of one connection, or are closed.
pub struct NotTheSame<R, S>(Box<(R, S)>);

impl<R, S> NotTheSame<R, S> {
    /// These.
    pub fn new(receiver: R, sender: S) -> Self {
        Self(Box::new((receiver, sender)))
    }

    /// The halves, as they were.
    #[must_use]
    pub fn into_halves(self) -> (R, S) {
        *self.0
    }
}

impl<R, S> fmt::Debug for NotTheSame<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NotTheSame(..)")
    }
}

impl<R, S> fmt::Display for NotTheSame<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are not of one open connection")
    }
}

impl<R, S> std::error::Error for NotTheSame<R, S> {}
