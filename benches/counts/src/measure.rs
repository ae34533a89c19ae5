//! Counting what a piece of work costs, a time.

use std::env;
use std::fs;
use std::ops::Range;
use std::process::{Command, Stdio};

/// Instructions that one more time takes.
pub fn instructions(work: &str, times: u64) -> f64 {
    per_time(times..2 * times, |times| {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        let report = run(valgrind, work, times);
        let line = report.lines().find_map(|line| line.split("Collected : ").nth(1));
        line.and_then(|count| count.trim().parse().ok()).expect("valgrind's count")
    })
}

/// System calls, of all threads, that one more time takes.
///
/// A thread that is interrupted saves its peer a wait now and then. Between two long runs that would be
/// noise either way. From a single time on, of which the most of three is taken, it lessens the figure.
pub fn system_calls(work: &str, times: u64) -> f64 {
    per_time(1..1 + times, |times| {
        let attempts = if times == 1 { 3 } else { 1 };
        (0..attempts).map(|_| calls(work, times)).max().expect("one attempt or more")
    })
}

fn calls(work: &str, times: u64) -> u64 {
    let path = env::temp_dir().join(format!("mpconn-counts-{}", std::process::id()));
    // On one CPU the threads take turns, in the same way each time.
    let mut strace = Command::new("taskset");
    strace.args(["-c", "0", "strace", "-f", "-c", "-U", "calls,name", "-o"]).arg(&path);
    run(strace, work, times);
    let table = fs::read_to_string(&path).expect("strace's table");
    fs::remove_file(&path).expect("strace's table is removed");
    let total = table.lines().find(|line| line.ends_with(" total"));
    let total = total.and_then(|line| line.split_whitespace().next());
    total.and_then(|count| count.parse().ok()).expect("strace's total")
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn per_time(times: Range<u64>, count: impl Fn(u64) -> u64) -> f64 {
    (count(times.end) as f64 - count(times.start) as f64) / (times.end - times.start) as f64
}

/// Runs this program under the tool, and gives what that prints.
fn run(mut tool: Command, work: &str, times: u64) -> String {
    let this = env::current_exe().expect("this program's path");
    let output = tool
        .arg(this)
        .args([work, &times.to_string()])
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{tool:?} cannot be run: {error}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{tool:?} failed:\n{said}");
    said
}
