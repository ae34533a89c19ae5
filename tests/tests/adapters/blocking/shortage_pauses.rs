//! Which failures of `accept` pause a listener, and for how long.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::io;
use std::time::Duration;

use mpconn::RealTime;
use mpconn_sockets::{Session, Slots};
use rustix::io::Errno;

/// Longer than this, and a client would notice that the shortage is over.
const BOUND: Duration = Duration::from_secs(1);

const NOW: RealTime = RealTime(Duration::from_secs(1));

/// A shortage, or a client that left before it was accepted: accept(2) lists them.
const PASSING: &[Errno] = &[
    Errno::MFILE,
    Errno::NFILE,
    Errno::CONNABORTED,
    Errno::NOMEM,
    Errno::NOBUFS,
    #[cfg(target_os = "linux")]
    Errno::NONET,
];

fn slots() -> Slots<()> {
    Slots::new(Session::new(None), 1)
}

/// The length of the pause after this failure.
fn pause(slots: &mut Slots<()>, errno: Errno) -> io::Result<Duration> {
    slots.accept_failed(io::Error::from_raw_os_error(errno.raw_os_error()), NOW)?;
    let until = slots.acceptor().paused_until();
    Ok(until.map_or(Duration::ZERO, |until| until.0 - NOW.0))
}

#[test]
fn a_shortage_pauses_and_doubles_up_to_a_bound() {
    for &errno in PASSING {
        let mut slots = slots();
        let mut pauses = Vec::new();
        for _ in 0..20 {
            pauses.push(pause(&mut slots, errno).unwrap_or_else(|_| panic!("{errno:?}")));
        }
        let longest = *pauses.last().unwrap();
        assert!(!pauses[0].is_zero() && pauses[0] < longest && longest <= BOUND, "{pauses:?}");
        for pair in pauses.windows(2) {
            assert_eq!(pair[1], (pair[0] * 2).min(longest), "{errno:?}: {pauses:?}");
        }
    }
}

#[test]
fn one_shortage_after_another_is_one() {
    let mut slots = slots();
    let pauses: Vec<_> = PASSING.iter().map(|&errno| pause(&mut slots, errno).unwrap()).collect();
    assert!(pauses.is_sorted() && pauses[1] == pauses[0] * 2, "{pauses:?}");
}

#[test]
fn a_success_ends_it() {
    let mut slots = slots();
    let first = pause(&mut slots, Errno::MFILE).unwrap();
    for _ in 0..10 {
        pause(&mut slots, Errno::MFILE).unwrap();
    }
    slots.accept_succeeded();
    assert_eq!(pause(&mut slots, Errno::MFILE).unwrap(), first);
    assert_eq!(pause(&mut slots, Errno::MFILE).unwrap(), first * 2);
}

#[test]
fn nothing_to_accept_is_no_shortage() {
    let mut slots = slots();
    for errno in [Errno::AGAIN, Errno::INTR] {
        assert_eq!(pause(&mut slots, errno).unwrap(), Duration::ZERO, "{errno:?}");
    }
    let first = pause(&mut slots, Errno::NFILE).unwrap();
    for errno in [Errno::AGAIN, Errno::INTR] {
        assert_eq!(pause(&mut slots, errno).unwrap(), first, "{errno:?} leaves the pause as it is");
    }
    // Nor the end of one.
    assert_eq!(pause(&mut slots, Errno::NFILE).unwrap(), first * 2);
}

#[test]
fn a_socket_of_no_use_is_an_error() {
    for errno in [Errno::BADF, Errno::INVAL] {
        let error = pause(&mut slots(), errno).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(errno.raw_os_error()));
    }
}
