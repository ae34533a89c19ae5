//! The numbered statements of `docs/protocol.md`, checked against every Python on this machine.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::process::Command;

use mpconn_tests::pythons;

#[test]
fn what_is_stated_holds() {
    let pythons = pythons::all();
    let Some(newest) = pythons.last().filter(|python| python.is_at_least(3, 6)) else { return };
    let output = Command::new(&newest.executable)
        .args(["-B", concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance/statements/run.py")])
        .args(pythons.iter().map(|python| &python.executable))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{wrong}");
    assert_eq!(said.matches(" statements checked").count(), pythons.len(), "{said}");
}
