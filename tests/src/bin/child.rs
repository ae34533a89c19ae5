//! What a test needs a process of its own for: limits, and a world of another kind around it.
//!
//! ```text
//! child connect ADDRESS    connects, and says so
//! child shortage PATH      listens there with few descriptors
//! ```

use std::error::Error;
use std::time::Duration;
use std::{env, io};

use mpconn_blocking::{ConnectOptions, Connection, Listener, ListenerOptions};
use rustix::process::{Resource, Rlimit, setrlimit};

/// Enough for a listener and a few connections.
const DESCRIPTORS: u64 = 24;

/// How long the shortage lasts.
const SHORTAGE: Duration = Duration::from_secs(3);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["shortage", path] => shortage(path),
        ["connect", address] => {
            ConnectOptions::without_key().connect(*address)?.send_bytes(b"here I am")?;
            Ok(())
        }
        _ => Err("see the head of child.rs".into()),
    }
}

fn shortage(path: &str) -> Result<(), Box<dyn Error>> {
    let limit = Rlimit { current: Some(DESCRIPTORS), maximum: Some(DESCRIPTORS) };
    setrlimit(Resource::Nofile, limit)?;
    let mut listener = ListenerOptions::without_key().bind(path)?;
    println!("listening");
    // The clients are there now.
    io::stdin().read_line(&mut String::new())?;

    let connections = accept_for(&mut listener, SHORTAGE);
    println!("accepted {}", connections.len());
    drop(connections);
    println!("accepted {}", accept_for(&mut listener, SHORTAGE / 3).len());
    Ok(())
}

/// Every connection that comes before there is none for so long.
fn accept_for(listener: &mut Listener, time: Duration) -> Vec<Connection> {
    std::iter::from_fn(|| listener.accept_timeout(time).ok()).collect()
}
