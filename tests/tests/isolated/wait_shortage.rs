//! A process of its own, because it lowers the limit of open descriptors: waiting for a listener
//! while no descriptor is left for a client.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mpconn_blocking::{Address, Error, ListenerOptions, wait};
use mpconn_tests::over::{LONG, SHORT};
use mpconn_tests::process::alone;
use mpconn_tests::stall::bounded;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The least number that is no open descriptor, and all below it are.
fn lowest_free() -> u64 {
    let probe = std::fs::File::open("/dev/null").unwrap();
    u64::try_from(probe.as_raw_fd()).unwrap()
}

#[test]
fn a_listener_without_descriptors_backs_off_and_recovers() {
    alone(|| {
        bounded(|| {
            let mut listener = ListenerOptions::without_key().bind(("127.0.0.1", 0)).unwrap();
            let Address::Inet { host, port } = listener.address() else { panic!() };
            let _client = TcpStream::connect((host.as_str(), *port)).unwrap();
            let limit = getrlimit(Resource::Nofile);
            let none_left = Rlimit { current: Some(lowest_free()), ..limit };
            setrlimit(Resource::Nofile, none_left).unwrap();

            let (started, mut attempts) = (Instant::now(), 0);
            while started.elapsed() < Duration::from_secs(1) {
                // It must come back when the pause is over, though nothing else happens.
                assert_eq!(wait([&listener], LONG).unwrap(), [0]);
                let error = listener.accept_timeout(Duration::ZERO).unwrap_err();
                assert!(matches!(error, Error::TimedOut(_)), "{error:?}");
                attempts += 1;
            }
            assert!((3..20).contains(&attempts), "{attempts} in a second");

            // A timeout inside a pause is kept, and tells of nothing.
            assert!(wait([&listener], Duration::ZERO).unwrap().is_empty());
            setrlimit(Resource::Nofile, limit).unwrap();
            assert_eq!(wait([&listener], None).unwrap(), [0]);
            listener.accept_timeout(Duration::ZERO).unwrap();
            assert!(wait([&listener], SHORT).unwrap().is_empty());
        });
    });
}
