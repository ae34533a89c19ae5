//! Pipes to Python children: either end as their standard input, one-way ones, and no end where it
//! does not belong.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::thread;

use mpconn_blocking::{
    AuthKey, Connection, Error, Listener, ListenerOptions, Socket, SysRng, connect, one_way_pipe,
    pipe, wait,
};
use mpconn_tests::content::message;
use mpconn_tests::over::LONG;
use mpconn_tests::pythons::{self, Python};
use mpconn_tests::stall::bounded;

/// The documented way for a child to open what it has as its standard input.
const OPEN: &str = "
import os
from multiprocessing.connection import Connection
connection = Connection(os.dup(0))
";

const ECHO: &str = "
while True:
    try:
        connection.send_bytes(connection.recv_bytes())
    except EOFError:
        break
";

/// Every Python 3: a Python 2.7 opens such a descriptor in another way.
fn python3s() -> impl Iterator<Item = &'static Python> {
    pythons::all().iter().filter(|python| python.is_at_least(3, 0))
}

fn child(python: &Python, script: &str, stdin: impl Into<OwnedFd>) -> Child {
    Command::new(&python.executable)
        .args(["-c", script])
        .stdin(Stdio::from(stdin.into()))
        .spawn()
        .unwrap()
}

fn socket(connection: Connection) -> Socket {
    let (socket, unread) = connection.into_parts().unwrap().into_transport().unwrap();
    assert!(unread.is_empty());
    socket
}

fn succeeds(mut child: Child) {
    bounded(move || assert!(child.wait().unwrap().success()));
}

#[test]
fn either_end_to_a_python() {
    for python in python3s() {
        for swapped in [false, true] {
            let (one, other) = pipe().unwrap();
            let (mut ours, theirs) = if swapped { (other, one) } else { (one, other) };
            let child = child(python, &[OPEN, ECHO].concat(), socket(theirs));
            ours.set_receive_timeout(LONG);
            for size in [0, 1, 4096, 16_384, 16_385, 65_536, 65_537, 200_000] {
                ours.send_bytes(&message(size, size)).unwrap();
                assert!(ours.recv_bytes().unwrap() == message(size, size), "{size} bytes");
            }
            drop(ours);
            succeeds(child);
        }
    }
}

#[test]
fn one_way_to_and_from_a_python() {
    for python in python3s() {
        // The child sends, and cannot receive.
        let (mut receiver, sender) = one_way_pipe().unwrap();
        let script = OPEN.replace("os.dup(0)", "os.dup(0), readable=False")
            + "
assert connection.writable and not connection.readable
connection.send_bytes(b'from the child')
connection.send_bytes(bytes(100000))
try:
    assert os.read(0, 1) == b''
except OSError:
    pass
";
        let sends =
            child(python, &script, sender.into_parts().unwrap().into_transport().unwrap().0);
        receiver.set_timeout(LONG);
        assert_eq!(receiver.recv_bytes().unwrap(), b"from the child");
        assert!(receiver.recv_bytes().unwrap() == [0; 100_000]);
        assert!(matches!(receiver.recv_bytes(), Err(Error::Ended)));
        succeeds(sends);

        // The child receives, and cannot send.
        let (receiver, mut sender) = one_way_pipe().unwrap();
        let script = OPEN.replace("os.dup(0)", "os.dup(0), writable=False")
            + "
assert connection.readable and not connection.writable
assert connection.recv_bytes() == b'to the child'
assert connection.recv_bytes() == bytes(100000)
try:
    connection.recv_bytes()
except EOFError:
    pass
else:
    raise AssertionError('a message in place of the end')
try:
    os.write(0, b'x')
except BrokenPipeError:
    pass
else:
    raise AssertionError('it can write')
";
        let (socket, unread) = receiver.into_parts().unwrap().into_transport().unwrap();
        assert!(unread.is_empty());
        let receives = child(python, &script, socket);
        sender.send_bytes(b"to the child").unwrap();
        sender.send_bytes(&[0; 100_000]).unwrap();
        drop(sender);
        succeeds(receives);
    }
}

/// A child that inherited a sibling's end would keep it open: its sibling's death, and the parent's
/// close, would go unnoticed.
#[test]
fn the_end_of_one_child_is_seen_while_the_others_live() {
    for python in python3s() {
        let (mut connections, mut children): (Vec<_>, Vec<_>) = (0..4)
            .map(|_| {
                let (ours, theirs) = pipe().unwrap();
                (ours, child(python, &[OPEN, ECHO].concat(), socket(theirs)))
            })
            .unzip();
        for connection in &mut connections {
            connection.set_receive_timeout(LONG);
            connection.send_bytes(b"are you there?").unwrap();
            assert_eq!(connection.recv_bytes().unwrap(), b"are you there?");
        }
        // Not the first and not the last, so that siblings were started before and after it.
        children[1].kill().unwrap();
        assert_eq!(wait(&connections, LONG).unwrap(), [1]);
        assert!(matches!(connections[1].recv_bytes(), Err(Error::Ended)));
        children.remove(1).wait().unwrap();
        for at in [0, 2, 3] {
            connections[at].send_bytes(b"still there?").unwrap();
            assert_eq!(connections[at].recv_bytes().unwrap(), b"still there?");
        }
        // And the other way: a child sees the end of its own connection, whichever is left.
        while let (Some(connection), Some(child)) = (connections.pop(), children.pop()) {
            drop(connection);
            succeeds(child);
            if connections.len() == 2 {
                // The one that was killed.
                connections.pop();
            }
        }
    }
}

/// A child gets what was given to it, and no descriptor of ours beside that: of connections,
/// listeners, and clients.
#[cfg(target_os = "linux")]
#[test]
fn children_inherit_nothing_else() {
    let key = AuthKey::generate(&mut SysRng).unwrap();
    let mut held = Vec::new();
    let mut listeners = Vec::new();
    for tcp in [false, true] {
        let options = ListenerOptions::with_key(key.clone());
        let mut listener: Listener = if tcp {
            options.bind(("127.0.0.1", 0)).unwrap()
        } else {
            options.bind_fresh().unwrap()
        };
        let (address, key) = (listener.address().clone(), key.clone());
        let client = thread::spawn(move || connect(address, key).unwrap());
        held.push(listener.accept().unwrap());
        held.push(client.join().unwrap());
        listeners.push(listener);
    }
    let (one, other) = pipe().unwrap();
    held.extend([one, other]);
    let one_way = one_way_pipe().unwrap();
    for python in python3s().take(1) {
        let script = "
import os
def is_socket(fd):
    try:
        return os.readlink('/proc/self/fd/' + fd).startswith('socket:')
    except OSError:
        return False
sockets = [fd for fd in os.listdir('/proc/self/fd') if fd != '0' and is_socket(fd)]
assert not sockets, sockets
";
        let (_ours, theirs) = pipe().unwrap();
        let child = Command::new(&python.executable)
            .args(["-c", script])
            .stdin(Stdio::from(OwnedFd::from(socket(theirs))))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    drop((held, listeners, one_way));
}
