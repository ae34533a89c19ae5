//! What a test needs a process of its own for: limits, and a world of another kind around it.
//!
//! ```text
//! child connect ADDRESS    connects, and says so
//! child shortage PATH      listens there with few descriptors
//! child sigpipe library    sends to peers that have gone, where SIGPIPE ends the process
//! child sigpipe control    the same without the library: it dies
//! ```

use std::error::Error;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use std::{env, io, thread};

use mpconn_blocking::{
    Address, AuthKey, ConnectOptions, Connection, Listener, ListenerOptions, connect,
};
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
        ["sigpipe", way] => {
            let always = Arc::new(AtomicBool::new(true));
            let sigpipe = signal_hook::consts::SIGPIPE;
            signal_hook::flag::register_conditional_default(sigpipe, always)?;
            if *way == "library" { send_to_the_gone() } else { write_to_the_gone() }
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

fn send_to_the_gone() -> Result<(), Box<dyn Error>> {
    let key = AuthKey::new("a key of more than sixteen bytes");
    let name = format!("mpconn-sigpipe-{}", std::process::id());
    let addresses = [("127.0.0.1", 0).into(), Address::Abstract(name.into())];
    for address in addresses {
        let mut listener = Listener::bind(&address, key.clone())?;
        let (address, key) = (listener.address().clone(), key.clone());
        let client = thread::spawn(move || connect(address, key));
        let mut ours = listener.accept()?;
        let mut theirs = client.join().expect("no panic")?;
        ours.close();
        // TCP takes the first, and hears of the end by it.
        while theirs.send_bytes(&[0; 100_000]).is_ok() {}
        println!("lives");
    }
    Ok(())
}

fn write_to_the_gone() -> Result<(), Box<dyn Error>> {
    let (ours, theirs) = UnixStream::pair()?;
    drop(ours);
    rustix::io::write(theirs, b"x")?;
    Ok(())
}
