//! The wire by hand, for peers that keep to it only as far as they like.

use std::io::{self, Read, Write};

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha2::Sha256;

use crate::net::Stream;

/// What comes before a challenge.
pub const CHALLENGE: &[u8] = b"#CHALLENGE#";
/// Says that a response is right.
pub const WELCOME: &[u8] = b"#WELCOME#";
/// Says that a response is wrong.
pub const FAILURE: &[u8] = b"#FAILURE#";

/// `payload` behind a short header.
pub fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload");
    [&length.to_be_bytes(), payload].concat()
}

/// `payload` behind an extended header, which it does not need.
pub fn extended_frame(payload: &[u8]) -> Vec<u8> {
    [&extended_header(payload.len() as u64), payload].concat()
}

/// A header that announces `length` bytes in 64 bits.
pub fn extended_header(length: u64) -> Vec<u8> {
    [&(-1_i32).to_be_bytes()[..], &length.to_be_bytes()].concat()
}

/// A challenge message of these bytes.
pub fn challenge(bytes: &[u8]) -> Vec<u8> {
    [CHALLENGE, bytes].concat()
}

/// Sends one message.
pub fn send(stream: &mut Stream, payload: &[u8]) -> io::Result<()> {
    stream.write_all(&frame(payload))
}

/// Receives one message; none when the stream ends or fails before it is whole.
pub fn receive(stream: &mut Stream) -> Option<Vec<u8>> {
    let mut header = [0; 4];
    stream.read_exact(&mut header).ok()?;
    let mut payload = vec![0; usize::try_from(u32::from_be_bytes(header)).ok()?];
    stream.read_exact(&mut payload).ok()?;
    Some(payload)
}

/// HMAC-MD5, by a hand other than the core's.
pub fn md5(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// HMAC-SHA256, likewise.
pub fn sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}
