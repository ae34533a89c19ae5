//! Many connections on one listener: how their number tells on throughput and memory.
//!
//! The server echoes whatever comes, on whichever connection, until it is killed. The client has
//! all the other ends. Its orders are `all N`, N turns in which it speaks on every connection and
//! then hears every answer, and `one N`, N round trips on one while the others are silent; it
//! answers with the nanoseconds that they took.

use std::fs;
use std::io::{self, BufRead, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use mpconn_blocking::{ListenerOptions, wait};
use mpconn_tests::process::allow_descriptors;
use tokio::task::{LocalSet, spawn_local};

use crate::contenders::End;
use crate::figures::CrowdSample;
use crate::framing::{HEADER, header};
use crate::link::{self, Contender, Link, Receiving, Result, Setup, from_mpconn, to_mpconn};
use crate::measure::{Effort, Peer};
use crate::peer::{message, say};

pub const CONNECTIONS: [usize; 4] = [10, 100, 1_000, 10_000];

pub const SERVERS: [(&str, End); 5] = [
    ("mpconn blocking, `wait`", End::Blocking),
    ("mpconn tokio, tasks", End::Tokio),
    ("tokio by hand, tasks", End::TokioRaw),
    ("tokio-util codec, tasks", End::Codec),
    ("CPython 3.13, `wait`", End::Python),
];

/// The bytes of a message.
const SIZE: usize = 16;

/// Descriptors beside those of the connections.
const OTHERS: usize = 100;

/// Measures every server with every number of connections.
pub fn measure(effort: Effort) -> Result<Vec<CrowdSample>> {
    let directory = tempfile::tempdir()?;
    let mut samples = Vec::new();
    for connections in CONNECTIONS {
        for round in 0..effort.rounds {
            for (server, end) in SERVERS {
                let path = directory.path().join(samples.len().to_string());
                let path = path.to_str().ok_or("a path that is no text")?;
                let count = connections.to_string();
                let mut listener =
                    Peer::start(end, "", "crowd", &["server", &count, path].map(Into::into))?;
                let address = listener.told()?;
                let before = resident(&listener)?;
                // All of them are made here: the server's side is what is measured.
                let arguments = ["client", &count, &address].map(Into::into);
                let mut client = Peer::start(End::Raw, "", "crowd", &arguments)?;
                let mut ask = |what: &str| {
                    calibrated(effort.time, |turns| {
                        client.order(&format!("{what} {turns}"))?;
                        Ok(Duration::from_nanos(client.told()?.parse()?))
                    })
                };
                let all = ask("all")? * connections as f64;
                let memory = resident(&listener)?.saturating_sub(before) / connections as u64;
                let one = ask("one")?;
                // First, so that it does not see them go.
                drop(listener);
                samples.push(CrowdSample { server, connections, round, all, one, memory });
            }
        }
    }
    Ok(samples)
}

/// Turns a second, of as many as take about `time`.
fn calibrated(time: Duration, mut run: impl FnMut(usize) -> Result<Duration>) -> Result<f64> {
    let mut turns = 1;
    loop {
        let taken = run(turns)?;
        let missing = time.as_secs_f64() / taken.as_secs_f64();
        if missing < 2.0 {
            return Ok(turns as f64 / taken.as_secs_f64());
        }
        turns = (turns as f64 * missing.min(32.0)).ceil() as usize;
    }
}

/// The bytes of a peer's resident memory.
fn resident(peer: &Peer) -> Result<u64> {
    let statm = fs::read_to_string(format!("/proc/{}/statm", peer.id()))?;
    let pages: u64 = statm.split(' ').nth(1).ok_or("no resident pages")?.parse()?;
    Ok(pages * rustix::param::page_size() as u64)
}

/// Is the peer that the arguments describe.
pub fn run(end: End, mut arguments: impl Iterator<Item = String>) -> Result<()> {
    let mut next = || arguments.next().ok_or("a crowd has three arguments");
    let (role, connections, address) = (next()?, next()?.parse()?, next()?);
    allow_descriptors((connections + OTHERS) as u64)?;
    match role.as_str() {
        "server" => end.serve_crowd(&address, connections),
        _ => call(&address, connections),
    }
}

/// One thread, and mpconn's `wait`.
pub fn serve_waiting(address: &str, connections: usize) -> Result<()> {
    let mut listener = ListenerOptions::without_key().bind(to_mpconn(address)?)?;
    say(&from_mpconn(listener.address()))?;
    let mut crowd = Vec::new();
    for _ in 0..connections {
        crowd.push(listener.accept()?);
    }
    let mut message = Vec::new();
    loop {
        for ready in wait(&crowd, None)? {
            crowd[ready].recv_bytes_to(&mut message)?;
            crowd[ready].send_bytes(&message)?;
        }
    }
}

/// A task each.
pub fn serve_tasks<C: Contender<Link: 'static>>(address: &str, connections: usize) -> Result<()> {
    let setup = Setup { receiving: Receiving::Borrowed, authenticated: false };
    C::run(LocalSet::new().run_until(async {
        let (mut listener, address) = C::listen(&setup, address).await?;
        say(&address)?;
        let mut tasks = Vec::new();
        for _ in 0..connections {
            tasks.push(spawn_local(echo(C::accept(&setup, &mut listener).await?)));
        }
        // None ends before its client does.
        for task in tasks {
            task.await?.ok();
        }
        Ok(())
    }))
}

async fn echo(mut link: impl Link) -> std::result::Result<(), String> {
    let answer = message(SIZE);
    loop {
        link.receive().await.map_err(|error| error.to_string())?;
        link.send(&answer).await.map_err(|error| error.to_string())?;
    }
}

fn call(address: &str, connections: usize) -> Result<()> {
    let connected = (0..connections).map(|_| link::connect(address));
    let mut streams = connected.collect::<Result<Vec<UnixStream>>>()?;
    let message = message(SIZE);
    let frame = [&header(&message)[..], &message].concat();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (who, turns) = line.split_once(' ').ok_or("an order has two words")?;
        let speaking = if who == "all" { connections } else { 1 };
        let start = Instant::now();
        for _ in 0..turns.parse()? {
            for stream in &mut streams[..speaking] {
                stream.write_all(&frame)?;
            }
            for stream in &mut streams[..speaking] {
                let mut answer = [0; HEADER + SIZE];
                stream.read_exact(&mut answer)?;
                if answer[..] != frame {
                    return Err("another answer".into());
                }
            }
        }
        say(&start.elapsed().as_nanos())?;
    }
    Ok(())
}
