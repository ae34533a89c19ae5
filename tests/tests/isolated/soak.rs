//! A process of its own, because it measures descriptors and memory: a short soak. `.ci/run` runs a
//! longer one.

use std::time::Duration;

use mpconn_tests::process::alone;
use mpconn_tests::{pythons, soak::soak};

#[test]
fn honest_and_hostile_peers_leave_nothing_behind() {
    alone(|| {
        let counts = soak(Duration::from_secs(5));
        assert!(counts.of("honest Rust clients") > 0, "{counts}");
        assert!(pythons::all().is_empty() || counts.of("honest Python clients") > 0, "{counts}");
        for kind in ["accepted", "timed out", "not authenticated", "gone"] {
            for adapter in ["tokio", "blocking"] {
                assert!(counts.of(&format!("{adapter}: {kind}")) > 0, "{kind}\n{counts}");
            }
        }
    });
}
