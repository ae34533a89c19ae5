//! What the example servers have in common. Each server sends every message back reversed, to any
//! number of Pythons (`client.py`), and prints its address and a key that it has just generated.
//!
//! The numbers in the comments are those of the driver's loop in the documentation of `mpconn`.
#![forbid(unsafe_code)]

mod pending;

use std::net::SocketAddr;
use std::time::Duration;

use getrandom::SysRng;
use mpconn::{AuthKey, Connection, ConnectionEvent, Handshake, Policy};

pub use pending::{Pending, Step};

/// Any error: the examples only print them.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// How long a handshake may take. (6)
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// How many clients may be pending: connected and not authenticated.
pub const MAX_PENDING: usize = 64;

/// The longest message that a client may send, in bytes.
pub const MAX_MESSAGE_BYTES: u64 = 64 << 20;

/// Returns the address in the first argument, or any free port of the loopback interface.
///
/// # Panics
///
/// If the argument is not an address.
#[must_use]
pub fn address() -> SocketAddr {
    let argument = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    argument.parse().expect("an address such as 127.0.0.1:6000")
}

/// Generates a key, and prints what a client needs to know. Do not print the key of a real server.
///
/// # Panics
///
/// If the system has no random bytes, or standard output is closed.
#[must_use]
pub fn announce(address: SocketAddr) -> AuthKey {
    let key = AuthKey::generate(&mut SysRng).expect("random bytes");
    print!("address {address}\nkey ");
    key.write_line(&mut std::io::stdout()).expect("standard output is open");
    key
}

/// Creates the listener's side of a connection. (1)
///
/// # Errors
///
/// If the system has no random bytes.
pub fn accepting(key: &AuthKey) -> Result<Connection<AuthKey>, Error> {
    let handshake = Handshake::accepting(key.clone(), &Policy::COMPAT, &mut SysRng)?;
    Ok(Connection::new(handshake, MAX_MESSAGE_BYTES))
}

/// Answers every message that has arrived, and returns `false` if the client has closed the
/// connection. (2)
///
/// # Errors
///
/// If the client does not keep to the protocol. (5)
pub fn answer(connection: &mut Connection<AuthKey>) -> Result<bool, Error> {
    // One at a time: nothing more is received from a client that does not read its answers.
    while !connection.wants_write() {
        match connection.poll()? {
            Some(ConnectionEvent::Message) => {
                let answer = reversed(connection.message());
                connection.send(&answer)?;
            }
            Some(ConnectionEvent::Ended) => return Ok(false),
            Some(_) => {}
            None => break,
        }
    }
    Ok(true)
}

/// Returns the message in reverse.
#[must_use]
pub fn reversed(message: &[u8]) -> Vec<u8> {
    message.iter().rev().copied().collect()
}
