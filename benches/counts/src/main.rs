//! What framing, sending and receiving cost, in figures that do not depend on the machine's speed:
//! instructions by valgrind, system calls by strace, allocations by an allocator that counts.
//!
//! ```text
//! cargo run --release
//! ```
//!
//! Each line has a limit, and one that is over it fails the run. What a single message costs is the
//! difference between two runs of different length, so that the costs of starting cancel out.

mod allocations;
mod measure;
mod work;

use std::process::ExitCode;

use counts::ITEMS;
use measure::{instructions, system_calls};

/// A figure, and what it may be at most.
#[derive(Clone)]
struct Gate {
    what: &'static str,
    found: f64,
    limit: f64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [name, times] = &arguments[..] {
        let times = times.parse().expect("a number of times");
        work::find(name).expect("a known piece of work")(times);
        return ExitCode::SUCCESS;
    }
    let gates =
        [framing(), linear(), blocking(), events(), objects(), calls(), allocations::gates()]
            .concat();
    println!("{:<72} {:>10} {:>10}", "", "found", "limit");
    let mut over = 0;
    for Gate { what, found, limit } in &gates {
        let verdict = if found <= limit { "" } else { " OVER" };
        over += usize::from(found > limit);
        println!("{what:<72} {found:>10.4} {limit:>10.4}{verdict}");
    }
    println!("{} passed, {over} failed", gates.len() - over);
    if over == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A message of 16 bytes encoded and decoded, in memory.
fn framing() -> Vec<Gate> {
    let copy = instructions("copy", 10_000);
    let framer = instructions("framer", 10_000);
    let codec = instructions("codec", 10_000);
    let gate = |what, found, limit| Gate { what, found, limit };
    vec![
        gate("framing, 16 bytes: instructions above the copy", framer - copy, 45.0),
        gate(
            "framing, 16 bytes: the same, as a part of tokio-util's codec's",
            (framer - copy) / (codec - copy),
            0.125,
        ),
    ]
}

/// A stream that is fed byte by byte, and many frames in one read.
fn linear() -> Vec<Gate> {
    let growth = |work, times| instructions(work, times) / instructions(work, times / 4);
    let gate = |what, work, times| Gate { what, found: growth(work, times), limit: 1.05 };
    vec![
        gate("16 MiB as one message, byte by byte: a byte, to 4 MiB", "bytewise_large", 8 << 20),
        gate("16 MiB as small messages, byte by byte: a byte, to 4 MiB", "bytewise_small", 8 << 20),
        gate("800,000 tiny frames: a frame, to 200,000", "tiny", 400_000),
        Gate {
            what: "a tiny frame among thousands in one read, to one alone",
            found: instructions("tiny", 100_000) / instructions("framer", 1_000),
            limit: 1.0,
        },
    ]
}

/// Instructions of the blocking adapter, outside of the kernel. The limits are what was counted when
/// the rows were added, and 54 more for 100,000 bytes, since reading ahead is an option. Handshakes, of
/// two threads, vary by some hundred, and by a thousand with what the compiler inlines.
fn blocking() -> Vec<Gate> {
    let gate = |what, work, times, limit| Gate { what, found: instructions(work, times), limit };
    vec![
        gate("blocking, send_bytes and recv_borrowed, 16 bytes", "send_and_borrow", 10_000, 821.0),
        gate("blocking, send_bytes and recv_bytes, 16 bytes", "send_and_receive", 10_000, 1_171.0),
        gate(
            "blocking, send_bytes and recv_bytes_to, 100,000 bytes",
            "send_and_reuse_large",
            1_000,
            83_600.0,
        ),
        gate("blocking, send_many of 100 and their receipt", "hundred", 1_000, 14_850.0),
        gate("blocking, a handshake over TCP, both ends", "handshake", 200, 84_500.0),
        gate("blocking, a handshake over Unix sockets, both ends", "handshake_unix", 200, 78_800.0),
    ]
}

/// What an event costs among silent connections. Looking up its connection grows with their number, by
/// its logarithm, and nothing else does.
fn events() -> Vec<Gate> {
    let (few, many) = ("event_of_10", "event_of_1000");
    vec![
        Gate {
            what: "blocking, an event among 1,000 connections: instructions, to one of 10",
            found: instructions(many, 5_000) / instructions(few, 5_000),
            limit: 1.25,
        },
        Gate {
            what: "blocking, an event among 1,000 connections: system calls, with its message",
            found: system_calls(many, 2_000),
            limit: 4.1,
        },
    ]
}

/// Objects as pickles of protocol 4, in memory.
fn objects() -> Vec<Gate> {
    let gate = |what, work, items: u32, limit| {
        let found = instructions(work, 200) / f64::from(items);
        Gate { what, found, limit }
    };
    vec![
        gate("pickle, a struct of four fields read", "read_struct", 1, 5_300.0),
        gate("pickle, 1,000 such structs read: one", "read_rows", ITEMS, 2_250.0),
        gate("pickle, 1,000 strings read: one", "read_strings", ITEMS, 880.0),
        gate("pickle, 1,000 ints read: one", "read_ints", ITEMS, 99.0),
        gate("pickle, a struct of four fields written", "write_struct", 1, 1_210.0),
        gate("pickle, 1,000 such structs written: one", "write_rows", ITEMS, 570.0),
        gate("pickle, 1,000 strings written: one", "write_strings", ITEMS, 48.0),
    ]
}

/// Between two threads, over a Unix socket unless it says otherwise.
fn calls() -> Vec<Gate> {
    let gate = |what, work, times, limit| Gate { what, found: system_calls(work, times), limit };
    vec![
        gate("blocking ping-pong, 16 bytes: system calls a round trip", "ping_pong", 2_000, 4.0),
        gate("tokio ping-pong, 16 bytes: system calls a round trip", "tokio_ping_pong", 2_000, 6.5),
        gate("blocking, a handshake over TCP: system calls of both ends", "handshake", 500, 29.5),
        gate(
            "blocking, a handshake over Unix sockets: system calls of both ends",
            "handshake_unix",
            500,
            23.0,
        ),
        gate(
            "tokio, a handshake over TCP: system calls of both ends",
            "tokio_handshake",
            500,
            42.0,
        ),
        gate(
            "tokio, a handshake over Unix sockets: system calls of both ends",
            "tokio_handshake_unix",
            500,
            27.0,
        ),
        gate("blocking, send_many, 16 bytes: system calls a message", "many", 400_000, 0.005),
        gate("tokio, send_many, 16 bytes: system calls a message", "tokio_many", 400_000, 0.01),
    ]
}
