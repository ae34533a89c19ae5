//! The proof that it was us: each call adds a byte to a file of its process.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

/// Counts a call, if anybody wants to know.
///
/// Nothing is kept between two calls, which a fork would share or a signal lose.
pub(crate) fn count() -> io::Result<()> {
    let Some(directory) = std::env::var_os("MPCONN_CALLS") else { return Ok(()) };
    let file = Path::new(&directory).join(std::process::id().to_string());
    OpenOptions::new().create(true).append(true).open(file)?.write_all(b".")
}
