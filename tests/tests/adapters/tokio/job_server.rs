//! The example of the tokio adapter, with the oldest and the newest Python, and its end by Ctrl-C.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use mpconn_blocking::{Address, AuthKey, connect};
use mpconn_tests::net::{fresh_path, scratch};
use mpconn_tests::pythons::{self, Python};
use mpconn_tests::stall::bounded;
use rustix::process::{Pid, Signal, kill_process};

const CLIENT: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../adapters/tokio/examples/job_client.py");

/// As many as the example serves at once.
const CLIENTS: usize = 8;

#[test]
fn it_serves_pythons_and_ends_when_it_is_interrupted() {
    bounded(|| {
        let scratch = scratch();
        let path = fresh_path(&scratch);
        for address in [None, Some(path.to_str().unwrap()), Some("tcp://127.0.0.1:0")] {
            let server = Server::start(address);
            for python in oldest_and_newest() {
                let answers = server.call(python, &["7", "1000000", "x"]);
                let expected = "7 -> 8\n1000000 -> 2480437\n\
                                x -> ValueError: a job is a dict with a number from 1 to 4294967295\n";
                assert_eq!(answers, expected, "{}", python.name());
            }
            server.end_with_a_job_under_way();
        }
    });
}

/// With all its places taken, it waits for one, and not for clients.
#[test]
fn the_first_interrupt_ends_it_while_it_is_full() {
    bounded(|| {
        for _ in 0..3 {
            let mut server = Server::start(None);
            let address: Address = server.address.parse().unwrap();
            let mut clients: Vec<_> =
                (0..CLIENTS).map(|_| connect(&address, server.key()).unwrap()).collect();
            for client in &mut clients {
                client.send(&BTreeMap::from([("number", 6)])).unwrap();
                let done: BTreeMap<&str, u32> = client.recv().unwrap();
                assert_eq!(done["sum"], 12);
            }
            kill_process(Pid::from_child(&server.child), Signal::INT).unwrap();
            server.lines.by_ref().for_each(drop);
            assert!(server.child.wait().unwrap().success());
            assert!(clients.iter_mut().all(|client| client.recv_bytes().is_err()));
        }
    });
}

/// A job that takes minutes does not keep it: clients have some seconds to finish.
#[test]
fn the_first_interrupt_ends_it_in_the_middle_of_long_jobs() {
    bounded(|| {
        let mut server = Server::start(None);
        let address: Address = server.address.parse().unwrap();
        let mut client = connect(&address, server.key()).unwrap();
        client.send(&BTreeMap::from([("number", u32::MAX)])).unwrap();
        server.lines.by_ref().map(Result::unwrap).find(|line| line.contains("a job")).unwrap();
        let begun = Instant::now();
        kill_process(Pid::from_child(&server.child), Signal::INT).unwrap();
        server.lines.by_ref().for_each(drop);
        assert!(server.child.wait().unwrap().success());
        assert!(begun.elapsed() < Duration::from_secs(15));
    });
}

fn oldest_and_newest() -> Vec<&'static Python> {
    let all = pythons::all();
    let mut both: Vec<_> = all.first().into_iter().chain(all.last()).collect();
    both.dedup();
    both
}

struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    address: String,
    key: String,
}

impl Server {
    fn start(address: Option<&str>) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_job_server"))
            .args(address)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = |word| {
            let told = |line: String| line.strip_prefix(word).map(str::to_owned);
            lines.by_ref().map(Result::unwrap).find_map(told).unwrap()
        };
        let (address, key) = (told("address "), told("key "));
        Self { child, lines, address, key }
    }

    /// What a Python client prints that has these jobs.
    fn call(&self, python: &Python, jobs: &[&str]) -> String {
        let mut client = Command::new(&python.executable)
            .args(["-B", CLIENT, &self.address])
            .args(jobs)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(client.stdin.take().unwrap(), "{}", self.key).unwrap();
        let output = client.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", python.name());
        String::from_utf8(output.stdout).unwrap()
    }

    /// An idle client goes, and one with a job gets its result.
    fn end_with_a_job_under_way(mut self) {
        const JOB: u32 = 50_000_000;
        let address: Address = self.address.parse().unwrap();
        let mut idle = connect(&address, self.key()).unwrap();
        let mut busy = connect(&address, self.key()).unwrap();
        busy.send(&BTreeMap::from([("number", JOB)])).unwrap();
        let is_begun = |line: String| line.contains("a job") && line.contains(&JOB.to_string());
        assert!(self.lines.by_ref().map(Result::unwrap).any(is_begun));
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        let done: BTreeMap<&str, u32> = busy.recv().unwrap();
        assert_eq!(done, BTreeMap::from([("sum", 124_511_655)]));
        assert!(idle.recv_bytes().is_err());
        // The rest of what it has to say, so that it does not wait for a reader.
        self.lines.by_ref().for_each(drop);
        assert!(self.child.wait().unwrap().success());
        if let Address::Unix(path) = address {
            assert!(!path.exists(), "the socket's file");
        }
    }

    fn key(&self) -> AuthKey {
        let bytes: Vec<u8> = (0..self.key.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&self.key[at..at + 2], 16).unwrap())
            .collect();
        AuthKey::new(bytes)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended by itself, unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
