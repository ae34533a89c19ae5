//! A queue of jobs for workers in Rust and in Python, which need nothing but the standard library.
//!
//! ```text
//! cargo run -p mpconn-managers --example job_queue -- serve 1000
//! cargo run -p mpconn-managers --example job_queue -- work ADDRESS
//! python3 adapters/managers/examples/job_worker.py ADDRESS
//! ```
//!
//! The server prints its address and its key, and then how many results have come. Workers read the
//! key from their standard input. They may come and go: a worker that is gone while it waits takes no
//! job with it. A job whose result does not come in time is put once more, so that a worker that
//! dies in the middle of one loses none. A result may come twice then, and counts once.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::{Duration, Instant};

use mpconn_managers::blocking::{Manager, Queue, Server};
use mpconn_managers::server::{self, Registry};
use mpconn_managers::{Address, AuthKey};

/// A number, and the sum of its divisors.
type Done = (u64, u64);

/// A job is put once more after this time.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve", count] => serve(count.parse()?, ("127.0.0.1", 0).into()),
        ["serve", count, address] => serve(count.parse()?, address.parse()?),
        ["work", address] => work(&address.parse()?),
        _ => Err("usage: job_queue serve COUNT [ADDRESS] | job_queue work ADDRESS".into()),
    }
}

fn serve(count: u64, address: Address) -> Result<(), Box<dyn Error>> {
    let key = AuthKey::generate(&mut mpconn_blocking::SysRng)?;
    let registry = Registry::new()
        .register("get_jobs", server::Queue::new(0))
        .register("get_results", server::Queue::new(0));
    let server = Server::bind(address, key.clone(), registry)?;
    println!("address {}", server.address());
    print!("key ");
    key.write_line(&mut io::stdout())?;
    io::stdout().flush()?;

    // The program is a client of its own server.
    let (address, stopper) = (server.address().clone(), server.stopper());
    let serving = thread::spawn(move || server.serve());
    let manager = Manager::connect(&address, key)?;
    let jobs: Queue<u64> = manager.create_as("get_jobs", &())?;
    let results: Queue<Done> = manager.create_as("get_results", &())?;
    let mut pending = BTreeMap::new();
    for number in 1..=count {
        jobs.put(&number, None)?;
        pending.insert(number, Instant::now());
    }
    let mut sum = 0;
    while !pending.is_empty() {
        if let Some((number, divisors)) = results.get(Duration::from_millis(200))? {
            if pending.remove(&number).is_some() {
                sum += divisors;
                show(count - pending.len() as u64, count);
            }
        }
        // Jobs that still wait for a worker are not late.
        if jobs.is_empty()? {
            for (number, since) in &mut pending {
                if since.elapsed() > PATIENCE {
                    *since = Instant::now();
                    jobs.put(number, None)?;
                }
            }
        }
    }
    println!("sum {sum}");
    stopper.stop();
    serving.join().map_err(|_| "the server has panicked")??;
    Ok(())
}

/// On a terminal, in one line.
fn show(done: u64, count: u64) {
    if io::stderr().is_terminal() {
        eprint!("\r{done} of {count} done");
        if done == count {
            eprintln!();
        }
    }
}

fn work(address: &Address) -> Result<(), Box<dyn Error>> {
    let key = AuthKey::read_line(&mut io::stdin().lock())?;
    let manager = Manager::connect(address, key)?;
    let jobs: Queue<u64> = manager.create_as("get_jobs", &())?;
    let results: Queue<Done> = manager.create_as("get_results", &())?;
    match work_until_the_end(&jobs, &results) {
        // There are no more jobs.
        Err(error) if error.is_disconnect() => Ok(()),
        result => Ok(result?),
    }
}

fn work_until_the_end(
    jobs: &Queue<u64>,
    results: &Queue<Done>,
) -> Result<(), mpconn_managers::Error> {
    loop {
        if let Some(number) = jobs.get(None)? {
            let divisors = (1..=number).filter(|divisor| number % divisor == 0).sum();
            results.put(&(number, divisors), None)?;
        }
    }
}
