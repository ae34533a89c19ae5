//! What a connection runs over: how many system calls it takes, and descriptors in either mode.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use mpconn_blocking::{Connection, Deadline, Duplex, ReadBuf, Socket, Transport};
use mpconn_tests::content::message;
use mpconn_tests::over::{Over, SHORT};

/// A socket that counts the calls of the adapter. Without a deadline each is one system call.
struct Counting {
    socket: Socket,
    received: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
}

impl Transport for Counting {
    fn receive(&self, space: ReadBuf<'_>, deadline: Deadline) -> io::Result<Option<usize>> {
        assert!(deadline.is_never(), "with a deadline it would take more");
        self.received.fetch_add(1, Ordering::Relaxed);
        self.socket.receive(space, deadline)
    }

    fn send(&self, slices: &[IoSlice<'_>], deadline: Deadline) -> io::Result<Option<usize>> {
        assert!(deadline.is_never(), "with a deadline it would take more");
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.socket.send(slices, deadline)
    }

    fn wait_readable(&self, deadline: Deadline) -> io::Result<bool> {
        self.socket.wait_readable(deadline)
    }
}

impl Duplex for Counting {}

/// A connection that counts, and how often it has received and sent so far.
fn counting(fd: OwnedFd) -> (Connection<Counting>, impl Fn() -> [usize; 2]) {
    let (received, sent) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let counts = (Arc::clone(&received), Arc::clone(&sent));
    let transport = Counting { socket: fd.into(), received, sent };
    let count = move || [&counts.0, &counts.1].map(|count| count.swap(0, Ordering::Relaxed));
    (Connection::unauthenticated(transport), count)
}

#[test]
fn a_round_trip_takes_four_system_calls() {
    // TCP may hand over in parts what takes several packets.
    for (over, sizes) in [(Over::Tcp, &[0, 1, 1000][..]), (Over::Unix, &[0, 1, 1000, 16_384])] {
        let [one, other] = over.descriptors();
        let ((mut one, ones), (mut other, others)) = (counting(one), counting(other));
        for size in sizes {
            for _ in 0..100 {
                one.send_bytes(&message(0, *size)).unwrap();
                assert_eq!(other.recv_borrowed().unwrap().len(), *size);
                other.send_bytes(&message(0, *size)).unwrap();
                assert_eq!(one.recv_borrowed().unwrap().len(), *size);
            }
            assert_eq!((ones(), others()), ([100, 100], [100, 100]), "{over:?}, {size} bytes");
        }
    }
}

#[test]
fn many_small_messages_are_one_call_each_way() {
    for over in Over::ALL {
        let [one, other] = over.descriptors();
        let ((mut one, ones), (mut other, others)) = (counting(one), counting(other));
        one.send_many((0..1000).map(|n| message(n, 20))).unwrap();
        assert_eq!(ones(), [0, 1]);
        // 24,000 bytes: TCP may bring them in several packets, which arrive before they are read.
        thread::sleep(SHORT);
        for n in 0..1000 {
            assert_eq!(other.recv_borrowed().unwrap(), message(n, 20));
        }
        assert_eq!(others(), [1, 0], "{over:?}");
        // One message is one call, header and payload together.
        for size in [0, 1000, 60_000] {
            one.send_bytes(&message(0, size)).unwrap();
            assert_eq!(ones(), [0, 1], "{size} bytes");
            assert_eq!(other.recv_bytes().unwrap().len(), size);
        }
    }
}
