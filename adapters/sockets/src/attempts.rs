//! What was met at each of the addresses of a host.

use std::fmt;
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;

/// The addresses that were tried in vain, and why.
#[derive(Debug, Default)]
pub struct Attempts(Vec<(SocketAddr, Error)>);

/// All of them as the source of one [`Error`], whose own source is the first.
#[derive(Debug)]
struct AllFailed(Attempts);

impl Attempts {
    /// Adds an address that was tried.
    pub fn add(&mut self, address: SocketAddr, error: Error) {
        self.0.push((address, error));
    }

    /// Returns one error for all of them, of the kind that promises most: of a listener that is not
    /// there yet, if there is one. Returns `None` if none was tried.
    #[must_use]
    pub fn into_error(mut self) -> Option<Error> {
        if self.0.len() < 2 {
            return Some(self.0.pop()?.1);
        }
        let refused = |(_, error): &&(_, Error)| error.kind() == ErrorKind::ConnectionRefused;
        let kind = self.0.iter().find(refused).or(self.0.last())?.1.kind();
        Some(Error::new(kind, AllFailed(self)))
    }
}

impl fmt::Display for AllFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (address, error)) in self.0.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{address}: {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for AllFailed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.0.first().map(|(_, error)| error as _)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn attempts(kinds: &[ErrorKind]) -> Attempts {
        let mut attempts = Attempts::default();
        for (port, kind) in (1..).zip(kinds) {
            attempts.add(([127, 0, 0, 1], port).into(), (*kind).into());
        }
        attempts
    }

    #[test]
    fn one_is_its_own_error() {
        assert!(attempts(&[]).into_error().is_none());
        let error = attempts(&[ErrorKind::TimedOut]).into_error().unwrap();
        assert_eq!(
            (error.kind(), error.to_string()),
            (ErrorKind::TimedOut, "timed out".to_owned())
        );
    }

    #[test]
    fn several_are_all_named_and_may_be_tried_again() {
        use ErrorKind::{AddrNotAvailable, ConnectionRefused, TimedOut};
        let error = attempts(&[ConnectionRefused, AddrNotAvailable]).into_error().unwrap();
        assert_eq!(error.kind(), ConnectionRefused);
        let text = "127.0.0.1:1: connection refused; 127.0.0.1:2: address not available";
        assert_eq!(error.to_string(), text);
        let source = error.source().unwrap().downcast_ref::<Error>().unwrap();
        assert_eq!(source.kind(), ConnectionRefused);
        assert_eq!(attempts(&[AddrNotAvailable, TimedOut]).into_error().unwrap().kind(), TimedOut);
    }
}
