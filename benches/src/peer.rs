//! A peer: a process that is one end of one contender, and does as its standard input says.
//!
//! Every line there is a number of messages, or of connections. The server answers on its standard
//! output when they are over, with the most bytes of memory that it had meanwhile above those of its
//! first moment; the client answers with the nanoseconds that they took. `peer.py` is the same in Python.

use std::io::{self, BufRead, Write};
use std::str::FromStr;
use std::time::Instant;

use bytes::Bytes;
use mpconn_tests::process;

use crate::link::{Contender, Link, Receiving, Result, Setup};

/// What a peer does.
#[derive(Debug, Clone)]
pub struct Task {
    pub is_server: bool,
    pub shape: Shape,
    /// The bytes of a message.
    pub size: usize,
    pub receiving: Receiving,
    pub address: String,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A message and its answer, one at a time.
    PingPong,
    /// Messages one way, each sent by itself; one answer at the end.
    OneWay,
    /// The same, many sent at once.
    Batched,
    /// Connections, from the connect to the close, without a message.
    Handshake,
}

/// A name for each of a few values, on the command line and in the files of figures.
macro_rules! names {
    ($type:ty, $($value:ident = $name:literal),*) => {
        impl $type {
            pub fn name(self) -> &'static str {
                match self { $(Self::$value => $name),* }
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(name: &str) -> std::result::Result<Self, String> {
                match name {
                    $($name => Ok(Self::$value),)*
                    _ => Err(format!("unknown: {name}")),
                }
            }
        }
    };
}

names!(
    Shape,
    PingPong = "ping-pong",
    OneWay = "one-way",
    Batched = "batched",
    Handshake = "handshake"
);
names!(Receiving, Borrowed = "borrowed", Reused = "reused", Owned = "owned", Shared = "shared");

impl Task {
    /// As the command line has it, for both kinds of peers.
    pub fn arguments(&self) -> [String; 5] {
        [
            if self.is_server { "server" } else { "client" }.to_owned(),
            self.shape.name().to_owned(),
            self.size.to_string(),
            self.receiving.name().to_owned(),
            self.address.clone(),
        ]
    }

    pub fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut next = || arguments.next().ok_or("a peer has five arguments");
        Ok(Self {
            is_server: next()? == "server",
            shape: next()?.parse()?,
            size: next()?.parse()?,
            receiving: next()?.parse()?,
            address: next()?,
        })
    }
}

pub fn run<C: Contender>(task: &Task) -> Result<()> {
    let setup = Setup { receiving: task.receiving, authenticated: task.shape == Shape::Handshake };
    C::run(async {
        match task.is_server {
            true => serve::<C>(task, &setup).await,
            false => call::<C>(task, &setup).await,
        }
    })
}

async fn serve<C: Contender>(task: &Task, setup: &Setup) -> Result<()> {
    let (mut listener, address) = C::listen(setup, &task.address).await?;
    say(&address)?;
    if task.shape == Shape::Handshake {
        for order in orders() {
            for _ in 0..order? {
                drop(C::accept(setup, &mut listener).await?);
            }
            say(&0)?;
        }
        return Ok(());
    }
    let mut link = C::accept(setup, &mut listener).await?;
    let answer = match task.shape {
        Shape::PingPong => message(task.size),
        _ => message(1),
    };
    let before = process::resident();
    for order in orders() {
        let count = order?;
        process::forget_peak();
        for _ in 0..count {
            check(link.receive().await?, task.size)?;
            if task.shape == Shape::PingPong {
                link.send(&answer).await?;
            }
        }
        if task.shape != Shape::PingPong {
            link.send(&answer).await?;
        }
        say(&(process::peak().saturating_sub(before)))?;
    }
    Ok(())
}

async fn call<C: Contender>(task: &Task, setup: &Setup) -> Result<()> {
    if task.shape == Shape::Handshake {
        for order in orders() {
            let count = order?;
            let start = Instant::now();
            for _ in 0..count {
                drop(C::connect(setup, &task.address).await?);
            }
            say(&start.elapsed().as_nanos())?;
        }
        return Ok(());
    }
    let mut link = C::connect(setup, &task.address).await?;
    let message = message(task.size);
    for order in orders() {
        let count = order?;
        let start = Instant::now();
        match task.shape {
            Shape::Batched => link.send_many(&message, count).await?,
            _ => {
                for _ in 0..count {
                    link.send(&message).await?;
                    if task.shape == Shape::PingPong {
                        check(link.receive().await?, task.size)?;
                    }
                }
            }
        }
        if task.shape != Shape::PingPong {
            check(link.receive().await?, 1)?;
        }
        say(&start.elapsed().as_nanos())?;
    }
    Ok(())
}

/// What every message holds.
const FILLER: u8 = 0x5a;

pub fn message(size: usize) -> Bytes {
    vec![FILLER; size].into()
}

/// Its last byte stands for all: tests compare messages, this must not take the time.
fn check(message: &[u8], size: usize) -> Result<()> {
    if message.len() == size && message.last().is_none_or(|last| *last == FILLER) {
        return Ok(());
    }
    Err(format!("{} bytes in place of {size}, or others", message.len()).into())
}

fn orders() -> impl Iterator<Item = Result<usize>> {
    io::stdin().lock().lines().map(|line| Ok(line?.parse()?))
}

pub fn say(value: &impl ToString) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", value.to_string())?;
    out.flush()
}
