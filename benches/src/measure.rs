//! Measuring one cell: all its contenders, alternating within each round.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
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
            let mut pair = Pair::start(cell, contender, &path, ["", ""])?;
            let count = pair.calibrate(effort.time)?;
            let (time, peak) = pair.run(count)?;
            samples.push(Sample { cell, contender: contender.name, round, count, time, peak });
        }
    }
    Ok(samples)
}

/// Both ends of a contender, connected.
pub struct Pair {
    // Fields are dropped in this order: a client that sees its server go has nothing to say.
    server: Peer,
    client: Peer,
}

impl Pair {
    /// Starts the server and the client, each under another command if that is not empty. The
    /// server listens at `path`, unless it is to be reached over TCP.
    pub fn start(cell: Cell, contender: &Contender, path: &Path, under: [&str; 2]) -> Result<Self> {
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
        let mut server = Peer::start(contender.server, under[0], "peer", &task.arguments())?;
        task.is_server = false;
        task.address = server.told()?;
        let client = Peer::start(contender.client, under[1], "peer", &task.arguments())?;
        Ok(Self { server, client })
    }

    /// How long so many messages take, and the receiver's memory.
    pub fn run(&mut self, count: usize) -> Result<(Duration, u64)> {
        self.server.order(&count.to_string())?;
        self.client.order(&count.to_string())?;
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

    /// Waits for both to end by themselves.
    pub fn finish(mut self) -> Result<()> {
        for peer in [&mut self.client, &mut self.server] {
            // This closes its standard input.
            if !peer.child.wait()?.success() {
                return Err("a peer failed".into());
            }
        }
        Ok(())
    }
}

/// One end, as a process of its own.
pub struct Peer {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Peer {
    /// `does` what there is a command for, in this program as in `peer.py`.
    pub fn start(end: End, under: &str, does: &str, arguments: &[String]) -> Result<Self> {
        let mut words: Vec<OsString> = under.split_whitespace().map(Into::into).collect();
        match (end.python()?, end.name()) {
            (Some(python), _) => {
                let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/peer.py");
                words.extend([python.into(), "-B".into(), script.into(), does.into()]);
            }
            (None, name) => {
                words.extend([env::current_exe()?.into(), does.into()]);
                words.extend(name.map(Into::into));
            }
        }
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", words[0].display()))?;
        let stdout = BufReader::new(child.stdout.take().ok_or("piped")?);
        Ok(Self { child, stdout })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn order(&mut self, order: &str) -> Result<()> {
        let stdin = self.child.stdin.as_mut().ok_or("piped")?;
        Ok(writeln!(stdin, "{order}")?)
    }

    /// The next line that it says.
    pub fn told(&mut self) -> Result<String> {
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
