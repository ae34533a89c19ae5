//! Real signals: interruptions everywhere, and SIGPIPE with the handler that kills.
//!
//! They are for a process of their own, `src/bin/signalled.rs`. The kernel prefers its main thread.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use mpconn_tests::over::LONG;
use rustix::process::{Pid, Signal, kill_process};

/// How often the process is interrupted.
const EVERY: Duration = Duration::from_millis(1);

fn signalled(role: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalled"));
    command.arg(role);
    command
}

/// Waits for a child, but not for ever, and does something meanwhile.
fn finished(mut child: Child, mut meanwhile: impl FnMut()) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if started.elapsed() > LONG {
            child.kill().unwrap();
            panic!("stalled: not done after {LONG:?}");
        }
        meanwhile();
        thread::sleep(EVERY);
    }
}

#[test]
fn interruptions_are_not_noticed() {
    let mut child = signalled("interrupted").stdout(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_child(&child);
    // Before it has its handler, the signal would end it.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("interrupt me")));
    let status = finished(child, || kill_process(pid, Signal::USR1).unwrap());
    assert!(status.success(), "{status}");
}

/// The host program has the default handler of SIGPIPE, as one that is not in Rust may have.
#[test]
fn no_socket_raises_sigpipe() {
    let run = |role| finished(signalled(role).spawn().unwrap(), || ());
    assert!(run("sockets").success());
    // The handler is really there: a plain write to a socket kills.
    assert_eq!(run("control").signal(), Some(Signal::PIPE.as_raw()));
    // The documented exception.
    assert_eq!(run("pipe").signal(), Some(Signal::PIPE.as_raw()));
}
