//! Measuring one cell: all its contenders, alternating within each round.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::contenders::{Contender, End};
use crate::figures::Sample;
use crate::link::Result;
use crate::peer::Task;
use crate::plan::{Cell, Transport};

/// A peer that says nothing for so long has hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// How to measure.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    /// What a contender's part of a round shall take.
    pub time: Duration,
}

/// Measures every contender of a cell, `effort.rounds` times.
///
/// Each time is in fresh processes: where their memory happens to lie is worth a tenth either way.
pub fn measure(cell: Cell, effort: Effort) -> Result<Vec<Sample>> {
    let directory = tempfile::tempdir()?;
    let mut contenders = cell.contenders();
    let mut samples = Vec::new();
    for round in 0..effort.rounds {
        // Nobody always follows the same one.
        contenders.rotate_left(1);
        contenders.reverse();
        for contender in &contenders {
            let path = directory.path().join(samples.len().to_string());
            let mut pair = Pair::start(cell, contender, &path)?;
            let count = pair.calibrate(effort.time)?;
            let (time, peak) = pair.run(count)?;
            samples.push(Sample { cell, contender: contender.name, round, count, time, peak });
        }
    }
    Ok(samples)
}

/// Both ends of a contender, connected.
struct Pair {
    server: Peer,
    client: Peer,
}

impl Pair {
    fn start(cell: Cell, contender: &Contender, path: &Path) -> Result<Self> {
        let address = match cell.transport {
            Transport::Unix => path.to_str().ok_or("a path that is no text")?,
            Transport::Tcp => "127.0.0.1:0",
        };
        let mut task = Task {
            is_server: true,
            shape: cell.shape,
            size: cell.size,
            receiving: contender.receiving,
            address: address.to_owned(),
        };
        let mut server = Peer::start(contender.server, &task)?;
        task.is_server = false;
        task.address = server.told()?;
        Ok(Self { server, client: Peer::start(contender.client, &task)? })
    }

    fn run(&mut self, count: usize) -> Result<(Duration, u64)> {
        self.server.order(count)?;
        self.client.order(count)?;
        let nanoseconds = self.client.told()?.parse()?;
        let peak = self.server.told()?.parse()?;
        Ok((Duration::from_nanos(nanoseconds), peak))
    }

    /// How many messages take about `time`. It warms up, too.
    fn calibrate(&mut self, time: Duration) -> Result<usize> {
        let mut count = 1;
        loop {
            let (taken, _) = self.run(count)?;
            let missing = time.as_secs_f64() / taken.as_secs_f64();
            if missing < 16.0 {
                return Ok(((count as f64 * missing) as usize).max(1));
            }
            count *= (missing / 8.0) as usize;
        }
    }
}

struct Peer {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Peer {
    fn start(end: End, task: &Task) -> Result<Self> {
        let mut command = match (end.python()?, end.name()) {
            (Some(python), _) => {
                let mut command = Command::new(python);
                command.arg("-B").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/python/peer.py"));
                command
            }
            (None, name) => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("peer").args(name);
                command
            }
        };
        let mut child = command
            .args(task.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take().ok_or("piped")?;
        let stdout = BufReader::new(child.stdout.take().ok_or("piped")?);
        Ok(Self { child, stdin, stdout })
    }

    fn order(&mut self, count: usize) -> Result<()> {
        Ok(writeln!(self.stdin, "{count}")?)
    }

    fn told(&mut self) -> Result<String> {
        if mpconn_blocking::wait([self.stdout.get_ref().as_fd()], PATIENCE)?.is_empty() {
            return Err("a peer says nothing".into());
        }
        let mut line = String::new();
        match self.stdout.read_line(&mut line)? {
            0 => Err("a peer ended".into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
