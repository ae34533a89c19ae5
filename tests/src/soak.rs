//! Honest and hostile peers together, for as long as it is asked for: nothing is left behind.
//!
//! It goes by rounds. In each, all kinds of peers call all listeners at once, a bounded number of
//! them; when they have gone, there are as many descriptors as before, and the memory is what it
//! was after the first rounds.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use mpconn::{Address, AuthKey};
use mpconn_sockets::Error;
use mpconn_tokio::ConnectOptions;
use rustix::net::sockopt::set_socket_linger;
use tokio::runtime::{Builder, Runtime};

use crate::net::{Net, Stream, scratch};
use crate::python::Script;
use crate::pythons::{self, Python};
use crate::wire::{CHALLENGE, extended_header, frame, receive, send, sha256};
use crate::{process, wire};

const KEY: &[u8] = b"a key of more than sixteen bytes";

/// How long a peer may take to show that it has the key.
const HANDSHAKE: Duration = Duration::from_millis(500);

/// More than come in a round: honest ones are not to give way to others here. `crowd.rs` has that.
const PENDING: usize = 128;

/// Of each kind of Rust and hostile peer, for each listener, in a round.
const EACH: usize = 8;

/// Threads of each Python process.
const PYTHONS: usize = 5;

const MESSAGES: usize = 5;

/// Of the time, this part goes by before what is resident counts: one of so many.
const WARM_UP: u32 = 4;

/// By how much resident memory may grow afterwards, in bytes.
const GROWTH: u64 = 1 << 20;

/// By then a listener has noticed that a peer has gone.
const SETTLED: Duration = Duration::from_secs(10);

/// What there was of each kind.
#[derive(Debug, Default)]
pub struct Counts(BTreeMap<String, u64>);

impl Counts {
    fn add(&mut self, kind: impl Into<String>, number: u64) {
        *self.0.entry(kind.into()).or_default() += number;
    }

    /// How many of this kind.
    pub fn of(&self, kind: &str) -> u64 {
        self.0.get(kind).copied().unwrap_or_default()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(kind, number)| writeln!(f, "{number:8} {kind}"))
    }
}

type Shared = Arc<Mutex<Counts>>;

fn count(counts: &Shared, kind: impl Into<String>, number: usize) {
    counts.lock().unwrap_or_else(PoisonError::into_inner).add(kind, number as u64);
}

/// Goes on for about so long, three rounds at least.
pub fn soak(time: Duration) -> Counts {
    let counts = Shared::default();
    let scratch = scratch();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let options = || {
        mpconn_tokio::ListenerOptions::with_key(AuthKey::new(KEY))
            .handshake_timeout(HANDSHAKE)
            .max_pending(PENDING)
    };
    let mut addresses = Vec::new();
    for net in [Net::Tcp, Net::Unix] {
        let _entered = runtime.enter();
        let listener = options().bind(net.fresh(&scratch)).expect("a listener");
        addresses.push(listener.address().clone());
        runtime.spawn(serve(listener, Arc::clone(&counts)));
    }
    let (blocking, closer, serving) = serve_blocking(&counts);
    addresses.push(blocking);

    let (begun, mut rounds) = (Instant::now(), 0);
    let (descriptors, mut most) = (process::descriptors(), 0);
    while rounds < 3 || begun.elapsed() < time {
        round(&addresses, &runtime, &counts, rounds);
        settle(descriptors);
        let resident = process::resident();
        if rounds < 2 || begun.elapsed() < time / WARM_UP {
            most = most.max(resident);
        }
        let limit = most + GROWTH;
        assert!(resident <= limit, "{resident} bytes resident after {most}, in round {rounds}");
        rounds += 1;
    }
    closer.close();
    serving.join().expect("the blocking listener ends");
    drop(runtime);
    let mut counts = std::mem::take(&mut *counts.lock().unwrap_or_else(PoisonError::into_inner));
    counts.add("rounds", rounds as u64);
    counts.add("kB resident after the warm-up", most / 1024);
    counts.add("kB resident at the end", process::resident() / 1024);
    counts
}

async fn serve(mut listener: mpconn_tokio::Listener, counts: Shared) {
    let mut incoming = listener.incoming();
    while let Some(outcome) = incoming.next().await {
        let counts = Arc::clone(&counts);
        let mut connection = match judge(outcome, &counts, "tokio") {
            Some(connection) => connection,
            None => continue,
        };
        tokio::spawn(async move {
            while let Ok(mut message) = connection.recv_bytes().await {
                message.reverse();
                if connection.send_bytes(&message).await.is_err() {
                    break;
                }
                count(&counts, "tokio: messages answered", 1);
            }
        });
    }
}

fn serve_blocking(counts: &Shared) -> (Address, mpconn_blocking::Closer, JoinHandle<()>) {
    let mut listener = mpconn_blocking::ListenerOptions::with_key(AuthKey::new(KEY))
        .handshake_timeout(HANDSHAKE)
        .max_pending(PENDING)
        .bind_fresh()
        .expect("a listener");
    let (address, closer) = (listener.address().clone(), listener.closer());
    let counts = Arc::clone(counts);
    let serving = thread::spawn(move || {
        for outcome in listener.incoming() {
            let counts = Arc::clone(&counts);
            let Some(mut connection) = judge(outcome, &counts, "blocking") else { continue };
            thread::spawn(move || {
                while let Ok(mut message) = connection.recv_bytes() {
                    message.reverse();
                    if connection.send_bytes(&message).is_err() {
                        break;
                    }
                    count(&counts, "blocking: messages answered", 1);
                }
            });
        }
    });
    (address, closer, serving)
}

/// The connection, if it is one; no error but a peer's is expected.
fn judge<C>(outcome: Result<C, Error>, counts: &Shared, adapter: &str) -> Option<C> {
    let kind = match outcome {
        Ok(connection) => {
            count(counts, format!("{adapter}: accepted"), 1);
            return Some(connection);
        }
        Err(Error::Peer(peer)) => match peer.error {
            Error::Auth(_) => "not authenticated",
            Error::Frame(_) => "out of protocol",
            Error::TimedOut(_) => "timed out",
            Error::Evicted => "gave way to others",
            Error::HandshakeEnded { .. } | Error::Io(_) => "gone",
            _ => "otherwise refused",
        },
        Err(error) => panic!("the listener itself: {error}"),
    };
    count(counts, format!("{adapter}: {kind}"), 1);
    None
}

/// All kinds at once, and until all have gone.
fn round(addresses: &[Address], runtime: &Runtime, counts: &Shared, number: usize) {
    thread::scope(|scope| {
        for address in addresses {
            for hostile in HOSTILE {
                scope.spawn(|| count(counts, hostile.0, be_hostile(address, *hostile)));
            }
            let served = runtime.spawn(call_often(address.clone()));
            scope.spawn(move || {
                count(counts, "honest Rust clients", runtime.block_on(served).expect("served"));
            });
            let all = pythons::all();
            if let Some(python) = all.get(number % all.len().max(1)) {
                scope.spawn(|| count(counts, "honest Python clients", swarm(python, address)));
            }
        }
    });
}

async fn call_often(address: Address) -> usize {
    let options = ConnectOptions::with_key(AuthKey::new(KEY));
    for number in 0..EACH {
        let mut connection = options.connect(&address).await.expect("let in");
        for size in 0..MESSAGES {
            let mut message = crate::content::message(number, size * 10_000);
            connection.send_bytes(&message).await.expect("connected");
            message.reverse();
            assert!(connection.recv_bytes().await.expect("answered") == message);
        }
    }
    EACH
}

fn swarm(python: &Python, address: &Address) -> usize {
    let mut script = Script::start(python, "swarm.py");
    script.order("key", KEY);
    script.order("threads", PYTHONS.to_string().as_bytes());
    script.order_address(address);
    script.go();
    assert_eq!(script.told("served"), PYTHONS.to_string(), "{}", python.name());
    PYTHONS
}

type Hostile = (&'static str, fn(&mut Stream));

const HOSTILE: &[Hostile] = &[
    ("hostile: silent", |_| {}),
    ("hostile: stops half-way", |stream| {
        let challenge = receive(stream).unwrap_or_default();
        let challenge = challenge.strip_prefix(CHALLENGE).unwrap_or_default();
        let _ = send(stream, &[b"{sha256}", sha256(KEY, challenge).as_slice()].concat());
    }),
    ("hostile: junk", |stream| write(stream, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")),
    ("hostile: a wrong response", |stream| write(stream, &frame(&[b'x'; 32]))),
    ("hostile: an oversize header", |stream| write(stream, &i32::MAX.to_be_bytes())),
    ("hostile: an oversize extended header", |stream| write(stream, &extended_header(u64::MAX))),
    ("hostile: an oversize header after the handshake", |stream| {
        join(stream);
        write(stream, &i32::MAX.to_be_bytes());
    }),
    ("hostile: ends inside a message", |stream| {
        join(stream);
        write(stream, b"\0\x10\0\0abc");
        let _ = stream.end();
    }),
    ("hostile: a port probe", |stream| {
        let _ = stream.end();
    }),
    ("hostile: a reset", |stream| {
        // Over Unix sockets it is a close like any other.
        let _ = set_socket_linger(&*stream, Some(Duration::ZERO));
    }),
];

/// So many times, at once where it has to be waited for; each sees its connection closed.
fn be_hostile(address: &Address, (kind, act): Hostile) -> usize {
    let streams: Vec<_> = (0..EACH)
        .map(|_| {
            let mut stream = Stream::connect(address).expect("a listener");
            act(&mut stream);
            stream
        })
        .collect();
    if kind.ends_with("a reset") {
        return EACH;
    }
    for mut stream in streams {
        loop {
            match stream.read(&mut [0; 1024]) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("{kind}: kept for ever")
                }
                Err(_) => break,
            }
        }
    }
    EACH
}

/// That the other side is gone is its right.
fn write(stream: &mut Stream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
}

/// The handshake of a client that has the key, as far as the listener, full as it is, lets it.
fn join(stream: &mut Stream) {
    let challenge = receive(stream).unwrap_or_default();
    let challenge = challenge.strip_prefix(CHALLENGE).unwrap_or_default();
    let _ = send(stream, &[b"{sha256}", sha256(KEY, challenge).as_slice()].concat());
    let own = [&b"{sha256}"[..], &[b'x'; 40]].concat();
    let _ = send(stream, &wire::challenge(&own));
    let _ = send(stream, wire::WELCOME);
}

fn settle(descriptors: usize) {
    let until = Instant::now() + SETTLED;
    while process::descriptors() != descriptors {
        let now = process::descriptors();
        assert!(Instant::now() < until, "{now} descriptors, and {descriptors} at the beginning");
        thread::sleep(Duration::from_millis(5));
    }
}
