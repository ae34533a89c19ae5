//! Descriptors that come from others, and connections that are given to other processes.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::fs::File;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::adapter::{
    AuthKey, ConnectOptions, Connection, Error, ListenerOptions, Phase, Receiver, Sender, socket,
};
use mpconn_tests::content::message;
use mpconn_tests::net::{Net, RawListener, Stream, scratch};
use mpconn_tests::over::{LONG, Over, SHORT};
use mpconn_tests::pythons::{self, Python};
use mpconn_tests::stall::bounded;
use mpconn_tests::wire::{
    CHALLENGE, WELCOME, challenge, extended_frame, frame, md5, receive, send,
};

const KEY: &[u8] = b"a key of more than sixteen bytes";
const NETS: [Net; 2] = [Net::Tcp, Net::Unix];

/// A client that sends at once what it has to say, and expects to get it back.
const CLIENT: &str = "
import os, sys
from multiprocessing.connection import Client
address = eval(os.environ['ADDRESS'])
for round in range(4):
    connection = Client(address, authkey=b'a key of more than sixteen bytes')
    messages = [b'first', b'', b'x' * 300, b'y' * 70000, b'last']
    for message in messages:
        connection.send_bytes(message)
    for message in messages:
        assert connection.recv_bytes() == message
    connection.close()
";

/// A worker that continues with the connection that it has as its standard input.
const WORKER: &str = "
import os
from multiprocessing.connection import Connection
connection = Connection(os.dup(0))
try:
    while True:
        connection.send_bytes(connection.recv_bytes())
except EOFError:
    pass
";

fn python(python: &Python, script: &str) -> Command {
    let mut command = Command::new(&python.executable);
    command.args(["-c", script]);
    command
}

fn succeeds(mut child: Child) {
    bounded(move || assert!(child.wait().unwrap().success()));
}

/// Returns the socket, from which nothing behind the last message was read.
fn with_nothing_read_ahead(connection: Connection) -> OwnedFd {
    let (socket, unread) = connection.into_parts().unwrap().into_transport().unwrap();
    assert!(unread.is_empty(), "{} bytes were read ahead", unread.len());
    socket.into()
}

#[test]
fn every_python_reaches_a_worker_right_after_the_handshake() {
    let Some(newest) = pythons::all().iter().rfind(|python| python.is_at_least(3, 0)) else {
        return;
    };
    for client in pythons::all() {
        for net in NETS {
            let scratch = scratch();
            let options = ListenerOptions::with_key(AuthKey::new(KEY)).read_ahead(false);
            let mut listener = options.bind(net.fresh(&scratch)).unwrap();
            let address = listener.address().to_python_literal();
            let client = python(client, CLIENT).env("ADDRESS", address).spawn().unwrap();
            let workers: Vec<_> = (0..4)
                .map(|_| {
                    let connection = listener.accept_timeout(LONG).unwrap();
                    let stdin = Stdio::from(with_nothing_read_ahead(connection));
                    python(newest, WORKER).stdin(stdin).spawn().unwrap()
                })
                .collect();
            succeeds(client);
            workers.into_iter().for_each(succeeds);
        }
    }
}

/// Pipelines its last step of the handshake and two messages.
fn pipelining_client(mut stream: Stream) -> Stream {
    let theirs = receive(&mut stream).unwrap();
    let digest_and_nonce = &theirs[CHALLENGE.len()..];
    send(&mut stream, &md5(KEY, digest_and_nonce)).unwrap();
    assert_eq!(receive(&mut stream).unwrap(), WELCOME);
    send(&mut stream, &challenge(&[7; 20])).unwrap();
    assert_eq!(receive(&mut stream).unwrap(), md5(KEY, &[7; 20]));
    let last = [frame(WELCOME), frame(b"first"), frame(b"second")].concat();
    stream.write_all(&last).unwrap();
    stream
}

#[test]
fn what_a_client_sends_behind_the_handshake_stays_in_the_socket() {
    for net in NETS {
        for read_ahead in [false, true] {
            let scratch = scratch();
            let options = ListenerOptions::with_key(AuthKey::new(KEY)).read_ahead(read_ahead);
            let mut listener = options.bind(net.fresh(&scratch)).unwrap();
            let stream = Stream::connect(listener.address()).unwrap();
            let client = thread::spawn(move || pipelining_client(stream));
            let connection = listener.accept_timeout(LONG).unwrap();
            let (socket, unread) = connection.into_parts().unwrap().into_transport().unwrap();
            let behind = [frame(b"first"), frame(b"second")].concat();
            if read_ahead {
                assert_eq!(unread, behind, "the test must be able to fail");
            } else {
                assert_eq!(unread, b"");
                let mut bytes = vec![0; behind.len()];
                File::from(OwnedFd::from(socket)).read_exact(&mut bytes).unwrap();
                assert_eq!(bytes, behind);
            }
            client.join().unwrap();
        }
    }
}

#[test]
fn what_a_listener_sends_behind_the_handshake_stays_in_the_socket() {
    for net in NETS {
        let scratch = scratch();
        let (listener, address) = RawListener::bind(net, &scratch).unwrap();
        let serving = thread::spawn(move || {
            let mut stream = listener.accept().unwrap();
            send(&mut stream, &challenge(&[7; 20])).unwrap();
            assert_eq!(receive(&mut stream).unwrap(), md5(KEY, &[7; 20]));
            send(&mut stream, WELCOME).unwrap();
            let theirs = receive(&mut stream).unwrap();
            let response = md5(KEY, &theirs[CHALLENGE.len()..]);
            stream.write_all(&[frame(&response), frame(b"behind")].concat()).unwrap();
            assert_eq!(receive(&mut stream).unwrap(), WELCOME);
            stream
        });
        let options = ConnectOptions::with_key(AuthKey::new(KEY)).read_ahead(false);
        let fd = with_nothing_read_ahead(options.connect(address).unwrap());
        let mut bytes = [0; 10];
        File::from(fd).read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, *frame(b"behind"));
        serving.join().unwrap();
    }
}

/// Headers of both forms, and messages that are read into the buffer and into place.
#[test]
fn nothing_behind_a_message_is_read() {
    for over in Over::ALL {
        let messages = [0, 1, 250, 65_536, 65_537, 300_000].map(|size| message(size, size));
        for count in 1..=messages.len() {
            let [ours, theirs] = over.descriptors();
            let (ours, messages) = (socket(ours).unwrap(), messages.clone());
            bounded(move || {
                let bytes: Vec<u8> = messages
                    .iter()
                    .enumerate()
                    .flat_map(|(n, m)| if n % 2 == 0 { frame(m) } else { extended_frame(m) })
                    .collect();
                let mut writer = File::from(theirs);
                let writing = thread::spawn(move || {
                    writer.write_all(&bytes).unwrap();
                    bytes
                });
                let mut connection = Connection::unauthenticated(ours);
                connection.set_read_ahead(false);
                for message in &messages[..count] {
                    assert!(connection.recv_bytes().unwrap() == *message);
                }
                let mut rest = Vec::new();
                let mut reader = File::from(with_nothing_read_ahead(connection));
                let reading = thread::spawn(move || {
                    reader.read_to_end(&mut rest).unwrap();
                    rest
                });
                let bytes = writing.join().unwrap();
                let behind = messages[count..].iter().enumerate();
                let left: usize =
                    behind.map(|(n, m)| m.len() + if (n + count) % 2 == 0 { 4 } else { 12 }).sum();
                assert!(reading.join().unwrap() == bytes[bytes.len() - left..]);
            });
        }
    }
}

/// What was read ahead before comes first.
#[test]
fn reading_ahead_stops_between_messages() {
    for over in Over::ALL {
        let [ours, theirs] = over.descriptors();
        let ours = socket(ours).unwrap();
        bounded(move || {
            let mut theirs = File::from(theirs);
            theirs
                .write_all(&[frame(b"one"), frame(b"two"), frame(b"three")[..5].to_vec()].concat())
                .unwrap();
            let mut connection = Connection::unauthenticated(ours);
            assert_eq!(connection.recv_bytes().unwrap(), b"one");
            connection.set_read_ahead(false);
            assert_eq!(connection.recv_bytes().unwrap(), b"two");
            theirs.write_all(&[&frame(b"three")[5..], &frame(b"four")].concat()).unwrap();
            assert_eq!(connection.recv_bytes().unwrap(), b"three");
            let mut rest = [0; 8];
            File::from(with_nothing_read_ahead(connection)).read_exact(&mut rest).unwrap();
            assert_eq!(rest, *frame(b"four"));
        });
    }
}

/// A descriptor goes into a socket and comes out again, in any mode, and works on both ways.
#[test]
fn descriptors_in_either_mode() {
    for over in Over::ALL {
        for nonblocking in [false, true] {
            for timeout in [None, Some(LONG)] {
                let descriptors = over.descriptors();
                for fd in &descriptors {
                    rustix::io::ioctl_fionbio(fd, nonblocking).unwrap();
                }
                let [mut one, mut other] = descriptors.map(|fd| {
                    let again = OwnedFd::from(socket(fd).unwrap());
                    Connection::unauthenticated(socket(again).unwrap())
                });
                for connection in [&mut one, &mut other] {
                    connection.set_receive_timeout(timeout);
                    connection.set_send_timeout(timeout);
                }
                bounded(move || {
                    let sending = thread::spawn(move || {
                        thread::sleep(SHORT);
                        one.send_bytes(&message(0, 4 << 20)).unwrap();
                        one
                    });
                    assert!(other.recv_bytes().unwrap() == message(0, 4 << 20));
                    sending.join().unwrap();
                });
            }
        }
    }
}

/// A `pipe(2)`, in both modes, with and without deadlines.
#[test]
fn ends_of_a_pipe() {
    for nonblocking in [false, true] {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        for fd in [&reader, &writer] {
            rustix::io::ioctl_fionbio(fd, nonblocking).unwrap();
        }
        let mut receiver = Receiver::unauthenticated(socket(reader).unwrap());
        let mut sender = Sender::unauthenticated(socket(writer).unwrap());
        bounded(move || {
            receiver.set_timeout(SHORT);
            assert!(matches!(receiver.recv_bytes(), Err(Error::TimedOut(Phase::Receive))));
            for timeout in [None, Some(LONG)] {
                receiver.set_timeout(timeout);
                sender.set_timeout(timeout);
                let sending = thread::spawn(move || {
                    sender.send_bytes(&message(0, 300_000)).unwrap();
                    sender.send_many([b"a", b"b"]).unwrap();
                    sender
                });
                assert!(receiver.recv_bytes().unwrap() == message(0, 300_000));
                assert_eq!(receiver.recv_bytes().unwrap(), b"a");
                assert!(receiver.poll(None).unwrap());
                assert_eq!(receiver.recv_bytes().unwrap(), b"b");
                assert!(!receiver.poll(Duration::ZERO).unwrap());
                sender = sending.join().unwrap();
            }
            // Nobody reads: the kernel's buffer fills up, and the deadline holds all the same.
            sender.set_timeout(SHORT);
            let error = sender.send_bytes(&message(0, 300_000)).unwrap_err();
            assert!(matches!(error, Error::TimedOut(Phase::Send)), "{error:?}");
            assert!(sender.is_writable() && sender.buffered() > 0);
            drop(sender);
            let error = receiver.recv_bytes().unwrap_err();
            assert!(matches!(error, Error::Frame(_)) && error.is_disconnect(), "{error:?}");
        });
    }
}

/// Both ends of a pipe to a Python, as its standard input and output.
#[test]
fn pipes_to_and_from_every_python() {
    const ECHO: &str = "
import os
try:
    from multiprocessing.connection import Connection
except ImportError:
    from _multiprocessing import Connection
receiver = Connection(os.dup(0), writable=False)
sender = Connection(os.dup(1), readable=False)
try:
    while True:
        sender.send_bytes(receiver.recv_bytes())
except EOFError:
    pass
";
    for peer in pythons::all() {
        let mut child =
            python(peer, ECHO).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut sender = Sender::unauthenticated(socket(stdin.into()).unwrap());
        let mut receiver = Receiver::unauthenticated(socket(stdout.into()).unwrap());
        receiver.set_timeout(LONG);
        for size in [0, 1, 1000, 16_384, 65_536, 65_537, 200_000] {
            let sent = message(size, size);
            thread::scope(|scope| {
                scope.spawn(|| sender.send_bytes(&sent).unwrap());
                assert!(receiver.recv_bytes().unwrap() == sent, "{size} bytes, {}", peer.name());
            });
        }
        drop(sender);
        assert!(matches!(receiver.recv_bytes(), Err(Error::Ended)), "{}", peer.name());
        succeeds(child);
    }
}

/// Says the number of a process that outlives it and dies, in one of the ways in which a worker leaves
/// a process behind.
const GRANDPARENT: &str = "
import os, subprocess, sys, time
from multiprocessing.connection import Connection
connection = Connection(os.dup(0))
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
if sys.argv[1] == 'Popen':
    left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)']).pid
elif sys.argv[1] == 'Popen, all inherited':
    left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)'], close_fds=False).pid
else:
    left = os.fork()
    if left == 0:
        time.sleep(100)
        os._exit(0)
connection.send_bytes(str(left).encode())
os.kill(os.getpid(), 9)
";

/// As the documentation of `pipe` has it: descriptor 0 is replaced, and the process watched besides.
#[test]
fn a_worker_dies_and_leaves_a_process_behind() {
    for peer in pythons::all().iter().filter(|python| python.is_at_least(3, 0)) {
        for (way, is_watched) in [("Popen", false), ("Popen, all inherited", false), ("fork", true)]
        {
            let [ours, theirs] = Over::Unix.descriptors();
            let watched = UnixStream::from(ours.try_clone().unwrap());
            let mut connection = Connection::unauthenticated(socket(ours).unwrap());
            connection.set_receive_timeout(LONG);
            let mut child =
                python(peer, GRANDPARENT).arg(way).stdin(Stdio::from(theirs)).spawn().unwrap();
            let watching = thread::spawn(move || {
                child.wait().unwrap();
                if is_watched {
                    watched.shutdown(Shutdown::Both).unwrap();
                }
            });
            let left = String::from_utf8(connection.recv_bytes().unwrap()).unwrap();
            let ended = connection.recv_bytes();
            assert!(matches!(ended, Err(Error::Ended)), "{way}, {}: {ended:?}", peer.name());
            watching.join().unwrap();
            // It is still there.
            let killed = Command::new("kill").args(["-9", &left]).status().unwrap();
            assert!(killed.success(), "{way}, {}", peer.name());
        }
    }
}
