//! The examples of Python's documentation of `Listener`, `Client` and `wait`, each with one side
//! played by this library. Only the port is another.
//!
//! What they send with `send` is compared with, or taken from, what the same Python makes of it.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use mpconn_blocking::{
    Address, AuthKey, ConnectOptions, Error, Listener, ListenerOptions, connect, one_way_pipe, wait,
};
use mpconn_tests::over::LONG;
use mpconn_tests::pythons::{self, Python};
use mpconn_tests::stall::bounded;

const KEY: &[u8] = b"secret password";

const OBJECT: &str = "[2.25, None, 'junk', float]";

const LISTENER: &str = "
import sys
from multiprocessing.connection import Listener
from array import array

address = ('localhost', 0)

with Listener(address, authkey=b'secret password') as listener:
    print(listener.address[1], flush=True)
    with listener.accept() as conn:
        print('connection accepted from', listener.last_accepted, flush=True)

        conn.send([2.25, None, 'junk', float])

        conn.send_bytes(b'hello')

        conn.send_bytes(array('i', [42, 1729]))
";

const CLIENT: &str = "
import sys
from multiprocessing.connection import Client
from array import array

address = ('localhost', int(sys.argv[1]))

with Client(address, authkey=b'secret password') as conn:
    print(conn.recv())                  # => [2.25, None, 'junk', float]

    print(conn.recv_bytes())            # => 'hello'

    arr = array('i', [0, 0, 0, 0, 0])
    print(conn.recv_bytes_into(arr))    # => 8
    print(arr)                          # => array('i', [42, 1729, 0, 0, 0])
";

/// The worker of the example of `wait`, with its end of the pipe as its standard input.
const WORKER: &str = "
import os, sys
from multiprocessing.connection import Connection

w = Connection(os.dup(0), readable=False)
os.close(0)
for i in range(10):
    w.send((i, sys.argv[1]))
w.close()
";

/// Its parent, whose readers are connections here.
const WAITING: &str = "
from multiprocessing.connection import Listener, wait

listener = Listener(('localhost', 0), backlog=4)
print(listener.address[1], flush=True)
readers = [listener.accept() for i in range(4)]
while readers:
    for r in wait(readers):
        try:
            msg = r.recv()
        except EOFError:
            readers.remove(r)
        else:
            print(*msg)
";

fn python3s() -> impl Iterator<Item = &'static Python> {
    pythons::all().iter().filter(|python| python.is_at_least(3, 0))
}

fn python(python: &Python, script: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(&python.executable);
    command.args(["-c", script]).args(arguments).stdout(Stdio::piped());
    command
}

/// What the child prints, all of it.
fn output(child: Child) -> String {
    let output = bounded(move || child.wait_with_output().unwrap());
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// The first line that the child prints: the port that it listens at.
fn port(child: &mut Child) -> u16 {
    use std::io::Read;
    let mut digits = String::new();
    let mut byte = [0];
    while child.stdout.as_mut().unwrap().read(&mut byte).unwrap() == 1 && byte != *b"\n" {
        digits.push(char::from(byte[0]));
    }
    digits.parse().unwrap()
}

/// What `Connection.send` makes of an object of Python's.
fn pickle(of: &Python, object: &str) -> Vec<u8> {
    let script = format!(
        "from multiprocessing.reduction import ForkingPickler
print(bytes(ForkingPickler.dumps({object})).hex())"
    );
    let hex = output(python(of, &script, &[]).spawn().unwrap());
    let hex = hex.trim();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// `array('i', [42, 1729])` as bytes.
fn array() -> Vec<u8> {
    [42_i32, 1729].map(i32::to_ne_bytes).concat()
}

#[test]
fn the_listener_here_and_the_client_of_the_documentation() {
    for peer in python3s() {
        let mut listener = Listener::bind(("localhost", 0), AuthKey::new(KEY)).unwrap();
        let Address::Inet { port, .. } = listener.address() else { panic!("not TCP") };
        let child = python(peer, CLIENT, &[&port.to_string()]).spawn().unwrap();
        let mut conn = listener.accept_timeout(LONG).unwrap();
        let Some(Address::Inet { host, .. }) = listener.last_accepted() else { panic!("not TCP") };
        assert_eq!(host, "127.0.0.1");
        conn.send_bytes(&pickle(peer, OBJECT)).unwrap();
        conn.send_bytes(b"hello").unwrap();
        conn.send_bytes(&array()).unwrap();
        conn.close();
        assert_eq!(
            output(child),
            "[2.25, None, 'junk', <class 'float'>]\nb'hello'\n8\n\
             array('i', [42, 1729, 0, 0, 0])\n"
        );
    }
}

#[test]
fn the_client_here_and_the_listener_of_the_documentation() {
    for peer in python3s() {
        let mut child = python(peer, LISTENER, &[]).spawn().unwrap();
        let port = port(&mut child);
        let mut conn = connect(("localhost", port), AuthKey::new(KEY)).unwrap();
        conn.set_receive_timeout(LONG);
        assert_eq!(conn.recv_bytes().unwrap(), pickle(peer, OBJECT));
        assert_eq!(conn.recv_bytes().unwrap(), b"hello");
        let mut arr = [0; 20];
        assert_eq!(conn.recv_bytes_into(&mut arr).unwrap(), 8);
        assert_eq!(arr, *[array(), vec![0; 12]].concat());
        assert!(matches!(conn.recv_bytes(), Err(Error::Ended)));
        let output = output(child);
        assert!(output.starts_with("connection accepted from ('127.0.0.1', "), "{output}");
    }
}

#[test]
fn wait_here_and_the_workers_of_the_documentation() {
    for peer in python3s() {
        let (mut readers, children): (Vec<_>, Vec<_>) = (0..4)
            .map(|i| {
                let (reader, writer) = one_way_pipe().unwrap();
                let socket = writer.into_parts().unwrap().into_transport().unwrap().0;
                let stdin = Stdio::from(std::os::fd::OwnedFd::from(socket));
                let child = python(peer, WORKER, &[&i.to_string()]).stdin(stdin).spawn().unwrap();
                ((i, reader), child)
            })
            .unzip();
        let mut received = BTreeMap::<_, Vec<_>>::new();
        while !readers.is_empty() {
            let ready = wait(readers.iter().map(|(_, reader)| reader), LONG).unwrap();
            assert!(!ready.is_empty(), "nothing for {LONG:?}");
            for place in ready.into_iter().rev() {
                let (i, reader) = &mut readers[place];
                match reader.recv_bytes() {
                    Ok(message) => received.entry(*i).or_default().push(message),
                    Err(Error::Ended) => drop(readers.remove(place)),
                    Err(error) => panic!("{error}"),
                }
            }
        }
        children.into_iter().for_each(|child| assert_eq!(output(child), ""));
        // All of them in their order; one is looked at whole.
        assert_eq!(received.len(), 4);
        assert!(received.values().all(|messages| messages.len() == 10));
        assert_eq!(received[&3][9], pickle(peer, "(9, '3')"));
    }
}

#[test]
fn workers_here_and_wait_of_the_documentation() {
    for peer in python3s() {
        let mut child = python(peer, WAITING, &[]).spawn().unwrap();
        let address = Address::from(("localhost", port(&mut child)));
        let messages: Vec<_> = [0, 9].map(|i| pickle(peer, &format!("({i}, 'Rust')"))).into();
        let mut connections: Vec<_> = (0..4)
            .map(|_| ConnectOptions::without_key().connect(address.clone()).unwrap())
            .collect();
        for connection in &mut connections {
            connection.send_bytes(&messages[0]).unwrap();
        }
        // Read ahead or not by the other side, and with the end right behind it.
        for mut connection in connections {
            connection.send_many(&messages).unwrap();
        }
        let output = output(child);
        let mut lines: Vec<_> = output.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, [["0 Rust"; 8].as_slice(), &["9 Rust"; 4]].concat());
    }
}

/// `Listener()` and its address, as the documentation has them for a fresh one.
#[test]
fn a_listener_without_an_address_and_a_client_of_it() {
    for peer in python3s() {
        let mut listener = ListenerOptions::without_key().bind_fresh().unwrap();
        let script = "
import sys
from multiprocessing.connection import Client
with Client(sys.argv[1]) as conn:
    conn.send_bytes(b'thank you')
";
        let child = python(peer, script, &[&listener.address().to_string()]).spawn().unwrap();
        assert_eq!(listener.accept_timeout(LONG).unwrap().recv_bytes().unwrap(), b"thank you");
        output(child);
    }
}
