//! A server of jobs that Python scripts call, with nothing but their standard library.
//!
//! ```text
//! cargo run -p mpconn-tokio --features pickle,tracing --example job_server -- [address]
//! python3 adapters/tokio/examples/job_client.py ADDRESS 7 1000000
//! ```
//!
//! A job is a dict with a number, and its result one with the sum of its divisors: [`Job`] and
//! [`Done`] here. What is no job is answered with an exception. The server prints the address
//! and the key; the client reads the key from its standard input. No more than [`CLIENTS`] are
//! served at once: others wait in the listener's backlog. Ctrl-C stops taking clients, lets those
//! that are being served finish their job for some seconds, and ends.

use std::error::Error as StdError;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use mpconn_tokio::pickle::Exception;
use mpconn_tokio::{
    Address, AuthKey, Connection, Error, ListenerOptions, ObjectError, RecvObject, SendObject,
    SysRng,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

/// Clients served at once.
const CLIENTS: usize = 8;

/// Clients that are still being served after Ctrl-C get this long.
const GRACE: Duration = Duration::from_secs(5);

/// No job is longer than this many bytes.
const LONGEST_JOB: u64 = 128;

/// In Python: `{'number': 6}`.
#[derive(Deserialize)]
struct Job {
    number: u32,
}

/// In Python: `{'sum': 12}`.
#[derive(Serialize)]
struct Done {
    sum: u64,
}

fn main() -> Result<(), Box<dyn StdError>> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).init();
    let runtime = tokio::runtime::Runtime::new()?;
    let result = runtime.block_on(run());
    // A job that is not finished by now would be waited for, however long it takes.
    runtime.shutdown_background();
    result
}

async fn run() -> Result<(), Box<dyn StdError>> {
    let key = AuthKey::generate(&mut SysRng)?;
    let options = ListenerOptions::with_key(key.clone()).max_message(LONGEST_JOB);
    let mut listener = match std::env::args().nth(1) {
        Some(address) => options.bind(address.parse::<Address>()?)?,
        None => options.bind_fresh()?,
    };
    println!("address {}", listener.address());
    print!("key ");
    key.write_line(&mut std::io::stdout())?;

    let room = Arc::new(Semaphore::new(CLIENTS));
    let (stop, stopping) = watch::channel(false);
    let mut clients = JoinSet::new();
    // One future for all the time: a signal between two of them would be lost.
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    loop {
        // A place first, then a client for it: whoever comes meanwhile waits.
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await?;
            Ok::<_, Box<dyn StdError>>((place, listener.accept().await?))
        };
        let (place, connection) = tokio::select! {
            interrupted = &mut interrupted => break interrupted?,
            next = next => next?,
        };
        let stopping = stopping.clone();
        clients.spawn(async move {
            if let Err(error) = serve(connection, stopping).await {
                warn!(%error, "a client was lost");
            }
            drop(place);
        });
        while clients.try_join_next().is_some() {}
    }

    info!(clients = clients.len(), "stopping");
    listener.close();
    stop.send(true)?;
    let all_done = async { while clients.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all_done).await.is_err() {
        warn!("some clients did not finish in time");
    }
    Ok(())
}

/// Answers one job after the other, until the client or the server goes.
async fn serve(
    mut connection: Connection,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), ObjectError> {
    loop {
        let job = tokio::select! {
            // Cancel safe: a job that has half arrived is not lost by looking at `stopping`.
            job = connection.recv::<Job>() => job,
            _ = stopping.wait_for(|stop| *stop) => return Ok(()),
        };
        match job {
            Ok(Job { number }) => {
                info!(number, "a job");
                // Work that takes long has no place on the runtime's own threads.
                match tokio::task::spawn_blocking(move || sum_of_divisors(number)).await {
                    Ok(sum) => connection.send(&Done { sum }).await?,
                    Err(_) => connection.send(&exception("RuntimeError", "the job failed")).await?,
                }
            }
            Err(ObjectError::Pickle(error)) => {
                warn!(%error, "no job");
                let message = "a job is a dict with a number from 1 to 4294967295";
                connection.send(&exception("ValueError", message)).await?;
            }
            Err(ObjectError::Connection(Error::Ended)) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// What the client can raise.
fn exception(name: &str, message: &str) -> Exception {
    Exception::new("builtins", name, vec![message.into()])
}

fn sum_of_divisors(number: u32) -> u64 {
    (1..=number).filter(|divisor| number % divisor == 0).map(u64::from).sum()
}
