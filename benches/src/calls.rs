//! System calls a message, counted by strace in runs of their own: it slows them down.

use std::fs;
use std::path::Path;

use crate::contenders::Contender;
use crate::figures::Calls;
use crate::link::Result;
use crate::measure::Pair;
use crate::peer::Shape::{Batched, PingPong};
use crate::plan::Cell;
use crate::plan::Transport::Unix;

const CELLS: [Cell; 2] = [Cell::new(PingPong, Unix, 16), Cell::new(Batched, Unix, 16)];

/// What is counted is what this many messages take more than one. All else is in both.
const MESSAGES: usize = 10_000;

/// Counts for every contender of a few cells.
pub fn count() -> Result<Vec<Calls>> {
    let directory = tempfile::tempdir()?;
    let mut counts = Vec::new();
    for cell in CELLS {
        for contender in cell.contenders() {
            let few = calls(cell, &contender, directory.path(), 1)?;
            let many = calls(cell, &contender, directory.path(), 1 + MESSAGES)?;
            let each = (many - few) / MESSAGES as f64;
            counts.push(Calls { cell, contender: contender.name, each });
        }
    }
    Ok(counts)
}

/// All system calls of both ends, from their start to their end.
fn calls(cell: Cell, contender: &Contender, directory: &Path, messages: usize) -> Result<f64> {
    let counted = ["server", "client"].map(|end| directory.join(end));
    let [server, client] =
        counted.each_ref().map(|file| format!("strace -f -c -o {}", file.display()));
    let socket = directory.join("socket");
    let mut pair = Pair::start(cell, contender, &socket, [&server, &client])?;
    pair.run(messages)?;
    pair.finish()?;
    // Not all of them remove it.
    let _ = fs::remove_file(socket);
    let mut calls = 0.0;
    for file in counted {
        let summary = fs::read_to_string(file)?;
        let total = summary.lines().rfind(|line| line.ends_with(" total"));
        let total = total.and_then(|line| line.split_whitespace().nth(3));
        calls += total.ok_or("strace counted nothing")?.parse::<f64>()?;
    }
    Ok(calls)
}
