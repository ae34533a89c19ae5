//! What the figures were measured on, and of.

use std::fs;
use std::process::Command;

use crate::contenders::{newest_python, python_3_13};

/// Lines for the head of a report.
pub fn description() -> Vec<String> {
    let mut lines = vec![
        format!(
            "`cargo run --release -- {}`",
            std::env::args().skip(1).collect::<Vec<_>>().join(" ")
        ),
        format!("{}, mpconn at commit {}", output("date", &["-u", "+%F"]), commit()),
        format!(
            "{} cores of {}, Linux {}",
            processors().len(),
            processors().first().map_or("an unnamed processor", String::as_str),
            fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
        ),
        output("rustc", &["--version"]),
    ];
    let (major, minor, patch) = zmq::version();
    let mut libraries = vec![format!("libzmq {major}.{minor}.{patch}")];
    let crates = ["tokio", "tokio-util", "interprocess", "ipc-channel"];
    libraries.extend(crates.map(|name| format!("{name} {}", locked(name))));
    libraries.extend(python_3_13().ok().map(|python| python.name()));
    libraries.extend(newest_python().ok().map(|python| format!("newest {}", python.name())));
    lines.push(libraries.join(", "));
    lines
}

/// The model of each: all of the machine's, where this process may be on one alone.
fn processors() -> Vec<String> {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = |line: &str| Some(line.strip_prefix("model name")?.split_once(": ")?.1.to_owned());
    info.lines().filter_map(model).collect()
}

fn commit() -> String {
    output("git", &["describe", "--always", "--dirty"])
}

/// What a command prints; it says so where the command is missing.
fn output(command: &str, arguments: &[&str]) -> String {
    match Command::new(command).args(arguments).output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(_) => format!("(no {command} here)"),
    }
}

/// The version of a crate that this was built with.
fn locked(name: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let after =
        lock.split_once(&format!("name = \"{name}\"\nversion = \"")).map(|(_, after)| after);
    after.and_then(|after| after.split('"').next()).unwrap_or("of unknown version")
}
