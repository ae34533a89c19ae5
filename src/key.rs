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

    /// The key of this process, made at the first call: Python's `current_process().authkey`.
    ///
    /// Every later call gives the same, until [`set_process`](Self::set_process).
    ///
    /// # Errors
    ///
    /// The generator's, at the first call.
    #[cfg(feature = "std")]
    pub fn process<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, R::Error> {
        let mut process = process_key();
        if let Some(key) = &*process {
            return Ok(key.clone());
        }
        let key = Self::generate(rng)?;
        *process = Some(key.clone());
        Ok(key)
    }

    /// Sets the key of this process: one that its parent handed down, say.
    #[cfg(feature = "std")]
    pub fn set_process(key: Self) {
        *process_key() = Some(key);
    }

    /// Writes it as one line of hexadecimal digits, the form in which to hand it to a Python child
    /// over its standard input; arguments and environment can be read by others. The child takes
    /// it as its own with these two lines:
    ///
    /// ```python
    /// import binascii, multiprocessing, sys
    /// multiprocessing.current_process().authkey = binascii.unhexlify(sys.stdin.readline().strip())
    /// ```
    ///
    /// # Errors
    ///
    /// The writer's.
    #[cfg(feature = "std")]
    pub fn write_line(&self, to: &mut (impl std::io::Write + ?Sized)) -> std::io::Result<()> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        let mut line = Zeroizing::new(Vec::with_capacity(2 * self.0.len() + 1));
        line.extend(self.0.iter().flat_map(digits));
        line.push(b'\n');
        to.write_all(&line)
    }

    /// Reads a key that [`write_line`](Self::write_line) has written, or Python with
    /// `print(binascii.hexlify(key).decode())`: hexadecimal digits, up to the end of the line. Call it
    /// in a child that has got the key over its standard input.
    ///
    /// # Errors
    ///
    /// Those of the reader; `UnexpectedEof` if there is no line, and `InvalidData` if it is not
    /// hexadecimal. The error does not contain the line.
    #[cfg(feature = "std")]
    pub fn read_line(from: &mut (impl std::io::BufRead + ?Sized)) -> std::io::Result<Self> {
        use std::io::{Error, ErrorKind};

        // Long enough for keys of 120 bytes: memory that grows leaves a copy behind.
        let mut line = Zeroizing::new(Vec::with_capacity(256));
        if from.read_until(b'\n', &mut line)? == 0 {
            return Err(Error::new(ErrorKind::UnexpectedEof, "there is no line with the key"));
        }
        Self::from_hex(line.trim_ascii())
            .ok_or_else(|| Error::new(ErrorKind::InvalidData, "the key is not hexadecimal"))
    }

    /// Reads a key from hexadecimal digits, two for each byte. Returns `None` if there is anything else
    /// among them.
    #[must_use]
    pub fn from_hex(digits: &[u8]) -> Option<Self> {
        let value =
            |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let mut key = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
        for pair in digits.chunks(2) {
            let [high, low] = *pair else { return None };
            key.push(value(high)? << 4 | value(low)?);
        }
        Some(Self(key))
    }

    /// Returns `true` if the key has fewer than [16 bytes](Self::SHORT), and so is worth a warning.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.0.len() < Self::SHORT
    }
}

#[cfg(feature = "std")]
fn process_key() -> std::sync::MutexGuard<'static, Option<AuthKey>> {
    static PROCESS: std::sync::Mutex<Option<AuthKey>> = std::sync::Mutex::new(None);
    // A key is set in one step: a panic elsewhere cannot have left half of one.
    PROCESS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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

    #[cfg(feature = "std")]
    #[test]
    fn lines_are_read_back() {
        for bytes in [&b""[..], b"\0\xff\x10", &[7; 300]] {
            let mut line = Vec::new();
            AuthKey::new(bytes).write_line(&mut line).unwrap();
            line.extend_from_slice(b"the next line");
            let mut rest = &line[..];
            assert_eq!(AuthKey::read_line(&mut rest).unwrap().as_ref(), bytes);
            assert_eq!(rest, b"the next line");
        }
        assert_eq!(AuthKey::read_line(&mut &b"0aF1\r\n"[..]).unwrap().as_ref(), b"\x0a\xf1");
        for (line, kind) in [
            (&b""[..], std::io::ErrorKind::UnexpectedEof),
            (b"abc\n", std::io::ErrorKind::InvalidData),
            (b"ab cd\n", std::io::ErrorKind::InvalidData),
            (b"+1\n", std::io::ErrorKind::InvalidData),
        ] {
            assert_eq!(AuthKey::read_line(&mut &*line).unwrap_err().kind(), kind, "{line:?}");
        }
    }

    /// One test, since there is one key of the process.
    #[cfg(feature = "std")]
    #[test]
    fn the_process_has_one() {
        assert_eq!(AuthKey::process(&mut Failing).unwrap_err(), NoEntropy);
        let made = AuthKey::process(&mut Seeded::new(1)).unwrap();
        assert_eq!(made.as_ref().len(), AuthKey::GENERATED);
        let again = AuthKey::process(&mut Failing).unwrap();
        assert_eq!(made.as_ref(), again.as_ref());
        AuthKey::set_process(AuthKey::new(*b"of the parent"));
        assert_eq!(AuthKey::process(&mut Failing).unwrap().as_ref(), b"of the parent");
    }

    #[cfg(feature = "std")]
    #[test]
    fn a_line_of_it_is_hexadecimal() {
        let mut line = Vec::new();
        AuthKey::new([0x00, 0x9a, 0xbf, 0xff]).write_line(&mut line).unwrap();
        assert_eq!(line, b"009abfff\n");
    }
}
