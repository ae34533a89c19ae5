//! The figures as a table, as they came, and as a picture.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::figures::{Calls, CrowdSample, Figures, Spread};
use crate::link::Result;
use crate::peer::Shape;
use crate::plan::{Cell, MIB, Transport};
use crate::{crowd, picture, targets};

/// Writes all three to a directory.
pub fn write(figures: &Figures, machine: &[String], directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join("figures.md"), markdown(figures, machine))?;
    fs::write(directory.join("figures.csv"), csv(figures, machine))?;
    fs::write(directory.join("crowds.csv"), crowds_csv(figures, machine))?;
    fs::write(directory.join("figures.svg"), picture::draw(figures, machine))?;
    Ok(())
}

pub fn markdown(figures: &Figures, machine: &[String]) -> String {
    let mut text = String::from("# Figures\n\n");
    for line in machine {
        let _ = writeln!(text, "- {line}");
    }
    text += "\nThe first row is absolute, the others are ratios to it, paired by round: medians, with \
             the least\nand the most. Where the first row has no part in a load, the others are absolute. \
             More is better.\n[README.md](../README.md) says what each row is.\n";
    let _ = write!(text, "\n## Targets\n\n{}", targets::table(figures));
    for transport in [Transport::Unix, Transport::Tcp] {
        for shape in [Shape::PingPong, Shape::OneWay, Shape::Batched, Shape::Handshake] {
            text += &matrix(figures, transport, shape);
        }
    }
    text += &calls(figures);
    text + &crowds(figures)
}

/// Contenders by cells.
fn calls(figures: &Figures) -> String {
    if figures.calls.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "\n## System calls, both ends together\n\n| load | | each |\n| --- | --- | --- |\n",
    );
    for Calls { cell, contender, each } in &figures.calls {
        let _ = writeln!(text, "| {} | {contender} | {} |", cell.title(), ratio(*each));
    }
    text
}

/// Its title, where it is, and how it is written.
type CrowdFigure = (&'static str, fn(&CrowdSample) -> f64, fn(f64) -> String);

/// Servers by numbers of connections.
fn crowds(figures: &Figures) -> String {
    if figures.crowds.is_empty() {
        return String::new();
    }
    let figures_of_each: [CrowdFigure; 3] = [
        ("messages echoed, all speak", |crowd| crowd.all, per_second),
        ("messages echoed, one speaks", |crowd| crowd.one, per_second),
        (
            "memory for each connection",
            |crowd| crowd.memory as f64,
            |bytes| format!("{bytes:.0} B"),
        ),
    ];
    let mut text = String::from("\n## Many connections on one listener, Unix, 16 bytes\n\n| | |");
    for connections in crowd::CONNECTIONS {
        let _ = write!(text, " {connections} |");
    }
    text += "\n|";
    text += &" --- |".repeat(crowd::CONNECTIONS.len() + 2);
    for (server, _) in crowd::SERVERS {
        for (title, figure, format) in figures_of_each {
            let _ = write!(text, "\n| {server} | {title} |");
            for connections in crowd::CONNECTIONS {
                let measured = figures.crowd(server, connections, figure);
                let _ =
                    write!(text, " {} |", measured.map(|m| format(m.median)).unwrap_or_default());
            }
        }
    }
    text + "\n"
}

/// Contenders by sizes.
fn matrix(figures: &Figures, transport: Transport, shape: Shape) -> String {
    let of_this = |cell: &Cell| cell.transport == transport && cell.shape == shape;
    let (mut cells, mut names) = (Vec::new(), Vec::new());
    for sample in figures.samples.iter().filter(|sample| of_this(&sample.cell)) {
        if !cells.contains(&sample.cell) {
            cells.push(sample.cell);
            // In the order of the plan, whichever round came first.
            for contender in sample.cell.contenders() {
                if !names.contains(&contender.name) {
                    names.push(contender.name);
                }
            }
        }
    }
    let Some(base) = names.first().copied() else { return String::new() };
    let sizes: String = cells.iter().map(|cell| format!(" {} |", cell.column())).collect();
    let mut text = format!("\n## {}, {}\n\n| |{sizes}\n|", shape.title(), transport.name());
    text += &" --- |".repeat(cells.len() + 1);
    for name in names {
        let _ = write!(text, "\n| {name} |");
        for cell in &cells {
            let figure = match name == base {
                true => figures.rate(*cell, base).map(|rate| cell.rate(rate.median)),
                // A message so long that `base` has no part in it has one of its own.
                false => match figures.ratio(*cell, name, base) {
                    Some(measured) => Some(spread(measured, ratio)),
                    None => figures.rate(*cell, name).map(|rate| cell.rate(rate.median)),
                },
            };
            let _ = write!(text, " {} |", figure.unwrap_or_default());
        }
    }
    text + "\n"
}

fn csv(figures: &Figures, machine: &[String]) -> String {
    let mut text: String = machine.iter().map(|line| format!("# {line}\n")).collect();
    text += "transport,shape,bytes,contender,round,count,nanoseconds,peak bytes\n";
    for sample in &figures.samples {
        let Cell { shape, transport, size } = sample.cell;
        let _ = writeln!(
            text,
            "{},{},{size},\"{}\",{},{},{},{}",
            transport.name(),
            shape.name(),
            sample.contender,
            sample.round,
            sample.count,
            sample.time.as_nanos(),
            sample.peak
        );
    }
    text
}

fn crowds_csv(figures: &Figures, machine: &[String]) -> String {
    let mut text: String = machine.iter().map(|line| format!("# {line}\n")).collect();
    text += "server,connections,round,echoed a second (all speak),(one speaks),bytes each\n";
    for CrowdSample { server, connections, round, all, one, memory } in &figures.crowds {
        let _ = writeln!(text, "\"{server}\",{connections},{round},{all:.0},{one:.0},{memory}");
    }
    text
}

impl Cell {
    /// `16 bytes, ping-pong, Unix`.
    pub fn title(&self) -> String {
        let (shape, transport) = (self.shape.title().to_lowercase(), self.transport.name());
        match self.shape {
            Shape::Handshake => format!("{shape}, {transport}"),
            _ => format!("{}, {shape}, {transport}", bytes(self.size)),
        }
    }

    fn column(&self) -> String {
        match self.shape {
            Shape::Handshake => "connect, authenticate, close".to_owned(),
            _ => bytes(self.size),
        }
    }

    /// Bytes a second where they count, messages elsewhere.
    pub fn rate(&self, per_second: f64) -> String {
        if self.size >= MIB && self.shape == Shape::OneWay {
            return format!("{:.1} GB/s", per_second * self.size as f64 / 1e9);
        }
        self::per_second(per_second)
    }
}

fn per_second(rate: f64) -> String {
    match rate {
        rate if rate >= 1e7 => format!("{:.0}M/s", rate / 1e6),
        rate if rate >= 1e6 => format!("{:.1}M/s", rate / 1e6),
        rate if rate >= 1e4 => format!("{:.0}k/s", rate / 1e3),
        rate if rate >= 1e3 => format!("{:.1}k/s", rate / 1e3),
        rate => format!("{rate:.0}/s"),
    }
}

impl Shape {
    pub fn title(self) -> &'static str {
        match self {
            Self::PingPong => "Ping-pong",
            Self::OneWay => "One way, each sent by itself",
            Self::Batched => "One way, many sent at once",
            Self::Handshake => "Handshakes",
        }
    }
}

/// `4 KiB`.
fn bytes(size: usize) -> String {
    let powers = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    match powers.iter().find(|(power, _)| size >> power > 0) {
        Some((power, unit)) => format!("{} {unit}", size >> power),
        None => format!("{size} bytes"),
    }
}

/// Two or three digits.
pub fn ratio(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 0.1 => format!("{value:.2}"),
        value if value >= 0.01 => format!("{value:.3}"),
        value => format!("{value:.4}"),
    }
}

/// `0.98 (0.95..1.02)`.
pub fn spread(of: Spread, format: fn(f64) -> String) -> String {
    format!("{} ({}..{})", format(of.median), format(of.least), format(of.most))
}
