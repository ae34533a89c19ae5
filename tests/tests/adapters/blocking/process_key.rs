//! The key of the process, which children are handed.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::io::Write;
use std::process::{Command, Stdio};

use mpconn_blocking::{AuthKey, Dialect, Digest, ListenerOptions, SysRng, connect};
use mpconn_tests::over::LONG;
use mpconn_tests::pythons;
use mpconn_tests::stall::bounded;

/// The two lines of [`AuthKey::write_line`], and then a client with the key of its process.
const CHILD_WITH_KEY: &str = "
import binascii, multiprocessing, sys
multiprocessing.current_process().authkey = binascii.unhexlify(sys.stdin.readline().strip())

from multiprocessing.connection import Client
connection = Client(sys.argv[1], authkey=multiprocessing.current_process().authkey)
connection.send_bytes(connection.recv_bytes())
";

/// One test, since the key is the whole process's.
#[test]
fn the_key_of_the_process_is_handed_down() {
    let first = AuthKey::process(&mut SysRng).unwrap();
    assert_eq!(first.as_ref().len(), AuthKey::GENERATED);
    assert_eq!(AuthKey::process(&mut SysRng).unwrap().as_ref(), first.as_ref());
    for set in [None, Some(AuthKey::new(*b"\x00\n\xff a key of bytes of all kinds"))] {
        if let Some(key) = &set {
            AuthKey::set_process(key.clone());
        }
        let key = AuthKey::process(&mut SysRng).unwrap();
        assert_eq!(key.as_ref(), set.as_ref().unwrap_or(&first).as_ref());
        let mut listener = ListenerOptions::with_process_key().unwrap().bind_fresh().unwrap();
        for python in pythons::all() {
            let mut child = Command::new(&python.executable)
                .args(["-c", CHILD_WITH_KEY, &listener.address().to_string()])
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            key.write_line(child.stdin.as_mut().unwrap()).unwrap();
            child.stdin.as_mut().unwrap().flush().unwrap();
            let mut connection = listener.accept_timeout(LONG).unwrap();
            let modern = python.is_at_least(3, 12);
            let dialect = if modern { Dialect::Prefixed(Digest::Sha256) } else { Dialect::RawMd5 };
            assert_eq!(connection.authenticated().unwrap().peer(), dialect);
            connection.set_receive_timeout(LONG);
            connection.send_bytes(b"hello").unwrap();
            assert_eq!(connection.recv_bytes().unwrap(), b"hello");
            bounded(move || assert!(child.wait().unwrap().success()));
        }
        // A key that was not handed down does not do.
        let address = listener.address().clone();
        let stranger = AuthKey::generate(&mut SysRng).unwrap();
        let stranger = std::thread::spawn(move || connect(address, stranger));
        let outcome = listener.incoming().next().unwrap();
        assert!(outcome.unwrap_err().is_authentication());
        assert!(stranger.join().unwrap().unwrap_err().is_authentication());
    }
}
