//! Addresses as Python writes them in source text.

use std::borrow::ToOwned;
use std::string::String;
use std::vec::Vec;

use super::{Address, AddressError, path_bytes, path_from_bytes};

impl Address {
    /// Returns the address as a Python literal: one line of ASCII, as Python's `ascii()` writes it.
    ///
    /// A Python child reads it with `ast.literal_eval`, and passes it to `Client` or `Listener`. For a
    /// child in Rust, [`Display`](core::fmt::Display) and [`FromStr`](core::str::FromStr) are such a
    /// pair. Python 2 takes a path that is not ASCII for another one.
    ///
    /// # Examples
    ///
    /// ```
    /// use mpconn::Address;
    ///
    /// let address = Address::from(("127.0.0.1", 6000));
    /// assert_eq!(address.to_python_literal(), "('127.0.0.1', 6000)");
    /// assert_eq!(Address::from_python_literal("('127.0.0.1', 6000)"), Ok(address));
    ///
    /// let address = Address::try_from("/run/it's.sock")?;
    /// assert_eq!(address.to_python_literal(), r"'/run/it\'s.sock'");
    /// # Ok::<(), mpconn::AddressError>(())
    /// ```
    #[must_use]
    pub fn to_python_literal(&self) -> String {
        match self {
            Self::Inet { host, port } => std::format!("({}, {port})", quoted(host.as_bytes())),
            Self::Unix(path) => quoted(path_bytes(path)),
            Self::Abstract(name) => quoted(&[b"\0", name.as_slice()].concat()),
            Self::Pipe(name) => quoted(name.as_bytes()),
        }
    }

    /// Reads an address that Python has written with `repr` or `ascii`, such as that of
    /// `Listener.address`: a tuple of a host and a port, of which an IPv6 address has two numbers more;
    /// text, which is a path, a pipe's name, or an abstract name after a NUL; or bytes, which are an
    /// abstract name after a NUL.
    ///
    /// # Errors
    ///
    /// [`AddressError::NotALiteral`] if it is none of these, and the other kinds as for other text. Here,
    /// text without a slash is a path too, as it is in Python. Text is read as Python 3 reads it, so that
    /// a path of Python 2 must be ASCII.
    pub fn from_python_literal(text: &str) -> Result<Self, AddressError> {
        let mut literal = Literal(text.trim());
        let address = if literal.take('(') { tuple(&mut literal)? } else { string(&mut literal)? };
        if literal.0.is_empty() { Ok(address) } else { Err(AddressError::NotALiteral) }
    }
}

fn tuple(literal: &mut Literal<'_>) -> Result<Address, AddressError> {
    let (host, false) = literal.string()? else { return Err(AddressError::NotALiteral) };
    let mut host = String::from_utf8(host).map_err(|_| AddressError::NotALiteral)?;
    let mut numbers = Vec::new();
    while literal.take(',') {
        literal.0 = literal.0.trim_start();
        if literal.0.starts_with(')') {
            break;
        }
        numbers.push(literal.number()?);
    }
    if !literal.take(')') {
        return Err(AddressError::NotALiteral);
    }
    if host.contains('\0') {
        return Err(AddressError::NulInside);
    }
    // What a socket of IPv6 has in addition: the flow, and the interface of a link-local address.
    let port = match *numbers {
        [port] | [port, _, 0] => port,
        [port, _, scope] => {
            host = std::format!("{host}%{scope}");
            port
        }
        _ => return Err(AddressError::NotALiteral),
    };
    let port = u16::try_from(port).map_err(|_| AddressError::PortOutOfRange)?;
    Ok(Address::Inet { host, port })
}

fn string(literal: &mut Literal<'_>) -> Result<Address, AddressError> {
    match literal.string()? {
        (bytes, true) => bytes.as_slice().try_into(),
        (bytes, false) => match bytes.as_slice() {
            [0, name @ ..] => Ok(Address::Abstract(name.to_owned())),
            [b'\\', b'\\', ..] if bytes.contains(&0) => Err(AddressError::NulInside),
            [b'\\', b'\\', ..] => match String::from_utf8(bytes) {
                Ok(name) => Ok(Address::Pipe(name)),
                Err(_) => Err(AddressError::NotALiteral),
            },
            _ => path_from_bytes(bytes).map(Address::Unix),
        },
    }
}

/// The rest of the text.
struct Literal<'a>(&'a str);

impl Literal<'_> {
    fn take(&mut self, wanted: char) -> bool {
        match self.0.strip_prefix(wanted) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn next(&mut self) -> Result<char, AddressError> {
        let mut chars = self.0.chars();
        let next = chars.next().ok_or(AddressError::NotALiteral)?;
        self.0 = chars.as_str();
        Ok(next)
    }

    fn number(&mut self) -> Result<u64, AddressError> {
        let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        // Python has no number with a zero in front.
        if digits.len() > 1 && digits.starts_with('0') {
            return Err(AddressError::NotALiteral);
        }
        digits.parse().map_err(|_| AddressError::NotALiteral)
    }

    /// Returns the bytes that Python passes to the system, and whether it is a literal of bytes.
    fn string(&mut self) -> Result<(Vec<u8>, bool), AddressError> {
        let is_bytes = self.take('b') || self.take('B');
        // Python 2 marks its text.
        let _ = !is_bytes && (self.take('u') || self.take('U'));
        let quote = self.next()?;
        if !matches!(quote, '\'' | '"') {
            return Err(AddressError::NotALiteral);
        }
        let mut bytes = Vec::new();
        loop {
            let code = match self.next()? {
                c if c == quote => return Ok((bytes, is_bytes)),
                '\n' => return Err(AddressError::NotALiteral),
                '\\' => self.escape(is_bytes)?,
                c if is_bytes && !c.is_ascii() => return Err(AddressError::NotALiteral),
                c => u32::from(c),
            };
            match (is_bytes, u8::try_from(code), char::from_u32(code)) {
                (true, Ok(byte), _) => bytes.push(byte),
                (false, _, Some(c)) => {
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                // A byte that is no UTF-8, as Python's `surrogateescape` writes it.
                (false, ..) if (0xdc80..=0xdcff).contains(&code) => {
                    bytes.push(code.to_le_bytes()[0]);
                }
                _ => return Err(AddressError::NotALiteral),
            }
        }
    }

    fn escape(&mut self, is_bytes: bool) -> Result<u32, AddressError> {
        Ok(match self.next()? {
            c @ ('\\' | '\'' | '"') => u32::from(c),
            'a' => 7,
            'b' => 8,
            't' => 9,
            'n' => 10,
            'v' => 11,
            'f' => 12,
            'r' => 13,
            'x' => self.digits(2, 16)?,
            'u' if !is_bytes => self.digits(4, 16)?,
            'U' if !is_bytes => self.digits(8, 16)?,
            first @ '0'..='7' => {
                let more = self.0.bytes().take(2).take_while(|byte| (b'0'..=b'7').contains(byte));
                let more = more.count();
                let high = first.to_digit(8).ok_or(AddressError::NotALiteral)?;
                if more == 0 { high } else { (high << (3 * more)) + self.digits(more, 8)? }
            }
            _ => return Err(AddressError::NotALiteral),
        })
    }

    fn digits(&mut self, count: usize, radix: u32) -> Result<u32, AddressError> {
        (0..count).try_fold(0_u32, |number, _| {
            let digit = self.next()?.to_digit(radix).ok_or(AddressError::NotALiteral)?;
            // Eight hexadecimal digits fill it.
            Ok(number.wrapping_mul(radix) + digit)
        })
    }
}

/// As Python's `ascii` writes text, with `surrogateescape` for bytes that are no UTF-8.
fn quoted(bytes: &[u8]) -> String {
    let mut literal = String::from("'");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' | '\'' => literal.extend(['\\', c]),
                ' '..='~' => literal.push(c),
                '\0'..='\u{ff}' => literal += &std::format!("\\x{:02x}", u32::from(c)),
                '\u{100}'..='\u{ffff}' => literal += &std::format!("\\u{:04x}", u32::from(c)),
                _ => literal += &std::format!("\\U{:08x}", u32::from(c)),
            }
        }
        for byte in chunk.invalid() {
            literal += &std::format!("\\udc{byte:02x}");
        }
    }
    literal.push('\'');
    literal
}
