//! Bad input: every error says what to do about it.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::{io, thread};

use mpconn_blocking::{
    AuthKey, ConnectOptions, Connection, Error, Extended, Listener, ListenerOptions, Policy,
    connect,
};
use mpconn_tests::net::{fresh_path, scratch};

#[test]
fn bad_addresses() {
    for (address, text) in [
        ("", "the address is empty: leave it out for a fresh one"),
        ("/run/\0", "the address has a NUL inside, which no path or pipe can have"),
        (
            "localhost:6000",
            "the address looks like TCP, but plain text is a path: use (host, port) or \
             tcp://host:port, or ./ in front of a path",
        ),
        ("tcp://host", "the address needs a port: tcp://host:port, or tcp://[::1]:port"),
        ("tcp://host:70000", "the port of the address is out of range: 65535 is the greatest"),
        ("unix:%zz", "the address has a % without two hexadecimal digits behind it"),
    ] {
        assert_eq!(says(connect(address, key())), text);
        assert_eq!(says(Listener::bind(address, key())), text);
    }
    assert_eq!(
        says(connect(b"name", key())),
        "an address of bytes is the name of an abstract socket, and begins with a NUL: use text \
         or a path for anything else"
    );
    assert_eq!(
        says(ListenerOptions::without_key().bind(b"\0name")),
        "any user of the machine may connect to an abstract socket: listen with a key"
    );
    assert_eq!(
        says(connect(r"\\.\pipe\name", key())),
        r"cannot connect to \\.\pipe\name: named pipes are for Windows"
    );
}

#[test]
fn nobody_to_connect_to() {
    let scratch = scratch();
    let path = fresh_path(&scratch);
    let shown = path.display();
    assert_eq!(
        says(connect(path.as_path(), key())),
        format!(
            "cannot connect to {shown}: No such file or directory (os error 2); is the listener \
             running, and at this path? A host needs (host, port)"
        )
    );
    drop(UnixListener::bind(&path).unwrap());
    assert_eq!(
        says(connect(path.as_path(), key())),
        format!(
            "cannot connect to {shown}: Connection refused (os error 111); is the listener running?"
        )
    );
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    assert_eq!(
        says(connect(("127.0.0.1", port), key())),
        format!(
            "cannot connect to tcp://127.0.0.1:{port}: Connection refused (os error 111); is the \
             listener running?"
        )
    );
}

#[test]
fn nowhere_to_listen() {
    let scratch = scratch();
    let path = fresh_path(&scratch);
    let shown = path.display();
    let _listener = Listener::bind(path.as_path(), key()).unwrap();
    assert_eq!(
        says(Listener::bind(path.as_path(), key())),
        format!(
            "cannot listen at {shown}: a socket is there; if nobody listens at it, see \
             `ListenerOptions::replace_stale`"
        )
    );
    let inside = path.join("listener");
    assert!(says(Listener::bind(inside, key())).starts_with("cannot listen at "));
    let missing = fresh_path(&scratch).join("listener");
    assert_eq!(
        says(Listener::bind(missing.as_path(), key())),
        format!(
            "cannot listen at {}: No such file or directory (os error 2); does the directory exist?",
            missing.display()
        )
    );
}

#[test]
fn keys() {
    let empty = "the key is empty: set one, or ask for it with Policy::allow_empty_key";
    assert_eq!(says(Listener::bind(("127.0.0.1", 0), AuthKey::new(""))), empty);

    let wrong = meet(
        &ListenerOptions::with_key(key()),
        &ConnectOptions::with_key(AuthKey::new("another key of sixteen bytes")),
    );
    assert_eq!(
        wrong,
        [
            "a client was turned away: authentication failed: the peer's response is wrong: check \
             that both sides have the same key",
            "authentication failed: the peer rejected our response: check that both sides have \
             the same key",
        ]
    );

    let short = std::time::Duration::from_millis(200);
    let keyless = meet(
        &ListenerOptions::without_key(),
        &ConnectOptions::with_key(key()).handshake_timeout(short),
    );
    assert_eq!(
        keyless,
        [
            "",
            "the time was up before the listener sent a challenge: it may have no key, or be busy \
             with another client",
        ]
    );

    let refused = meet(
        &ListenerOptions::with_key(key())
            .policy(Policy::COMPAT.challenge_with(mpconn::Digest::Md5)),
        &ConnectOptions::with_key(key()).policy(Policy::MODERN),
    );
    assert_eq!(
        refused,
        [
            "a client was turned away: the connection ended before the client answered the \
             challenge: it may have no key, or speak another protocol",
            "authentication failed: the peer uses {md5}, which the policy refuses: use \
             Policy::COMPAT to accept it",
        ]
    );
}

#[test]
fn messages_that_are_too_long() {
    let mut listener =
        ListenerOptions::with_key(key()).max_message(1000).bind(("127.0.0.1", 0)).unwrap();
    let address = listener.address().clone();
    thread::scope(|scope| {
        let client = scope.spawn(|| connect(address, key()).unwrap());
        let mut ours = listener.accept().unwrap();
        let mut theirs = client.join().unwrap();

        theirs.send_bytes(&[0; 1001]).unwrap();
        assert_eq!(
            says(ours.recv_bytes()),
            "the peer announced a message of 1001 bytes, and the limit is 1000: raise the limit \
             if such messages are expected"
        );
        // Zeroed memory that nobody touches costs nothing.
        theirs.set_extended(Extended::Refuse);
        assert_eq!(
            says(theirs.send_bytes(&vec![0; 1 << 31])),
            "a message of 2147483648 bytes is over 2147483647, the most that Python before 3.8 \
             can read: split it, or allow extended headers"
        );
        theirs.close();
        assert_eq!(says(theirs.recv_bytes()), "this side was closed");
    });
}

#[test]
fn as_errors_of_the_standard_library() {
    let kind = |error: Error| io::Error::from(error).kind();
    assert_eq!(kind(connect("", key()).unwrap_err()), io::ErrorKind::InvalidInput);
    let scratch = scratch();
    let missing = connect(fresh_path(&scratch), key()).unwrap_err();
    assert_eq!(kind(missing), io::ErrorKind::NotFound);
}

fn key() -> AuthKey {
    AuthKey::new("a key of more than sixteen bytes")
}

fn says<T>(outcome: Result<T, Error>) -> String {
    outcome.err().unwrap().to_string()
}

/// What a listener says and what a client says when they meet; nothing when they get on.
fn meet(listener: &ListenerOptions, client: &ConnectOptions) -> [String; 2] {
    let mut listener = listener.bind_fresh().unwrap();
    let address = listener.address().clone();
    let text = |outcome: &Result<Connection, Error>| {
        outcome.as_ref().err().map(Error::to_string).unwrap_or_default()
    };
    thread::scope(|scope| {
        let client = scope.spawn(|| client.connect(address));
        // Kept, so that the client is not told by its end.
        let outcome = listener.incoming().next().unwrap();
        [text(&outcome), text(&client.join().unwrap())]
    })
}
