//! A peer that has gone ends a send, and never the program: also where SIGPIPE has its default.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

/// The number that it has everywhere.
const SIGPIPE: i32 = 13;

#[test]
fn sending_to_a_peer_that_has_gone_raises_no_signal() {
    let library = child("library");
    assert!(library.status.success(), "{library:?}");
    assert_eq!(library.stdout, b"lives\nlives\n");
    // A plain write to a socket does raise it there.
    assert_eq!(child("control").status.signal(), Some(SIGPIPE));
}

fn child(way: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_child"))
        .args(["sigpipe", way])
        .output()
        .expect("the child starts")
}
