//! A process of its own for each test, because it measures memory, and memory that one test frees
//! would be free for the next: ten thousand connections at once on one tokio listener, each of them
//! served, and each small while it is idle.
//!
//! The clients are another process: the descriptors of both sides are more than most systems allow
//! one process, and only this side's memory is measured. Each process needs 10,200 descriptors, and
//! raises its own limit to that.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use mpconn_tests::process::alone;
use mpconn_tests::{process, pythons};
use mpconn_tokio::{Connection, Error, Family, Listener, ListenerOptions};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

const CONNECTIONS: usize = 10_000;

/// These come first: what the runtime and the listener take once is not a connection's.
const FIRST: usize = 100;

/// Resident bytes for an idle connection, with its buffers and the task that waits for it.
const EACH: usize = 1331;

const ROUNDS: usize = 3;

#[test]
fn ten_thousand_tcp_connections_are_served_and_small_while_idle() {
    alone(|| are_served_and_small_while_idle(Family::Inet));
}

#[test]
fn ten_thousand_unix_connections_are_served_and_small_while_idle() {
    alone(|| are_served_and_small_while_idle(Family::Unix));
}

fn are_served_and_small_while_idle(family: Family) {
    process::allow_descriptors(CONNECTIONS as u64 + 200).unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let each = runtime.block_on(hold_ten_thousand(family));
    pythons::announce(&format!("{each} bytes resident for each idle {family} connection"));
    assert!(each <= EACH, "{each} bytes for each {family} connection, more than {EACH}");
}

async fn hold_ten_thousand(family: Family) -> usize {
    let mut listener =
        ListenerOptions::without_key().family(family).backlog(4096).bind_fresh().unwrap();
    let mut connections = JoinSet::new();
    let mut first = Crowd::start(&listener, FIRST);
    serve(&mut listener, FIRST, &mut connections).await;
    first = first.ask(FIRST).await;
    let before = process::resident();

    let mut crowd = Crowd::start(&listener, CONNECTIONS);
    serve(&mut listener, CONNECTIONS, &mut connections).await;
    for _ in 0..ROUNDS {
        crowd = crowd.ask(CONNECTIONS).await;
    }
    let each = process::resident().saturating_sub(before) / CONNECTIONS as u64;

    first.end();
    crowd.end();
    let mut messages = 0;
    while let Some(served) = connections.join_next().await {
        messages += served.unwrap();
    }
    assert_eq!(messages, FIRST + ROUNDS * CONNECTIONS, "messages served");
    usize::try_from(each).unwrap()
}

/// Takes so many clients, and gives each a task.
async fn serve(listener: &mut Listener, number: usize, connections: &mut JoinSet<usize>) {
    for _ in 0..number {
        let mut connection = listener.accept().await.unwrap();
        connections.spawn(async move { answer(&mut connection).await });
    }
}

/// Answers with what was asked, until the client goes. How many messages that were.
async fn answer(connection: &mut Connection) -> usize {
    let mut messages = 0;
    loop {
        match connection.recv_bytes().await {
            Ok(message) => connection.send_bytes(&message).await.unwrap(),
            Err(Error::Ended) => return messages,
            Err(error) => panic!("{error}"),
        }
        messages += 1;
    }
}

/// Clients in a process of their own.
struct Crowd(Child);

impl Crowd {
    fn start(listener: &Listener, number: usize) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_child"))
            .args(["crowd", &listener.address().to_string(), &number.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// A message on each connection, and its answer.
    async fn ask(mut self, number: usize) -> Self {
        self.0.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        let asked = tokio::task::spawn_blocking(move || {
            let stdout = self.0.stdout.as_mut().unwrap();
            // One byte ahead would be another round's.
            let mut lines = BufReader::with_capacity(1, stdout).lines().map(Result::unwrap);
            let answered = lines.find(|line| line != "connected").unwrap();
            assert_eq!(answered, format!("answered {number}"));
            drop(lines);
            self
        });
        asked.await.unwrap()
    }

    fn end(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}
