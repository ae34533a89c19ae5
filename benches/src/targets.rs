//! What the project set out to reach, as ratios of what is measured.

use std::fmt::Write;

use crate::figures::{Calls, Figures};
use crate::peer::Shape::{Batched, Handshake, OneWay, PingPong};
use crate::plan::Transport::{Tcp, Unix};
use crate::plan::{Cell, GIB, KIB, MIB};
use crate::report::{ratio, spread};

/// `contender` is at least `least` times as fast as `base`.
struct Target {
    number: u8,
    cell: Cell,
    contender: &'static str,
    base: &'static str,
    least: f64,
}

const fn target(
    number: u8,
    cell: Cell,
    contender: &'static str,
    base: &'static str,
    least: f64,
) -> Target {
    Target { number, cell, contender, base, least }
}

const BLOCKING: &str = "mpconn blocking";
const TOKIO: &str = "mpconn tokio";
const OWNED: &str = "mpconn blocking, owned";
const TOKIO_OWNED: &str = "mpconn tokio, owned";
const CPYTHON: &str = "CPython 3.13";

const TARGETS: [Target; 24] = [
    target(1, Cell::new(PingPong, Unix, 16), BLOCKING, "raw", 0.95),
    target(1, Cell::new(PingPong, Unix, 16), BLOCKING, CPYTHON, 1.8),
    target(2, Cell::new(PingPong, Unix, 16), TOKIO, "tokio by hand", 0.95),
    target(3, Cell::new(OneWay, Unix, 16), BLOCKING, "raw", 0.95),
    target(3, Cell::new(OneWay, Unix, 16), BLOCKING, CPYTHON, 2.3),
    target(4, Cell::new(Batched, Unix, 16), BLOCKING, "raw", 0.8),
    target(4, Cell::new(Batched, Unix, 16), BLOCKING, "naive", 80.0),
    target(4, Cell::new(Batched, Unix, 16), BLOCKING, CPYTHON, 150.0),
    target(5, Cell::new(Batched, Unix, 4 * KIB), BLOCKING, "naive", 3.5),
    target(5, Cell::new(Batched, Tcp, 4 * KIB), BLOCKING, "naive", 2.0),
    target(6, Cell::new(OneWay, Unix, MIB), BLOCKING, "raw", 0.95),
    target(6, Cell::new(OneWay, Unix, MIB), BLOCKING, CPYTHON, 6.5),
    target(6, Cell::new(OneWay, Unix, 64 * MIB), BLOCKING, "raw", 0.95),
    target(6, Cell::new(OneWay, Unix, 64 * MIB), BLOCKING, CPYTHON, 4.5),
    target(7, Cell::new(OneWay, Unix, 64 * MIB), OWNED, "raw, owned", 0.95),
    target(7, Cell::new(OneWay, Unix, 64 * MIB), OWNED, CPYTHON, 1.6),
    target(8, Cell::new(Handshake, Unix, 0), BLOCKING, "by hand", 0.9),
    target(8, Cell::new(Handshake, Tcp, 0), BLOCKING, "by hand", 0.9),
    target(8, Cell::new(Handshake, Unix, 0), BLOCKING, CPYTHON, 2.8),
    target(8, Cell::new(Handshake, Tcp, 0), BLOCKING, CPYTHON, 2.0),
    // At most 1.15 times the time of allocating exactly what the header claims.
    target(10, Cell::new(OneWay, Unix, GIB), OWNED, "raw, owned", 1.0 / 1.15),
    target(10, Cell::new(OneWay, Unix, GIB), TOKIO_OWNED, "raw, owned", 1.0 / 1.15),
    target(12, Cell::new(PingPong, Unix, 64 * KIB), BLOCKING, "raw", 1.15),
    target(12, Cell::new(PingPong, Tcp, 64 * KIB), BLOCKING, "raw", 1.15),
];

/// System calls a message, at most.
const CALLS: [(u8, Cell, &str, f64); 4] = [
    (1, Cell::new(PingPong, Unix, 16), BLOCKING, 4.0),
    (2, Cell::new(PingPong, Unix, 16), TOKIO, 8.0),
    (4, Cell::new(Batched, Unix, 16), BLOCKING, 0.005),
    (4, Cell::new(Batched, Unix, 16), TOKIO, 0.005),
];

/// Beside a message, receiving it takes at most so many bytes.
const OVERHEAD: f64 = 16.0 * MIB as f64;

/// A table of those that were measured.
pub fn table(figures: &Figures) -> String {
    let mut table = String::from(
        "| target | load | | over | at least | measured | |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for target in &TARGETS {
        let Target { number, cell, contender, base, least } = target;
        if let Some(measured) = figures.ratio(*cell, contender, base) {
            let met = verdict(measured.median >= *least);
            let (cell, least, measured) = (cell.title(), ratio(*least), spread(measured, ratio));
            let row = format!("{contender} | {base} | {least} | {measured} | {met}");
            let _ = writeln!(table, "| {number} | {cell} | {row} |");
        }
    }
    for (number, cell, contender, most) in CALLS {
        let counted = |calls: &&Calls| calls.cell == cell && calls.contender == contender;
        if let Some(Calls { each, .. }) = figures.calls.iter().find(counted) {
            let met = verdict(*each <= most);
            let (cell, each) = (cell.title(), ratio(*each));
            let row = format!("{contender} | system calls | at most {most} | {each} | {met}");
            let _ = writeln!(table, "| {number} | {cell} | {row} |");
        }
    }
    let huge = Cell::new(OneWay, Unix, GIB);
    for contender in [OWNED, TOKIO_OWNED] {
        if let Some(peak) = figures.peak(huge, contender) {
            let over = peak.most - GIB as f64;
            let met = verdict(over <= OVERHEAD);
            let over = format!("{:.1} MiB", over / MIB as f64);
            let row = format!("{contender} | memory above it | at most 16 MiB | {over} | {met}");
            let _ = writeln!(table, "| 10 | {} | {row} |", huge.title());
        }
    }
    table
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "**not met**" }
}
