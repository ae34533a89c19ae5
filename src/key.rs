//! The shared secret.

use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

/// The secret that both sides hold: Python's `authkey`.
///
/// It is wiped from memory when dropped, and never printed. The handshake takes any
/// `AsRef<[u8]>` as a key; this is the one to use where there is an allocator.
///
/// Whoever exchanges one message with a holder of the key can test guesses of it offline, as fast
/// as their machines go. So take a random one: [`generate`](Self::generate), or 32 bytes from
/// elsewhere.
#[derive(Clone)]
pub struct AuthKey(Zeroizing<Vec<u8>>);

impl AuthKey {
    /// The bytes of a generated key, as many as Python's own (`os.urandom(32)`).
    pub const GENERATED: usize = 32;

    /// Keys with fewer bytes than this are [short](Self::is_short): 128 bits are what cannot be
    /// searched.
    pub const SHORT: usize = 16;

    /// A key of these bytes. The peer needs the same: in Python, `authkey=b'...'`.
    ///
    /// An empty key is refused by the handshake, unless [`Policy::allow_empty_key`] asks for it.
    ///
    /// [`Policy::allow_empty_key`]: crate::Policy::allow_empty_key
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// A fresh key of 32 bytes.
    ///
    /// # Errors
    ///
    /// The generator's.
    pub fn generate<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, R::Error> {
        let mut key = Self::new([0; Self::GENERATED]);
        rng.try_fill_bytes(&mut key.0)?;
        Ok(key)
    }

    /// Whether it has fewer than [16 bytes](Self::SHORT), and so is worth a warning.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.0.len() < Self::SHORT
    }
}

impl AsRef<[u8]> for AuthKey {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;
    use crate::testing::{Failing, NoEntropy, Seeded};

    #[test]
    fn generated_keys_differ() {
        let rng = &mut Seeded::new(1);
        let [one, two] = [(); 2].map(|()| AuthKey::generate(rng).unwrap());
        assert_eq!((one.as_ref().len(), two.as_ref().len()), (32, 32));
        assert_ne!(one.as_ref(), two.as_ref());
        assert!(!one.is_short());
    }

    #[test]
    fn a_failing_generator_is_an_error() {
        assert_eq!(AuthKey::generate(&mut Failing).unwrap_err(), NoEntropy);
    }

    #[test]
    fn short_is_below_16_bytes() {
        assert!(AuthKey::new(*b"").is_short());
        assert!(AuthKey::new([7; 15]).is_short());
        assert!(!AuthKey::new([7; 16]).is_short());
    }

    #[test]
    fn is_never_printed() {
        let key = AuthKey::new(*b"secret");
        assert_eq!(key.as_ref(), b"secret");
        assert_eq!(format!("{key:?}"), "AuthKey(..)");
        assert_eq!(format!("{:?}", Some(&key.clone())), "Some(AuthKey(..))");
    }
}
