//! A pool of Python workers, without a network or a key: each has one end of a pipe as its standard
//! input.
//!
//! ```text
//! cargo run --example workers
//! ```
//!
//! The jobs are to count primes. One of them makes its worker exit, and leave a process of its own
//! behind; the other workers live on, and one of them gets the job.

use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::net::Shutdown;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};

use mpconn_blocking::{Connection, pipe, wait};

const WORKERS: usize = 4;

const JOBS: u32 = 12;

/// The numbers that one job looks at.
const NUMBERS: u32 = 10_000;

/// The job that ends its first worker.
const FATAL: u32 = 5;

const WORKER: &str = r"
import os, time
from multiprocessing.connection import Connection

connection = Connection(os.dup(0))
# Processes that this one starts must not inherit the connection: its end would not be seen.
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
while True:
    try:
        job = connection.recv_bytes()
    except EOFError:
        break
    if job == b'exit':
        # A fork has the connection all the same.
        if os.fork() == 0:
            time.sleep(3)
        os._exit(1)
    start, end = map(int, job.split())
    primes = [n for n in range(max(start, 2), end)
              if all(n % d for d in range(2, int(n ** 0.5) + 1))]
    connection.send_bytes(b'%d' % len(primes))
";

struct Worker {
    name: usize,
    /// Waits for the process, and then ends the connection.
    watching: JoinHandle<io::Result<ExitStatus>>,
    /// The connection's socket, to end it here too.
    socket: UnixStream,
    connection: Connection,
    job: Option<Job>,
}

struct Job {
    number: u32,
    attempts: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut workers = Vec::new();
    for name in 1..=WORKERS {
        match Worker::start(name) {
            Ok(worker) => workers.push(worker),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                println!("There is no python3 on the PATH, and so nobody to do the work.");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
    println!("{WORKERS} workers, {JOBS} jobs");

    let mut queue: VecDeque<_> = (0..JOBS).map(|number| Job { number, attempts: 0 }).collect();
    let mut primes = 0;
    let mut done = 0;
    while done < JOBS {
        // Whoever has nothing to do gets the next job.
        for worker in workers.iter_mut().filter(|worker| worker.job.is_none()) {
            let Some(job) = queue.pop_front() else { break };
            worker.take(job);
        }
        if workers.is_empty() {
            return Err("no worker is left".into());
        }
        // A worker is ready when it has answered, and also when it has died. The last one first,
        // so that the places of the others stay what they are when one is removed.
        let ready = wait(workers.iter().map(|worker| &worker.connection), None)?;
        for place in ready.into_iter().rev() {
            match workers[place].answer() {
                Ok(answer) => {
                    primes += answer;
                    done += 1;
                    println!("{done:2} of {JOBS} done, {primes} primes so far");
                }
                Err(error) => {
                    let mut worker = workers.remove(place);
                    let (name, job) = (worker.name, worker.job.take());
                    let status = worker.end()?;
                    println!("worker {name} is lost: {error} ({status})");
                    // Somebody else gets its job.
                    queue.extend(job);
                }
            }
        }
    }
    println!("There are {primes} primes below {}.", JOBS * NUMBERS);

    for worker in workers {
        worker.end()?;
    }
    Ok(())
}

impl Worker {
    fn start(name: usize) -> io::Result<Self> {
        let (connection, theirs) = pipe()?;
        let parts = theirs.into_parts().expect("it is neither closed nor split");
        let (socket, _) = parts.into_transport().expect("nothing was sent");
        let mut child = Command::new("python3")
            .args(["-c", WORKER])
            .stdin(Stdio::from(OwnedFd::from(socket)))
            .spawn()?;
        // A worker may die while a fork of it still has the connection: its process is watched, too.
        let fd = connection.fd().expect("it is open").try_clone_to_owned()?;
        let socket = UnixStream::from(fd);
        let watched = socket.try_clone()?;
        let watching = thread::spawn(move || {
            let status = child.wait();
            // It fails if the connection has ended already.
            let _ = watched.shutdown(Shutdown::Both);
            status
        });
        Ok(Self { name, watching, socket, connection, job: None })
    }

    /// Ends the connection, and so the worker. Dropping the connection would not, since the thread
    /// that waits for the worker has the socket too.
    fn end(self) -> io::Result<ExitStatus> {
        let _ = self.socket.shutdown(Shutdown::Both);
        self.watching.join().expect("it does not panic")
    }

    fn take(&mut self, mut job: Job) {
        println!("worker {} takes job {}", self.name, job.number);
        job.attempts += 1;
        let message = match job {
            Job { number: FATAL, attempts: 1 } => "exit".to_owned(),
            Job { number, .. } => {
                let Range { start, end } = number * NUMBERS..(number + 1) * NUMBERS;
                format!("{start} {end}")
            }
        };
        self.job = Some(job);
        // A worker that has died cannot be told. `wait` finds it, with its job.
        let _ = self.connection.send_bytes(message.as_bytes());
    }

    fn answer(&mut self) -> Result<u32, Box<dyn Error>> {
        let answer = self.connection.recv_bytes()?;
        self.job = None;
        Ok(std::str::from_utf8(&answer)?.parse()?)
    }
}
