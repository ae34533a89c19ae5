//! A queue that `mpconn-managers` serves, beside that of CPython's own manager, with the same Python
//! clients; and a call from Rust to Rust, beside a ping-pong of the same bytes.
//!
//!     cargo run --release --manifest-path benches/managers/Cargo.toml -- [PYTHON | --overhead]
//!
//! Rounds alternate between the servers; the figures are medians. It fails when a target is missed.

use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use mpconn_blocking::{ConnectOptions, Connection, Listener, wait};
use mpconn_managers::blocking::{Dict, Manager, Server};
use mpconn_managers::pickle::Encoder;
use mpconn_managers::server::{Queue, Registry};
use mpconn_managers::{AuthKey, Typed, encode_request};
use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};

const KEY: &str = "a key that both sides hold";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients.py");
const ROUNDS: usize = 5;

/// Items that each client moves.
const COUNT: usize = 5_000;

/// What clients do, and whether the target is for it. Of several clients at a time, most of the time
/// is their own.
const LOADS: &[(&str, &[&str], bool)] = &[
    ("1 puts and gets", &["both"], true),
    ("1 puts, 1 gets", &["put", "get"], false),
    ("4 put, 4 get", &["put", "get", "put", "get", "put", "get", "put", "get"], false),
];

/// How many times the rate of CPython's manager.
const FASTER: f64 = 3.0;

/// How many times a ping-pong, for a call.
const OVERHEAD: f64 = 1.2;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let python = arguments.next().unwrap_or_else(|| "python3".to_owned());
    if python == "--serve" {
        serve(&arguments.next().ok_or("a path")?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut is_fast = true;
    println!("items a second through a queue, {COUNT} for each client; {python}");
    let loads = if python == "--overhead" { &[] } else { LOADS };
    for (name, roles, counts) in loads {
        let mut measured = [const { (Vec::new(), Vec::new()) }; 2];
        for _ in 0..ROUNDS {
            for ((rates, costs), is_ours) in measured.iter_mut().zip([true, false]) {
                let (rate, cost) = rate(&python, is_ours, roles)?;
                rates.push(rate);
                costs.push(cost);
            }
        }
        let [ours, theirs] = measured.map(|(rates, costs)| (median(rates), median(costs)));
        let ratio = ours.0 / theirs.0;
        println!(
            "{name}: {:.0} with mpconn, {:.0} with CPython, {ratio:.1} times; a call takes {:.0} and {:.0} us \
             of the server's CPU",
            ours.0, theirs.0, ours.1, theirs.1
        );
        is_fast &= !counts || ratio >= FASTER;
    }
    let [call, blocking, waiting] = overhead()?;
    println!(
        "a call: {call:.1} us; a ping-pong of its bytes: {waiting:.1} us, {:.2} times; with a server of \
         one connection: {blocking:.1} us, {:.2} times",
        call / waiting,
        call / blocking
    );
    is_fast &= call / waiting <= OVERHEAD;
    Ok(if is_fast { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn serve(path: &str) -> Result<(), Box<dyn Error>> {
    let registry = Registry::new().register("get_jobs", Queue::new(0));
    let server = Server::bind(Path::new(path), AuthKey::new(KEY), registry)?;
    println!("listening");
    Ok(server.serve()?)
}

/// A process that is killed in the end.
struct Process(Child, Lines<BufReader<ChildStdout>>);

impl Process {
    fn start(command: &mut Command) -> Result<Self, Box<dyn Error>> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stdout.take().ok_or("a pipe")?).lines();
        Ok(Self(child, lines))
    }

    fn expect(&mut self, word: &str) -> Result<(), Box<dyn Error>> {
        let line = self.1.next().ok_or("it ended")??;
        if line == word { Ok(()) } else { Err(line.into()) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns how many items a second go through a queue, and the microseconds of the server's CPU for a
/// call.
fn rate(python: &str, is_ours: bool, roles: &[&str]) -> Result<(f64, f64), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let path = scratch.path().join("manager");
    let mut server = if is_ours { Command::new(env::current_exe()?) } else { Command::new(python) };
    let server = if is_ours { server.arg("--serve") } else { server.args([SCRIPT, "serve"]) };
    let mut server = Process::start(server.arg(&path))?;
    server.expect("listening")?;
    let mut moving = Vec::new();
    for role in roles {
        let mut command = Command::new(python);
        let command = command.args([SCRIPT, *role]).arg(&path).arg(COUNT.to_string());
        moving.push(Process::start(command)?);
    }
    for client in &mut moving {
        client.expect("ready")?;
    }
    let items = COUNT * roles.len().div_ceil(2);
    let cost = cpu(server.0.id())?;
    let before = Instant::now();
    for Process(child, _) in &mut moving {
        child.stdin.take().ok_or("a pipe")?.write_all(b"\n")?;
    }
    for client in &mut moving {
        client.expect("done")?;
    }
    let elapsed = before.elapsed().as_secs_f64();
    let cost = (cpu(server.0.id())? - cost) / (2 * items) as f64;
    Ok((items as f64 / elapsed, cost))
}

/// Returns the microseconds of CPU that a process has used. The system counts in steps of 10 ms.
fn cpu(process: u32) -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("a name")?;
    // Of the user and of the system.
    let ticks: Result<Vec<f64>, _> =
        fields.split_whitespace().skip(11).take(2).map(str::parse).collect();
    Ok(ticks?.iter().sum::<f64>() * 10_000.0)
}

/// Returns the microseconds of a call, and of a ping-pong with the same bytes: with a server that blocks
/// in its only connection, and with one that waits for any, as a manager has to.
fn overhead() -> Result<[f64; 3], Box<dyn Error>> {
    // Of two, each would wait for the other to wake.
    let mut cpus = CpuSet::new();
    cpus.set(sched_getcpu());
    sched_setaffinity(None, &cpus)?;
    let scratch = tempfile::tempdir()?;
    let path = scratch.path().join("manager");
    let server = Server::bind(path.as_path(), AuthKey::new(KEY), Registry::new())?;
    let stopper = server.stopper();
    let serving = thread::spawn(move || server.serve());
    let manager = Manager::connect(path.as_path(), AuthKey::new(KEY))?;
    let dict: Dict<i64, i64> = manager.create(&([(7, 7)],))?;

    let id = mpconn_managers::Port::token(dict.proxy()).id.clone();
    let kwargs = std::collections::BTreeMap::<i64, i64>::new();
    let request = encode_request(Encoder::new(), Some(&id), "__getitem__", &(7,), &kwargs)?;
    let reply = Encoder::new().to_bytes(&("#RETURN", 7))?;
    // One that blocks in its only connection, and one that could serve others too.
    let (blocking, mut ping) = answering(scratch.path().join("blocking"), reply.clone(), false)?;
    let (waiting, mut waited) = answering(scratch.path().join("waiting"), reply, true)?;

    const TIMES: u32 = 20_000;
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..2 * ROUNDS {
        let before = Instant::now();
        for _ in 0..TIMES {
            dict.get(&7)?.ok_or("a value")?;
        }
        times[0].push(before.elapsed());
        for (times, connection) in times[1..].iter_mut().zip([&mut ping, &mut waited]) {
            let before = Instant::now();
            for _ in 0..TIMES {
                connection.send_bytes(&request)?;
                connection.recv_borrowed()?;
            }
            times.push(before.elapsed());
        }
    }
    drop((ping, waited));
    for thread in [blocking, waiting] {
        thread.join().expect("no panic");
    }
    drop((dict, manager));
    stopper.stop();
    serving.join().expect("no panic")?;
    let each = |times: Vec<Duration>| {
        median(times.iter().map(|time| time.as_secs_f64() * 1e6 / f64::from(TIMES)).collect())
    };
    Ok(times.map(each))
}

/// Starts a server that answers each message with the same, and a client of it.
fn answering(
    path: std::path::PathBuf,
    reply: Vec<u8>,
    waits: bool,
) -> Result<(thread::JoinHandle<()>, Connection), Box<dyn Error>> {
    let mut listener = Listener::bind(path.as_path(), AuthKey::new(KEY))?;
    let thread = thread::spawn(move || {
        let mut connection = listener.accept().expect("a client");
        if waits {
            connection.set_receive_timeout(Duration::ZERO);
        }
        loop {
            if waits {
                wait([&connection], None).expect("it can be waited for");
            }
            if connection.recv_borrowed().is_err() || connection.send_bytes(&reply).is_err() {
                return;
            }
        }
    });
    let mut client = ConnectOptions::with_key(AuthKey::new(KEY)).connect(path.as_path())?;
    // As the calls have one.
    client.set_receive_timeout(Duration::from_secs(10));
    Ok((thread, client))
}
