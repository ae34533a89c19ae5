//! A listener in a container, and a client that it cannot see the process of.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use mpconn_blocking::ConnectOptions;
use mpconn_tests::net::{fresh_path, scratch};
use mpconn_tests::pythons;
use mpconn_tests::stall::bounded;

#[test]
fn a_peer_outside_of_the_namespace_has_no_pid() {
    bounded(|| {
        if !unshared("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
            assert!(!pythons::are_expected(), "no namespaces; {} asks for all", pythons::EXPECTED);
            return pythons::announce("no namespaces for users here: no peer outside of one");
        }
        let scratch = scratch();
        let path = fresh_path(&scratch);
        let mut child = unshared(env!("CARGO_BIN_EXE_child"))
            .arg("credentials")
            .arg(&path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "listening");
        let _client = ConnectOptions::without_key().connect(path.as_path()).unwrap();
        // This user is the root of the namespace.
        assert_eq!(lines.next().unwrap().unwrap(), "pid None, uid 0, gid 0");
        assert!(child.wait().unwrap().success());
    });
}

fn unshared(program: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--pid", "--fork", "--kill-child", program]);
    command
}
