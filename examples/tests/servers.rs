//! Every server here with every Python, with silent and keyless clients, and with its deadline.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use mpconn_examples::HANDSHAKE_TIME;
use mpconn_tests::pythons::{self, Python};
use mpconn_tests::stall::bounded;

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/client.py");

const SERVERS: &[&str] = &[
    env!("CARGO_BIN_EXE_thread_server"),
    env!("CARGO_BIN_EXE_mio_server"),
    env!("CARGO_BIN_EXE_uring_server"),
    env!("CARGO_BIN_EXE_smol_server"),
    env!("CARGO_BIN_EXE_embedded_server"),
];

/// A running server, which ends with the test.
struct Server {
    child: Child,
    address: String,
    key: String,
}

impl Server {
    fn start(path: &str) -> Self {
        let mut child = Command::new(path).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = |word: &str| {
            let line = lines.next().expect("the server starts").unwrap();
            line.strip_prefix(word).unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        let (address, key) = (told("address "), told("key "));
        Self { child, address, key }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(2 * HANDSHAKE_TIME)).unwrap();
        stream
    }

    fn call(&self, python: &Python, key: &str) -> Child {
        let mut client = Command::new(&python.executable)
            .args(["-B", CLIENT, &self.address, "hello", "", "stressed"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(client.stdin.take().unwrap(), "{key}").unwrap();
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended by itself only if the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn serve_all_pythons_at_once_beside_silent_clients() {
    bounded(|| {
        for server in SERVERS.iter().map(|path| Server::start(path)) {
            let _silent = [server.connect(), server.connect()];
            let calls: Vec<_> = pythons::all()
                .iter()
                .map(|python| (python, server.call(python, &server.key)))
                .collect();
            for (python, client) in calls {
                let output = client.wait_with_output().unwrap();
                let said = String::from_utf8(output.stdout).unwrap();
                assert_eq!(said, "olleh\n\ndesserts\nTrue\n", "{}", python.name());
            }
        }
    });
}

#[test]
fn turn_away_whoever_has_another_key() {
    bounded(|| {
        for server in SERVERS.iter().map(|path| Server::start(path)) {
            for python in pythons::all().first().into_iter().chain(pythons::all().last()) {
                let output = server.call(python, "00").wait_with_output().unwrap();
                let error = String::from_utf8(output.stderr).unwrap();
                assert!(error.contains("AuthenticationError: digest sent was rejected"), "{error}");
            }
            // HTTP is a frame of a gigabyte, and no more than that is needed to close.
            let mut browser = server.connect();
            browser.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            let mut heard = Vec::new();
            // A reset, when the server has not read all of it.
            let _ = browser.read_to_end(&mut heard);
            assert!(heard.is_empty() || heard.starts_with(b"\0\0\0\x3b#CHALLENGE#"), "{heard:?}");
            assert!(!heard.ends_with(b"#FAILURE#"));
        }
    });
}

/// Also who sends a byte from time to time.
#[test]
fn give_up_a_handshake_at_its_deadline() {
    bounded(|| {
        let servers: Vec<_> = SERVERS.iter().map(|path| Server::start(path)).collect();
        let begin = Instant::now();
        let clients: Vec<_> = servers
            .iter()
            .map(|server| {
                let mut client = server.connect();
                let mut trickling = client.try_clone().unwrap();
                thread::spawn(move || {
                    let header = [0, 0, 0, 200].into_iter().chain([b'x'; 100]);
                    for byte in header {
                        thread::sleep(Duration::from_millis(300));
                        if trickling.write_all(&[byte]).is_err() {
                            break;
                        }
                    }
                });
                thread::spawn(move || {
                    let mut heard = Vec::new();
                    let _ = client.read_to_end(&mut heard);
                    (heard, begin.elapsed())
                })
            })
            .collect();
        for (client, path) in clients.into_iter().zip(SERVERS) {
            let (heard, after) = client.join().unwrap();
            assert!(heard.starts_with(b"\0\0\0\x3b#CHALLENGE#"), "{path}");
            assert!(after >= HANDSHAKE_TIME && after < HANDSHAKE_TIME * 3 / 2, "{path}: {after:?}");
        }
    });
}

#[test]
fn the_ring_in_memory_needs_no_kernel() {
    let output = Command::new(env!("CARGO_BIN_EXE_memory_ring")).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("100 clients were served, with "), "{said}");
}
