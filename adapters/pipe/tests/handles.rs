//! What is dropped in the midst of something keeps no handle. A process of its own: it counts all.
#![cfg(windows)]
#![allow(unsafe_code)]

use std::ptr;
use std::task::{Context, Waker};

use mpconn::ReadBuf;
use mpconn_pipe::{Listener, Security, connect, pair};
use windows_sys::Win32::Foundation::GetHandleInformation;

const TIMES: usize = 1000;

/// By looking at each: Wine counts none when it is asked for the number.
fn handles() -> usize {
    (4..40_000_usize)
        .step_by(4)
        .filter(|&value| {
            let mut flags = 0;
            // SAFETY: the call only asks whether this is a handle.
            unsafe { GetHandleInformation(ptr::without_provenance_mut(value), &raw mut flags) != 0 }
        })
        .count()
}

fn drop_while_reading() {
    let (one, _other) = pair().expect("a pair");
    let mut cx = Context::from_waker(Waker::noop());
    let mut memory = [0; 8];
    assert!(one.poll_receive(&mut cx, &mut ReadBuf::Slice(&mut memory)).is_pending());
}

fn drop_while_accepting() {
    let listener = Listener::bind_fresh(&Security::default()).expect("a name");
    let mut cx = Context::from_waker(Waker::noop());
    assert!(listener.poll_accept(&mut cx).is_pending());
    drop(connect(listener.name()).expect("the listener is there"));
}

#[test]
fn a_thousand_drops_with_a_read_in_flight() {
    // The port, its thread and the system's random numbers.
    drop_while_reading();
    drop_while_accepting();
    let before = handles();
    for _ in 0..TIMES {
        drop_while_reading();
        drop_while_accepting();
    }
    assert_eq!(handles(), before);
    // The count can tell.
    let kept = pair().expect("a pair");
    assert_eq!(handles(), before + 2);
    drop(kept);
}
