//! What the servers here have in common. Each of them sends back every message turned round, to any
//! number of Pythons (`client.py`), and prints its address and a key that it has just made.
//!
//! The numbers in the comments are those of the driver's contract in `mpconn`'s documentation.
#![forbid(unsafe_code)]

pub mod completion;

use std::net::SocketAddr;
use std::time::Duration;

use getrandom::SysRng;
use mpconn::{AuthKey, Handshake, Policy, StartError};

/// A handshake that takes longer than this is given up. (7)
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// The longest message that a client may send, in bytes.
pub const MAX_MESSAGE_BYTES: u64 = 64 << 20;

/// The address that the first argument names, or any free port of this machine alone.
///
/// # Panics
///
/// When the argument is no address.
#[must_use]
pub fn address() -> SocketAddr {
    let argument = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    argument.parse().expect("an address such as 127.0.0.1:6000")
}

/// Makes a key, and prints what a client needs to know. To print a key is for examples alone.
///
/// # Panics
///
/// When the system has no random bytes, or nobody reads what is printed.
#[must_use]
pub fn announce(address: SocketAddr) -> AuthKey {
    let key = AuthKey::generate(&mut SysRng).expect("random bytes");
    print!("address {address}\nkey ");
    key.write_line(&mut std::io::stdout()).expect("somebody reads what is printed");
    key
}

/// The handshake of the side that accepted. (1)
///
/// # Errors
///
/// When the system has no random bytes.
pub fn accepting(key: &AuthKey) -> Result<Handshake<AuthKey>, StartError<getrandom::Error>> {
    Handshake::accepting(key.clone(), &Policy::COMPAT, &mut SysRng)
}

/// What is served: the message turned round.
#[must_use]
pub fn turned_round(message: &[u8]) -> Vec<u8> {
    message.iter().rev().copied().collect()
}
