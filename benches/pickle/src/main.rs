//! `mpconn-pickle` beside `serde-pickle` and CPython's own `pickle`, both ways, in one run.
//!
//!     cargo run --release --manifest-path benches/pickle/Cargo.toml -- [PYTHON]
//!
//! Every round measures all of them, on one CPU; the table has the medians, and medians of each
//! round's ratios. It fails when CPython is faster, or serde-pickle is not slower by as much as it
//! must be. Rows in parentheses do not count: they copy 64 MiB into fresh pages as CPython does, and
//! take as long.

mod arrays;

use std::env;
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::Instant;

use mpconn_pickle::{Bytes, Encoder, Protocol, from_slice};
use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const ROUNDS: usize = 11;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    id: i64,
    name: String,
    score: f64,
    ok: bool,
}

/// A way of reading: the least ratio to serde-pickle, if it counts, and the reading itself, in
/// nanoseconds.
type Way = (&'static str, Option<f64>, fn(&[u8]) -> f64);

/// It counts, but only beside CPython.
const AHEAD: Option<f64> = Some(0.0);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    // Before there is one CPU for all.
    let is_fast = arrays::compare()?;
    let mut cpus = CpuSet::new();
    cpus.set(sched_getcpu());
    sched_setaffinity(None, &cpus)?;
    let directory = env::temp_dir().join(format!("mpconn-bench-pickle-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let result = compare(&directory);
    fs::remove_dir_all(&directory)?;
    Ok(if result? && is_fast { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn compare(directory: &std::path::Path) -> Result<bool, Box<dyn Error>> {
    let mut python = Python::start(directory)?;
    println!(
        "median of {ROUNDS} rounds in ms; CPython {} and serde-pickle, as ratios",
        python.version
    );
    println!("{:28} {:>8} {:>9} {:>9}", "", "mpconn", "CPython", "serde-p.");
    let mut good = true;
    for (name, serde_pickle, ways) in READING {
        let pickle = fs::read(directory.join(name))?;
        for &(way, target, read) in *ways {
            let row =
                rounds(|| Ok([read(&pickle), python.time("loads", name)?, serde_pickle(&pickle)]))?;
            good &= show(&format!("loads {name} {way}"), row, target);
        }
    }
    for &(name, target, write) in WRITING {
        let pickle = fs::read(directory.join(name))?;
        let mut written = Vec::new();
        let row = rounds(|| {
            let (ours, theirs) = write(&pickle, &mut written);
            Ok([ours, python.time("dumps", name)?, theirs])
        })?;
        good &= show(&format!("dumps {name}"), row, target);
        fs::write(directory.join(format!("{name}.written")), &written)?;
        python.time("check", name)?;
    }
    Ok(good)
}

type Reading = (&'static str, fn(&[u8]) -> f64, &'static [Way]);

const READING: &[Reading] = &[
    ("ints", serde_pickle::<Vec<i64>>, &[("to Vec<i64>", AHEAD, owned::<Vec<i64>>)]),
    (
        "strings",
        serde_pickle::<Vec<String>>,
        &[
            ("to Vec<String>", Some(2.0), owned::<Vec<String>>),
            ("to Vec<&str>", Some(2.0), |pickle| {
                time(|| from_slice::<Vec<&str>>(pickle).unwrap()).0
            }),
        ],
    ),
    ("dicts", serde_pickle::<Vec<Row>>, &[("to Vec<Row>", Some(2.0), owned::<Vec<Row>>)]),
    (
        "bytes",
        |_| f64::NAN,
        &[
            ("to Vec<u8>", None, |pickle| time(|| from_slice::<Bytes>(pickle).unwrap()).0),
            ("to &[u8]", AHEAD, |pickle| time(|| from_slice::<&[u8]>(pickle).unwrap()).0),
        ],
    ),
];

type WriteFn = fn(&[u8], &mut Vec<u8>) -> (f64, f64);
type Writing = (&'static str, Option<f64>, WriteFn);

const WRITING: &[Writing] = &[
    ("ints", AHEAD, write::<Vec<i64>>),
    ("strings", AHEAD, write::<Vec<String>>),
    ("dicts", AHEAD, write::<Vec<Row>>),
    ("bytes", AHEAD, |pickle, written| {
        // A buffer that is used again, as a sender of large messages has one.
        let value: Bytes = from_slice(pickle).unwrap();
        written.clear();
        (time(|| encoder().to_vec(&value, written).unwrap()).0, f64::NAN)
    }),
    ("bytes", None, |pickle, written| {
        let value: Bytes = from_slice(pickle).unwrap();
        let (ours, pickle) = time(|| encoder().to_bytes(&value).unwrap());
        *written = pickle;
        (ours, f64::NAN)
    }),
];

fn encoder() -> Encoder {
    Encoder::new().protocol(Protocol::V4)
}

fn owned<T: DeserializeOwned>(pickle: &[u8]) -> f64 {
    time(|| from_slice::<T>(pickle).unwrap()).0
}

fn serde_pickle<T: DeserializeOwned>(pickle: &[u8]) -> f64 {
    time(|| serde_pickle::from_slice::<T>(pickle, Default::default()).unwrap()).0
}

fn write<T: DeserializeOwned + Serialize>(pickle: &[u8], written: &mut Vec<u8>) -> (f64, f64) {
    let value: T = from_slice(pickle).unwrap();
    let (ours, pickle) = time(|| encoder().to_bytes(&value).unwrap());
    *written = pickle;
    (ours, time(|| serde_pickle::to_vec(&value, Default::default()).unwrap()).0)
}

/// What it gives is dropped after the clock has stopped, as on Python's side.
fn time<T>(run: impl FnOnce() -> T) -> (f64, T) {
    let begin = Instant::now();
    let result = black_box(run());
    (begin.elapsed().as_nanos() as f64, result)
}

fn rounds(
    mut round: impl FnMut() -> Result<[f64; 3], Box<dyn Error>>,
) -> Result<Vec<[f64; 3]>, Box<dyn Error>> {
    round()?;
    (0..ROUNDS).map(|_| round()).collect()
}

/// Prints a line, and tells whether CPython is slower, and serde-pickle by as much as it must be.
fn show(what: &str, rows: Vec<[f64; 3]>, target: Option<f64>) -> bool {
    let median = |of: fn(&[f64; 3]) -> f64| {
        let mut all: Vec<_> = rows.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let ours = median(|row| row[0]) / 1e6;
    let (cpython, other) = (median(|row| row[1] / row[0]), median(|row| row[2] / row[0]));
    // Not a number where serde-pickle has no part in it.
    let good = target.is_none_or(|target| cpython >= 1.0 && (other.is_nan() || other >= target));
    let what = if target.is_some() { what.to_owned() } else { format!("({what})") };
    let other = if other.is_nan() { "-".to_owned() } else { format!("{other:.2}x") };
    let missed = if good { "" } else { "  below target" };
    println!("{what:28} {ours:8.2} {cpython:8.2}x {other:>9}{missed}");
    good
}

struct Python {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    version: String,
}

impl Python {
    fn start(directory: &std::path::Path) -> Result<Self, Box<dyn Error>> {
        let interpreter = env::args().nth(1).unwrap_or_else(|| "python3".to_owned());
        let mut child = Command::new(interpreter)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/python.py"))
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("no input")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut python = Self { child, orders, answers, version: String::new() };
        python.version = python.line()?;
        Ok(python)
    }

    fn time(&mut self, what: &str, name: &str) -> Result<f64, Box<dyn Error>> {
        writeln!(self.orders, "{what} {name}")?;
        Ok(self.line()?.parse()?)
    }

    fn line(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("the Python has ended".into());
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
