//! An error of the system in other words.

use std::borrow::Cow;
use std::{error, fmt, io};

/// What an error of the system means where it came up. The error itself is the source.
#[derive(Debug)]
pub(crate) struct Explained {
    text: Cow<'static, str>,
    source: io::Error,
}

impl Explained {
    /// Returns an error of the same kind as `source`, with this text.
    pub(crate) fn error(text: impl Into<Cow<'static, str>>, source: io::Error) -> io::Error {
        io::Error::new(source.kind(), Self { text: text.into(), source })
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl error::Error for Explained {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.source)
    }
}
