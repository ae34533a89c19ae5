//! What the blocking adapter alone has, or shows most easily.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::net::{TcpListener, TcpStream};
use std::os::windows::io::AsRawHandle;
use std::thread;
use std::time::{Duration, Instant};

use mpconn_blocking::{
    AuthKey, Connection, Error, Listener, ListenerOptions, Phase, Security, Socket, Source,
    connect, one_way_pipe, pipe, wait,
};
use mpconn_tests::content::message;
use mpconn_tests::python::Peer;
use mpconn_tests::pythons;
use mpconn_windows_tests::{KEY, LONG, Net, SHORT};

fn tcp_pair() -> (Connection, Connection) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (other, _) = listener.accept().unwrap();
    (Connection::unauthenticated(one.into()), Connection::unauthenticated(other.into()))
}

#[test]
fn wait_tells_of_a_hundred_pipes_and_as_many_sockets() {
    const EACH: usize = 100;
    let pairs = (0..EACH).map(|_| pipe().unwrap()).chain((0..EACH).map(|_| tcp_pair()));
    let (mut ours, mut theirs): (Vec<_>, Vec<_>) = pairs.unzip();
    assert_eq!(wait(&ours, SHORT).unwrap(), [0; 0]);
    let some = [0, EACH - 1, EACH, 2 * EACH - 1];
    for index in some {
        thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&ours, LONG).unwrap());
            thread::sleep(SHORT);
            theirs[index].send_bytes(b"here").unwrap();
            assert_eq!(waiting.join().unwrap(), [index]);
        });
        assert_eq!(wait(&ours, None).unwrap(), [index], "still");
        assert_eq!(ours[index].recv_bytes().unwrap(), b"here");
    }
    for index in some {
        theirs[index].send_bytes(b"together").unwrap();
        assert!(ours[index].poll(LONG).unwrap());
    }
    assert_eq!(wait(&ours, None).unwrap(), some);
}

#[test]
fn wait_tells_of_listeners() {
    let mut listeners = Net::ALL.map(|net| Listener::bind(net.fresh(), AuthKey::new(KEY)).unwrap());
    let (idle, _idle_peer) = pipe().unwrap();
    for index in 0..listeners.len() {
        let address = listeners[index].address().clone();
        let client = thread::spawn(move || connect(address, AuthKey::new(KEY)).unwrap());
        let deadline = Instant::now() + LONG;
        let connection = loop {
            assert!(Instant::now() < deadline, "nobody came");
            let sources = [Source::from(&idle), (&listeners[0]).into(), (&listeners[1]).into()];
            assert_eq!(wait(sources, LONG).unwrap(), [1 + index]);
            match listeners[index].accept_timeout(Duration::ZERO) {
                Ok(connection) => break connection,
                Err(Error::TimedOut(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
        };
        drop((connection, client.join().unwrap()));
    }
}

#[test]
fn halves_on_two_threads() {
    const MESSAGES: usize = 200;
    for (one, other) in [pipe().unwrap(), tcp_pair()] {
        thread::scope(|scope| {
            for connection in [one, other] {
                let (mut receiver, mut sender) = connection.split();
                scope.spawn(move || {
                    sender.send_many((0..MESSAGES).map(|n| message(n, n * 50))).unwrap();
                    sender
                });
                scope.spawn(move || {
                    for n in 0..MESSAGES {
                        assert!(receiver.recv_bytes().unwrap() == message(n, n * 50), "{n}");
                    }
                });
            }
        });
    }
}

#[test]
fn a_pipe_of_one_way() {
    let (mut receiver, mut sender) = one_way_pipe().unwrap();
    sender.send_bytes(b"this way").unwrap();
    assert_eq!(receiver.recv_bytes().unwrap(), b"this way");
    drop(sender);
    assert!(matches!(receiver.recv_bytes(), Err(Error::Ended)));
}

#[test]
fn who_may_connect() {
    let options = ListenerOptions::with_key(AuthKey::new(KEY));
    let everybody = options.clone().security(Security::sddl("D:P(A;;GA;;;WD)"));
    let mut listener = everybody.bind_fresh().unwrap();
    let address = listener.address().clone();
    let client = thread::spawn(move || connect(address, AuthKey::new(KEY)).unwrap());
    drop((listener.accept_timeout(LONG).unwrap(), client.join().unwrap()));

    let nonsense = options.security(Security::sddl("everybody")).bind(Net::Pipe.fresh());
    assert!(matches!(nonsense, Err(Error::Unreachable { phase: Phase::Listen, .. })));
}

#[test]
fn handles_and_sockets() {
    let (pipe, mut peer) = pipe().unwrap();
    assert!(pipe.handle().is_some() && pipe.socket().is_none());
    let (tcp, _peer) = tcp_pair();
    assert!(tcp.handle().is_none() && tcp.socket().is_some());

    let (socket, unread) = pipe.into_parts().unwrap().into_transport().unwrap();
    assert!(unread.is_empty());
    let handle = socket.into_handle().unwrap();
    let mut adopted = Connection::unauthenticated(Socket::from(handle));
    peer.send_bytes(b"the same pipe").unwrap();
    assert_eq!(adopted.recv_bytes().unwrap(), b"the same pipe");
    adopted.close();
    assert!(adopted.handle().is_none());
}

/// A completion port belongs to the file and not to the process: what a child does with a duplicate of
/// our handle is told to our port, with the child's pointers.
#[test]
fn a_child_that_reads_on_a_duplicate_of_our_handle() {
    const TIMES: usize = 200;
    for python in pythons::all() {
        let (mut ours, mut peer) = pipe().unwrap();
        peer.send_bytes(b"before").unwrap();
        assert_eq!(ours.recv_bytes().unwrap(), b"before", "so it is bound to our port");

        let mut listener = Listener::bind(Net::Pipe.fresh(), AuthKey::new(KEY)).unwrap();
        let handle = ours.handle().unwrap().as_raw_handle() as usize;
        let script = Peer::new(python, Some(KEY), "overhear")
            .with("owner", std::process::id().to_string())
            .with("handle", handle.to_string())
            .with("times", TIMES.to_string())
            .client(listener.address());
        let mut control = listener.accept_timeout(LONG).unwrap();
        assert_eq!(control.recv_bytes().unwrap(), b"ready");
        for n in 0..TIMES {
            peer.send_bytes(&message(n, n)).unwrap();
            assert!(control.recv_bytes().unwrap() == message(n, n), "{}: {n}", python.name());
        }
        drop(control);
        assert_eq!(script.result(), "ok", "{}", python.name());
        peer.send_bytes(b"after").unwrap();
        assert_eq!(ours.recv_bytes().unwrap(), b"after");
    }
}
