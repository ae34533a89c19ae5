//! A process of its own, because it needs most of the descriptors that a process may have: three
//! times as many silent clients as the listener has room for, and honest ones among them.

use std::thread;
use std::time::{Duration, Instant};

use super::adapter::{AuthKey, ListenerOptions, connect};
use mpconn_tests::net::{Net, Stream, scratch};
use mpconn_tests::process::alone;
use mpconn_tests::{process, pythons};

const SILENT: usize = 3000;
const CAP: usize = 1024;
const HONEST: usize = 100;

/// The one gate on time that there is: a hundred times what it takes. It holds only where everything is
/// expected: elsewhere the machine may be busy with something else.
const SOON: Duration = Duration::from_millis(100);

#[test]
fn honest_clients_get_in_past_a_crowd_of_silent_ones() {
    alone(|| {
        // Both ends of every silent client's socket, until the listener closes its own.
        process::allow_descriptors(2 * SILENT as u64 + 1000).unwrap();
        for net in [Net::Tcp, Net::Unix] {
            let scratch = scratch();
            let key = AuthKey::new("a key of more than sixteen bytes");
            let mut listener = ListenerOptions::with_key(key.clone())
                .max_pending(CAP)
                // They come faster than any listener takes them, and TCP makes those wait for a second
                // that do not fit.
                .backlog(4096)
                .bind(net.fresh(&scratch))
                .unwrap();
            let address = listener.address().clone();
            let closer = listener.closer();
            let mut took = thread::scope(|scope| {
                let serving = scope.spawn(move || {
                    let mut accepted = 0;
                    while let Ok(mut connection) = listener.accept() {
                        connection.send_bytes(b"come in").unwrap();
                        accepted += 1;
                    }
                    accepted
                });

                let crowd: Vec<_> =
                    (0..SILENT).map(|_| Stream::connect(&address).unwrap()).collect();
                let took: Vec<_> = (0..HONEST)
                    .map(|_| {
                        let since = Instant::now();
                        let mut connection = connect(&address, key.clone()).unwrap();
                        assert_eq!(connection.recv_bytes().unwrap(), b"come in");
                        since.elapsed()
                    })
                    .collect();
                closer.close();
                assert_eq!(serving.join().unwrap(), HONEST);
                drop(crowd);
                took
            });
            took.sort();
            let [median, p99] = [took[HONEST / 2], took[HONEST - 2]];
            pythons::announce(&format!(
                "{HONEST} honest handshakes past {SILENT} silent clients over {net:?}: \
                 median {median:.1?}, p99 {p99:.1?}"
            ));
            assert!(p99 < SOON || !pythons::are_expected(), "{p99:?} over {net:?}");
        }
    });
}
