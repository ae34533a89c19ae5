//! A listener whose process has no descriptor left for another client.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use mpconn_blocking::ConnectOptions;
use mpconn_tests::net::{fresh_path, scratch};
use mpconn_tests::pythons;

/// More than the child has descriptors, and fewer than twice as many.
const CLIENTS: usize = 30;

/// System calls of one kind that fail or find nothing, in the 4 seconds that the child takes: a
/// handful a second, and those in quick succession with which a pause begins.
const A_HANDFUL: usize = 40;

#[test]
fn a_shortage_of_descriptors_costs_little_and_passes() {
    let scratch = scratch();
    let [path, trace] = [fresh_path(&scratch), fresh_path(&scratch)];
    let child = env!("CARGO_BIN_EXE_child");
    let is_traced = Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_ok();
    assert!(
        is_traced || !pythons::are_expected(),
        "install strace, which counts the system calls; {} asks for everything",
        pythons::EXPECTED
    );
    let mut command = Command::new(if is_traced { "strace" } else { child });
    if is_traced {
        command.args(["-f", "-e", "trace=accept4,poll,ppoll", "-o"]).arg(&trace).arg(child);
    } else {
        pythons::announce("no strace here: system calls are not counted");
    }
    let mut child = command
        .arg("shortage")
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "listening");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| ConnectOptions::without_key().connect(path.as_path()).unwrap())
        .collect();
    writeln!(child.stdin.take().unwrap()).unwrap();

    let accepted: Vec<usize> = lines
        .map(|line| line.unwrap().strip_prefix("accepted ").unwrap().parse().unwrap())
        .collect();
    assert!(child.wait().unwrap().success());
    drop(clients);
    assert_eq!(accepted.len(), 2);
    assert!(0 < accepted[0] && accepted[0] < CLIENTS, "a shortage: {accepted:?}");
    assert_eq!(accepted.iter().sum::<usize>(), CLIENTS, "and after it, all are served");

    if is_traced {
        let trace = fs::read_to_string(&trace).unwrap();
        let count = |words: [&str; 2]| {
            trace.lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
        };
        let [refused, polls] = [count(["accept4(", "EMFILE"]), count(["poll", "("])];
        pythons::announce(&format!(
            "in 3 seconds without a descriptor: {refused} calls of accept, {polls} of poll in all"
        ));
        assert!(refused > 0 && refused < A_HANDFUL, "{refused} calls of accept");
        assert!(polls < CLIENTS + A_HANDFUL, "{polls} calls of poll");
    }
}
