//! What a test needs a process of its own for: limits, and a world of another kind around it.
//!
//! ```text
//! child connect ADDRESS    connects, and says so
//! child shortage PATH      listens there with few descriptors
//! child challenge PATH     listens there with a key, and challenges until it is killed
//! child credentials PATH   listens there, and says who the first client is
//! child fresh              listens at a fresh address, and says which
//! child crowd ADDRESS N    connects N times, and on each line it reads asks on every connection
//! ```

use std::error::Error;
use std::io::Write;
use std::time::Duration;
use std::{env, io};

use mpconn::{Address, AuthKey};
use mpconn_blocking::{ConnectOptions, Connection, Listener, ListenerOptions};
use mpconn_tests::net::Stream;
use mpconn_tests::process::allow_descriptors;
use mpconn_tests::wire::{self, frame};
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
        ["challenge", path] => challenge(path),
        ["credentials", path] => credentials(path),
        ["fresh"] => {
            let mut listener = ListenerOptions::without_key().bind_fresh()?;
            println!("{}", listener.address());
            // Until the parent has connected.
            Ok(listener.accept().map(drop)?)
        }
        ["crowd", address, number] => crowd(&address.parse()?, number.parse()?),
        _ => Err("see the head of child.rs".into()),
    }
}

fn challenge(path: &str) -> Result<(), Box<dyn Error>> {
    let mut listener = Listener::bind(path, AuthKey::new("a key of more than sixteen bytes"))?;
    println!("listening");
    // Its clients read a challenge, and go.
    Ok(listener.accept().map(drop)?)
}

fn credentials(path: &str) -> Result<(), Box<dyn Error>> {
    let mut listener = ListenerOptions::without_key().bind(path)?;
    println!("listening");
    let peer = listener.accept()?.peer_credentials()?;
    println!("pid {:?}, uid {}, gid {}", peer.pid, peer.uid, peer.gid);
    Ok(())
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

/// Plain sockets, so that half of what ten thousand connections take is not in the other process.
fn crowd(address: &Address, number: u64) -> Result<(), Box<dyn Error>> {
    allow_descriptors(number + 100)?;
    let mut streams = Vec::new();
    for _ in 0..number {
        streams.push(Stream::connect(address)?);
    }
    println!("connected");
    let mut line = String::new();
    while io::stdin().read_line(&mut line)? > 0 {
        let mut answered = 0;
        for (index, stream) in streams.iter_mut().enumerate() {
            stream.write_all(&frame(&index.to_be_bytes()))?;
        }
        for (index, stream) in streams.iter_mut().enumerate() {
            let answer = wire::receive(stream).ok_or("an answer is missing")?;
            answered += usize::from(answer == index.to_be_bytes());
        }
        println!("answered {answered}");
    }
    Ok(())
}
