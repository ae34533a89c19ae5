//! A process of its own, because it measures memory and descriptors, here after many connections.

use std::thread;

use super::adapter::{AuthKey, ListenerOptions, connect};
use mpconn_tests::process::alone;
use mpconn_tests::{process, pythons};

const FEW: usize = 10_000;
const MANY: usize = 100_000;

/// A connection that left only 12 bytes behind would show.
const GROWTH: u64 = 1 << 20;

#[test]
fn a_hundred_thousand_connections_leave_nothing_behind() {
    alone(|| {
        process::stay_on_one_cpu().unwrap();
        let key = AuthKey::new("a key of more than sixteen bytes");
        // What the adapter takes once, for all its listeners, a runtime perhaps, is nobody's leak.
        drop(ListenerOptions::with_key(key.clone()).bind_fresh().unwrap());
        let descriptors = process::descriptors();
        let mut listener = ListenerOptions::with_key(key.clone()).bind_fresh().unwrap();
        let address = listener.address().clone();
        let resident = thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..MANY {
                    let mut connection = connect(&address, key.clone()).unwrap();
                    connection.send_bytes(b"hello").unwrap();
                }
            });
            [FEW, MANY - FEW].map(|connections| {
                for _ in 0..connections {
                    assert_eq!(listener.accept().unwrap().recv_bytes().unwrap(), b"hello");
                }
                process::resident()
            })
        });
        drop(listener);
        assert_eq!(process::descriptors(), descriptors);
        let [after_few, after_many] = resident.map(|bytes| bytes / 1024);
        pythons::announce(&format!(
            "resident after {FEW} connections: {after_few} kB, after {MANY}: {after_many} kB"
        ));
        assert!(resident[1] < resident[0] + GROWTH, "{resident:?}");
    });
}
