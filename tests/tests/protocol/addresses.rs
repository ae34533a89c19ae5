//! Addresses as Python literals, against what every Python reads and writes.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use mpconn::Address;
use mpconn_tests::net::scratch;
use mpconn_tests::pythons::{self, Python};

/// Writes each line's literal as Python does.
const REPEAT: &str = "
import ast, sys
for line in sys.stdin:
    print(repr(ast.literal_eval(line)))
";

/// Listens at every kind of address, and writes where.
const LISTEN: &str = "
import os, sys
from multiprocessing.connection import Listener
addresses = [('127.0.0.1', 0), os.path.join(sys.argv[1], 'a b'), '\\0mpconn-literal-%d' % os.getpid()]
for address in addresses:
    print(repr(Listener(address).address))
if sys.version_info >= (3,):
    listener = Listener(('::1', 0), family='AF_INET6')
    print(repr(listener.address))
    for name in [b'\\xc3\\xa9', b'\\xff']:
        print(ascii(Listener(os.fsdecode(os.path.join(os.fsencode(sys.argv[1]), name))).address))
";

fn output(python: &Python, script: &str, argument: &OsStr, input: &str) -> Vec<String> {
    let mut child = Command::new(&python.executable)
        .args(["-c", script])
        .arg(argument)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", python.name());
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn path(bytes: &[u8]) -> Address {
    PathBuf::from(OsStr::from_bytes(bytes)).try_into().unwrap()
}

#[test]
fn every_python_reads_them_and_writes_them_back() {
    let ascii = [
        ("localhost", 0).into(),
        ("::1", 65535).into(),
        ("fe80::1%eth0", 6000).into(),
        ("", 6000).into(),
        path(b"/run/app.sock"),
        path(b"plain"),
        path(b"'\"\\\n\r\t\x01\x7f %{}"),
        Address::Abstract(b"name".to_vec()),
        Address::Abstract(Vec::new()),
        Address::Abstract(b"\0 0 1".to_vec()),
        Address::Pipe(r"\\.\pipe\pyc-1-0".to_owned()),
    ];
    // Python 2 has another idea of these.
    let others = [
        ("m\u{fc}nchen.example", 6000).into(),
        path("é".as_bytes()),
        path(b"\xff\x80 \xe9"),
        path("\u{1f40d}\u{2028}".as_bytes()),
        Address::Abstract(b"\x80\xff".to_vec()),
    ];
    for python in pythons::all() {
        let others = if python.is_at_least(3, 0) { &others[..] } else { &[] };
        let addresses: Vec<_> = ascii.iter().chain(others).collect();
        let lines: String =
            addresses.iter().map(|address| address.to_python_literal() + "\n").collect();
        assert!(lines.is_ascii());
        // A file that is not UTF-8 is not printed by every locale: `ascii` is asked for.
        let script =
            if others.is_empty() { REPEAT.to_owned() } else { REPEAT.replace("repr", "ascii") };
        let written = output(python, &script, OsStr::new(""), &lines);
        assert_eq!(written.len(), addresses.len(), "{}", python.name());
        for (literal, address) in written.iter().zip(addresses) {
            let read = Address::from_python_literal(literal);
            assert_eq!(read.as_ref(), Ok(address), "{literal} of {}", python.name());
        }
    }
}

#[test]
fn the_addresses_of_every_pythons_listeners() {
    for python in pythons::all() {
        let scratch = scratch();
        let lines = output(python, LISTEN, scratch.path().as_os_str(), "");
        let mut addresses = lines.iter().map(|line| Address::from_python_literal(line).unwrap());
        let mut next = || addresses.next().unwrap();
        assert!(matches!(next(), Address::Inet { host, port } if host == "127.0.0.1" && port != 0));
        assert_eq!(next(), scratch.path().join("a b").try_into().unwrap());
        assert!(matches!(next(), Address::Abstract(name) if name.starts_with(b"mpconn-literal-")));
        if python.is_at_least(3, 0) {
            assert!(matches!(next(), Address::Inet { host, port } if host == "::1" && port != 0));
            for name in [&b"\xc3\xa9"[..], b"\xff"] {
                assert_eq!(
                    next(),
                    scratch.path().join(OsStr::from_bytes(name)).try_into().unwrap()
                );
            }
        }
        assert_eq!(addresses.next(), None);
    }
}
