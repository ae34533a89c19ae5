//! The families of sockets, and what the tests do with raw ones of each.

use std::path::PathBuf;

use mpconn::Address;
use tempfile::TempDir;

/// A family, as the tests tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Net {
    /// TCP over IPv4.
    Tcp,
    /// TCP over IPv6.
    Tcp6,
    /// A Unix socket in the file system.
    Unix,
    /// An abstract Unix socket.
    Abstract,
}

impl Net {
    /// An address of this family to listen at, which nobody else uses. Files are in `scratch`.
    #[must_use]
    pub fn fresh(self, scratch: &TempDir) -> Address {
        match self {
            Self::Tcp => ("127.0.0.1", 0).into(),
            Self::Tcp6 => ("::1", 0).into(),
            Self::Unix => fresh_path(scratch).into(),
            Self::Abstract => {
                Address::Abstract(fresh_path(scratch).as_os_str().as_encoded_bytes().to_vec())
            }
        }
    }
}

/// A path in `scratch` where there is nothing yet.
///
/// # Panics
///
/// When the directory is gone.
#[must_use]
pub fn fresh_path(scratch: &TempDir) -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    scratch.path().join(format!("{}", NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// A directory that goes when the test ends.
///
/// # Panics
///
/// When there is no place for temporary files.
#[must_use]
pub fn scratch() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}
