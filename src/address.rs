//! Addresses of listeners, and their families.

use core::fmt;
use core::str::FromStr;
use std::borrow::{Cow, ToOwned};
use std::ffi::OsStr;
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::vec::Vec;

/// The family of an address, as Python's `family` argument names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Family {
    /// `'AF_INET'`: TCP, over IPv4 or by a name.
    Inet,
    /// `'AF_INET6'`: TCP over IPv6.
    Inet6,
    /// `'AF_UNIX'`: a Unix socket, with a path or an abstract name.
    Unix,
    /// `'AF_PIPE'`: a Windows named pipe.
    Pipe,
}

impl Default for Family {
    /// The fastest for the platform, as Python chooses it: pipes on Windows, else Unix sockets.
    fn default() -> Self {
        if cfg!(windows) { Self::Pipe } else { Self::Unix }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inet => "AF_INET",
            Self::Inet6 => "AF_INET6",
            Self::Unix => "AF_UNIX",
            Self::Pipe => "AF_PIPE",
        })
    }
}

/// Where a listener listens, and a client connects to.
///
/// It is made from Rust's own types, as Python infers the family from its types:
///
/// | Rust | Python | family |
/// | --- | --- | --- |
/// | `("localhost", 6000)`, `SocketAddr` | `('localhost', 6000)` | TCP |
/// | `Path`, `PathBuf`, `"/run/app.sock"` | `'/run/app.sock'` | Unix |
/// | `&b"\0name"[..]`, `"\0name"` | `b'\0name'` | Unix, abstract (Linux) |
/// | `r"\\.\pipe\name"` | `r'\\.\pipe\name'` | Windows pipe |
///
/// [`Display`](fmt::Display) and [`FromStr`] round-trip for every address that can be used. Empty paths,
/// and paths with a NUL, are refused. Text can also be `tcp://host:port`, `tcp://[::1]:port`, and
/// `unix:` and `unix-abstract:` with `%xx` for bytes that are not plain. Python takes
/// `localhost:6000` for the name of a file; here it is an error, since hardly anybody means that.
///
/// `Display` escapes control and other unprintable characters, so that the address of a peer cannot
/// forge lines of a log. In the name of a host or a pipe, which cannot contain such characters,
/// they are not read back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// TCP.
    Inet {
        /// A name or an IP address; empty means every IPv4 address of the machine, as in Python.
        host: String,
        /// 0 lets the system choose when listening.
        port: u16,
    },
    /// A Unix socket in the file system.
    Unix(PathBuf),
    /// An abstract Unix socket of Linux: its name without the NUL in front. Any user of the machine
    /// may connect to it.
    Abstract(Vec<u8>),
    /// A Windows named pipe: `\\.\pipe\name`.
    Pipe(String),
}

const TCP: &str = "tcp://";
const UNIX: &str = "unix:";
const ABSTRACT: &str = "unix-abstract:";
const PIPE: &str = r"\\";

impl Address {
    /// The family that Python would name.
    #[must_use]
    pub fn family(&self) -> Family {
        match self {
            Self::Inet { host, .. } if host.contains(':') => Family::Inet6,
            Self::Inet { .. } => Family::Inet,
            Self::Unix(_) | Self::Abstract(_) => Family::Unix,
            Self::Pipe(_) => Family::Pipe,
        }
    }
}

impl<H: Into<String>> From<(H, u16)> for Address {
    fn from((host, port): (H, u16)) -> Self {
        Self::Inet { host: host.into(), port }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => {
                std::format!("{}%{}", v6.ip(), v6.scope_id())
            }
            _ => address.ip().to_string(),
        };
        Self::Inet { host, port: address.port() }
    }
}

impl From<SocketAddrV4> for Address {
    fn from(address: SocketAddrV4) -> Self {
        SocketAddr::V4(address).into()
    }
}

impl From<SocketAddrV6> for Address {
    fn from(address: SocketAddrV6) -> Self {
        SocketAddr::V6(address).into()
    }
}

impl TryFrom<&PathBuf> for Address {
    type Error = AddressError;

    fn try_from(path: &PathBuf) -> Result<Self, AddressError> {
        path.clone().try_into()
    }
}

impl TryFrom<&String> for Address {
    type Error = AddressError;

    fn try_from(text: &String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl TryFrom<Cow<'_, str>> for Address {
    type Error = AddressError;

    fn try_from(text: Cow<'_, str>) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl TryFrom<PathBuf> for Address {
    type Error = AddressError;

    /// An empty path is refused: the system would take it for an abstract socket.
    fn try_from(path: PathBuf) -> Result<Self, AddressError> {
        check_path(path_bytes(&path))?;
        Ok(Self::Unix(path))
    }
}

impl TryFrom<&Path> for Address {
    type Error = AddressError;

    fn try_from(path: &Path) -> Result<Self, AddressError> {
        path.to_owned().try_into()
    }
}

impl From<&Self> for Address {
    fn from(address: &Self) -> Self {
        address.clone()
    }
}

impl TryFrom<&str> for Address {
    type Error = AddressError;

    fn try_from(text: &str) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl TryFrom<&[u8]> for Address {
    type Error = AddressError;

    /// As Python does with bytes: an abstract name after a NUL, and nothing else.
    fn try_from(bytes: &[u8]) -> Result<Self, AddressError> {
        match bytes.split_first() {
            Some((0, name)) => Ok(Self::Abstract(name.to_owned())),
            _ => Err(AddressError::BytesWithoutNul),
        }
    }
}

impl<const N: usize> TryFrom<&[u8; N]> for Address {
    type Error = AddressError;

    fn try_from(bytes: &[u8; N]) -> Result<Self, AddressError> {
        bytes.as_slice().try_into()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(rest) = text.strip_prefix(TCP) {
            let (host, port) = split_port(rest).ok_or(AddressError::NoPort)?;
            let port = port.ok_or(AddressError::PortOutOfRange)?;
            return Ok(Self::Inet { host: host.to_owned(), port });
        }
        if let Some(name) = text.strip_prefix(ABSTRACT) {
            return Ok(Self::Abstract(unescape(name)?));
        }
        if let Some(path) = text.strip_prefix(UNIX) {
            return path_from_bytes(unescape(path)?).map(Self::Unix);
        }
        if text.starts_with(PIPE) {
            return if text.contains('\0') {
                Err(AddressError::NulInside)
            } else {
                Ok(Self::Pipe(text.to_owned()))
            };
        }
        if let Some(name) = text.strip_prefix('\0') {
            return Ok(Self::Abstract(name.as_bytes().to_owned()));
        }
        if is_url(text) {
            return Err(AddressError::LooksLikeTcp);
        }
        if !text.contains('/') {
            match split_port(text) {
                Some((_, None)) => return Err(AddressError::PortOutOfRange),
                Some((_, Some(_))) => return Err(AddressError::LooksLikeTcp),
                None if looks_like_host(text) => return Err(AddressError::LooksLikeTcp),
                // `localhost:http`
                None if text.rsplit_once(':').is_some_and(|(host, _)| looks_like_host(host)) => {
                    return Err(AddressError::LooksLikeTcp);
                }
                None => {}
            }
        }
        path_from_bytes(text.as_bytes().to_owned()).map(Self::Unix)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Also what only looks like brackets of ours, so that they are not taken off.
            Self::Inet { host, port } if host.contains([':', '[']) => {
                write!(f, "{TCP}[{}]:{port}", Printable(host))
            }
            Self::Inet { host, port } => write!(f, "{TCP}{}:{port}", Printable(host)),
            Self::Abstract(name) => {
                f.write_str(ABSTRACT)?;
                escape(name, f)
            }
            Self::Pipe(name) => Printable(name).fmt(f),
            // Plain where reading it back gives the same, which holds for all usual paths.
            Self::Unix(path) => match path.to_str().map(|text| (text, text.parse())) {
                Some((text, Ok(Self::Unix(_))))
                    if !text.starts_with(UNIX)
                        && text.chars().all(is_printable)
                        && text.trim() == text =>
                {
                    f.write_str(text)
                }
                _ => {
                    f.write_str(UNIX)?;
                    escape(path_bytes(path), f)
                }
            },
        }
    }
}

/// Text whose control and other unprintable characters are escaped, since a peer may have chosen
/// it.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_printable(c) { fmt::Write::write_char(f, c)? } else { c.escape_debug().fmt(f)? }
        }
        Ok(())
    }
}

/// Quotes and backslashes are printable, although `escape_debug` escapes them too.
pub(crate) fn is_printable(c: char) -> bool {
    matches!(c, '\\' | '\'' | '"') || c.escape_debug().len() == 1
}

/// A scheme in front, of those that are not read here.
fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+')
    })
}

/// A host without a port, as nobody calls the file of a socket.
fn looks_like_host(text: &str) -> bool {
    let plain = text.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(text);
    let plain = plain.strip_suffix('.').unwrap_or(plain);
    // The interface of a link-local address.
    let address = plain.split_once('%').map_or(plain, |(address, _)| address);
    let is_short_ipv4 =
        plain.contains('.') && plain.split('.').all(|part| part.parse::<u32>().is_ok());
    plain.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok() || is_short_ipv4
}

/// `host:port` or `[host]:port`. The port is `None` if its number is too large.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(host) => host,
        None if host.contains(':') => return None,
        None => host,
    };
    // `parse` would take a sign too.
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| (host, port.parse().ok()))
}

fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

fn check_path(bytes: &[u8]) -> Result<(), AddressError> {
    match bytes {
        [] => Err(AddressError::Empty),
        bytes if bytes.contains(&0) => Err(AddressError::NulInside),
        _ => Ok(()),
    }
}

fn path_from_bytes(bytes: Vec<u8>) -> Result<PathBuf, AddressError> {
    check_path(&bytes)?;
    #[cfg(unix)]
    let path = std::os::unix::ffi::OsStrExt::from_bytes(bytes.as_slice());
    #[cfg(not(unix))]
    let path = OsStr::new(core::str::from_utf8(&bytes).map_err(|_| AddressError::Escape)?);
    Ok(PathBuf::from(<OsStr as AsRef<OsStr>>::as_ref(path)))
}

fn escape(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for &byte in bytes {
        match byte {
            b'%' | 0..=0x20 | 0x7f.. => write!(f, "%{byte:02x}")?,
            plain => fmt::Write::write_char(f, char::from(plain))?,
        }
    }
    Ok(())
}

fn unescape(text: &str) -> Result<Vec<u8>, AddressError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let hex = rest.get(..2).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let hex = hex.and_then(|hex| core::str::from_utf8(hex).ok()).ok_or(AddressError::Escape)?;
        bytes.push(u8::from_str_radix(hex, 16).map_err(|_| AddressError::Escape)?);
        rest = &rest[2..];
    }
    Ok(bytes)
}

/// Why something is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// There is nothing there.
    Empty,
    /// A NUL inside a path or a pipe's name.
    NulInside,
    /// Bytes that do not begin with a NUL.
    BytesWithoutNul,
    /// `tcp://` without a port behind it.
    NoPort,
    /// A port over 65535.
    PortOutOfRange,
    /// A `%` without two hexadecimal digits, or what it stands for is no path here.
    Escape,
    /// Text that is not a Python literal of an address.
    NotALiteral,
    /// An abstract Unix socket, where any user may connect, without a key.
    AbstractWithoutKey,
    /// `host:port`, `localhost` or an IP address as text, which Python would take for a path.
    LooksLikeTcp,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the address is empty: leave it out for a fresh one",
            Self::NulInside => "the address has a NUL inside, which no path or pipe can have",
            Self::BytesWithoutNul => {
                "an address of bytes is the name of an abstract socket, and begins with a NUL: \
                 use text or a path for anything else"
            }
            Self::PortOutOfRange => {
                "the port of the address is out of range: 65535 is the greatest"
            }
            Self::NoPort => "the address needs a port: tcp://host:port, or tcp://[::1]:port",
            Self::Escape => "the address has a % without two hexadecimal digits behind it",
            Self::NotALiteral => {
                "the address is not a Python literal: ('host', 6000), 'path' or b'\\0name'"
            }
            Self::AbstractWithoutKey => {
                "any user of the machine may connect to an abstract socket: listen with a key"
            }
            Self::LooksLikeTcp => {
                "the address looks like TCP, but plain text is a path: use (host, port) or \
                 tcp://host:port, or ./ in front of a path"
            }
        })
    }
}

impl std::error::Error for AddressError {}

impl From<core::convert::Infallible> for AddressError {
    fn from(never: core::convert::Infallible) -> Self {
        match never {}
    }
}

mod literal;
#[cfg(test)]
mod tests;
